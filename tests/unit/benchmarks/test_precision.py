"""Whether bfloat16 costs anything: the test of equivalence, what is left to train, a tiny real run, the page."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from scipy.stats import ttest_1samp

from benchmarks import equivalence, precision, settings
from benchmarks.equivalence import BF16, EPOCHS, FLOAT32, MARGIN, PRECISIONS, SEEDS, Raw, Training, Verdict, verdict
from benchmarks.precision import Job, Part
from elbowroom.comparison.intervals import t_interval
from elbowroom.core.errors import StudyError
from tests.support import ROOT
from tests.support.settings import EVALUATION, published_set, recipe, variant

SPREAD = np.array([-0.1, 0.05, 0.0, 0.12, -0.07])  # mean 0
PARTS = [Part(n, variant(), recipe(epochs=e), published_set("mnist", 64, 40), "c", "m") for n, e in EPOCHS.items()]


def trained(name: str, seed: int, kind: str, add: float = 0.0, **changes: object) -> Training:
    """A made-up training: loss and rate of a seed fall with the epochs; `add` is added to both."""
    loss = [100 + 10 * seed - epoch + add for epoch in range(EPOCHS[name])]
    rate = [value / 4 for value in loss]
    return replace(Training(name, seed, kind, "c", "m", 60.0 * len(loss), loss, rate), **changes)


def both(name: str, added: Sequence[float]) -> list[Training]:
    """Pairs of the first seeds: bfloat16 adds this to float32."""
    return [trained(name, seed, kind, add * (kind == BF16)) for seed, add in enumerate(added) for kind in PRECISIONS]


@pytest.mark.parametrize("shift", [0.0, 0.1, 0.18, 0.2, -0.17, -0.22, 0.3, 0.4, -0.5])
@pytest.mark.parametrize("scale", [0.1, 1.0, 3.0])
def test_equivalent_is_what_two_one_sided_t_tests_reject(shift: float, scale: float) -> None:
    """And different is what the opposite tests reject, at the same level."""
    values = shift + scale * SPREAD
    low, high = ttest_1samp(values, -MARGIN, alternative="greater"), ttest_1samp(values, MARGIN, alternative="less")
    found = verdict(t_interval(values, equivalence.LEVEL))
    assert (found is Verdict.EQUIVALENT) == (max(low.pvalue, high.pvalue) < 0.05)
    beyond = [ttest_1samp(values, MARGIN, alternative="greater"), ttest_1samp(values, -MARGIN, alternative="less")]
    assert (found is Verdict.DIFFERENT) == (min(test.pvalue for test in beyond) < 0.05)


def test_fewer_than_five_seeds_give_no_verdict() -> None:
    assert verdict(t_interval(np.zeros(4), equivalence.LEVEL)) is Verdict.TOO_FEW
    assert verdict(t_interval(np.zeros(5), equivalence.LEVEL)) is Verdict.EQUIVALENT


def test_rows_compare_the_same_seeds_after_the_same_epochs() -> None:
    added = [0.1, 0.2, 0.3, 0.4, 0.5]
    raw = Raw([], both("mnist-z128", added) + both("mnist-z256", [2 * value for value in added]))
    rows = {row.what: row for row in equivalence.comparisons(raw)}
    assert rows["loss of mnist-z128"].float32 == pytest.approx(100 + 20 - 9)
    assert rows["loss of mnist-z128"].found.difference == pytest.approx(0.3)
    assert rows["rate of mnist-z128"].found.difference == pytest.approx(0.3 / 4)
    sizes = rows["loss of mnist-z256 less that of mnist-z128"]
    assert (sizes.epochs, sizes.float32, sizes.bfloat16) == (3, pytest.approx(0), pytest.approx(0.3))
    expected = t_interval(np.array(added), equivalence.LEVEL)
    assert (sizes.found.low, sizes.found.high) == pytest.approx((expected.low, expected.high))


def test_halves_of_other_code_or_machine_are_no_pair_and_are_trained_again() -> None:
    raw = Raw([], [trained("mnist-z256", 0, FLOAT32, code="older"), trained("mnist-z256", 0, BF16)])
    assert raw.pairs("mnist-z256", 3, "loss").empty
    jobs = precision.left(raw, PARTS)
    assert [(j.precision, j.seed) for j in jobs if j.part.name == "mnist-z256" and not j.draws][:2] == [
        (FLOAT32, 0),
        (FLOAT32, 1),
    ]


def test_a_finished_pair_stays_when_the_code_changes() -> None:
    older = [replace(training, code="older") for training in both("mnist-z256", [0.0] * 5)]
    assert [j for j in precision.left(Raw([], older), PARTS[1:2]) if not j.draws] == []
    longer = replace(PARTS[1], recipe=recipe(epochs=4))
    assert len([j for j in precision.left(Raw([], older), [longer]) if not j.draws]) == 10


def test_a_seed_is_finished_before_the_next_and_gradients_come_first() -> None:
    jobs = precision.left(Raw([], []), PARTS)
    assert [bool(job.draws) for job in jobs] == [True] * 3 + [False] * 30
    assert [job.seed for job in jobs[3:]] == sorted(list(SEEDS) * 6)


def test_what_is_left_takes_as_long_as_what_was_measured() -> None:
    """An epoch took a minute: 4 seeds of 10 epochs in each precision take 80 minutes, by two processes 40."""
    raw = Raw([], both("mnist-z128", [0.0]))
    assert precision.forecast(precision.left(raw, PARTS[:2])) == (
        "left: trainings: 8, about 0.7 hours; "
        "trainings, not timed yet: 10 (mnist-z256 in bfloat16, mnist-z256 in float32); "
        "gradients: mnist-z128, mnist-z256"
    )


def test_a_training_stops_before_an_epoch_that_would_end_too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """By how long the epoch before took, or, at first, those in the file; and then no other such job begins."""
    monkeypatch.setattr(precision, "PACE", {})
    job, deadline = Job(PARTS[0], 0, FLOAT32), time.time() + 60
    clock = precision.Clock(job, deadline)
    for _ in range(4):
        clock.update(16)
    clock.begun -= 100  # as if the first epoch had taken so long
    with pytest.raises(precision.OutOfTimeError):
        clock.update(16)
    assert precision.work(replace(job, seed=1), deadline) == []
    resumed = precision.Clock(replace(job, precision=BF16, epoch_seconds=100.0), deadline)
    resumed.n += 64
    with pytest.raises(precision.OutOfTimeError):
        resumed.update(16)


def test_a_job_does_not_begin_after_the_deadline() -> None:
    assert precision.work(Job(PARTS[0], 0, FLOAT32), time.time() - 1) == []


def test_a_partial_page_says_how_many_seeds_there_are_and_judges_what_is_complete() -> None:
    trainings = both("mnist-z128", [0.0] * 3) + both("cifar10-z16-c32", list(SPREAD))
    page = equivalence.page(Raw([], [*trainings, trained("mnist-z256", 0, BF16)]))
    assert "**MNIST: no verdict yet.** 0 of 5 seeds are trained in both." in page
    assert "**CIFAR-10: equivalent.** 2 of 2 differences are within 0.25 nats." in page
    assert (
        "| loss of mnist-z128 | 10 | 3 of 5 | 101.000 | 101.000 | +0.000 | +0.000 to +0.000 | no verdict yet |" in page
    )
    assert "| loss of mnist-z256 | 3 | 0 of 5 |  |  |  |  | no verdict yet |" in page
    assert [line for line in page.splitlines() if len(line) > 100 and line[0] != "|"] == []


@pytest.mark.parametrize(
    ("added", "said"),
    [
        ([0.9, 0.95, 0.9, 0.95, 0.9], "different.** 1 of 2 differences are beyond 0.25 nats. Train in float32."),
        ([-0.9, 0.9, 0.0, 0.5, -0.5], "not shown.** 1 of 2 differences may be beyond 0.25 nats. Train in float32."),
    ],
)
def test_a_dataset_is_as_bad_as_its_worst_row(added: list[float], said: str) -> None:
    """The rate differs by a quarter of what the loss does."""
    assert f"**CIFAR-10: {said}" in equivalence.page(Raw([], both("cifar10-z16-c32", added)))


def test_a_damaged_file_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(precision, "JSON", tmp_path / "precision.json")
    for content in ("<<<<<<< ours", '{"gradients": []}', '{"gradients": [], "trainings": [{"loss": []}]}', "[]"):
        precision.JSON.write_text(content)
        with pytest.raises(StudyError, match=r"precision\.json: damaged"):
            precision.read()


def test_the_committed_page_is_of_the_committed_results() -> None:
    """Neither exists until something was measured."""
    assert precision.PAGE.exists() == precision.JSON.exists()
    if precision.JSON.exists():
        assert precision.PAGE.read_text() == equivalence.page(precision.read())


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The root study with narrow networks and few images, one epoch each, in a folder of its own."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["datasets"]["mnist"] = {"source": "mnist", "train_images": 64, "test_images": 40}
    for name in ("mnist-z128", "mnist-z256"):
        params["variants"][name]["channels"] = 4
        monkeypatch.setitem(EPOCHS, name, 1)
    params["recipes"]["notebook-mnist"]["batch_size"] = 16
    params["evaluation"] = EVALUATION.model_dump()
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    monkeypatch.setattr(settings, "PARAMS", tmp_path / "params.yaml")
    monkeypatch.setattr(precision, "JSON", tmp_path / "precision.json")
    monkeypatch.setattr(precision, "PAGE", tmp_path / "precision.md")
    monkeypatch.setattr(precision, "DRAWS", 4)
    monkeypatch.chdir(tmp_path)


def test_a_real_run_trains_pairs_and_goes_on_where_it_stopped(
    tiny: None, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["precision.py", "--only", "mnist"])
    precision.main()
    raw = precision.read()
    assert len(raw.trainings) == 20
    for name in ("mnist-z128", "mnist-z256"):
        pairs = raw.pairs(name, 1, "loss")
        assert list(pairs.index) == list(SEEDS)
        within = (pairs[BF16] - pairs[FLOAT32]).abs()
        assert 0 < within.max() < np.ptp(pairs[FLOAT32]) / 3  # the precision alone tells them apart
    assert [(g.variant, g.epoch, g.draws) for g in raw.gradients] == [
        (name, epoch, 4) for name in ("mnist-z128", "mnist-z256") for epoch in (0, 1)
    ]
    for found in raw.gradients:
        assert 0 < found.error_of_mean <= found.relative_error < 0.1
        assert found.cosine == pytest.approx(1 - found.relative_error**2 / 2, abs=0.01)
    page = precision.PAGE.read_text()
    assert page == equivalence.page(raw)
    assert page.count("| 1 | 5 |") == 6
    assert "**CIFAR-10: no verdict yet.** 0 of 5 seeds are trained in both." in page

    content = precision.JSON.read_bytes()
    kept = Raw(raw.gradients, raw.trainings[1:])
    precision.JSON.unlink()
    precision.record([*kept.trainings])
    precision.record(kept.gradients)
    capfd.readouterr()
    precision.main()  # from the checkpoint, even to the same seconds
    assert precision.JSON.read_bytes() == content
    said = capfd.readouterr().out
    assert "goes on after epoch 1 of 1" in said
    assert said.splitlines()[-1] == "left: nothing"

    precision.PAGE.unlink()
    monkeypatch.setattr("sys.argv", ["precision.py", "--page"])
    precision.main()
    assert precision.PAGE.read_text() == page


def test_only_names_what_there_is(tiny: None) -> None:
    with pytest.raises(StudyError, match="--only: found 'cifar11', expected how one of mnist-z128"):
        precision.parts("cifar11")
