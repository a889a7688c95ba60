"""A plan says what it will train."""

import pytest

from elbowroom.scheduler import plan
from tests.support.published import with_published_recipes


def test_the_description_tells_what_is_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "load_study", with_published_recipes)
    stages: plan.Plan = {"prepare@mnist": set(), "train@mnist-z128": {"prepare@mnist"}, "train@cifar10-z8-c32": set()}
    seconds = {"mnist-z128": 6000.0, "cifar10-z8-c32": 1200.0}  # one variant alone takes longer than half of both
    assert plan.describe_plan(stages, 2, "4", seconds).splitlines() == [
        "Up to 3 stages to run, 2 at a time with OMP_NUM_THREADS=4; DVC restores what its cache has",
        "train mnist-z128: 5 seeds x 50 epochs",
        "train cifar10-z8-c32: 5 seeds x 10 epochs",
        "The training takes about 1.7 h if nothing else runs; measuring and pictures add to it",
    ]
