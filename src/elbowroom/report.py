"""Results -> pages: one for the browser, one for GitHub. Nothing is computed here, only set out."""

import re
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from elbowroom import tables
from elbowroom.comparison import LOSS_FAMILY, slug
from elbowroom.config import Study
from elbowroom.published import load_published, shortfalls

COMPARED = {  # pictures of all variants of a dataset -> what they show
    "reconstructions": "Test images (first row of each pair) and their reconstructions from mu (second row).",
    "samples": "Samples: z ~ N(0, I), the same noise for every variant (a larger latent has more of it). An "
    "autoencoder (ae) has no prior: what it makes of this noise shows that.",
    "interpolation": "From one test image (left end) to another (right end), on a straight line between their mu.",
    "interpolation-samples": "Decoded from a straight line between two random latent vectors.",
    "maps": "The posterior means mu of test images on their two principal components, coloured by class.",
}
CURVES = (
    "Training curves. Train is the mean during the epoch, while the weights moved; test is measured after it, on the "
    "whole split, with z sampled. A band spans the seeds."
)
LATENTS = (
    "What more latents buy: loss, distortion, IWAE bound and active latents against the latent size. A band spans the "
    "seeds; grey lines are baselines; a vertical line is an elbow, shaded over its 95 % interval."
)
SPECTRUM = "The KL of each latent on test, largest first, mean over seeds; dotted, 0.01 nats."
PLANE = (
    "The rate-distortion plane on test; variants that differ in their latent size alone are joined. Along a thin line "
    "rate + distortion, the loss at beta 1, is the same. The cross is the mean image; the dash-dotted line, where the "
    "likelihood is a squared error, the exact linear VAE of the same sizes."
)
OWN = {  # pictures of one variant -> what they show
    "images.png": "Test images with their labels.",
    "curves.png": "Training curves, a line for each seed.",
    "reconstructions.png": "Test images, and below them their reconstructions.",
    "samples.png": "Samples, z ~ N(0, I).",
    "interpolation.png": "Between two test images (the ends).",
    "interpolation-samples.png": "Between two random latent vectors.",
    "map.png": "mu of test images on two principal components.",
    "evolution.png": "The latent space through training: mu in the final plane; below, images with reconstructions.",
    "evolution.gif": "The same, moving.",
}


def render(
    study: Study, compared: dict[str, pd.DataFrame], judges: pd.DataFrame, costs: dict[str, pd.DataFrame]
) -> dict[str, str]:
    """The pages by file name.

    compared: the tables of report/comparison by name (variants, baselines, differences, elbows, claims, published,
    latents). judges: the history of each dataset's. costs: of each variant, a row for each seed. Pages link to
    comparison/ and ../plots/.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=jinja2.select_autoescape(["html.j2"], default=False, default_for_string=False),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"count": "{:,}".format, "md": escape_markdown}
    rows = {name: table.to_dict("records") for name, table in compared.items()}
    studies = [
        {
            "title": table["title"],
            "times": {name: row["time"] for name, row in table["variants"].items() if name in study.variants},
            "table": tables.published(own),
        }
        for key, table in load_published().items()
        if (own := [row for row in rows["published"] if row["study"] == key])
    ]
    context: dict[str, Any] = {
        "study": study,
        "title": one_line(study.title),
        "datasets": [
            dataset(study, name, rows, compared["latents"], judges)
            for name in study.datasets
            if any(variant.dataset == name for variant in study.variants.values())
        ],
        "elbows": tables.elbows(rows["elbows"]),
        "differences": tables.differences(rows["differences"]),
        "claims": tables.claims(rows["claims"]),
        "published": studies,
        "costs": tables.costs(study, costs),
        "machines": sorted(
            {one_line(f"{row.device}, PyTorch {row.torch}") for table in costs.values() for row in table.itertuples()}
        ),
        "shortfalls": shortfalls(study),
        "own": OWN,
        "describe": tables.describe,
    }
    return {page: environment.get_template(f"{page}.j2").render(context) for page in ("index.html", "README.md")}


def dataset(
    study: Study, name: str, rows: dict[str, list[Any]], latents: pd.DataFrame, judges: pd.DataFrame
) -> dict[str, Any]:
    """What the pages show of one dataset: tables, pictures with captions (file, text), the judge's accuracy."""
    variants, baselines = ([row for row in rows[key] if row["dataset"] == name] for key in ("variants", "baselines"))
    with_sizes = set(latents[LOSS_FAMILY].itertuples(index=False, name=None))
    pictures = []
    for family in dict.fromkeys(tuple(row[key] for key in LOSS_FAMILY) for row in variants):
        said = f"{family[1].replace('_', ' ')}, pixels in {family[2]}"
        own = [
            study.variants[row["variant"]]
            for row in variants
            if all(row[key] == part for key, part in zip(LOSS_FAMILY, family, strict=True))
        ]
        vaes = any(variant.model == "vae" for variant in own)
        kinds = {"latents": LATENTS} if family in with_sizes else {}
        kinds |= {"plane": PLANE, "spectrum": SPECTRUM} if vaes else {}
        kinds["curves"] = CURVES
        pictures += [(f"{slug(family)}-{kind}.png", f"{text} Likelihood: {said}.") for kind, text in kinds.items()]
    pictures += [(f"{name}-{kind}.png", caption) for kind, caption in COMPARED.items()]
    return {
        "name": name,
        "variants": {row["variant"]: study.variants[row["variant"]] for row in variants},
        "losses": tables.losses(study, variants, baselines),
        "objectives": tables.objectives(study, variants),
        "quality": tables.measured(variants, tables.PICTURES),
        "latents": tables.measured(variants, tables.LATENTS),
        "ladder": tables.ladder(study, variants),
        "pictures": pictures,
        "weighed": min(study.evaluation.iwae_images, study.datasets[name].test_images),
        "judge": f"{judges[judges.dataset == name].test_accuracy.iloc[-1]:.1%}",
    }


def escape_markdown(text: str) -> str:
    """Text that Markdown leaves as it is, on one line."""
    return re.sub(r"([\\`*_{}\[\]<>#|~$&])", r"\\\1", one_line(text))


def one_line(text: str) -> str:
    """Text without line ends, and without what is not seen but acts: control characters, changes of direction."""
    return re.sub(r"[\s\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]+", " ", text).strip()
