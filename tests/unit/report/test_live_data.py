"""index.html has as many decoders as it has room for."""

import json

import pytest

from elbowroom.report.live_data import to_json
from tests.support.int8 import live_model

KERNEL = b"\0asm"
MODELS = {"large": live_model(9000, 3000), "small": live_model(1000, 4000), "middle": live_model(3000)}
SPARED = dict.fromkeys(MODELS, 0)
ALL = len(to_json(MODELS, SPARED, KERNEL, 10**6)[0])


@pytest.mark.parametrize(
    ("room", "decoders", "encoders"),
    [
        (ALL + 10, ["large", "small", "middle"], ["large", "small"]),
        (ALL - 1, ["large", "small", "middle"], ["large"]),  # the smaller encoder
        (14_000, ["small", "middle"], ["small"]),
        (7_500, ["small", "middle"], []),
        (3_000, ["small"], []),
        (100, [], []),
    ],
)
def test_decoders_come_first_and_small_ones_before_large_ones(
    room: int, decoders: list[str], encoders: list[str]
) -> None:
    text, names = to_json(MODELS, SPARED, KERNEL, room)
    assert len(text) <= room
    models = json.loads(text)["models"]
    assert set(models) == set(names)
    assert names == decoders
    assert [name for name in names if "encoder" in models[name]] == encoders


def test_a_decoder_takes_the_room_of_the_pictures_that_it_replaces() -> None:
    room = ALL - len("large")  # not enough for all
    assert to_json(MODELS, SPARED | {"large": 6000}, KERNEL, room - 6000)[1] == list(MODELS)
