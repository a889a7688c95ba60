"""The pages of a study: one for the browser, one for GitHub. Nothing is computed here, only set out."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
import yaml

from elbowroom.comparison.judges import agreement
from elbowroom.comparison.published import load_published, published_in
from elbowroom.core.settings import Study
from elbowroom.core.text import counted
from elbowroom.figures.colours import variant_colours
from elbowroom.figures.explorer_sheet import Explored
from elbowroom.figures.live_model import LiveModel
from elbowroom.report import captions, claim_tables, live_data, loss_tables, page_data, sample_tables, text_tables
from elbowroom.report.answer import answer, scales
from elbowroom.report.answer_table import size_table
from elbowroom.report.dimension import dimension_sentences
from elbowroom.report.example import example
from elbowroom.report.images_used import images_tested, images_used
from elbowroom.report.links import Link, OtherStudy, elsewhere
from elbowroom.report.markdown import escape_markdown, one_line, to_markdown
from elbowroom.report.provenance import StageTime
from elbowroom.report.table_notes import TABLE_NOTES, verdicts
from elbowroom.report.time_taken import time_taken
from elbowroom.report.wording import listed
from elbowroom.results.dataset_tables import ImageCount
from elbowroom.results.environments import environments, mixture
from elbowroom.results.names import dataset_name
from elbowroom.results.outcomes import State
from elbowroom.results.rows import AuditedClaim, BaselineRow, Difference, PublishedNumber, SeriesElbow, SizeAnswer
from elbowroom.results.schema import to_rows
from elbowroom.results.tables import Comparison
from elbowroom.results.yardstick_rows import Dimension

TEMPLATES = Path(__file__).with_name("templates")


@dataclass(frozen=True)
class ReportInputs:
    """What the pages set out.

    comparison: the tables of report/comparison. image_counts: of each dataset, what became of its images. judges: how
    each dataset's judge was trained. dimensions: in how many directions each dataset's images vary. costs: of each
    variant, a row for each seed. explored: the variants whose latent space is explored. live: those whose decoder is
    there. pictures: captions.ON_PAGE of each dataset, by DATASET-KIND. outdated: variants whose results are of older
    code. commit, versions, stage_times: as provenance returns them. docs, studies: as links returns them.
    """

    comparison: Comparison
    image_counts: dict[str, list[ImageCount]]
    judges: pd.DataFrame
    dimensions: pd.DataFrame
    costs: dict[str, pd.DataFrame]
    explored: dict[str, Explored]
    live: dict[str, LiveModel]
    pictures: dict[str, page_data.InlinePicture]
    outdated: list[str]
    commit: str
    versions: list[str]
    stage_times: list[StageTime]
    docs: list[Link]
    studies: list[OtherStudy]


def render(study: Study, inputs: ReportInputs) -> dict[str, str]:
    """Return the pages by file name: index.html, which needs no other file, and README.md, which links to pictures."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=jinja2.select_autoescape(["html.j2"], default=False, default_for_string=False),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "count": "{:,}".format,
        "md": escape_markdown,
        "unbroken": lambda text: text.replace(" %", "\N{NO-BREAK SPACE}%"),
        "set_out": partial(to_markdown, linked=study.variants),
    }
    comparison, colours = inputs.comparison, variant_colours(study)
    used = {variant.dataset for variant in study.variants.values()}
    charts = {
        name: page_data.dataset_charts(study, name, comparison, colours) for name in study.datasets if name in used
    }
    answer_specs = page_data.answer_charts(study, comparison)
    audited = to_rows(AuditedClaim, comparison.claims)
    differences = to_rows(Difference, comparison.differences)
    decided_as_claims = claim_tables.decided_as_claims(differences, audited)
    context: dict[str, Any] = {
        "study": study,
        "title": one_line(study.title),
        "lead": lead(study),
        "answer": answer(study, comparison),
        "elsewhere": elsewhere(study, to_rows(SizeAnswer, comparison.answer), inputs.studies),
        "scales": scales(study, to_rows(SizeAnswer, comparison.answer)),
        "negative": bool((comparison.variants.test_loss < 0).any()),
        "answer_files": captions.answer_captions(study, comparison),
        "answer_charts": answer_specs.drawn,
        "answer_caption": answer_specs.caption,
        "sizes": size_table(to_rows(SizeAnswer, comparison.answer)),
        "colours": colours,
        "datasets": [dataset(study, name, inputs, charts[name]) for name in charts],
        "elbows": text_tables.elbows(to_rows(SeriesElbow, comparison.elbows)),
        "undertrained": ", ".join(comparison.answer[comparison.answer.state == State.UNDERTRAINED].variant),
        "differences": text_tables.differences(differences, decided_as_claims),
        "decided_as_claims": decided_as_claims,
        "loose_bounds": sample_tables.loose_bounds(comparison.variants.to_dict("records")),
        "claims": claim_tables.claims(audited),
        "claims_said": claim_tables.claims_in_short(audited),
        "published": published(study, comparison),
        "docs": inputs.docs,
        "studies": inputs.studies,
        "example": example(study, comparison.answer),
        "time_taken": " ".join(time_taken(study, inputs.costs, inputs.stage_times)),
        "costs": text_tables.costs(study, inputs.costs),
        "seconds": text_tables.stage_times(inputs.stage_times),
        "machines": sorted(map(one_line, environments(inputs.costs))),
        "mixtures": mixtures(study, inputs.costs),
        "outdated": "every variant" if len(inputs.outdated) == len(study.variants) else ", ".join(inputs.outdated),
        "commit": inputs.commit,
        "versions": inputs.versions,
        "used": {name: images_used(study, name, counts) for name, counts in inputs.image_counts.items()},
        "notes": TABLE_NOTES,
        "verdicts": verdicts(set(comparison.answer.state)),
        "describe": text_tables.describe_objective,
        "settings": yaml.safe_dump(study.model_dump(), sort_keys=False),
    }
    explorable = dict.fromkeys(study.variants[name].dataset for name in inputs.explored)
    specs = {key: spec for own in charts.values() for key, spec in own.specs.items()}
    specs |= answer_specs.specs

    best = best_variants(to_rows(SizeAnswer, comparison.answer))

    def data(alive: Collection[str]) -> str:
        explorers = {
            name: page_data.explorer(study, name, inputs.explored, colours, alive, best) for name in explorable
        }
        return page_data.to_json(specs, explorers)

    context["vega"] = (TEMPLATES / "vega.js").read_text(encoding="utf-8")
    page, readme = (environment.get_template(f"{file}.j2") for file in ("index.html", "README.md"))
    context |= {"decoders": list(inputs.live), "alive": [], "live": "", "data": data([])}
    context |= {"drawable": [name for name, model in inputs.live.items() if model.encoder is not None], "encoders": []}
    room = live_data.LARGEST - len(page.render(context).encode())
    spared = {name: len(page_data.for_page(inputs.explored[name])["sheet"]) for name in inputs.live}
    kernel = (TEMPLATES / "kernel.wasm").read_bytes()
    chosen = live_data.choose(inputs.live, spared, kernel, room)
    context |= {"live": chosen.text, "alive": chosen.decoders, "encoders": chosen.encoders}
    context["data"] = data(chosen.decoders)
    return {"index.html": page.render(context), "README.md": readme.render(context)}


def dataset(study: Study, name: str, inputs: ReportInputs, charts: page_data.DatasetCharts) -> dict[str, Any]:
    """Return what the templates show of one dataset."""
    comparison = inputs.comparison
    table = comparison.variants[comparison.variants.dataset == name]
    variants = table.to_dict("records")
    baselines = to_rows(BaselineRow, comparison.baselines[comparison.baselines.dataset == name])
    dimensions = to_rows(Dimension, inputs.dimensions[inputs.dimensions.dataset == name])
    accuracy = inputs.judges[inputs.judges.dataset == name].test_accuracy
    tested = images_tested(study, name, inputs.image_counts[name])
    return {
        "name": name,
        "title": dataset_name(study, name),
        "variants": {row["variant"]: study.variants[row["variant"]] for row in variants},
        "losses": loss_tables.losses(study, variants, baselines),
        "dimension": dimension_sentences(dimensions),
        "terms": loss_tables.terms(variants, baselines),
        "objectives": text_tables.objectives(study, variants),
        "quality": text_tables.measured(variants, text_tables.PICTURE_METRICS),
        "samples": sample_tables.samples(variants),
        "prior": sample_tables.prior(variants),
        "judges_agree": sample_tables.judges_agree(agreement(table)),
        "latents": text_tables.measured(variants, text_tables.LATENT_METRICS, short=True),
        "paths": text_tables.measured(variants, text_tables.PATH_METRICS),
        "ladder": text_tables.ladder(study, variants),
        "files": list(captions.captioned(study, name, comparison)),
        "pictures": [
            {
                "caption": caption,
                "shows": "reconstructed" if kind == "reconstructions" else "imagined",
                **asdict(inputs.pictures[f"{name}-{kind}"]),
            }
            for kind, caption in captions.of_variants(study, name, comparison).items()
            if kind in captions.ON_PAGE
        ],
        "own": captions.of_variant(name, comparison),
        "explored": [row["variant"] for row in variants if row["variant"] in inputs.explored],
        "charts": charts,
        "has_floor": bool(table.above_floor.notna().any()),
        "has_precision": bool(table.precision.notna().any()),
        "has_prior": bool(table.fcd_fit.notna().any()),
        "loose_bounds": sample_tables.loose_bounds(variants),
        "has_probe": bool(table.probe_accuracy.notna().any()),
        "weighed": min(study.evaluation.iwae_images, tested),
        "sampled": min(study.evaluation.sample_images, tested),
        "judge": f"{accuracy.iloc[-1]:.1%}" if len(accuracy) else "",
    }


def lead(study: Study) -> str:
    """Say in one sentence what was trained on what."""
    vaes, others = (sum((v.model == "vae") is wanted for v in study.variants.values()) for wanted in (True, False))
    trained = counted(vaes, "VAE") + (f" and {counted(others, 'autoencoder')}" if others else "")
    names = listed(dict.fromkeys(dataset_name(study, v.dataset) for v in study.variants.values()))
    return f"Here {trained} of {names} were trained and measured alike, to learn how much room such a model needs."


def best_variants(rows: Sequence[SizeAnswer]) -> list[str]:
    """Return the variants that answers name, then the largest that trained well, then those with the lowest loss."""
    states = [State.ENOUGH, State.LARGEST, State.LARGEST_KEPT]
    ranked = sorted(rows, key=lambda row: (*(row.state is not state for state in states), row.test_loss))
    return [row.variant for row in ranked]


def mixtures(study: Study, costs: dict[str, pd.DataFrame]) -> dict[str, str]:
    """Say of each dataset whose variants were trained on different machines or versions which was trained on what."""
    found = {
        dataset: mixture({name: costs[name] for name, variant in study.variants.items() if variant.dataset == dataset})
        for dataset in study.datasets
    }
    return {dataset: one_line(said) for dataset, said in found.items() if said}


def published(study: Study, comparison: Comparison) -> list[dict[str, Any]]:
    """Return what the templates show of each published study that this study has variants of."""
    rows = to_rows(PublishedNumber, comparison.published)
    return [
        {
            "title": printed.title,
            "times": {key: printed.variants[key].time for key in published_in(study, printed)},
            "said": text_tables.published_in_short(own),
            "table": text_tables.published(own),
            "short": any(pd.isna(row.measured) for row in own),
        }
        for name, printed in load_published().items()
        if (own := [row for row in rows if row.study == name])
    ]
