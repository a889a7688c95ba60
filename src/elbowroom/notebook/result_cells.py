"""Cells of report/study.ipynb after those of model_cells.py: what training gave one model, and its latent space."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # in the notebook, which begins with the first `# %%`, the cells before have defined these
    import numpy as np
    import torch
    from IPython.display import display

    from elbowroom.notebook.model_cells import (
        NAME,
        SEED,
        evolution,
        images,
        inputs,
        model,
        mu,
        recipe,
        seeds,
        show,
        study,
        z,
    )

# %% [markdown]
# ## 3. Training curves
#
# *Train* is the mean over an epoch, during which the weights changed. *Test* is measured after the epoch, on the whole
# test split, with $z$ sampled as in training. Look for three things. Distortion and rate move in opposite directions,
# as the model learns to put more of an image into $z$. If test rises while train still falls, the model overfits. If
# test is below train in early epochs, that is only because train was measured with older weights.

# %%
from elbowroom.datasets.images import to_bytes
from elbowroom.figures.curves import training_curves
from elbowroom.figures.latent_maps import evolution_figures, latent_map
from elbowroom.figures.pictures import mosaic
from elbowroom.results import tables
from elbowroom.vae.latent_space import interpolate, principal_plane, slerp
from elbowroom.vae.trained import TrainedVAE

history = tables.history(study, NAME)
show(training_curves(history), f"Loss, distortion and rate of {NAME} by epoch, on train and test, one line per seed")

last = history[history.epoch == recipe.epochs].groupby("split")[["loss", "distortion", "rate"]].mean()
print(f"Epoch {recipe.epochs}, nats per image, mean over {seeds}:")
display(last.round(2))

# %% [markdown]
# ## 4. Reconstruction
#
# Images are encoded and decoded. First row: test images. Second row: decoded from $\mu$, the mean of $q(z\mid x)$.
# Third row: decoded from a sampled $z$, as in training. Where it differs from the second row, the model did not care.
# Reconstructions of a VAE tend to be soft, because the decoder gives the *mean* of all images that it holds possible.

# %%
rows = [[inputs], [to_bytes(model.decode(mu))], [to_bytes(model.decode(z))]]
show(mosaic(rows), "Test images; reconstructions from mu; reconstructions from a sampled z")

# %%
measured = tables.seed_metrics(study, NAME)  # metrics/NAME.csv, one row per seed
quality = ["test_loss", "test_distortion", "test_rate", "psnr", "ssim"]
print(f"On the whole test split, {seeds} (psnr, in dB, and ssim compare reconstructions from mu with the images):")
display(measured.set_index("seed")[quality].round(3))

# %% [markdown]
# ## 5. Generation
#
# To make new images, draw $z$ from the prior $\mathcal N(0, I)$ and decode it. This works as far as the $q(z\mid x)$ of
# all images together fill the prior, which is the purpose of the KL. The more latents, the more room there is that no
# image was mapped to.

# %%
side = study.figures.sample_rows


def sample(model: TrainedVAE) -> np.ndarray:
    """Decode a square of images from noise that is the same for every variant."""
    return mosaic([[row] for row in np.split(to_bytes(model.sample(side**2, SEED)), side)])


show(sample(model), f"{side} x {side} samples from the prior")

# %% [markdown]
# How well does $\mathcal N(0, I)$ fit? A mixture of Gaussians, fitted to $z$ of training images, is a better prior.
# What it takes off the rate (`rate_fit` beside `test_rate`, in nats) and off the distance of samples to test images
# (`fcd_fit` beside `fcd`) is what $\mathcal N(0, I)$ costs. `precision` is the share of samples that look real,
# `recall` the share of test images that the samples reach.

# %%
generated = ["test_rate", "rate_fit", "fcd", "fcd_fit", "precision", "recall"]
display(measured.set_index("seed")[generated].dropna(axis=1, how="all").round(3))  # older results lack some

# %% [markdown]
# ## 6. Interpolation
#
# Walk from one test image to another through latent space. At both ends are the two images, and beside them their
# reconstructions. First row: along the **straight line** between their $\mu$. Second row: along the **great circle**
# (*slerp*). In $d$ dimensions, nearly all of $\mathcal N(0, I)$ lies in a shell of radius about $\sqrt{d}$. A straight
# line cuts through the empty inside of that shell; slerp stays in it.

# %%
steps = study.figures.interpolation_steps


def between(model: TrainedVAE, mu: torch.Tensor) -> list[list[np.ndarray]]:
    """Walk from the first test image to the second: one row along the straight line, one by slerp."""
    ways = (interpolate(mu[0], mu[1], steps), slerp(mu[0], mu[1], steps))
    return [[inputs[:1], to_bytes(model.decode(way)), inputs[1:2]] for way in ways]


show(mosaic(between(model, mu)), f"{steps} steps from one test image to another, along the straight line and by slerp")

# %% [markdown]
# Is the walk *smooth*? The eye is easily pleased, so the pipeline measures it, on pairs of test images, by the features
# of a frozen classifier. `path` is the length of the path divided by the straight distance between its ends (1 is the
# shortest). `step` is the largest step divided by the mean step (1 is perfectly even). A latent space should beat
# `blend`, a cross-fade of the pixels.

# %%
smooth = measured[[f"{what}_{way}" for way in ("linear", "slerp", "blend") for what in ("path", "step")]].mean()
ways = smooth.index.str.split("_", expand=True)
display(smooth.set_axis(ways).unstack(0).loc[["linear", "slerp", "blend"]].round(3))

# %% [markdown]
# ## 7. Latent space
#
# The picture shows $\mu$ of test images, projected on its first two principal components and coloured by class. The
# model never saw the labels. The plane holds a *share* of the variance of $\mu$. If the share is small, most of the
# space is not in the picture, and classes that overlap here may well lie apart.

# %%
mapped = images.test.images[: study.evaluation.map_images]
mus = model.encode(mapped, study.evaluation.batch_size)[0].cpu().numpy()
plane = principal_plane(mus)
points = plane.project(mus)
show(
    latent_map(points, images.first_labels(len(points)), images.classes),
    f"mu of {len(points)} test images on its first two principal components, coloured by class",
)
print(f"The plane holds {plane.share:.2%} of the variance of mu ({len(points):,} test images, seed {SEED}).")

# %% [markdown]
# Some numbers do not depend on a plane. `used_latents` is the fewest latents that carry 95 % of the KL.
# `probe_accuracy` and `knn_accuracy` tell how often a linear classifier, or the ten nearest neighbours, finds the class
# by $\mu$.

# %%
display(measured.set_index("seed")[["used_latents", "pca_2d", "probe_accuracy", "knn_accuracy"]].round(4))

# %% [markdown]
# ## 8. Evolution of latent space
#
# The pipeline took snapshots during training. Top: $\mu$ of the same test images, always on the *final* principal
# components, so the encoder moves and the plane does not. Bottom: some of these images with their reconstructions at
# that moment. `plots/` has all moments as an animation.

# %%
maps = principal_plane(evolution["mu"][-1]).project(evolution["mu"])  # (moments, images, 2)
followed = images.test.images[: evolution["reconstructions"].shape[1]].cpu().numpy()
strip = evolution_figures(evolution, maps, followed, images.first_labels(maps.shape[1]))[0]
show(strip, f"Latent space of {NAME} at five moments of training, and reconstructions at each")
