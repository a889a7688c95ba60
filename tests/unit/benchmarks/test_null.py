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


def test_a_quiet_margin_is_four_deviations(pool: pd.DataFrame) -> None:
    losses = pool.test_loss.xs(0, level="repeat")
    assert 0.01 * (null.quiet(losses) - losses.min()) == pytest.approx(4 * losses.std())


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
    page = null.page(pool, 2100.0, found, quiet)
    assert '**Of 50 studies of each kind, at most 3 (6.0 %) say "better" or "worse" of any two variants.**' in page
    assert f"| too few | 2 (0.5 to 13.7 %) | 0 (0.0 to {100 * (1 - 0.025 ** (1 / 50)):.1f} %) |" in page
    assert "| any of the four | 5 (" in page
    assert "0 to 6 % did" in page
    assert "at most 1 (2.0 %) claim anything false at all" in page
    assert f"share {100 * null.correlation(pool):.0f} % of the variance" in page
    assert max(len(line) for line in page.splitlines() if not line.startswith("|")) <= 120


def test_the_shared_part_of_the_variance_is_that_of_an_analysis_of_variance() -> None:
    """Means of 1 and 11 have variance 50, of which half of the variance within, 2, is noise: 49 of 49 + 2."""
    index = pd.MultiIndex.from_tuples([(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)], names=["seed", "repeat"])
    losses = pd.DataFrame({"test_loss": [0.0, 2.0, 10.0, 12.0, 99.0]}, index=index)
    assert null.correlation(losses) == pytest.approx(49 / 51)


def test_of_the_committed_pages_studies_at_most_one_in_twenty_claims_what_is_false() -> None:
    page = (ROOT / "docs/null-comparisons.md").read_text()
    (count,) = map(int, re.findall(r"Of (\d+) studies of each kind", page))
    assert count == 200
    for rule in ("| **better or worse** |", "| any of the four, if seeds vary by a quarter of the margin |"):
        (row,) = (line for line in page.splitlines() if line.startswith(rule))
        said = [int(cell.split()[0]) for cell in row.split("|")[2:-1]]
        assert len(said) == len(KINDS)
        assert max(said) <= count / 20
