"""Results -> what index.html carries along to need no other file: charts, pictures, the explorer's sheets, Vega."""

import base64
import io
import json
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from PIL import Image

from elbowroom.comparison.summary import LOSS_FAMILY
from elbowroom.core import paths
from elbowroom.core.errors import StudyError
from elbowroom.core.settings import DATASETS, Study
from elbowroom.figures.colours import CLASSES
from elbowroom.figures.explorer_sheet import BLOCK, COLUMNS, SPAN, Explored
from elbowroom.report import vega_charts
from elbowroom.report.vega_charts import Spec


class Picture(NamedTuple):
    """A picture as a part of a page: its bytes as an address, its size in pixels."""

    uri: str
    width: int
    height: int


def read_picture(name: str) -> Picture:
    """A PNG of report/comparison/pictures. Raises StudyError where it is none."""
    path = paths.comparison_file(f"pictures/{name}.png")
    try:
        content = path.read_bytes()
        with Image.open(io.BytesIO(content)) as image:
            image.verify()
            width, height = image.size
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise StudyError(f"{path}: not a picture ({error}), expected what the compare stage wrote there") from None
    return Picture(f"data:image/png;base64,{_base64(content)}", width, height)


def data(charts: dict[str, Spec], explorers: dict[str, Any]) -> str:
    """What page.js reads, as JSON that may stand within a script element."""
    explorer = {"classes": CLASSES, "block": BLOCK, "columns": COLUMNS, "span": SPAN}
    text = json.dumps({"charts": charts, "explorers": explorers} | explorer, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")


def explorer(study: Study, name: str, explored: dict[str, Explored], colours: dict[str, str]) -> dict[str, Any]:
    """What the page's explorer knows of a dataset, of which at least one variant is explored."""
    own = {key: made for key, made in explored.items() if study.variants[key].dataset == name}
    return {
        "side": DATASETS[name].shape[1],
        "images": images_for_page(next(iter(own.values()))),
        "variants": [
            {"name": key, "colour": colours[key], "model": study.variants[key].model, **for_page(made)}
            for key, made in own.items()
        ],
    }


def for_page(made: Explored) -> dict[str, Any]:
    """What page.js reads of a variant: points as base64 of little-endian uint16, from 0 to 65535 across the frame."""
    layout, arrays = made.layout, made.arrays
    low, high = arrays["limits"].T
    places = np.clip((arrays["points"] - low) / (high - low), 0, 1) * 65535
    return {
        **layout._asdict(),
        "starts": layout.starts,
        "stops": layout.stops,
        "sheet": _webp(arrays["tiles"]),
        "points": _base64(places.round().astype("<u2").tobytes()),
        "at": arrays["epochs"].tolist(),
        "share": round(float(arrays["share"]), 4),
        "walked": [
            {"latent": int(latent), "amount": round(float(amount), 3)}
            for latent, amount in zip(arrays["latents"], arrays["amounts"], strict=True)
        ],
    }


def images_for_page(made: Explored) -> dict[str, Any]:
    """The test images, the same for all variants of a dataset, with their classes."""
    labels = made.arrays["labels"].tolist()
    return {"sheet": _webp(made.arrays["images"]), "labels": labels, "classes": made.classes}


def _webp(sheet: np.ndarray) -> str:
    return f"data:image/webp;base64,{_base64(sheet.tobytes())}"


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def drawn(
    study: Study,
    name: str,
    variants: list[Any],
    compared: dict[str, pd.DataFrame],
    colours: dict[str, str],
    charts: dict[str, Spec],
) -> dict[str, Any]:
    """The charts of a dataset, as keys of `charts` with their titles: latents and curves of each family, planes."""
    shown: dict[str, Any] = {"latents": {}, "curves": {}, "planes": {}}

    def keyed(specs: dict[str, Spec]) -> dict[str, str]:
        keys = {f"{name}-{len(charts) + number}": title for number, title in enumerate(specs)}
        charts.update(zip(keys, specs.values(), strict=True))
        return keys

    for family, own in by_family(variants).items():
        said = spoken(family)
        latents, elbows, baselines = (
            compared[key][(compared[key][LOSS_FAMILY] == list(family)).all(axis=1)]
            for key in ("latents", "elbows", "baselines")
        )
        curves, spectrum, table = (
            compared[key][compared[key].variant.isin(own)] for key in ("curves", "spectrum", "variants")
        )
        if len(latents):
            shown["latents"][said] = keyed(vega_charts.by_latents(latents, elbows, set(table.series)))
        shown["curves"][said] = keyed(vega_charts.curves(curves, colours, study))
        vaes = table[[study.variants[key].model == "vae" for key in table.variant]]
        if len(vaes):
            specs = {f"Rate-distortion plane ({said})": vega_charts.plane(vaes, baselines, colours)}
            specs |= {f"KL spectrum ({said})": vega_charts.spectrum(spectrum, colours)}
            shown["planes"] |= keyed(specs)
    return shown


def by_family(variants: list[Any]) -> dict[tuple[str, ...], list[str]]:
    """The names of variants whose losses are of the same quantity."""
    families: dict[tuple[str, ...], list[str]] = {}
    for row in variants:
        families.setdefault(tuple(row[key] for key in LOSS_FAMILY), []).append(row["variant"])
    return families


def spoken(family: tuple[str, ...]) -> str:
    return f"{family[1].replace('_', ' ')}, pixels in {family[2]}"
