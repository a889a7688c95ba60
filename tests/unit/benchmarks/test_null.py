"""Studies of equals: "better" and "worse" are seldom claimed anywhere in one."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from benchmarks import null
from elbowroom.datasets.images import Images
from tests.support import ROOT

NOTHING = null.Claims(before=False, differs=False, too_few=False, undertrained=False, worth_having=False)
KINDS = null.kinds()


@pytest.fixture(scope="module")
def trained(small: dict[str, Images]) -> pd.DataFrame:
    """Two real trainings of each of two seeds."""
    return null.train(small["cifar10"], [(0, 0), (0, 1), (1, 0), (1, 1)])


@pytest.fixture(scope="module")
def pool() -> pd.DataFrame:
    """Made-up losses of as many trainings as the page has: those of a seed share most of what they deviate by."""
    rng = np.random.default_rng(0)
    index = pd.MultiIndex.from_tuples(null.TRAININGS, names=["seed", "repeat"])
    shared, own = rng.normal(0, 3, null.SEEDS), rng.normal(0, 1, len(index))
    losses = 2000 + shared[index.get_level_values("seed")] + own
    return pd.DataFrame({"train_loss": losses, **dict.fromkeys(null.METRICS, losses)}, index=index)


def test_a_repeat_differs_in_its_noise_alone(trained: pd.DataFrame) -> None:
    assert len(set(trained.test_loss)) == 4
    assert trained.test_loss.to_numpy() == pytest.approx((trained.test_distortion + trained.test_rate).to_numpy())
    losses = trained.test_loss.unstack("repeat").sort_index()
    assert (losses[0] - losses[1]).abs().max() < (losses.loc[0] - losses.loc[1]).abs().max()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.name}, {'shared' if kind.shared else 'own'}")
def test_a_study_of_equals_has_losses_of_the_pool_none_twice(pool: pd.DataFrame, kind: null.Kind) -> None:
    dealt = null.deal(pool, kind, np.random.default_rng(0))
    assert list(dealt.variant.unique()) == list(kind.study.variants)
    assert (dealt.groupby("variant").seed.apply(list).map(str) == "[0, 1, 2]").all()
    assert dealt.test_loss.is_unique
    found = pool.reset_index().set_index("test_loss").loc[dealt.test_loss]
    assert found.seed.nunique() == (3 if kind.shared else len(dealt))
    if kind.shared:  # row by row the same seeds: a variant's first loss has the seed of every other's first loss
        assert (found.seed.to_numpy().reshape(-1, 3) == found.seed.to_numpy()[:3]).all()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.name}, {'shared' if kind.shared else 'own'}")
def test_equals_are_seldom_said_to_differ(pool: pd.DataFrame, kind: null.Kind) -> None:
    judged = null.judge_all(pool, kind, mean_image_loss=2100.0, count=20)
    assert sum(claims.differs for claims in judged) <= 3
    assert sum(claims.before for claims in judged) >= 3


@pytest.mark.parametrize("noise", null.NOISES)
def test_losses_vary_by_as_many_margins_as_asked(pool: pd.DataFrame, noise: float) -> None:
    losses = pool.test_loss.xs(0, level="repeat")
    margin = 0.01 * (null.mean_image_for(losses, noise) - losses.min())
    assert losses.std() / margin == pytest.approx(noise)


def test_real_differences_are_found(pool: pd.DataFrame) -> None:
    sweep = next(kind for kind in KINDS if "wider" in kind.study.variants)
    dealt = null.deal(pool, sweep, np.random.default_rng(0))
    dealt.loc[dealt.variant == "z2", [*null.METRICS, "train_loss"]] += 1000
    dealt.loc[dealt.variant == "wider", [*null.METRICS, "train_loss"]] -= 1000
    claims = null.judge(sweep.study, dealt, mean_image_loss=5000.0)
    assert (claims.differs, claims.too_few, claims.worth_having) == (True, True, True)


def test_the_page_counts_the_studies_that_claim(pool: pd.DataFrame) -> None:
    """The interval is that of Clopper and Pearson: with none of 50, its upper end is 1 - 0.025^(1/50)."""
    claiming = [replace(NOTHING, differs=True, before=True)] * 3 + [replace(NOTHING, too_few=True)] * 2
    found = {KINDS[0]: claiming + [NOTHING] * 45, KINDS[1]: [NOTHING] * 50}
    quiet = {kind: [replace(NOTHING, undertrained=True)] + [NOTHING] * 49 for kind in found}
    page = null.page(pool, {0.25: quiet, 7.0: found})
    assert "Here at most 6.0 % do." in page
    assert f"| too few | 7 | 2 (0.5 to 13.7 %) | 0 (0.0 to {100 * (1 - 0.025 ** (1 / 50)):.1f} %) |" in page
    assert "| undertrained | 0.25 | 1 (" in page
    assert "| any of the four | 7 | 5 (" in page
    assert "| any of the four | 2.0 % | 10.0 % |" in page
    assert "0 to 6 % did" in page
    assert f"share {100 * null.correlation(pool):.0f} % of the variance" in page
    assert max(len(line) for line in page.splitlines() if not line.startswith("|")) <= 120


def test_the_shared_part_of_the_variance_is_that_of_an_analysis_of_variance() -> None:
    """Means of 1 and 11 have variance 50, of which half of the variance within, 2, is noise: 49 of 49 + 2."""
    index = pd.MultiIndex.from_tuples([(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)], names=["seed", "repeat"])
    losses = pd.DataFrame({"test_loss": [0.0, 2.0, 10.0, 12.0, 99.0]}, index=index)
    assert null.correlation(losses) == pytest.approx(49 / 51)


def counts(page: str, label: str, noise: str) -> list[int]:
    """How many studies of each kind claim something, by the page."""
    (row,) = (line for line in page.splitlines() if line.startswith(f"| {label} | {noise} |"))
    return [int(cell.split()[0]) for cell in row.split("|")[3:-1]]


def test_of_the_committed_pages_studies_at_most_one_in_twenty_says_better_or_worse() -> None:
    page = (ROOT / "docs/null-comparisons.md").read_text()
    assert "number of studies, of 200," in page
    assert len(counts(page, "better or worse", "any")) == len(KINDS)
    assert max(counts(page, "better or worse", "any")) <= 200 / 20


def test_the_committed_page_counts_every_claim_at_every_noise() -> None:
    """At a quarter of the margin, which is as the root study's seeds vary, at most one in twenty claims anything."""
    page = (ROOT / "docs/null-comparisons.md").read_text()
    (own,) = re.findall(r"which vary by ([\d.]+) margins", page)
    noises = [f"{noise:.3g}" for noise in null.NOISES] + [own]
    *single, anything = (np.array([counts(page, label, noise) for noise in noises]) for label in null.ANSWERS)
    assert anything.shape == (5, len(KINDS))
    assert anything[0].max() <= 200 / 20
    assert (anything >= np.max(single, axis=0)).all()
    assert (anything <= np.sum(single, axis=0) + counts(page, "better or worse", "any")).all()
