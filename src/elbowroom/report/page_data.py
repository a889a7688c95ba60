"""What index.html carries along so that it needs no other file: pictures, charts, and the explorer's sheets."""

import base64
import io
import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from elbowroom.comparison.answer import by_series
from elbowroom.core import paths
from elbowroom.core.errors import StudyError
from elbowroom.core.settings import Study
from elbowroom.figures.colours import CLASSES
from elbowroom.figures.explorer_sheet import BLOCK, SPAN, Explored, columns
from elbowroom.report import vega_charts
from elbowroom.report.chart_captions import (
    answer_caption,
    curves_caption,
    latents_caption,
    noise_caption,
    plane_caption,
    spectrum_caption,
)
from elbowroom.report.vega_answer import answer_chart
from elbowroom.report.vega_charts import Spec
from elbowroom.report.vega_noise import noise_chart
from elbowroom.results.families import LossFamily, families
from elbowroom.results.names import family_names, family_titles
from elbowroom.results.rows import SizeAnswer, TruncatedPoint
from elbowroom.results.schema import to_rows
from elbowroom.results.tables import Comparison
from elbowroom.results.yardstick_rows import NoisePoint


@dataclass(frozen=True)
class InlinePicture:
    """A picture inside a page: its bytes as a data URI, its size in pixels."""

    uri: str
    width: int
    height: int


def inline_picture(name: str) -> InlinePicture:
    """Read a PNG of report/comparison/pictures. Raises StudyError if it is none."""
    path = paths.comparison_file(f"pictures/{name}.png")
    try:
        content = path.read_bytes()
        with Image.open(io.BytesIO(content)) as image:
            image.verify()
            width, height = image.size
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise StudyError(f"{path}: not a picture ({error}), expected what the compare stage wrote there") from None
    return InlinePicture(f"data:image/png;base64,{_base64(content)}", width, height)


def to_json(charts: dict[str, Spec], explorers: dict[str, Any]) -> str:
    """Return what page.js reads, as JSON that may stand inside a script element."""
    explorer = {"classes": CLASSES, "block": BLOCK, "span": SPAN}
    text = json.dumps({"charts": charts, "explorers": explorers} | explorer, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")


def explorer(
    study: Study,
    name: str,
    explored: dict[str, Explored],
    colours: dict[str, str],
    alive: Collection[str],
    best: Collection[str],
) -> dict[str, Any]:
    """Return what the page's explorer reads of a dataset of which at least one variant is explored.

    alive: the variants that the page decodes itself. It has no tiles of these. best: the variants of which it shows the
    first one first.
    """
    own = {key: made for key, made in explored.items() if study.variants[key].dataset == name}
    any_own = next(iter(own.values()))
    return {
        "size": any_own.size,
        "images": images_for_page(any_own),
        "first": next((key for key in best if key in own), next(iter(own))),
        "variants": [
            {"name": key, "colour": colours[key], "model": study.variants[key].model, **for_page(made)}
            | ({"sheet": None} if key in alive else {})
            for key, made in own.items()
        ],
    }


def for_page(made: Explored) -> dict[str, Any]:
    """Return what page.js reads of a variant.

    Points are base64 of little-endian uint16, from 0 to 65535 across the frame.
    """
    layout, arrays = made.layout, made.arrays
    low, high = arrays["limits"].T
    places = np.clip((arrays["points"] - low) / (high - low), 0, 1) * 65535
    return {
        **layout._asdict(),
        "starts": layout.starts,
        "stops": layout.stops,
        "sheet": _webp(arrays["tiles"]),
        "columns": columns(layout.starts["end"], *made.size),
        "film": _webp(arrays["film"]),
        "film_columns": columns(layout.epochs * layout.followed, *made.size),
        "points": _base64(places.round().astype("<u2").tobytes()),
        "at": arrays["epochs"].tolist(),
        "limits": arrays["limits"].tolist(),
        "share": round(float(arrays["share"]), 4),
        "walked": [
            {"latent": int(latent), "amount": round(float(amount), 3)}
            for latent, amount in zip(arrays["latents"], arrays["amounts"], strict=True)
        ],
    }


def images_for_page(made: Explored) -> dict[str, Any]:
    """Return the test images, which all variants of a dataset share, with their classes."""
    labels = made.arrays["labels"].tolist() if "labels" in made.arrays else []
    shown = columns(made.arrays["points"].shape[1], *made.size)
    return {"sheet": _webp(made.arrays["images"]), "columns": shown, "labels": labels, "classes": made.classes}


def _webp(sheet: np.ndarray) -> str:
    return f"data:image/webp;base64,{_base64(sheet.tobytes())}"


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


@dataclass(frozen=True)
class Drawn:
    """Charts side by side: what they are of, their titles by key, and what they show in words."""

    of: str
    titles: dict[str, str]
    caption: str = ""


@dataclass(frozen=True)
class DatasetCharts:
    """The charts of a dataset, by loss family, and their specifications by key.

    planes: the rate-distortion plane and the KL spectrum. noise: the chart of the noise levels, if there is one.
    """

    latents: list[Drawn]
    curves: list[Drawn]
    planes: list[Drawn]
    noise: list[Drawn]
    specs: dict[str, Spec]


def dataset_charts(study: Study, name: str, comparison: Comparison, colours: dict[str, str]) -> DatasetCharts:
    """Draw the charts of a dataset."""
    charts, own = DatasetCharts([], [], [], [], {}), families(study)
    names = family_names(own)

    def add(to: list[Drawn], of: str, specs: dict[str, Spec], caption: str) -> None:
        """Keep charts by title."""
        titles = {f"{name}-{len(charts.specs) + number}": title for number, title in enumerate(specs)}
        charts.specs.update(zip(titles, specs.values(), strict=True))
        to.append(Drawn(of, titles, caption))

    for family, variants in own.items():
        if family.dataset != name:
            continue
        label = names[family]
        table, latents = family.rows(comparison.variants), family.rows(comparison.latents)
        if len(latents):
            shown = latents, family.rows(comparison.elbows), set(table.series)
            add(charts.latents, label, vega_charts.latents_charts(*shown), latents_caption(*shown))
        curves = comparison.curves[comparison.curves.variant.isin(variants)]
        add(charts.curves, label, vega_charts.curves_charts(curves, colours, study), curves_caption(seeds=1))
        vaes = table[[study.variants[key].model == "vae" for key in table.variant]]
        if len(vaes):
            plane = vega_charts.plane_chart(vaes, family.rows(comparison.baselines), colours)
            spectra = comparison.spectrum[comparison.spectrum.variant.isin(vaes.variant)]
            spectrum = vega_charts.spectrum_chart(spectra, colours)
            titled = {"Rate-distortion plane": plane, "KL spectrum": spectrum}
            said = plane_caption(vaes, family.rows(comparison.baselines)), spectrum_caption(vega_charts.LEAST)
            add(charts.planes, label, titled, " ".join(said))
    if points := to_rows(NoisePoint, comparison.noise[comparison.noise.dataset == name]):
        add(charts.noise, name, {"Latents at each noise level": noise_chart(points)}, noise_caption(points))
    return charts


@dataclass(frozen=True)
class AnswerCharts:
    """The charts of the answer, and their specifications, by key, and what they show in words, all together."""

    drawn: dict[str, Drawn]
    specs: dict[str, Spec]
    caption: str


def answer_charts(study: Study, comparison: Comparison) -> AnswerCharts:
    """Draw the chart of the answer for each series of several sizes."""
    truncated, titles = to_rows(TruncatedPoint, comparison.truncated), family_titles(study)
    shown = by_series(to_rows(SizeAnswer, comparison.answer))
    charts = AnswerCharts({}, {}, answer_caption(shown, truncated) if shown else "")
    for rows in shown:
        key, title = f"answer-{rows[0].variant}", titles[LossFamily.of(rows[0])]
        charts.drawn[key] = Drawn(title, {key: f"{title}, {rows[0].series}"})
        charts.specs[key] = answer_chart(rows, truncated)
    return charts
