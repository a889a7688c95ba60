"""The source of report/study.ipynb, in cells (`# %%`) that editors understand. build.py makes the notebook from it.

Its texts claim no results: where a sentence has a measured number, code prints the sentence.
"""
# ruff: noqa: E402 (the first cell has to find the study before others can import from it)

# %% [markdown]
# # A variational autoencoder, step by step
#
# This notebook looks at one trained variational autoencoder (VAE): data, model, training curves, reconstruction,
# generation, interpolation, latent space, and how that space evolved during training. Then it compares the VAE with a
# second one of another latent size, and ends with a summary of all variants of the study.
#
# **Nothing is trained here.** The pipeline did that (`dvc repro`, as `params.yaml` says). The cells read its results in
# `data/`, `models/`, `metrics/` and `plots/`, and call the same functions of `src/elbowroom` as the pipeline. So they
# take seconds, and show the same numbers as the report.
#
# To run it yourself, first run the pipeline, or get its data and models by `dvc pull`. Then run
# `python -m pip install jupyterlab` and `jupyter lab report/study.ipynb` in the study's folder, and choose
# *Run All Cells*.

# %% [markdown]
# ## Setup
#
# The study's folder is the one that contains `params.yaml`. Its own code comes first on the path, before any installed
# copy.

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

from elbowroom.comparison import charts
from elbowroom.comparison.answer import by_series
from elbowroom.comparison.answer_chart import answer_figure
from elbowroom.core import paths
from elbowroom.core.device import choose_device
from elbowroom.core.params import load_study
from elbowroom.core.random_streams import Stream
from elbowroom.datasets.images import load_images, scale, to_bytes
from elbowroom.figures.colours import variant_colours
from elbowroom.figures.curves import training_curves
from elbowroom.figures.image_files import png_bytes
from elbowroom.figures.latent_maps import LatentMap, compared_maps, evolution_figures, latent_map
from elbowroom.figures.pictures import labelled_images, mosaic, picture_grid
from elbowroom.report import text_tables
from elbowroom.report.answer import answer
from elbowroom.report.answer_table import size_table
from elbowroom.report.cells import means, p_value
from elbowroom.report.chart_captions import answer_caption
from elbowroom.report.markdown import DASH, TextTable
from elbowroom.results import tables
from elbowroom.results.families import incomparable
from elbowroom.results.metrics import METRICS
from elbowroom.results.names import family_titles
from elbowroom.results.rows import Difference, PublishedNumber, SizeAnswer, TruncatedPoint
from elbowroom.results.schema import to_rows
from elbowroom.vae import objective
from elbowroom.vae.latent_space import interpolate, principal_plane, slerp
from elbowroom.vae.model import parameters, reparameterize
from elbowroom.vae.trained import TrainedVAE, load_shown

torch.set_grad_enabled(False)  # nothing is trained, so no gradients are needed
pd.set_option("display.max_columns", None, "display.width", 120)
study = load_study()  # params.yaml, checked


def show(picture: Figure | np.ndarray, description: str) -> None:
    """Show a figure or a mosaic of images. The description is for readers who cannot see it."""
    display(Image(png_bytes(picture), alt=description))


def show_table(table: TextTable) -> None:
    """Show a table of the report."""
    frame = pd.DataFrame(table.rows, columns=table.header)
    display(frame.set_index(table.header[0]))


# %% [markdown]
# **What is shown.** `NAME` is the study's first VAE. `OTHER` is the next VAE whose loss means the same: it has the same
# dataset, likelihood, pixel range and $\beta$. To look at others, set both to any names under `variants` in
# `params.yaml`, and run all cells. Pictures show one training, the one with the first seed. Numbers from `metrics/`
# are over all seeds.

# %%
here = [name for name in study.variants if paths.evolution_file(name).is_file()]
missing = [name for name in study.variants if name not in here]
vaes = [name for name in here if study.variants[name].model == "vae"]

NAME = (vaes or here or list(study.variants))[0]
OTHER = next(
    (name for name in vaes if name != NAME and not incomparable(study.variants[name], study.variants[NAME])), None
)

variant = study.variant(NAME)
recipe = study.recipes[variant.recipe]
SEED = recipe.seeds[0]
seeds = f"{len(recipe.seeds)} seed{'s' if len(recipe.seeds) > 1 else ''}"
print(f"{study.title}\nNAME: {NAME} ({seeds})\nOTHER: {OTHER or 'there is none'}")
if missing:  # in a clone without a remote, for example
    print("\nNot shown, because their models are missing here (run `dvc pull` or `dvc repro`):", *missing, sep="\n  ")

# %% [markdown]
# ## 1. Data
#
# The pipeline verified the published archives and kept the images as bytes, 0 to 255. A network gets them as numbers in
# the variant's *pixel range*. That range has to be the one of the decoder's outputs: $[-1, 1]$ if it ends in a
# $\tanh$, $[0, 1]$ if it ends in a sigmoid. All images below are **test images**: the model was not trained on them.

# %%
device = choose_device()  # a GPU if there is one, else the CPU
images = load_images(variant.dataset, device)
colours, height, width = images.shape
print(f"{variant.dataset}: {len(images.train.images):,} training images, {len(images.test.images):,} test images")
classes = f"{len(images.classes)} classes" if images.classes else "no labels"
print(f"each {height} x {width} pixels, {colours} colour{'s' if colours > 1 else ''}; {classes}")

# %%
shown = images.test.images[: study.figures.images]  # (N, C, H, W), bytes
names = images.first_names(len(shown))
inputs = shown.cpu().numpy()
show(labelled_images(inputs, names), f"Test images: {', '.join(names)}" if images.classes else "Test images")

x = scale(shown, variant.pixel_range)  # the same images, as the network gets them
print(f"as numbers: from {x.min():g} to {x.max():g}")

# %% [markdown]
# ## 2. Model
#
# The **encoder** maps each image $x$ not to a point but to a normal distribution over latent vectors,
# $q(z\mid x) = \mathcal N(\mu, \operatorname{diag}(\sigma^2))$. It has two heads, $\mu$ and $\log\sigma^2$. The
# **decoder** maps each $z$ to a distribution over images, $p(x\mid z)$. In between, $z$ is drawn as
# $z = \mu + \sigma \odot \varepsilon$ with $\varepsilon \sim \mathcal N(0, I)$, so that gradients reach $\mu$ and
# $\sigma$ (*reparameterization*).
#
# **The objective** has two terms, both in nats per image:
#
# $$\text{loss} = \underbrace{-\log p(x\mid z)}_{\text{distortion}} +
# \beta\,\underbrace{\mathrm{KL}\big(q(z\mid x)\,\Vert\,\mathcal N(0, I)\big)}_{\text{rate}}, \qquad
# \mathrm{KL} = -\tfrac12 \sum_j \big(1 + \log\sigma_j^2 - \mu_j^2 - \sigma_j^2\big)$$
#
# The distortion measures what is lost of the picture, the rate how much $z$ tells about it. At $\beta = 1$ the loss is
# the negative ELBO, an upper bound of $-\log p(x)$.
#
# **Squared error is a likelihood.** The published notebook minimised squared error + KL. That is a Gaussian
# $p(x\mid z) = \mathcal N(\hat x, \tfrac12 I)$ of **variance 1/2**:
#
# $$-\log \mathcal N\big(x;\, \hat x,\, \tfrac12 I\big) = \sum_i (x_i - \hat x_i)^2 + \tfrac D2 \log\pi ,$$
#
# The last term is constant and left out ($D$ is the number of pixel values). Giving both terms the same weight is a
# choice, not a law: another variance, or the same variance on another pixel range, changes the weight of the KL. The
# binary cross-entropy of the published CIFAR-10 study is a Bernoulli likelihood,
# $-\sum_i \big(x_i \log \hat x_i + (1 - x_i) \log(1 - \hat x_i)\big)$. `objective.distortion` has all likelihoods
# of the pipeline.

# %%
model, evolution = load_shown(study, NAME, device)
print(model.network)

# %%
print(f"{parameters(model.network):,} parameters, {variant.latent_dim} latents")
print(
    f"minimised: {text_tables.describe_objective(variant)}, by Adam with learning rate {recipe.learning_rate:g}", end=""
)
print(f", {recipe.epochs} epochs, batches of {recipe.batch_size}")

# %% [markdown]
# Below, the images above pass through the model, and each gets its loss. Both terms are **summed**, over pixels and
# over latents, never averaged: with an average over latents, the weight of the KL would depend on their number.

# %%
mu, logvar = model.network.encode(x)
noise = objective.split_noise(len(x), variant.latent_dim, SEED, Stream.TEST_NOISE, device)
z = reparameterize(mu, logvar, noise)
output = model.network.decode(z)
for what, tensor in {"x": x, "mu": mu, "logvar": logvar, "z": z, "decoded": output}.items():
    print(f"{what:8}{tuple(tensor.shape)}")

terms = objective.terms(variant, model.network, x, noise)  # the distortion and the rate of each image
costs = {"distortion": terms.distortion, "rate": terms.rate, "loss": terms.loss(variant.beta)}
display(pd.DataFrame({term: nats.double().cpu() for term, nats in costs.items()}, index=names).round(1).T)

# %% [markdown]
# ## 3. Training curves
#
# *Train* is the mean over an epoch, during which the weights changed. *Test* is measured after the epoch, on the whole
# test split, with $z$ sampled as in training. Look for three things. Distortion and rate move in opposite directions,
# as the model learns to put more of an image into $z$. If test rises while train still falls, the model overfits. If
# test is below train in early epochs, that is only because train was measured with older weights.

# %%
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

# %% [markdown]
# ## 9. Two latent sizes side by side
#
# The published notebook compared 128 latents with 256. Here `NAME` is compared with `OTHER`. First the curves: a line
# is the mean over seeds, a band reaches from the lowest seed to the highest.

# %%
both: dict[str, TrainedVAE] = {}
if OTHER is None:
    print(f"There is no other VAE whose loss means the same as that of {NAME}: nothing to compare.")
elif (dataset := study.variant(OTHER).dataset) != variant.dataset:
    print(f"{OTHER} has another dataset ({dataset}) than {NAME} ({variant.dataset}): nothing to compare.")
else:
    both = {NAME: model, OTHER: load_shown(study, OTHER, device)[0]}
    for name, vae in both.items():
        print(f"{name}: {vae.variant.latent_dim} latents, {parameters(vae.network):,} parameters")
    curves = pd.concat([tables.history(study, name) for name in both])
    title = " against ".join(both)
    show(charts.curves_figure(curves, title, variant_colours(study)), f"Training curves of {title}")

# %% [markdown]
# **Which one is better?** Training again with another seed gives another loss, so a difference counts only if it is
# larger than that. `compare` asks this of every two variants that differ in one setting. Of many such questions about
# equals, one in twenty would be answered by chance. So the result is *better* or *worse* only if the p value is small
# even when it is adjusted for their number. With one seed there is no answer.

# %%
comparison = tables.comparison(study)
losses_apart = [row for row in to_rows(Difference, comparison.differences) if row.metric == "test_loss"]
if both and OTHER:
    if differing := incomparable(study.variant(NAME), study.variant(OTHER)):
        print(f"The losses of {NAME} and {OTHER} are not comparable: they differ in {', '.join(differing)}.")
    elif pair := next((row for row in losses_apart if {row.variant, row.against} == {NAME, OTHER}), None):
        said = f", {study.answer.level:.0%} interval {pair.low:+.2f} to {pair.high:+.2f}" if pair.seeds > 1 else ""
        print(f"Test loss of {pair.variant} minus that of {pair.against}: {pair.difference:+.2f} nats per image{said}")
        print(f"Result: {pair.result}" + (f", adjusted p {p_value(pair.p_adjusted)}" if pair.seeds > 1 else ""))
    else:
        print(f"{NAME} and {OTHER} differ in more than one setting, or their settings are not neighbours.")

# %% [markdown]
# Next: reconstructions from $\mu$; samples from **the same noise** (the first latents get the same numbers, a larger
# model has more of them); and interpolations between the same two images, along the straight line and by slerp.

# %%
if both:
    codes = {name: vae.encode(shown)[0] for name, vae in both.items()}
    made = {name: mosaic([[inputs], [to_bytes(vae.decode(codes[name]))]]) for name, vae in both.items()}
    show(picture_grid(made, "Test images, and their reconstructions", 1), "Reconstructions of both")

# %%
if both:
    made = {name: sample(vae) for name, vae in both.items()}
    show(picture_grid(made, "Decoded from the same noise", 2), "Samples of both, from the same noise")

# %%
if both:
    made = {name: mosaic(between(vae, codes[name])) for name, vae in both.items()}
    show(picture_grid(made, "Along the straight line, and below by slerp", 1), "Interpolations of both")

# %% [markdown]
# Both latent spaces, each on its own principal components. A direction in one picture has nothing to do with the same
# direction in the other; only compare how the classes lie relative to each other. In brackets: the share of variance.

# %%
if both:
    planes = {}
    for name, vae in both.items():
        mus = vae.encode(mapped, study.evaluation.batch_size)[0].cpu().numpy()
        plane = principal_plane(mus)
        planes[name] = LatentMap(plane.project(mus), images.first_labels(len(mus)), plane.share)
    show(compared_maps(planes, images.classes, "mu of test images"), "Latent maps of both")

# %% [markdown]
# ## 10. Summary
#
# All variants of the study, one table per dataset. Numbers are means over seeds, ± the standard deviation if there is
# more than one. Losses are comparable only if the objective is the same: do not rank them across likelihoods, pixel
# ranges, values of $\beta$ or datasets, nor a VAE against a plain autoencoder, whose loss has no KL. The verdict is
# what the answer below says of the size.

# %%
losses = [METRICS[name] for name in ("test_loss", "test_distortion", "test_rate")]
columns = [*losses, *(METRICS[name] for name in ("used_latents", "psnr", "probe_accuracy"))]
for dataset in study.datasets:
    summary = {
        row["variant"]: {
            "objective": text_tables.describe_objective(study.variant(row["variant"])),
            "latents": row["latent_dim"],
            "parameters": f"{row['parameters']:,}",
            "seeds": row["seeds"],
            **means(row, columns),
            "verdict": row["verdict"] or DASH,
        }
        for row in comparison.variants.to_dict("records")
        if row["dataset"] == dataset
    }
    if summary:
        display(pd.DataFrame.from_dict(summary, orient="index").rename_axis(dataset))

# %% [markdown]
# **How many latents are enough?** A size is enough if no larger one can be better by more than a margin, a small share
# of what the best size explains. A larger latent space contains the smaller one, so a size that *trains* worse than a
# smaller one was trained too little, and is left out. Used latents are the fewest that carry 95 % of the KL.

# %%
for paragraph in answer(study, comparison):
    print(f"{paragraph.subject}. {paragraph.text} {paragraph.advice}".rstrip() + "\n")
cut = to_rows(TruncatedPoint, comparison.truncated)
for family, title in family_titles(study).items():
    if several := by_series(to_rows(SizeAnswer, family.rows(comparison.answer))):
        show(answer_figure(several, cut, title), answer_caption(several, cut))
show_table(size_table(to_rows(SizeAnswer, comparison.answer)))

# %% [markdown]
# Which variants that differ in one setting have the better test loss:

# %%
if losses_apart:
    show_table(text_tables.differences(losses_apart))
else:
    print("This study has no two variants that differ in one setting only.")

# %% [markdown]
# Published numbers of the variants above, beside the numbers measured here. If the budget is smaller (see the top), do
# not expect them to agree.

# %%
known = [row for row in to_rows(PublishedNumber, comparison.published) if row.variant in (NAME, OTHER)]
if known:
    show_table(text_tables.published(known))
else:
    print("There are no published numbers of these variants.")

# %% [markdown]
# **Where to go from here.** `index.html` beside this notebook is the report. It has baselines, all metrics, and a check
# of what the two published studies claim. To ask another question, add a variant to `params.yaml` and run `dvc repro`:
# it trains what is new and makes this notebook again.
