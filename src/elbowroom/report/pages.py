"""Results -> pages: one for the browser, one for GitHub. Nothing is computed here, only set out."""

from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
import pandas as pd
import yaml

from elbowroom.comparison.published import load_published, shortfalls
from elbowroom.comparison.summary import LOSS_FAMILY, slug
from elbowroom.core.settings import ACTIVE_THRESHOLD, Study
from elbowroom.figures.colours import of_variants
from elbowroom.figures.explorer_sheet import Explored
from elbowroom.report import page_data, text_tables
from elbowroom.report.answer import answer
from elbowroom.report.vega_charts import Spec

TEMPLATES = Path(__file__).with_name("templates")
COMPARED = {  # pictures of all variants of a dataset -> what they show
    "reconstructions": "Test images (first row of each pair), their reconstructions from mu (second row); first seed.",
    "samples": "Samples, first seed: z ~ N(0, I), the same noise for every variant (a larger latent has more of it), "
    "though latents of different models have nothing in common. An autoencoder (ae) has no prior: what it makes of "
    "this noise shows that.",
    "interpolation": "From one test image (left end) to another (right end), on a straight line between their mu; "
    "first seed.",
    "interpolation-samples": "Decoded from a straight line between two random latent vectors, first seed.",
    "maps": "Of the first test images, mu on their two principal components, coloured by class; first seed.",
}
CURVES = (
    "Training curves. Train is the mean during the epoch, while the weights moved; test is measured after it, on the "
    "whole split, with z sampled. A band spans the seeds."
)
LATENTS = (
    "What more latents buy: loss, distortion, IWAE bound and active latents against the latent size. A band spans the "
    "seeds; grey lines are baselines; a vertical line, if any, is an elbow, shaded over its 95 % interval."
)
SPECTRUM = (
    "The KL of each latent on test, largest first, mean over seeds, on logarithmic axes; dotted, where near, "
    f"{ACTIVE_THRESHOLD} nats."
)
PLANE = (
    "The rate-distortion plane on test; variants that differ in their latent size alone are joined, and of one shape. "
    "Along a thin line rate + distortion, the loss at beta 1, is the same. Where the likelihood is a squared error, "
    "the dash-dotted line, a dot where all are the same, is the exact linear VAE of the same sizes."
)
SHOWN = {kind: caption for kind, caption in COMPARED.items() if kind != "maps"}  # on a page that can explore them
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


class Results(NamedTuple):
    """What the pages set out.

    compared: the tables of report/comparison by name (results.COMPARISON). judges: the history of each dataset's.
    costs: of each variant, a row for each seed. explored: of each variant that is. pictures: of
    COMPARED, those of each dataset by DATASET-KIND. commit, versions, seconds: as provenance has them.
    """

    compared: dict[str, pd.DataFrame]
    judges: pd.DataFrame
    costs: dict[str, pd.DataFrame]
    explored: dict[str, Explored]
    pictures: dict[str, page_data.Picture]
    commit: str
    versions: list[str]
    seconds: pd.DataFrame


def render(study: Study, found: Results) -> dict[str, str]:
    """The pages by file name: index.html, which needs no other file, and README.md, which links to comparison/ and
    ../plots/."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=jinja2.select_autoescape(["html.j2"], default=False, default_for_string=False),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["active_threshold"] = ACTIVE_THRESHOLD
    environment.filters |= {
        "count": "{:,}".format,
        "md": text_tables.escape_markdown,
        "set_out": partial(text_tables.markdown, linked=study.variants),
    }
    rows = {name: table.to_dict("records") for name, table in found.compared.items()}
    studies = [
        {
            "title": table["title"],
            "times": {name: row["time"] for name, row in table["variants"].items() if name in study.variants},
            "table": text_tables.published(own),
            "short": any(pd.isna(row["measured"]) for row in own),
        }
        for key, table in load_published().items()
        if (own := [row for row in rows["published"] if row["study"] == key])
    ]
    colours = of_variants(study)
    charts: dict[str, Spec] = {}
    names = [name for name in study.datasets if any(variant.dataset == name for variant in study.variants.values())]
    context: dict[str, Any] = {
        "study": study,
        "title": text_tables.one_line(study.title),
        "answer": answer(study, *(rows[name] for name in ("variants", "baselines", "differences", "elbows"))),
        "colours": colours,
        "datasets": [dataset(study, name, rows, found, colours, charts) for name in names],
        "elbows": text_tables.elbows(rows["elbows"]),
        "differences": text_tables.differences(rows["differences"]),
        "claims": text_tables.claims(rows["claims"]),
        "published": studies,
        "costs": text_tables.costs(study, found.costs),
        "seconds": text_tables.seconds(found.seconds.to_dict("records")),
        "machines": sorted(
            {
                text_tables.one_line(f"{row.device}, PyTorch {row.torch}")
                for table in found.costs.values()
                for row in table.itertuples()
            }
        ),
        "commit": found.commit,
        "versions": found.versions,
        "shortfalls": shortfalls(study),
        "own": OWN,
        "describe": text_tables.describe,
        "settings": yaml.safe_dump(study.model_dump(), sort_keys=False),
    }
    explorable = dict.fromkeys(study.variants[name].dataset for name in found.explored)
    explorers = {name: page_data.explorer(study, name, found.explored, colours) for name in explorable}
    context |= {"data": page_data.data(charts, explorers), "vega": (TEMPLATES / "vega.js").read_text(encoding="utf-8")}
    return {file: environment.get_template(f"{file}.j2").render(context) for file in ("index.html", "README.md")}


def dataset(
    study: Study,
    name: str,
    rows: dict[str, list[Any]],
    found: Results,
    colours: dict[str, str],
    charts: dict[str, Spec],
) -> dict[str, Any]:
    """What the pages show of one dataset; its charts are added to charts, and known by their key there."""
    variants, baselines = ([row for row in rows[key] if row["dataset"] == name] for key in ("variants", "baselines"))
    judges = found.judges
    return {
        "name": name,
        "variants": {row["variant"]: study.variants[row["variant"]] for row in variants},
        "losses": text_tables.losses(study, variants, baselines),
        "terms": text_tables.measured(variants, text_tables.TERMS),
        "objectives": text_tables.objectives(study, variants),
        "quality": text_tables.measured(variants, text_tables.PICTURES),
        "latents": text_tables.measured(variants, text_tables.LATENTS),
        "ladder": text_tables.ladder(study, variants),
        "files": captions(study, name, variants, found.compared["latents"]),
        "pictures": [
            {"caption": caption} | found.pictures[f"{name}-{kind}"]._asdict() for kind, caption in SHOWN.items()
        ],
        "explored": [row["variant"] for row in variants if row["variant"] in found.explored],
        "charts": page_data.drawn(study, name, variants, found.compared, colours, charts),
        "weighed": min(study.evaluation.iwae_images, study.datasets[name].test_images),
        "judge": f"{judges[judges.dataset == name].test_accuracy.iloc[-1]:.1%}",
    }


def captions(study: Study, name: str, variants: list[Any], latents: pd.DataFrame) -> list[tuple[str, str]]:
    """The pictures of a dataset's variants beside each other: file and caption."""
    with_sizes = set(latents[LOSS_FAMILY].itertuples(index=False, name=None))
    pictures = []
    for family, own in page_data.by_family(variants).items():
        kinds = {"latents": LATENTS} if family in with_sizes else {}
        kinds |= (
            {"plane": PLANE, "spectrum": SPECTRUM} if any(study.variants[key].model == "vae" for key in own) else {}
        )
        kinds["curves"] = CURVES
        for kind, text in kinds.items():
            pictures.append((f"{slug(family)}-{kind}.png", f"{text} Likelihood: {page_data.spoken(family)}."))
    return pictures + [(f"{name}-{kind}.png", caption) for kind, caption in COMPARED.items()]
