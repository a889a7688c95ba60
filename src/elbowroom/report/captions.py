"""What the pictures of the report show, in words."""

from collections.abc import Iterator
from dataclasses import dataclass

from elbowroom.core.settings import ACTIVE_THRESHOLD, Study
from elbowroom.results.families import families
from elbowroom.results.tables import Comparison

COMPARED = {  # pictures of all variants of a dataset
    "reconstructions": "Test images (first row of each pair) and their reconstructions from mu (second row), first "
    "seed.",
    "samples": "Samples from z ~ N(0, I), first seed. Every variant gets the same noise (a larger latent space gets "
    "more of it), but latents of different models have nothing in common. An autoencoder (ae) has no prior; this is "
    "what it makes of the noise.",
    "interpolation": "From one test image (left) to another (right) on a straight line between their mu, first seed.",
    "interpolation-samples": "On a straight line between two random latent vectors, first seed.",
    "maps": "mu of the first test images on its two principal components, coloured by class, first seed.",
}
ON_PAGE = {kind: caption for kind, caption in COMPARED.items() if kind != "maps"}  # index.html has maps to explore
FAMILY = {  # charts of a loss family
    "latents": "What more latents buy: loss, distortion, IWAE bound and active latents against the latent size. A band "
    "spans the seeds; grey lines are baselines. A vertical line, if there is one, is an elbow; its 95 % interval is "
    "shaded.",
    "plane": "The rate-distortion plane on test. Variants that differ in their latent size alone are joined and have "
    "one shape. Along a thin line, rate + distortion (the loss at beta 1) is the same. If the likelihood is a squared "
    "error, the dash-dotted line is the exact linear VAE of the same sizes (a dot if all of them are the same).",
    "spectrum": "The KL of each latent on test, largest first, mean over seeds, on logarithmic axes. The dotted line, "
    f"if it is in sight, is at {ACTIVE_THRESHOLD} nats.",
    "curves": "Training curves. Train is the mean during the epoch, while the weights moved; test is measured after it "
    "on the whole split, with z sampled. A band spans the seeds.",
}
VARIANT = {  # pictures of one variant
    "images.png": "Test images with their labels.",
    "curves.png": "Training curves, a line for each seed.",
    "reconstructions.png": "Test images, and below them their reconstructions.",
    "samples.png": "Samples, z ~ N(0, I).",
    "interpolation.png": "Between two test images (the ends).",
    "interpolation-samples.png": "Between two random latent vectors.",
    "map.png": "mu of test images on two principal components.",
    "evolution.png": "The latent space through training: mu in the final plane; below, images and reconstructions.",
    "evolution.gif": "The same, moving.",
}


@dataclass(frozen=True)
class Captioned:
    """A file of report/comparison/pictures and its caption."""

    file: str
    caption: str


def captioned(study: Study, dataset: str, comparison: Comparison) -> Iterator[Captioned]:
    """Caption the pictures that compare drew of a dataset: the charts of its families, then its variants compared."""
    for family, variants in families(study).items():
        if family.dataset != dataset:
            continue
        drawn = {"curves"}
        if any(variant.model == "vae" for variant in variants.values()):
            drawn |= {"plane", "spectrum"}
        if len(family.rows(comparison.latents)):
            drawn.add("latents")
        for kind, caption in FAMILY.items():
            if kind in drawn:
                yield Captioned(f"{family.slug}-{kind}.png", f"{caption} Likelihood: {family.label}.")
    for kind, caption in COMPARED.items():
        yield Captioned(f"{dataset}-{kind}.png", caption)
