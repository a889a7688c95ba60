"""The first cells of report/study.ipynb: setup, data and the model. `# %%` begins a cell, as editors understand it.

build.py makes the notebook of this, result_cells.py and study.py. Their texts claim no results: where a sentence has
a measured number, code prints the sentence.
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

from elbowroom.core import paths
from elbowroom.core.device import choose_device
from elbowroom.core.params import load_study
from elbowroom.core.random_streams import Stream
from elbowroom.datasets.images import load_images, scale
from elbowroom.figures.image_files import png_bytes
from elbowroom.figures.pictures import labelled_images
from elbowroom.report import text_tables
from elbowroom.report.markdown import TextTable
from elbowroom.results.families import incomparable
from elbowroom.vae import objective
from elbowroom.vae.model import parameters, reparameterize
from elbowroom.vae.trained import load_shown

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
# $$-\log \mathcal N\big(x;\, \hat x,\, \tfrac12 I\big) = \sum_i (x_i - \hat x_i)^2 + \tfrac D2 \log\pi.$$
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
