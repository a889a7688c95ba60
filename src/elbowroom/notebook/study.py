"""The source of report/study.ipynb, in cells that editors know too: `# %%`. notebook.py makes a notebook of them.

Texts claim no results: every sentence with a number is printed by code, from values.
"""
# ruff: noqa: E402 (the first cell finds the study, and with it what later cells import)

# %% [markdown]
# # A variational autoencoder, step by step
#
# This notebook goes through one trained variational autoencoder (VAE): data, model, training curves, reconstruction,
# generation, interpolation, latent space, and how that space evolved through training. Then it sets a second VAE, of
# another latent size, beside the first, and ends with a summary of all variants of the study.
#
# **Nothing is trained here.** The pipeline has done that (`dvc repro`, as `params.yaml` says). The cells read what it
# left in `data/`, `models/`, `metrics/` and `plots/`, and call the functions of `src/elbowroom` that it calls. So
# all of them take seconds, and their numbers are those of the report.
#
# To run it again, where the pipeline has run or `dvc pull` has brought data and models: `python -m pip install
# jupyterlab`, `jupyter lab report/study.ipynb` in the study's folder, and *Run All Cells*.

# %% [markdown]
# ## Setup
#
# The study's folder is the one that has `params.yaml` in it. Its own code comes first on the path, before any
# installed copy.

# %%
import os
import sys
from pathlib import Path

start = Path.cwd()
os.chdir(next((folder for folder in (start, *start.parents) if (folder / "params.yaml").is_file()), start))
sys.path.insert(0, str(Path("src").resolve()))

# %%
import numpy as np
import pandas as pd
import torch
from IPython.display import Image, display
from matplotlib.figure import Figure

from elbowroom.comparison import charts, intervals
from elbowroom.comparison.pairs import FAMILY as PAIRED_WITHIN
from elbowroom.comparison.published import shortfalls
from elbowroom.core import paths
from elbowroom.core.device import choose_device
from elbowroom.core.params import load_study
from elbowroom.datasets.images import load_images, scale, to_bytes
from elbowroom.figures.colours import of_variants
from elbowroom.figures.curves import training_curves
from elbowroom.figures.image_files import png_bytes
from elbowroom.figures.latent_maps import LatentMap, compared_maps, evolution_figures, latent_map
from elbowroom.figures.pictures import labelled_images, mosaic, side_by_side
from elbowroom.report import text_tables
from elbowroom.results import tables
from elbowroom.vae import objective
from elbowroom.vae.latent_space import interpolate, principal_plane, prior_samples, slerp
from elbowroom.vae.model import parameters, reparameterize
from elbowroom.vae.trained import TrainedVAE, load_shown

torch.set_grad_enabled(False)  # nothing is trained: no gradients
pd.set_option("display.max_columns", None, "display.width", 120)
study = load_study()  # params.yaml, checked


def show(picture: Figure | np.ndarray, description: str) -> None:
    """Show a figure, or a mosaic of images; the description is for those who cannot see it."""
    display(Image(png_bytes(picture), alt=description))


def show_table(table: text_tables.Table) -> None:
    """Show a table of the report."""
    frame = pd.DataFrame(table.rows, columns=table.header)
    display(frame.set_index(table.header[0]))


# %% [markdown]
# **What is shown.** `NAME` is the study's first VAE, and `OTHER` the next one whose loss means the same: same dataset,
# likelihood, pixel range and $\beta$. Both can be any names under `variants` in `params.yaml`: change them, and run
# all cells. Pictures are of one training, that of the first seed; numbers from `metrics/` are of all seeds.

# %%
FAMILY = (*PAIRED_WITHIN, "beta")  # settings that two variants must share for their losses to be comparable


def family(name: str) -> list[object]:
    return [getattr(study.variant(name), setting) for setting in FAMILY]


here = [name for name in study.variants if paths.evolution_file(name).is_file()]
missing = [name for name in study.variants if name not in here]
vaes = [name for name in here if study.variants[name].model == "vae"]

NAME = (vaes or here or list(study.variants))[0]
OTHER = next((name for name in vaes if name != NAME and family(name) == family(NAME)), None)

variant = study.variant(NAME)
recipe = study.recipes[variant.recipe]
SEED = recipe.seeds[0]
seeds = f"{len(recipe.seeds)} seed{'s' if len(recipe.seeds) > 1 else ''}"
print(f"{study.title}\nNAME: {NAME} ({seeds})\nOTHER: {OTHER or 'there is none'}")
if less := shortfalls(study):
    print("\nA small budget. Of the published budget this study had", *less, sep="\n  ")
    print("What stands here is true of this budget, and may be otherwise at the published one.")
if missing:  # as in a clone without a remote
    print("\nNot shown, as their models are not here (`dvc pull` or `dvc repro` brings them):", *missing, sep="\n  ")

# %% [markdown]
# ## 1. Data
#
# The pipeline has verified the published archives and kept the images as bytes, 0 to 255. A network is given them as
# numbers in the variant's *pixel range*, which has to fit what the decoder can say: with a $\tanh$ at its end that is
# $[-1, 1]$, with a sigmoid $[0, 1]$. All images that are encoded below are **test images**: the model was not trained
# on them.

# %%
device = choose_device()  # a CUDA card if there is one, else the CPU
images = load_images(variant.dataset, device)
colours, height, width = images.shape
print(f"{variant.dataset}: {len(images.train.images):,} training images, {len(images.test.images):,} test images")
print(f"each {height} x {width} pixels, {colours} colour{'s' if colours > 1 else ''}; {len(images.classes)} classes")

# %%
shown = images.test.images[: study.figures.images]  # (N, C, H, W), bytes
labels = images.test.labels.cpu().numpy()
names = [images.classes[label] for label in labels[: len(shown)]]
inputs = shown.cpu().numpy()
show(labelled_images(inputs, names), f"Test images: {', '.join(names)}")

x = scale(shown, variant.pixel_range)  # the same, as the network gets them
print(f"as numbers: from {x.min():g} to {x.max():g}")

# %% [markdown]
# ## 2. Model
#
# The **encoder** gives each image $x$ not a point but a normal distribution over latent vectors,
# $q(z\mid x) = \mathcal N(\mu, \operatorname{diag}(\sigma^2))$: it has two heads, $\mu$ and $\log\sigma^2$. The
# **decoder** gives each $z$ a distribution over images, $p(x\mid z)$. Between them $z$ is drawn as
# $z = \mu + \sigma \odot \varepsilon$ with $\varepsilon \sim \mathcal N(0, I)$, so that gradients reach $\mu$ and
# $\sigma$ (*reparameterization*).
#
# **The objective** has two terms, both in nats per image:
#
# $$\text{loss} = \underbrace{-\log p(x\mid z)}_{\text{distortion}} +
# \beta\,\underbrace{\mathrm{KL}\big(q(z\mid x)\,\Vert\,\mathcal N(0, I)\big)}_{\text{rate}}, \qquad
# \mathrm{KL} = -\tfrac12 \sum_j \big(1 + \log\sigma_j^2 - \mu_j^2 - \sigma_j^2\big)$$
#
# The distortion is what is lost in the picture, the rate what is said about it in $z$. At $\beta = 1$ the loss is the
# negative ELBO, an upper bound of $-\log p(x)$.
#
# **Squared error is a likelihood.** The published notebook minimised squared error + KL, which is a Gaussian
# $p(x\mid z) = \mathcal N(\hat x, \tfrac12 I)$ of **variance 1/2**:
#
# $$-\log \mathcal N\big(x;\, \hat x,\, \tfrac12 I\big) = \sum_i (x_i - \hat x_i)^2 + \tfrac D2 \log\pi ,$$
#
# where the last term is constant and left out ($D$ is the number of pixel values). That the two terms weigh the same
# is a choice, not a law: another variance, or the same one on another pixel range, weighs the KL otherwise. The binary
# cross-entropy of the published CIFAR-10 study is a Bernoulli likelihood,
# $-\sum_i \big(x_i \log \hat x_i + (1 - x_i) \log(1 - \hat x_i)\big)$. All likelihoods that the pipeline knows stand in
# `objective.distortion`.

# %%
model, evolution = load_shown(study, NAME, device)
print(model.network)

# %%
print(f"{parameters(model.network):,} parameters, {variant.latent_dim} latents")
print(f"minimised: {text_tables.describe(variant)}; by Adam, learning rate {recipe.learning_rate:g}", end="")
print(f", {recipe.epochs} epochs, batches of {recipe.batch_size}")

# %% [markdown]
# The way of the images above through the model, and what each of them costs. Both terms are **summed**, over pixels
# and over latents, never averaged: an average over latents would make the weight of the KL depend on their number.

# %%
mu, logvar = model.network.encode(x)
noise = objective.split_noise(len(x), variant.latent_dim, SEED, device)
z = reparameterize(mu, logvar, noise)
output = model.network.decode(z)
for what, tensor in {"x": x, "mu": mu, "logvar": logvar, "z": z, "decoded": output}.items():
    print(f"{what:8}{tuple(tensor.shape)}")

terms = objective.terms(variant, model.network, x, noise)  # distortion and rate of each image
costs = {"distortion": terms.distortion, "rate": terms.rate, "loss": terms.loss(variant.beta)}
display(pd.DataFrame({term: nats.double().cpu() for term, nats in costs.items()}, index=names).round(1).T)

# %% [markdown]
# ## 3. Training curves
#
# Train is the mean over an epoch, while the weights moved; test is measured after it, on the whole test split, with
# $z$ sampled as in training. Look for: distortion and rate going opposite ways, as the model learns to say more about
# an image in $z$; test turning up while train goes on down, which is overfitting; and test below train, which early
# on only says that train is measured with older weights.

# %%
history = tables.history(study, NAME)
show(training_curves(history), f"Loss, distortion and rate of {NAME} by epoch, train and test, a line a seed")

last = history[history.epoch == recipe.epochs].groupby("split")[["loss", "distortion", "rate"]].mean()
print(f"Epoch {recipe.epochs}, nats per image, mean over {seeds}:")
display(last.round(2))

# %% [markdown]
# ## 4. Reconstruction
#
# An image is encoded and decoded. First row: test images. Second: decoded from $\mu$, the middle of $q(z\mid x)$.
# Third: decoded from a sampled $z$, as in training; what differs from the second row is what the model takes to be
# of no importance. VAE reconstructions tend to be soft: the decoder gives the *mean* of all images that it holds
# possible.

# %%
rows = [[inputs], [to_bytes(model.decode(mu))], [to_bytes(model.decode(z))]]
show(mosaic(rows), "Test images; reconstructions from mu; reconstructions from a sampled z")

# %%
measured = tables.seeds(study, NAME)  # metrics/NAME.csv, a row for each seed
quality = ["test_loss", "test_distortion", "test_rate", "psnr", "ssim"]
print(f"Of the whole test split, {seeds} (psnr in dB and ssim are of reconstructions from mu):")
display(measured.set_index("seed")[quality].round(3))

# %% [markdown]
# ## 5. Generation
#
# New images: $z$ is drawn from the prior $\mathcal N(0, I)$ and decoded. This works as far as the $q(z\mid x)$ of all
# images together fill the prior, which is what the KL is for. With many latents there is more room that no image has
# been mapped to.

# %%
side = study.figures.sample_rows


def sample(model: TrainedVAE) -> np.ndarray:
    """A square of images, decoded from noise that is the same for every variant."""
    drawn = prior_samples(side**2, model.variant.latent_dim, SEED).to(device)
    return mosaic([[row] for row in np.split(to_bytes(model.decode(drawn)), side)])


show(sample(model), f"{side} x {side} samples from the prior")

# %% [markdown]
# ## 6. Interpolation
#
# From one test image to another through latent space; the outermost images are the two themselves, those beside them
# their reconstructions. First row: on the **straight line** between their $\mu$. Second row: on the **great circle**
# (*slerp*). In many dimensions nearly all of $\mathcal N(0, I)$ lies in a shell of radius about $\sqrt{d}$, and a
# straight line leaves it for the emptier inside, which slerp does not.

# %%
steps = study.figures.interpolation_steps


def between(model: TrainedVAE, mu: torch.Tensor) -> list[list[np.ndarray]]:
    """From the first test image to the second: a row for the straight path, and one for slerp."""
    ways = (interpolate(mu[0], mu[1], steps), slerp(mu[0], mu[1], steps))
    return [[inputs[:1], to_bytes(model.decode(way)), inputs[1:2]] for way in ways]


show(mosaic(between(model, mu)), f"{steps} steps from one test image to another, straight and by slerp")

# %% [markdown]
# Is it *smooth*? The eye is easily pleased, so the pipeline measures it, over pairs of test images: `path` is the
# length of the way in the features of a frozen classifier over the straight distance there (1 is the shortest),
# `step` the largest step over the mean one (1 is perfectly even). `blend` is a mere cross-fade of pixels, which a
# latent space should beat.

# %%
smooth = measured[[f"{what}_{way}" for way in ("linear", "slerp", "blend") for what in ("path", "step")]].mean()
ways = smooth.index.str.split("_", expand=True)
display(smooth.set_axis(ways).unstack(0).loc[["linear", "slerp", "blend"]].round(3))

# %% [markdown]
# ## 7. Latent space
#
# $\mu$ of test images, on the plane of its first two principal components, coloured by class. The labels were never
# shown to the model. The *share* is how much of the variance of $\mu$ the plane holds: where it is small, most of the
# space is not in the picture, and classes that overlap here may well lie apart.

# %%
mapped = images.test.images[: study.evaluation.map_images]
mus = model.encode(mapped, study.evaluation.batch_size)[0].cpu().numpy()
plane = principal_plane(mus)
points = plane.project(mus)
show(
    latent_map(points, labels[: len(points)], images.classes),
    f"mu of {len(points)} test images on two principal components, coloured by class",
)
print(f"The plane holds {plane.share:.2%} of the variance of mu ({len(points):,} test images, seed {SEED}).")

# %% [markdown]
# Numbers that do not depend on a plane: how many latents are *active* (those whose $\mu$ varies from image to image,
# variance above 0.01), and how well the class can be read out of $\mu$ by a linear classifier (`probe_accuracy`) or
# the ten nearest neighbours (`knn_accuracy`).

# %%
display(measured.set_index("seed")[["active_units", "pca_2d", "probe_accuracy", "knn_accuracy"]].round(4))

# %% [markdown]
# ## 8. Evolution of latent space
#
# The pipeline took snapshots while it trained. Above: $\mu$ of the same test images, always in the plane of the
# *final* principal components, so that what moves is the encoder and not the plane. Below: some of these images
# beside their reconstructions at that moment. All moments as an animation are in `plots/`.

# %%
maps = principal_plane(evolution["mu"][-1]).project(evolution["mu"])  # (moments, images, 2)
followed = images.test.images[: evolution["reconstructions"].shape[1]].cpu().numpy()
strip = evolution_figures(evolution, maps, followed, labels[: maps.shape[1]])[0]
show(strip, f"Latent space of {NAME} at five moments of training, and reconstructions at each")

# %% [markdown]
# ## 9. Two latent sizes side by side
#
# The published notebook compared 128 latents against 256; here `NAME` stands against `OTHER`. First the curves, mean
# over seeds, with a band from the lowest seed to the highest.

# %%
both: dict[str, TrainedVAE] = {}
if OTHER is None:
    print(f"There is no other VAE whose loss means the same as that of {NAME}: nothing to compare.")
elif (dataset := study.variant(OTHER).dataset) != variant.dataset:
    print(f"{OTHER} is of another dataset ({dataset}) than {NAME} ({variant.dataset}): nothing to compare.")
else:
    both = {NAME: model, OTHER: load_shown(study, OTHER, device)[0]}
    for name, vae in both.items():
        print(f"{name}: {vae.variant.latent_dim} latents, {parameters(vae.network):,} parameters")
    curves = pd.concat([tables.history(study, name) for name in both])
    title = " against ".join(both)
    show(charts.compared_curves(curves, title, of_variants(study)), f"Training curves of {title}")

# %% [markdown]
# **Which one is better?** Training again with another seed gives another loss, so a difference is worth as much as it
# exceeds that. Seeds are *paired*: the same seed has the same order of training images in both. *Better* or *worse* is
# said only where the 95 % t interval over seeds leaves 0 out; of one seed there is no interval, and no answer.

# %%
if both and OTHER:
    ours, theirs = (tables.seeds(study, name).set_index("seed").test_loss for name in both)
    interval = intervals.paired_interval(ours, theirs)
    said = f", 95 % interval {interval.low:+.2f} to {interval.high:+.2f}" if interval.seeds > 1 else ""
    print(f"Test loss of {NAME} less that of {OTHER}: {interval.difference:+.2f} nats per image{said}")
    if family(NAME) == family(OTHER):
        print(f"{NAME} against {OTHER}, seeds in common: {interval.seeds}. Result: {intervals.wording(interval)}")
    else:
        print(f"They differ in one of {', '.join(FAMILY)}: their losses are not comparable.")

# %% [markdown]
# Reconstructions from $\mu$; samples from **the same noise** (the first latents are the same numbers, a larger model
# has more of them); and interpolations between the same two images, straight and by slerp.

# %%
if both:
    codes = {name: vae.encode(shown)[0] for name, vae in both.items()}
    made = {name: mosaic([[inputs], [to_bytes(vae.decode(codes[name]))]]) for name, vae in both.items()}
    show(side_by_side(made, "Test images, and their reconstructions", 1), "Reconstructions of both")

# %%
if both:
    made = {name: sample(vae) for name, vae in both.items()}
    show(side_by_side(made, "Decoded from the same noise", 2), "Samples of both, from the same noise")

# %%
if both:
    made = {name: mosaic(between(vae, codes[name])) for name, vae in both.items()}
    show(side_by_side(made, "Straight, and below it by slerp", 1), "Interpolations of both")

# %% [markdown]
# Both latent spaces, each on its own principal components: directions in one picture have nothing to do with those in
# the other, only how classes lie among each other can be compared. In brackets the share of the variance.

# %%
if both:
    planes = {}
    for name, vae in both.items():
        mus = vae.encode(mapped, study.evaluation.batch_size)[0].cpu().numpy()
        plane = principal_plane(mus)
        planes[name] = LatentMap(plane.project(mus), labels[: len(mus)], plane.share)
    show(compared_maps(planes, images.classes, "mu of test images"), "Latent maps of both")

# %% [markdown]
# ## 10. Summary
#
# All variants of the study, a table for each dataset: means over seeds, ± their standard deviation where there is more
# than one seed. Losses compare only where the objective is the same: never rank them across likelihoods, pixel ranges,
# values of $\beta$ or datasets, nor a VAE against a plain autoencoder, whose loss has no KL. The verdict says what
# became of the latents: *starved* (every one active), *saturated* (more of them bought nothing), *collapsed* (none
# active, or no better than the mean image).

# %%
compared = {name: table.to_dict("records") for name, table in tables.comparison(study).items()}
cells = (
    text_tables.LOSSES | text_tables.PICTURES | text_tables.LATENTS
)  # column of the report -> how a row's cell is written
shown_columns = ("test loss", "distortion", "rate", "active latents", "PSNR (dB)", "probe")
for dataset in study.datasets:
    summary = {
        row["variant"]: {
            "objective": text_tables.describe(study.variant(row["variant"])),
            "latents": row["latent_dim"],
            "parameters": f"{row['parameters']:,}",
            "seeds": row["seeds"],
            **{column: cells[column](row) for column in shown_columns},
            "verdict": row["verdict"] or text_tables.DASH,
        }
        for row in compared["variants"]
        if row["dataset"] == dataset
    }
    if summary:
        display(pd.DataFrame.from_dict(summary, orient="index").rename_axis(dataset))

# %% [markdown]
# What may be said of variants that differ in one setting, by their test loss:

# %%
pairs = [row for row in compared["differences"] if row["metric"] == "test_loss"]
if pairs:
    show_table(text_tables.differences(pairs))
else:
    print("This study has no such pairs.")

# %% [markdown]
# Published numbers of the variants above beside those measured here. Where the budget is smaller (see the top), they
# are no attempt to reproduce them.

# %%
known = [row for row in compared["published"] if row["variant"] in (NAME, OTHER)]
if known:
    show_table(text_tables.published(known))
else:
    print("Nothing was published of these variants.")

# %% [markdown]
# **Where to go from here.** `index.html` beside this notebook is the report, with baselines, every metric and the
# audit of what the two published studies claim. To ask another question, add a variant to `params.yaml` and run
# `dvc repro`: it trains what is new, and makes this notebook again.
