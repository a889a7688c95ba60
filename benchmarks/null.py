"""Compare a variant with itself on other seeds, where there is nothing to find. How often is one "better"?

`python benchmarks/null.py` trains a small variant on real CIFAR-10 images (minutes, one thread) and writes
docs/null-comparisons.md. Losses are those of `training.loop.train`, intervals and outcomes those of
`comparison.intervals`.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from elbowroom.comparison.intervals import outcome, paired_interval
from elbowroom.core.settings import Dataset, Recipe, Variant
from elbowroom.datasets import archives
from elbowroom.datasets.images import Images, Split
from elbowroom.datasets.prepare import prepare
from elbowroom.training.loop import train as train_seeds

PAGE = Path(__file__).parent.parent / "docs" / "null-comparisons.md"
SEEDS = range(40)
SIDE = 3  # seeds on each side of a comparison
COMPARISONS = 20
RESAMPLINGS = 2000
TRAIN_IMAGES, TEST_IMAGES = 1000, 500

VARIANT = Variant(
    dataset="cifar10",
    recipe="null",
    model="vae",
    network="report",
    channels=4,
    latent_dim=4,
    likelihood="bernoulli",
    pixel_range=[0, 1],
    beta=1.0,
)
RECIPE = Recipe(
    epochs=2, batch_size=32, learning_rate=0.003, warmup_epochs=0, precision="high", seeds=[0]
)  # `train` is told the seed


def read_images() -> Images:
    """Return the first images of CIFAR-10, without the files of a study."""
    arrays, _ = prepare("cifar10", Dataset(train_images=TRAIN_IMAGES, test_images=TEST_IMAGES))
    tensors = {key: torch.from_numpy(array) for key, array in arrays.items()}
    train, test = (Split(tensors[f"{split}_images"], tensors[f"{split}_labels"]) for split in ("train", "test"))
    return Images(train, test, archives.CIFAR10_CLASSES)


def train(images: Images, seeds: Sequence[int]) -> pd.Series:
    """Train, and return the test loss of each seed after its last epoch: nats per image, seeds in the index."""
    losses = {}
    for seed in tqdm(seeds, desc="seeds", disable=None):
        with tqdm(disable=True) as progress:
            (result,) = train_seeds(VARIANT, RECIPE, images, [seed], progress)
        losses[seed] = next(row["loss"] for row in reversed(result.history) if row["split"] == "test")
    return pd.Series(losses, dtype=float)


def compare_nulls(losses: pd.Series, count: int, rng: np.random.Generator) -> pd.DataFrame:
    """Make `count` comparisons of drawn seeds with other drawn seeds, none on both sides, paired in that order.

    Columns: seeds and others (texts), difference, low, high (nats per image) and result.
    """
    rows = []
    for _ in range(count):
        drawn = rng.permutation(losses.index.to_numpy())[: 2 * SIDE]
        seeds, others = drawn[:SIDE], drawn[SIDE:]
        interval = paired_interval(losses[seeds].reset_index(drop=True), losses[others].reset_index(drop=True))
        names = (", ".join(str(seed) for seed in side) for side in (seeds, others))
        rows.append((*names, interval.difference, interval.low, interval.high, outcome(interval)))
    return pd.DataFrame(rows, columns=["seeds", "others", "difference", "low", "high", "result"])


def page(losses: pd.Series, shown: pd.DataFrame, many: pd.DataFrame) -> str:
    """Return the page: `shown` as a table, and the rates of `many`."""
    better, worse = ((shown.result == claim).sum() for claim in ("better", "worse"))
    better_percent, worse_percent = (100 * (many.result == claim).mean() for claim in ("better", "worse"))
    table = "\n".join(
        f"| {n} | {r.seeds} | {r.others} | {r.difference:+.2f} | {r.low:+.2f} to {r.high:+.2f} | {r.result} |"
        for n, r in enumerate(shown.itertuples(), 1)
    )
    return f"""# A variant against itself

A test of the report's words. The same variant stands on both sides of these comparisons, trained from other seeds, so
there is nothing to find: each "better" or "worse" is false. The rule says them where the 95 % paired t interval over
seeds excludes 0, which by chance should happen in one comparison of twenty, half of them each way.

`python benchmarks/null.py` writes this page. The numbers come from training on real images; none is simulated.

- Variant: {VARIANT.dataset}, network {VARIANT.network}, channels {VARIANT.channels}, latent_dim {VARIANT.latent_dim}, \
{VARIANT.likelihood}, beta {VARIANT.beta:g}.
- Training, a small budget: the first {TRAIN_IMAGES:,} images, {RECIPE.epochs} epochs, batches of {RECIPE.batch_size}, \
learning rate {RECIPE.learning_rate:g}.
- Compared: the test loss after the last epoch, nats per image, of the first {TEST_IMAGES:,} test images.
- Seeds: {len(losses)} ({losses.index.min()} to {losses.index.max()}). Mean loss {losses.mean():.2f}, standard \
deviation {losses.std():.2f}, from {losses.min():.2f} to {losses.max():.2f}.
- Each comparison: {SIDE} seeds against {SIDE} others, drawn by NumPy's generator from seed 0, paired as listed.

**Of {len(shown)} comparisons, "better" is claimed in {better}, "worse" in {worse}.**

| | seeds | other seeds | difference | 95 % interval | wording |
|--:|---|---|--:|---|---|
{table}

## The rate

Drawn {len(many):,} times, a difference is claimed in {better_percent + worse_percent:.1f} % \
(better {better_percent:.1f} %, worse {worse_percent:.1f} %, each rounded), beside the nominal 5 %.
These draws share {len(losses)} trainings, so they are not independent: more of them would tell the rate among these
{len(losses)} losses more closely, not that of all seeds.

In a study the two of a pair share a seed, and with it the order of the images; here they cannot. Sharing it can
narrow the interval; how often a difference is claimed by chance stays as it is.
"""


def main() -> None:
    torch.set_num_threads(1)
    losses = train(read_images(), SEEDS)
    rng = np.random.default_rng(0)
    shown, many = (compare_nulls(losses, count, rng) for count in (COMPARISONS, RESAMPLINGS))
    PAGE.write_text(page(losses, shown, many), encoding="utf-8")
    print(f"{PAGE}: {shown.result.value_counts().to_dict()}, of many {many.result.value_counts().to_dict()}")


if __name__ == "__main__":
    main()
