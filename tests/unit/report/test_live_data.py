"""index.html has as many decoders as it has room for."""

import json

import pytest

from elbowroom.report.live_data import choose
from tests.support.int8 import live_model

KERNEL = b"\0asm"
MODELS = {"large": live_model(9000, 3000), "small": live_model(1000, 4000), "middle": live_model(3000)}
SPARED = dict.fromkeys(MODELS, 0)
ALL = len(choose(MODELS, SPARED, KERNEL, 10**6).text)


@pytest.mark.parametrize(
    ("room", "decoders", "encoders"),
    [
        (ALL + 10, ["large", "small", "middle"], ["large", "small"]),
        (ALL - 1, ["large", "small", "middle"], ["small"]),  # that of the smallest decoder
        (20_000, ["small", "middle"], ["small"]),  # large would have room without the encoder
        (7_500, ["small"], ["small"]),
        (6_500, ["small", "middle"], []),  # the encoder does not fit
        (3_000, ["small"], []),
        (100, [], []),
    ],
)
def test_small_decoders_come_before_large_ones_and_the_first_brings_its_encoder(
    room: int, decoders: list[str], encoders: list[str]
) -> None:
    text, names, drawing = choose(MODELS, SPARED, KERNEL, room)
    assert len(text) <= room
    models = json.loads(text)["models"]
    assert set(models) == set(names)
    assert names == decoders
    assert [name for name in names if "encoder" in models[name]] == drawing == encoders


def test_a_decoder_takes_the_room_of_the_pictures_that_it_replaces() -> None:
    room = ALL - len("large")  # not enough for all
    assert choose(MODELS, SPARED | {"large": 6000}, KERNEL, room - 6000).decoders == list(MODELS)
