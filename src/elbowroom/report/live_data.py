"""The decoders that index.html carries along, as many as its size allows."""

import base64
import json
from typing import Any, NamedTuple

from elbowroom.figures.live_model import Layers, LiveModel

LARGEST = 11_990_000  # bytes of index.html: 12 MB, less what the page then says about them


class Chosen(NamedTuple):
    """The JSON that live.js reads, and the names of the models whose decoders and encoders are in it."""

    text: str
    decoders: list[str]
    encoders: list[str]


def choose(models: dict[str, LiveModel], spared: dict[str, int], kernel: bytes, room: int) -> Chosen:
    """Choose what fits into `room` bytes.

    Decoders come first, then encoders, each from the smallest to the largest (of equal ones the first in `models`). But
    the first decoder that has an encoder brings it along, so that larger decoders do not take the pad to draw on.
    spared: how many bytes of pictures the page can leave out if it has a model's decoder.
    """
    compiled = base64.b64encode(kernel).decode()
    left = room - len(_text({"kernel": compiled, "models": {}}))
    chosen: dict[str, dict[str, Any]] = {}
    sizes = {name: len(_text({name: for_page(model)})) - spared[name] for name, model in models.items()}
    encoders = {name: encoder for name, model in models.items() if (encoder := _network(model, "encoder"))}
    wanted = sorted(encoders, key=lambda name: models[name].arrays["encoder"].nbytes)

    def add_encoder(name: str) -> None:
        nonlocal left
        if (size := len(_text({"encoder": encoders[name]}))) <= left:
            chosen[name]["encoder"] = encoders[name]
            left -= size

    for name in sorted(models, key=lambda name: models[name].arrays["decoder"].nbytes):
        if sizes[name] <= left:
            chosen[name] = for_page(models[name])
            left -= sizes[name]
            if name in encoders and encoders.keys() & chosen == {name}:
                add_encoder(name)
    for name in wanted:
        if name in chosen and "encoder" not in chosen[name]:
            add_encoder(name)
    return Chosen(
        _text({"kernel": compiled, "models": chosen}),
        [name for name in models if name in chosen],
        [name for name in models if "encoder" in chosen.get(name, {})],
    )


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
