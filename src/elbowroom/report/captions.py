"""What the pictures of the report show, in words: only what each of them has."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from elbowroom.comparison.answer import by_series
from elbowroom.core.settings import Study
from elbowroom.report.chart_captions import (
    answer_caption,
    curves_caption,
    latents_caption,
    noise_caption,
    plane_caption,
    spectrum_caption,
)
from elbowroom.report.series import set_apart
from elbowroom.report.wording import latents, listed
from elbowroom.results.families import LossFamily, families
from elbowroom.results.names import family_titles
from elbowroom.results.rows import SizeAnswer, TruncatedPoint
from elbowroom.results.schema import to_rows
from elbowroom.results.tables import Comparison
from elbowroom.results.yardstick_rows import NoisePoint

DATASET_PICTURES = ("reconstructions", "samples", "interpolation", "interpolation-samples", "maps")  # of all variants
ON_PAGE = [kind for kind in DATASET_PICTURES if kind != "maps"]  # index.html has maps to explore
VARIANT_PICTURES = {  # pictures of one variant
    "curves.png": "Training curves, a line for each seed.",
    "reconstructions.png": "Test images, and below them their reconstructions.",
    "samples.png": "Samples, z ~ N(0, I).",
    "interpolation.png": "Between two test images (the ends).",
    "interpolation-samples.png": "Between two random latent vectors.",
    "map.png": "mu of test images on two principal components.",
    "evolution.png": "The latent space through training: mu in the final plane; below, images and reconstructions. "
    "The same, moving, is in animations/, which git does not have.",
}

CONTOURS = "Along a thin line, rate + distortion (the loss at beta 1) is the same."


@dataclass(frozen=True)
class Captioned:
    """A file of report/comparison/pictures, what it is in a few words, and its caption."""

    file: str
    title: str
    caption: str


def captioned(study: Study, dataset: str, comparison: Comparison) -> Iterator[Captioned]:
    """Caption the pictures that compare drew of a dataset: the charts of its families, then its variants compared.

    Those of the answer are not among them: `answer_captions` has them.
    """
    for family, variants in families(study).items():
        if family.dataset == dataset:
            yield from _of_family(study, family, variants, comparison)
    points = to_rows(NoisePoint, comparison.noise[comparison.noise.dataset == dataset])
    if points:
        yield Captioned(f"{dataset}-noise.png", "latents at each noise level", noise_caption(points))
    for kind, caption in of_variants(study, dataset, comparison).items():
        yield Captioned(f"{dataset}-{kind}.png", kind.replace("-", " of "), caption)


def _of_family(
    study: Study, family: LossFamily, variants: Collection[str], comparison: Comparison
) -> Iterator[Captioned]:
    def chart(kind: str, title: str, caption: str) -> Captioned:
        return Captioned(f"{family.slug}-{kind}.png", title, " ".join([f"{title[0].upper()}{title[1:]}.", caption]))

    table, points = family.rows(comparison.variants), family.rows(comparison.latents)
    if len(points):
        said = latents_caption(points, family.rows(comparison.elbows), set(table.series))
        yield chart("latents", "what more latents buy", said)
    vaes = table[[study.variants[name].model == "vae" for name in table.variant]]
    if len(vaes):
        said = f"{plane_caption(vaes, family.rows(comparison.baselines))} {CONTOURS}"
        yield chart("plane", "the rate-distortion plane", said)
        shown = comparison.spectrum[comparison.spectrum.variant.isin(vaes.variant)]
        yield chart("spectrum", "the KL spectrum", spectrum_caption(shown.kl.min()))
    seeds = max(len(study.recipes[study.variants[name].recipe].seeds) for name in variants)
    yield chart("curves", "training curves", curves_caption(seeds))


def of_variants(study: Study, dataset: str, comparison: Comparison) -> dict[str, str]:
    """Caption the pictures of all variants of a dataset, by kind."""
    answers = to_rows(SizeAnswer, comparison.answer[comparison.answer.dataset == dataset])
    unfinished, more = [row.variant for row in answers if row.unfinished], ""
    if unfinished:
        of = "" if len(unfinished) == len(answers) else f" of {listed(unfinished)}"
        more = f" Training{of} is not finished: with more epochs pictures may get sharper."
    own = [variant for variant in study.variants.values() if variant.dataset == dataset]
    noise = "Every variant gets the same noise, but latents of different models have nothing in common."
    if len({variant.latent_dim for variant in own}) > 1:
        noise = noise.replace("the same noise", "the same noise (a larger latent space gets more of it)")
    if any(variant.model == "ae" for variant in own):
        noise += " An autoencoder (ae) has no prior; this is what it makes of the noise."
    classes = ", coloured by class" if has_labels(dataset, comparison) else ""
    said = (
        "Test images (first row of each pair) and their reconstructions from mu (second row), first seed. "
        "What the latents leave open is averaged, so enough latents do not make a picture sharp."
        f"{_nearness(answers, comparison)}{more}",
        f"Samples from z ~ N(0, I), first seed. {noise}{more}",
        "From one test image (left) to another (right) on a straight line between their mu, first seed.",
        "On a straight line between two random latent vectors, first seed.",
        f"mu of the first test images on its two principal components{classes}, first seed. The share of the variance "
        "that they show is of this seed, too: tables have its mean over seeds.",
    )
    return dict(zip(DATASET_PICTURES, said, strict=True))


def _nearness(answers: Sequence[SizeAnswer], comparison: Comparison) -> str:
    """Say how near the reconstructions of each series are to their images, size by size."""
    if not (series := by_series(answers)):
        return ""
    psnr, parts = comparison.variants.set_index("variant").psnr, []
    for own, of in zip(series, set_apart(series), strict=True):
        whose = f" ({of})" if of else ""
        decibels = listed(f"{psnr[row.variant]:.1f}" for row in own)
        parts.append(f"{decibels} dB with {latents([row.latent_dim for row in own])}{whose}")
    said = " Mean PSNR over seeds and test images (higher is nearer; 10 dB more is a tenth of the squared error):"
    return f"{said} {'; '.join(parts)}."


def has_labels(dataset: str, comparison: Comparison) -> bool:
    """Whether the images of a dataset have labels: only then is there a probe."""
    return bool(comparison.variants[comparison.variants.dataset == dataset].probe_accuracy.notna().any())


def of_variant(dataset: str, comparison: Comparison) -> dict[str, str]:
    """Caption the pictures of one variant of a dataset, by file."""
    labels = ", with their labels" if has_labels(dataset, comparison) else ""
    return {"images.png": f"Test images{labels}."} | VARIANT_PICTURES


def answer_captions(study: Study, comparison: Comparison) -> list[Captioned]:
    """Caption the charts of the answer, which stand at the top of the page."""
    truncated, found = to_rows(TruncatedPoint, comparison.truncated), []
    for family, title in family_titles(study).items():
        if series := by_series(to_rows(SizeAnswer, family.rows(comparison.answer))):
            said = f"{title}: test loss against latent size"
            found.append(Captioned(f"{family.slug}-answer.png", said, f"{said}. {answer_caption(series, truncated)}"))
    return found
