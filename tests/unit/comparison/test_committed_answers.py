"""What the rules say of the committed results of the root study and of the sweep in studies/elbow."""

from collections.abc import Iterable
from functools import cache
from typing import Any

import pandas as pd
import pytest
from scipy.stats import ttest_ind

from elbowroom.comparison.convergence import gain_of_doubling
from elbowroom.comparison.enough import Judgement, Losses, judge_sizes
from elbowroom.comparison.worth import Gain, NetworkPair, judge_gains
from elbowroom.core.params import load_study
from elbowroom.core.settings import Study
from elbowroom.results.families import SizeSeries, all_series
from elbowroom.results.outcomes import State, Worth
from tests.support import ROOT

TOO_FEW, UNDECIDED, ENOUGH, ROOMY = State.TOO_FEW, State.UNDECIDED, State.ENOUGH, State.ROOMY
LARGEST, UNDERTRAINED, UNCLEAR = State.LARGEST, State.UNDERTRAINED, State.UNCLEAR
MARGIN, LEVEL = 0.01, 0.95
NOTEBOOK = {"dataset": "mnist", "model": "vae", "likelihood": "gaussian", "beta": 1.0, "recipe": "notebook-mnist"}
REPORT = {"dataset": "cifar10", "model": "vae", "likelihood": "bernoulli", "beta": 1.0, "recipe": "report-cifar10"}


@cache
def load(folder: str) -> Study:
    return load_study(ROOT / folder / "params.yaml")


@cache
def metrics(folder: str, name: str) -> pd.DataFrame:
    return pd.read_csv(ROOT / folder / "metrics" / f"{name}.csv")


def series_of(folder: str, settings: dict[str, object]) -> SizeSeries:
    """The one series of a study whose variants have these settings."""
    study = load(folder)
    (found,) = [
        series
        for series in all_series(study)
        if all(getattr(study.variants[series.members[0]], key) == value for key, value in settings.items())
    ]
    return found


def losses(folder: str, names: tuple[str, ...], column: str) -> Losses:
    return Losses.of(metrics(folder, name)[column].tolist() for name in names)


def mean_image_loss(folder: str, series: SizeSeries) -> float:
    table = pd.read_csv(ROOT / folder / "metrics" / "baselines" / f"{series.family.dataset}.csv")
    own = series.family.rows(table)
    return float(own.test_loss[own.baseline == "mean image"].item())


def judged(folder: str, settings: dict[str, object]) -> Judgement:
    series = series_of(folder, settings)
    test, train = (losses(folder, series.members, f"{split}_loss") for split in ("test", "train"))
    return judge_sizes(test, train, mean_image_loss(folder, series), MARGIN, LEVEL)


def by_size(folder: str, settings: dict[str, object], values: Iterable[Any]) -> dict[int, Any]:
    """Values of a series by latent size."""
    study = load(folder)
    sizes = [study.variants[name].latent_dim for name in series_of(folder, settings).members]
    return dict(zip(sizes, values, strict=True))


CIFAR10_32, CIFAR10_64 = REPORT | {"channels": 32}, REPORT | {"channels": 64}


@pytest.mark.parametrize(
    ("folder", "settings", "margin", "states"),
    [
        ("", NOTEBOOK, 1.59, {128: ENOUGH, 256: ROOMY}),
        ("", CIFAR10_32, 2.74, {4: TOO_FEW, 8: TOO_FEW, 16: LARGEST}),
        (
            "studies/elbow",
            NOTEBOOK,
            1.10,
            {2: TOO_FEW, 4: TOO_FEW, 8: UNDECIDED, 16: UNDECIDED, 32: UNCLEAR}
            | {64: UNDERTRAINED, 128: UNDERTRAINED, 256: UNDERTRAINED},
        ),
        (
            "studies/elbow",
            CIFAR10_32,
            2.44,
            {4: TOO_FEW, 8: TOO_FEW, 16: UNDECIDED, 32: State.LARGEST_KEPT}
            | {64: UNDERTRAINED, 128: UNDERTRAINED, 256: UNDERTRAINED},
        ),
        (
            "studies/elbow",
            CIFAR10_64,
            2.49,
            {4: TOO_FEW, 8: TOO_FEW, 16: UNDECIDED, 32: UNDECIDED, 64: UNCLEAR}
            | {128: UNDERTRAINED, 256: UNDERTRAINED},
        ),
    ],
    ids=["root MNIST", "root CIFAR-10", "sweep MNIST", "sweep CIFAR-10 32", "sweep CIFAR-10 64"],
)
def test_committed_sizes_have_these_states_and_margins(
    folder: str, settings: dict[str, object], margin: float, states: dict[int, State]
) -> None:
    found = judged(folder, settings)
    assert by_size(folder, settings, found.state) == states
    assert found.margin == pytest.approx(margin, abs=0.005)


def test_on_root_mnist_256_latents_are_not_better_than_128() -> None:
    found = judged("", NOTEBOOK)
    small, large = (metrics("", name).test_loss for name in ("mnist-z128", "mnist-z256"))
    oracle = ttest_ind(small, large, equal_var=False).confidence_interval(0.9).high
    assert by_size("", NOTEBOOK, found.excess_high)[128] == pytest.approx(oracle, rel=1e-12)
    assert by_size("", NOTEBOOK, found.rise)[256] == pytest.approx(1.08, abs=0.005)  # too little to be left out


def test_on_root_cifar10_bounds_are_those_of_welchs_test() -> None:
    found = judged("", CIFAR10_32)
    low = by_size("", CIFAR10_32, found.excess_low)
    assert (low[4], low[8]) == pytest.approx((69.1, 29.9), abs=0.05)
    high = by_size("", CIFAR10_32, found.excess_high)[8]
    names = by_size("", CIFAR10_32, series_of("", CIFAR10_32).members)
    eight, sixteen = (metrics("", names[size]).test_loss for size in (8, 16))
    assert high == pytest.approx(ttest_ind(eight, sixteen, equal_var=False).confidence_interval(0.9).high, rel=1e-12)


def test_on_the_sweeps_cifar10_16_latents_may_lose_13_nats() -> None:
    found = judged("studies/elbow", CIFAR10_32)
    assert by_size("studies/elbow", CIFAR10_32, found.excess_high)[16] == pytest.approx(13.05, abs=0.005)


def widths(folder: str) -> dict[int, Gain]:
    """The gain of 64 over 32 channels at each latent size that both have."""
    narrow, wide = (series_of(folder, settings) for settings in (CIFAR10_32, CIFAR10_64))
    margin = float(judged(folder, CIFAR10_32).margin)
    names = {
        size: (name, by_size(folder, CIFAR10_64, wide.members)[size])
        for size, name in by_size(folder, CIFAR10_32, narrow.members).items()
        if size in by_size(folder, CIFAR10_64, wide.members)
    }
    pairs = [
        NetworkPair(losses(folder, both, "test_loss"), losses(folder, both, "train_loss"), margin)
        for both in names.values()
    ]
    return dict(zip(names, judge_gains(pairs, LEVEL), strict=True))


def test_on_root_cifar10_doubling_the_channels_is_not_worth_having() -> None:
    assert list(widths("")) == [8]
    gain = widths("")[8]
    assert gain.worth is Worth.NO_GAIN
    assert (gain.gain, gain.upper) == pytest.approx((0.302, 0.894), abs=5e-4)
    assert gain.below == pytest.approx(0.00028, abs=5e-6)


def test_in_the_sweep_no_doubling_of_the_channels_is_decided() -> None:
    gains = widths("studies/elbow")
    assert list(gains) == [4, 8, 16, 32, 64, 128, 256]
    assert {gain.worth for gain in gains.values()} == {Worth.UNDECIDED}
    assert min(gain.below for gain in gains.values()) == pytest.approx(0.28, abs=0.005)
    assert min(gain.above for gain in gains.values()) == pytest.approx(0.41, abs=0.005)


def promised(folder: str, settings: dict[str, object]) -> dict[int, float]:
    """What twice the epochs would gain, by latent size."""
    gains = []
    for name in series_of(folder, settings).members:
        history = pd.read_csv(ROOT / folder / "plots" / name / "history.csv")
        gains.append(gain_of_doubling(history[history.split == "train"].groupby("epoch").loss.mean().tolist()))
    return by_size(folder, settings, gains)


def test_the_root_study_is_finished() -> None:
    assert promised("", NOTEBOOK) == pytest.approx({128: 1.37, 256: 1.52}, abs=0.005)
    cifar10 = [*promised("", CIFAR10_32).values(), *promised("", CIFAR10_64).values()]
    assert (min(cifar10), max(cifar10)) == pytest.approx((1.09, 1.25), abs=0.006)


@pytest.mark.parametrize("settings", [NOTEBOOK, CIFAR10_32, CIFAR10_64])
def test_the_sweep_is_unfinished_at_every_size_from_8_latents_on(settings: dict[str, object]) -> None:
    gains = promised("studies/elbow", settings)
    assert min(gain for size, gain in gains.items() if size >= 8) > judged("studies/elbow", settings).margin
