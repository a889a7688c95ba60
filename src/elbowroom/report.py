"""Results -> pages: one for the browser, one for GitHub. Nothing is computed here, only set out."""

import re
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from elbowroom.config import Study, Variant
from elbowroom.published import load_published, shortfalls

COMPARED = {  # pictures of all variants of a dataset -> what they show
    "curves": "Training curves. Train is the mean during the epoch, while the weights moved; test is measured after "
    "it, on the whole split, with z sampled. A band spans the seeds.",
    "reconstructions": "Test images (first row of each pair) and their reconstructions from mu (second row).",
    "samples": "Samples: z ~ N(0, I), the same noise for every variant (a larger latent has more of it). An "
    "autoencoder (ae) has no prior: what it makes of this noise shows that.",
    "interpolation": "From one test image (left end) to another (right end), on a straight line between their mu.",
    "interpolation-samples": "Decoded from a straight line between two random latent vectors.",
    "maps": "The posterior means mu of test images on their two principal components, coloured by class.",
}
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
    study: Study, variants: pd.DataFrame, costs: dict[str, pd.DataFrame], published: pd.DataFrame
) -> dict[str, str]:
    """The pages by file name.

    variants: a row for each, its means over seeds; costs: of each variant, a row for each seed; published: as
    against_published gives it. Pages link to comparison/ and ../plots/.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=jinja2.select_autoescape(["html.j2"], default=False, default_for_string=False),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "count": "{:,}".format, "md": escape_markdown}
    groups = {
        dataset: {name: variant for name, variant in study.variants.items() if variant.dataset == dataset}
        for dataset in study.datasets
    }
    studies = [
        {
            "title": table["title"],
            "times": {name: row["time"] for name, row in table["variants"].items() if name in study.variants},
            "rows": published[published.study == key].to_dict("records"),
        }
        for key, table in load_published().items()
    ]
    context: dict[str, Any] = {
        "study": study,
        "groups": {dataset: variants for dataset, variants in groups.items() if variants},
        "metrics": variants.set_index("variant").to_dict("index"),
        "seconds": {name: table.seconds.mean() for name, table in costs.items()},
        "machines": sorted(
            {f"{row.device}, PyTorch {row.torch}" for table in costs.values() for row in table.itertuples()}
        ),
        "shortfalls": shortfalls(study),
        "published": [table for table in studies if table["rows"]],
        "compared": COMPARED,
        "own": OWN,
        "describe": describe,
    }
    return {page: environment.get_template(f"{page}.j2").render(context) for page in ("index.html", "README.md")}


def describe(variant: Variant) -> str:
    """The objective in the field's terms."""
    likelihood = {"gaussian": "squared error", "bernoulli": "binary cross-entropy"}[variant.likelihood]
    low, high = variant.pixel_range
    rate = "" if variant.model == "ae" else " + KL" if variant.beta == 1 else f" + {variant.beta:g} KL"
    return f"{likelihood}{rate}, pixels in [{low}, {high}]"


def number(value: float, digits: int = 2) -> str:
    """With so many decimals; a whole number as one; a missing one as a dash."""
    if pd.isna(value):
        return "\N{EN DASH}"
    return f"{value:,.0f}" if float(value).is_integer() and abs(value) >= 1000 else f"{value:,.{digits}f}"


def escape_markdown(text: str) -> str:
    """Text that Markdown leaves as it is."""
    return re.sub(r"([\\`*_{}\[\]<>#|~$&])", r"\\\1", text)
