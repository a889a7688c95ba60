"""A training that diverges ends with one line that says where."""

import re

import pytest
from tqdm import tqdm

from elbowroom.core.errors import StudyError
from elbowroom.datasets.images import Images
from elbowroom.training.loop import train
from elbowroom.training.seed_run import SeedRun
from tests.support.settings import recipe, variant


def test_divergence_is_reported_in_one_line(small: dict[str, Images]) -> None:
    """The line says where, when, what the loss was before, and what may help; it comes at once."""
    with pytest.raises(StudyError) as error:
        list(train(variant(), recipe(learning_rate=1.0, epochs=20), small["mnist"], [3], tqdm(disable=True)))
    found = re.fullmatch(
        r"training diverged: seed 3, epoch (\d+), step (\d+): found loss (\S+) after (\S+), expected a finite one "
        r"below 784,000 nats \(a lower learning_rate in recipes.notebook-mnist may help, or warmup_epochs\)",
        str(error.value),
    )
    assert found
    epoch, step, loss, last = found.groups()
    assert 1 <= int(step) <= 5  # 300 images
    assert int(epoch) < 20
    assert not float(loss) < 784_000
    assert float(last) < 784_000


def test_looking_for_divergence_once_an_epoch_finds_the_same_step(small: dict[str, Images]) -> None:
    """On a card, steps go on after the first bad one until the epoch ends."""
    plan = recipe(learning_rate=1.0, epochs=20)
    for seed in range(3):
        with pytest.raises(StudyError) as at_once:
            list(train(variant(), plan, small["mnist"], [seed], tqdm(disable=True)))
        late = SeedRun(variant(), plan, small["mnist"], seed)

        def train_without_looking(late: SeedRun = late) -> None:
            for _ in range(20):
                late.begin_epoch()
                for size in (64, 64, 64, 64, 44):
                    late.step(size)
                late.end_epoch()
                late.record()

        with pytest.raises(StudyError) as at_last:
            train_without_looking()
        assert str(at_last.value) == str(at_once.value)
