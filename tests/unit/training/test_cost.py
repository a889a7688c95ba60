"""The cost of an interrupted training is that of all its parts."""

import json
from dataclasses import asdict

import pytest
import torch

from elbowroom.training import cost
from elbowroom.training.cost import Cost


def test_each_change_of_the_hardware_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if a name ends like the one before. A checkpoint keeps the cost as JSON in between."""
    total = Cost()
    for name in ("big 7 card", "big 7 card", "7 card", "big 7 card"):
        monkeypatch.setattr(cost, "hardware", lambda _, name=name: name)
        total = Cost(**json.loads(json.dumps(asdict(total))))
        total.add(0.5, 2, torch.device("cpu"))
    row = total.row(600)
    assert row["device"] == "big 7 card, then 7 card, then big 7 card"
    assert (row["seconds"], row["seeds_together"], row["images_per_second"]) == (2.0, 2, 300.0)
