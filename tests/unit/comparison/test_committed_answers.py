"""What the rules say of the committed results of the root study and of the sweep in studies/room."""

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


ROOM = "studies/room"
CIFAR10_32, CIFAR10_64 = REPORT | {"channels": 32}, REPORT | {"channels": 64}


@pytest.mark.parametrize(
    ("folder", "settings", "margin", "states"),
    [
        ("", NOTEBOOK, 1.59, {128: ENOUGH, 256: ROOMY}),
        ("", CIFAR10_32, 2.74, {4: TOO_FEW, 8: TOO_FEW, 16: LARGEST}),
        (
            ROOM,
            NOTEBOOK,
            1.59,
            {4: TOO_FEW, 8: TOO_FEW, 12: UNDECIDED, 16: ENOUGH, 24: ROOMY, 32: ROOMY}
            | {64: UNDERTRAINED, 128: UNDERTRAINED, 256: UNDERTRAINED},
        ),
        (
            ROOM,
            CIFAR10_32,
            2.94,
            {4: TOO_FEW, 8: TOO_FEW, 16: TOO_FEW, 24: TOO_FEW, 32: UNDECIDED, 48: ENOUGH, 64: ROOMY, 128: ROOMY},
        ),
        (ROOM, CIFAR10_64, 2.95, {8: TOO_FEW, 16: TOO_FEW, 32: UNDECIDED, 64: LARGEST}),
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


def test_in_the_sweep_48_latents_lose_less_than_the_margin_against_the_best_larger_size() -> None:
    found, members = judged(ROOM, CIFAR10_32), by_size(ROOM, CIFAR10_32, series_of(ROOM, CIFAR10_32).members)
    losses_of = {size: metrics(ROOM, members[size]).test_loss for size in (48, 64, 128)}
    oracles = [
        ttest_ind(losses_of[48], losses_of[size], equal_var=False).confidence_interval(0.9).high for size in (64, 128)
    ]
    high = by_size(ROOM, CIFAR10_32, found.excess_high)[48]
    assert high == pytest.approx(max(oracles), rel=1e-12)
    assert high < found.margin


def widths(folder: str, *channels: int) -> dict[tuple[int, int], Gain]:
    """What twice these channels gain at each latent size that both widths have: (channels, latent size) -> gain."""
    pairs = {}
    for number in channels:
        narrow, wide = ({**REPORT, "channels": width} for width in (number, 2 * number))
        margin = float(judged(folder, narrow).margin)
        wider = by_size(folder, wide, series_of(folder, wide).members)
        for size, name in by_size(folder, narrow, series_of(folder, narrow).members).items():
            if size in wider:
                test, train = (losses(folder, (name, wider[size]), f"{split}_loss") for split in ("test", "train"))
                pairs[number, size] = NetworkPair(test, train, margin)
    return dict(zip(pairs, judge_gains(list(pairs.values()), LEVEL), strict=True))


def test_on_root_cifar10_doubling_the_channels_is_not_worth_having() -> None:
    ((pair, gain),) = widths("", 32).items()
    assert pair == (32, 8)
    assert gain.worth is Worth.NO_GAIN
    assert (gain.gain, gain.upper) == pytest.approx((0.302, 0.894), abs=5e-4)
    assert gain.below == pytest.approx(0.00028, abs=5e-6)


def test_in_the_sweep_doubling_the_channels_is_not_worth_having_with_few_latents() -> None:
    gains = widths(ROOM, 16, 32)
    assert len(gains) == 8
    assert {pair for pair, gain in gains.items() if gain.worth is Worth.NO_GAIN} == {(16, 8), (32, 8), (32, 16)}
    assert {gain.worth for gain in gains.values()} == {Worth.NO_GAIN, Worth.UNDECIDED}


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


@pytest.mark.parametrize("settings", [CIFAR10_32, CIFAR10_64])
def test_the_sweep_of_cifar10_is_finished(settings: dict[str, object]) -> None:
    assert max(promised(ROOM, settings).values()) < judged(ROOM, settings).margin


def test_in_the_sweep_of_mnist_more_latents_have_more_training_left() -> None:
    gains = [promised(ROOM, NOTEBOOK)[size] for size in (16, 24, 32, 64, 128, 256)]
    assert gains == sorted(gains)
    assert gains[3] < judged(ROOM, NOTEBOOK).margin < gains[4]
