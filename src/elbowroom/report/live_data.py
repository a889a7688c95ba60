"""The decoders that index.html carries along, as many as its size allows."""

import base64
import json
from typing import Any

from elbowroom.figures.live_model import Layers, LiveModel

LARGEST = 11_990_000  # bytes of index.html: 12 MB, less what the page then says about them


def to_json(models: dict[str, LiveModel], spared: dict[str, int], kernel: bytes, room: int) -> tuple[str, list[str]]:
    """Return what live.js reads, as JSON, and the names of the models that it has.

    Decoders come first, then encoders, each from the smallest to the largest (of equal ones the first in `models`), if
    they fit into `room` bytes. spared: how many bytes of pictures the page can leave out if it has a model's decoder.
    """
    compiled = base64.b64encode(kernel).decode()
    left = room - len(_text({"kernel": compiled, "models": {}}))
    chosen: dict[str, dict[str, Any]] = {}
    sizes = {name: len(_text({name: for_page(model)})) - spared[name] for name, model in models.items()}
    for name in sorted(models, key=lambda name: models[name].arrays["decoder"].nbytes):
        if sizes[name] <= left:
            chosen[name] = for_page(models[name])
            left -= sizes[name]
    encoders = {name: encoder for name in chosen if (encoder := _network(models[name], "encoder"))}
    sizes = {name: len(_text({"encoder": encoder})) for name, encoder in encoders.items()}
    for name in sorted(encoders, key=lambda name: models[name].arrays["encoder"].nbytes):
        if sizes[name] <= left:
            chosen[name]["encoder"] = encoders[name]
            left -= sizes[name]
    return _text({"kernel": compiled, "models": chosen}), [name for name in models if name in chosen]


def for_page(model: LiveModel) -> dict[str, Any]:
    """Return what live.js reads of a model without its encoder."""
    floats = {name: array for name, array in model.arrays.items() if name not in ("decoder", "encoder")}
    places = {name: array.astype(float).round(5).tolist() for name, array in floats.items()}
    own = {"link": model.link, "pixel_range": model.pixel_range, "latents": model.latents}
    return own | places | {"decoder": _network(model, "decoder")}


def _network(model: LiveModel, part: str) -> dict[str, Any] | None:
    layers: Layers | None = model.decoder if part == "decoder" else model.encoder
    if layers is None:
        return None
    return {"layers": layers, "weights": base64.b64encode(model.arrays[part].tobytes()).decode()}


def _text(content: dict[str, Any]) -> str:
    return json.dumps(content, separators=(",", ":"), allow_nan=False)
