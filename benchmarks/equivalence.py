"""The page of benchmarks/precision.py: results of trainings in two precisions, the test of equivalence, the words."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd

from elbowroom.comparison.intervals import Interval, paired_interval

FLOAT32, BF16 = "high", "bf16"
PRECISIONS = (FLOAT32, BF16)
NAMES = {FLOAT32: "float32", BF16: "bfloat16"}  # on a CPU
DATASETS = {"mnist": "MNIST", "cifar10": "CIFAR-10"}
EPOCHS = {"mnist-z128": 10, "mnist-z256": 3, "cifar10-z16-c32": 10}  # of variants of the root study
SMALL, LARGE = "mnist-z128", "mnist-z256"  # two sizes, whose difference is compared after the epochs of the larger
SEEDS = range(5)
MARGIN = 0.25  # nats per image
LEVEL = 0.9  # of the interval: the two one-sided tests have a level of 5 % each


@dataclass(frozen=True)
class Training:
    """A seed trained in one precision. loss, rate: of the test split after each epoch, nats per image."""

    variant: str
    seed: int
    precision: str
    code: str
    machine: str
    seconds: float
    loss: list[float]
    rate: list[float]

    @property
    def key(self) -> tuple[str, int, str]:
        return self.variant, self.seed, self.precision


@dataclass(frozen=True)
class Gradients:
    """How far gradients in bfloat16 are from those in float32, with the weights after `epoch` epochs.

    relative_error, cosine: means over the draws. error_of_mean: the relative error of the mean gradient.
    """

    variant: str
    epoch: int
    code: str
    machine: str
    draws: int
    relative_error: float
    cosine: float
    error_of_mean: float

    @property
    def key(self) -> tuple[str, int]:
        return self.variant, self.epoch


@dataclass(frozen=True)
class Raw:
    """All that was measured, each training and each comparison of gradients once."""

    gradients: list[Gradients]
    trainings: list[Training]

    def with_rows(self, rows: Iterable[Training | Gradients]) -> "Raw":
        """Return these results with `rows` in place of older ones of the same, in order."""
        trainings, gradients = {t.key: t for t in self.trainings}, {g.key: g for g in self.gradients}
        for row in rows:
            if isinstance(row, Training):
                trainings[row.key] = row
            else:
                gradients[row.key] = row
        return Raw([gradients[key] for key in sorted(gradients)], [trainings[key] for key in sorted(trainings)])

    def epoch_seconds(self) -> dict[tuple[str, str], float]:
        """Return the median seconds of an epoch, by variant and precision."""
        found: dict[tuple[str, str], list[float]] = {}
        for t in self.trainings:
            found.setdefault((t.variant, t.precision), []).append(t.seconds / len(t.loss))
        return {key: float(np.median(seconds)) for key, seconds in found.items()}

    def pairs(self, variant: str, epoch: int, term: str) -> pd.DataFrame:
        """Return a term after an epoch: a column for each precision, a row for each seed that has both.

        Both must be of the same code and machine.
        """
        known = {t.key: t for t in self.trainings if len(t.loss) >= epoch}
        rows: dict[int, list[float]] = {}
        for seed in SEEDS:
            pair = [known[key] for p in PRECISIONS if (key := (variant, seed, p)) in known]
            if len(pair) == 2 and len({(t.code, t.machine) for t in pair}) == 1:
                rows[seed] = [getattr(t, term)[epoch - 1] for t in pair]
        return pd.DataFrame.from_dict(rows, orient="index", columns=[*PRECISIONS], dtype=float)


class Verdict(StrEnum):
    """What a row comes to. A dataset comes to the first of these that one of its rows comes to."""

    TOO_FEW = "no verdict yet"
    DIFFERENT = "different"
    NOT_SHOWN = "not shown"
    EQUIVALENT = "equivalent"


def verdict(found: Interval) -> Verdict:
    """Judge a mean difference by its interval of LEVEL. Inside the margin: two one-sided tests (Schuirmann 1987)."""
    if found.seeds < len(SEEDS):
        return Verdict.TOO_FEW
    if found.low > -MARGIN and found.high < MARGIN:
        return Verdict.EQUIVALENT
    return Verdict.DIFFERENT if found.low > MARGIN or found.high < -MARGIN else Verdict.NOT_SHOWN


@dataclass(frozen=True)
class Comparison:
    """A row of the table. float32, bfloat16: means over the seeds. found: bfloat16 less float32."""

    dataset: str
    what: str
    epochs: int
    float32: float
    bfloat16: float
    found: Interval


def comparisons(raw: Raw) -> list[Comparison]:
    """Compare loss and rate of each variant, and then of the two sizes."""
    rows = []
    for variant, smaller in (*((name, None) for name in EPOCHS), (LARGE, SMALL)):
        for term in ("loss", "rate"):
            pairs = raw.pairs(variant, EPOCHS[variant], term)
            if smaller:
                pairs = (pairs - raw.pairs(smaller, EPOCHS[variant], term)).dropna()
            what = f"{term} of {variant}" + (f" less that of {smaller}" if smaller else "")
            found = paired_interval(pairs[BF16], pairs[FLOAT32], LEVEL)
            means = pairs[FLOAT32].mean(), pairs[BF16].mean()
            rows.append(Comparison(variant.partition("-")[0], what, EPOCHS[variant], *means, found))
    return sorted(rows, key=lambda row: [*DATASETS].index(row.dataset))


def conclusion(dataset: str, rows: Sequence[Comparison]) -> str:
    """Say what the rows of a dataset come to."""
    verdicts = [verdict(row.found) for row in rows]
    worst = next(each for each in Verdict if each in verdicts)
    number = f"{verdicts.count(worst)} of {len(rows)} differences"
    words = {
        Verdict.TOO_FEW: f"{min(row.found.seeds for row in rows)} of {len(SEEDS)} seeds are trained in both.",
        Verdict.DIFFERENT: f"{number} are beyond {MARGIN:g} nats. Train in float32.",
        Verdict.NOT_SHOWN: f"{number} may be beyond {MARGIN:g} nats. Train in float32.",
        Verdict.EQUIVALENT: f"{number} are within {MARGIN:g} nats. Recipes may say `bf16`.",
    }
    return f"**{DATASETS[dataset]}: {worst}.** {words[worst]}"


def _cells(row: Comparison) -> list[str]:
    found = row.found
    seeds = f"{found.seeds}" if found.seeds >= len(SEEDS) else f"{found.seeds} of {len(SEEDS)}"
    means = [f"{value:.3f}" if found.seeds else "" for value in (row.float32, row.bfloat16)]
    difference = f"{found.difference:+.3f}" if found.seeds else ""
    interval = f"{found.low:+.3f} to {found.high:+.3f}" if found.seeds > 1 else ""
    return [row.what, str(row.epochs), seeds, *means, difference, interval, verdict(found)]


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---", *["--:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _gradient_cells(row: Gradients) -> list[str]:
    weights = f"after {row.epoch} epoch" if row.epoch else "initial"
    numbers = f"{row.relative_error:.4f}", f"{row.cosine:.6f}", f"{row.error_of_mean:.4f}"
    return [row.variant, weights, str(row.draws), *numbers]


def _origins(raw: Raw) -> str:
    """Say where it was measured, and whether by one version of the code."""
    rows: list[Training | Gradients] = [*raw.gradients, *raw.trainings]
    if not rows:
        return "Nothing was measured yet."
    mixed = [name for name in EPOCHS if len({row.code for row in rows if row.variant == name}) > 1]
    code = f"Code or settings changed between pairs of {', '.join(mixed)}, never within a pair." if mixed else ""
    machines = "; ".join(sorted({row.machine for row in rows}))
    return f"Measured on {machines}; one thread a training. {code}".rstrip()


def page(raw: Raw) -> str:
    """Return docs/precision.md."""
    rows = comparisons(raw)
    verdicts = "\n".join(
        conclusion(dataset, [row for row in rows if row.dataset == dataset]) + "\\" * (dataset != [*DATASETS][-1])
        for dataset in DATASETS
    )
    header = ["", "epochs", "seeds", "float32", "bfloat16", "difference", f"{100 * LEVEL:g} % interval", "verdict"]
    gradients = _table(
        ["variant", "weights", "draws", "relative error", "cosine", "relative error of the mean gradient"],
        map(_gradient_cells, raw.gradients),
    )
    return f"""# Does bfloat16 cost anything?

With `precision: bf16` a recipe's layers compute in bfloat16, which is faster and keeps 8 bits of
each number; float32 keeps 24. `python benchmarks/precision.py` trains each seed in both and writes
this page. The two trainings of a seed have the same initial weights, order of images and noise.

{verdicts}

{_table(header, map(_cells, rows))}

Nats per image on the test split, after the last epoch, means over seeds. Losses are measured in
float32, whatever a training computes in. The difference is bfloat16 less float32. Its interval is
the paired t interval over seeds.

{_origins(raw)}

## How it is judged

- *Equivalent*: the interval is within {MARGIN:g} nats of 0. These are two one-sided tests of
  {100 * (1 - LEVEL) / 2:g} % each (Schuirmann 1987).
- *Different*: the interval is beyond {MARGIN:g} nats. *Not shown*: anything else.
- Fewer than {len(SEEDS)} seeds give no verdict. The number was set before anything was trained.
- A dataset is equivalent only if all of its rows are, so nothing is adjusted for their number.
- The margin is the same for both datasets, because the report compares losses in nats. It is less
  than what the report neglects: 1 % of what the best size explains, more than a nat in both
  ([ADR 12](adr/0012-the-answer.md)).

## Gradients with the same weights

{gradients if raw.gradients else "Nothing was measured yet."}

Gradients in bfloat16 against those in float32, for the same batches of training images and the same
noise: means over draws, each of another batch. What of the error does not cancel out over the draws
is in the last column.
"""
