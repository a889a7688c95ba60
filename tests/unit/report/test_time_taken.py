"""How long a study took is added up, and what nobody knows is called that."""

from pathlib import Path

import pandas as pd
import pytest

from elbowroom.core.params import load_study
from elbowroom.report.provenance import StageTime
from elbowroom.report.time_taken import time_taken
from tests.support import ROOT


@pytest.mark.parametrize(
    ("runs", "said"),
    [
        ({}, "side by side they take less. What the other stages took is not known here. Before"),
        (
            {"evaluate": 8, "judge": 1},
            "these ran in this checkout: evaluate 80 s. What prepare, baseline, judge, figures",
        ),
        (
            {"prepare": 2, "baseline": 2, "judge": 2, "evaluate": 8, "figures": 8, "explore": 8, "compare": 1},
            "evaluate 80 s, figures 80 s and explore 80 s. All of it: 17 min. Before",
        ),
    ],
    ids=["results from elsewhere", "a part", "all of it"],
)
def test_times_are_added_up(runs: dict[str, int], said: str) -> None:
    """Two seeds that trained together for 60 s took 60 s, and one after the other 120 s."""
    study = load_study(Path(ROOT, "params.yaml"))
    made = {"seconds": [60.0, 60.0], "seeds_together": 2, "device": "A card"}
    costs = {name: pd.DataFrame(made) for name in study.variants}
    costs["mnist-z128"].seeds_together = 1
    times = [StageTime(stage, count, 80.0, 40.0) for stage, count in runs.items()]
    text = " ".join(time_taken(study, costs, times))
    assert text.startswith("Training took 9 min on A card, all 8 variants added up")
    assert said in text
