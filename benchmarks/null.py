"""Judge whole studies whose variants are all equal, where there is nothing to find. How often is anything claimed?

`python benchmarks/null.py` trains one small variant on real CIFAR-10 images many times (minutes, one thread), deals the
losses out to the variants of 200 studies of each kind, judges these as `compare` does, with a margin that is large or
small beside what seeds vary by, and writes docs/null-comparisons.md.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy.stats import binomtest  # type: ignore[import-untyped]
from tqdm import tqdm

from elbowroom.comparison.answer import size_answers, width_gains
from elbowroom.comparison.intervals import paired_interval
from elbowroom.comparison.pairs import comparisons
from elbowroom.core.dataset_settings import PublishedDataset
from elbowroom.core.params import load_study
from elbowroom.core.pixel_range import UNIT
from elbowroom.core.random_streams import Stream
from elbowroom.core.settings import Recipe, Study, VariantSettings
from elbowroom.datasets.images import Images, Split
from elbowroom.datasets.prepare import prepare
from elbowroom.results.families import families
from elbowroom.results.outcomes import Outcome, State, Worth
from elbowroom.results.rows import Baseline, BaselineRow
from elbowroom.results.schema import to_table
from elbowroom.results.tables import Measurements
from elbowroom.training.epochs import Epochs
from elbowroom.training.seed_run import SeedRun
from elbowroom.vae.objective import split_means, split_noise
from elbowroom.yardsticks.baselines import mean_image

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "null-comparisons.md"
SEEDS = 40
REPEATED, REPEATS = 12, 10  # the first seeds are trained this often, each time with other noise
TRAININGS = [(seed, repeat) for seed in range(SEEDS) for repeat in range(REPEATS if seed < REPEATED else 1)]
SIDE = 3  # seeds of a variant
STUDIES = 200  # of each kind
TRAIN_IMAGES, TEST_IMAGES = 1000, 500
METRICS = ("test_loss", "test_distortion", "test_rate")  # in place of loss, IWAE bound and FCD
NOISES = (0.25, 1.0, 2.0, 5.0)  # standard deviations of the losses over seeds, in margins; the last row has their own
SIZES = (2, 4, 8, 16, 32, 64, 128, 256)

SETTINGS = VariantSettings(
    dataset="cifar10",
    recipe="null",
    model="vae",
    network="report",
    channels=4,
    latent_dim=4,
    likelihood="bernoulli",
    pixel_range=UNIT,
    beta=1.0,
)
VARIANT = SETTINGS.with_layers(load_study(ROOT / "params.yaml").networks)
RECIPE = Recipe(epochs=2, batch_size=32, learning_rate=0.003, warmup_epochs=0, precision="high", seeds=[*range(SIDE)])


@dataclass(frozen=True, eq=False)
class Kind:
    """Studies of one shape. shared: whether their variants have the same seeds, so that these add the same to all."""

    name: str
    study: Study
    shared: bool


@dataclass(frozen=True)
class Claims:
    """Whether a study of equals claims anything false: by each rule, and by the one before, which adjusted nothing."""

    before: bool
    differs: bool
    too_few: bool
    undertrained: bool
    worth_having: bool

    @property
    def anything(self) -> bool:
        return self.differs or self.too_few or self.undertrained or self.worth_having


def read_images() -> Images:
    """Return the first images of CIFAR-10, without the files of a study."""
    arrays, header, _ = prepare(
        "cifar10", PublishedDataset(source="cifar10", train_images=TRAIN_IMAGES, test_images=TEST_IMAGES)
    )
    tensors = {key: torch.from_numpy(array) for key, array in arrays.items()}
    train, test = (Split(tensors[f"{split}_images"], tensors[f"{split}_labels"]) for split in ("train", "test"))
    return Images(train, test, header["classes"])  # type: ignore[arg-type]


def train(images: Images, trainings: Iterable[tuple[int, int]]) -> pd.DataFrame:
    """Train VARIANT for each seed and repeat, and return its losses with the final weights, nats per image.

    Repeats of a seed have the same initial weights and order of images, and other noise. The index is seed and repeat.
    """
    rows: list[dict[str, float | int | str]] = []
    for seed, repeat in tqdm(list(trainings), desc="trainings", disable=None):
        run = SeedRun(VARIANT, RECIPE, images, seed)
        run.sampling.manual_seed(2**31 + REPEATS * seed + repeat)
        epochs = Epochs([run])
        for _ in range(RECIPE.epochs):
            for _ in epochs.train():
                pass
        train, size = images.train.images, RECIPE.batch_size
        noise = split_noise(len(train), VARIANT.latent_dim, seed, Stream.TRAIN_NOISE, train.device)
        losses = split_means(VARIANT, run.network, train, noise, size).numbers(VARIANT.beta)
        test = next(row for row in reversed(run.history) if row["split"] == "test")
        row: dict[str, float | int | str] = {"seed": seed, "repeat": repeat, "train_loss": losses["loss"]}
        rows.append(row | {f"test_{term}": test[term] for term in ("loss", "distortion", "rate")})
    return pd.DataFrame(rows).set_index(["seed", "repeat"]).astype(float)


def kinds() -> list[Kind]:
    """Return the kinds of studies: the root study, and a sweep over eight sizes, a wider network, another recipe."""
    root = load_study(ROOT / "params.yaml")
    sizes = {f"z{size}": SETTINGS.model_copy(update={"latent_dim": size}) for size in SIZES}
    wider = sizes["z8"].model_copy(update={"channels": 8})
    other = sizes["z8"].model_copy(update={"recipe": "other"})
    sweep = root.model_copy(
        update={"variants": sizes | {"wider": wider, "other": other}, "recipes": {"null": RECIPE, "other": RECIPE}}
    )
    return [
        Kind(name, study, shared)
        for name, study in (("the root study", root), ("a sweep over 8 sizes", sweep))
        for shared in (False, True)
    ]


def deal(pool: pd.DataFrame, kind: Kind, rng: np.random.Generator) -> pd.DataFrame:
    """Give each variant of a study losses of three trainings, none twice.

    If seeds are shared, all variants have the same three, each of another repeat; otherwise each has seeds of its own.
    """
    count = len(kind.study.variants)
    numbers = pool.index.to_frame(index=False)
    if kind.shared:
        repeats = sorted(set(numbers.repeat))
        repeated = numbers.seed[numbers.repeat == repeats[-1]].to_numpy()
        seeds = np.tile(rng.choice(repeated, SIDE, replace=False), count)
        drawn = list(zip(seeds, np.repeat(rng.permutation(repeats)[:count], SIDE), strict=True))
    else:
        own = rng.permutation(numbers.seed[numbers.repeat == 0].to_numpy())[: SIDE * count]
        drawn = [(seed, 0) for seed in own]
    names = np.repeat(list(kind.study.variants), SIDE)
    losses = pool.loc[drawn].reset_index(drop=True)
    return losses.assign(variant=names, seed=[*range(SIDE)] * count, parameters=1, used_latents=np.nan)


def judge(study: Study, seeds: pd.DataFrame, mean_image_loss: float) -> Claims:
    """Judge a study as `compare` does. mean_image_loss: of the images that the losses are of."""
    nothing = pd.DataFrame(columns=["variant", "seed", "split", "epoch", "loss", "kl"])  # no judgement reads these
    baselines = mean_images(study, mean_image_loss)
    answers = size_answers(study, Measurements(seeds, nothing, nothing, nothing, baselines, nothing))
    differences = comparisons(study, seeds, METRICS)
    values = {name: rows.set_index("seed") for name, rows in seeds.groupby("variant")}
    paired = [paired_interval(values[row.variant][row.metric], values[row.against][row.metric]) for row in differences]
    states = {row.state for row in answers}
    return Claims(
        before=any(interval.p < 0.05 for interval in paired),
        differs=any(row.result in (Outcome.BETTER, Outcome.WORSE) for row in differences),
        too_few=State.TOO_FEW in states,
        undertrained=State.UNDERTRAINED in states,
        worth_having=any(row.worth is Worth.WORTH_HAVING for row in width_gains(study, seeds, answers)),
    )


def mean_images(study: Study, loss: float) -> pd.DataFrame:
    """Return a table of baselines that says this of the mean image in every family of a study."""
    row = BaselineRow(
        dataset="cifar10",
        baseline=Baseline.MEAN_IMAGE,
        likelihood="bernoulli",
        pixel_range=str(UNIT),
        train_loss=loss,
        test_loss=loss,
        test_distortion=loss,
    )
    return to_table(
        BaselineRow,
        [
            replace(row, dataset=family.dataset, likelihood=family.likelihood, pixel_range=family.pixel_range)
            for family in families(study)
        ],
    )


def judge_all(pool: pd.DataFrame, kind: Kind, mean_image_loss: float, count: int) -> list[Claims]:
    """Judge this many studies of a kind, drawn by NumPy's generator from seed 0."""
    rng = np.random.default_rng(0)
    return [judge(kind.study, deal(pool, kind, rng), mean_image_loss) for _ in range(count)]


DIFFERENCES: dict[str, Callable[[Claims], bool]] = {  # these know no margin
    "better or worse, before: paired, not adjusted": lambda found: found.before,
    "better or worse": lambda found: found.differs,
}
ANSWERS: dict[str, Callable[[Claims], bool]] = {
    "too few": lambda found: found.too_few,
    "undertrained": lambda found: found.undertrained,
    "worth having": lambda found: found.worth_having,
    "any of the four": lambda found: found.anything,
}


def rate(claimed: Sequence[bool]) -> str:
    """Return a cell: how many studies claim, and the 95 % interval of that share (Clopper and Pearson 1934), in %."""
    low, high = binomtest(sum(claimed), len(claimed)).proportion_ci()
    return f"{sum(claimed)} ({100 * low:.1f} to {100 * high:.1f} %)"


def correlation(pool: pd.DataFrame) -> float:
    """Return how much of the variance of the test loss two repeats of a seed share (one-way intraclass correlation)."""
    repeated = pool.test_loss[pool.groupby("seed").test_loss.transform("size") > 1].unstack("repeat")
    within = repeated.var(axis=1).mean()
    between = repeated.mean(axis=1).var() - within / repeated.shape[1]
    return float(between / (between + within))


def mean_image_for(losses: pd.Series, noise: float) -> float:
    """Return the loss of a mean image that makes these losses deviate by this many margins.

    The margin is 1 % of what the best model explains: this loss less the lowest one.
    """
    return float(losses.min() + losses.std() / noise / 0.01)


def row(rule: Callable[[Claims], bool], label: str, noise: str, judged: Mapping[Kind, Sequence[Claims]]) -> str:
    """Return a row of the table: how many studies of each kind claim something."""
    return f"| {label} | {noise} | {' | '.join(rate([rule(claims) for claims in own]) for own in judged.values())} |"


def shares(rule: Callable[[Claims], bool], judged: Mapping[Kind, Sequence[Claims]]) -> list[float]:
    """Return how many studies of each kind claim something, in % and ascending."""
    return sorted(100 * sum(map(rule, own)) / len(own) for own in judged.values())


def page(pool: pd.DataFrame, found: Mapping[float, Mapping[Kind, Sequence[Claims]]]) -> str:
    """Return the page.

    found: the claims of the studies of each kind, by noise in margins, ascending; the last is that of the losses.
    """
    losses = pool.test_loss.xs(0, level="repeat")
    own_noise, own = list(found.items())[-1]
    count = len(next(iter(own.values())))
    before, differs = (shares(rule, own) for rule in DIFFERENCES.values())
    most = {label: max(shares(rule, judged)[-1] for judged in found.values()) for label, rule in ANSWERS.items()}
    anything = [shares(ANSWERS["any of the four"], judged)[-1] for judged in found.values()]
    header = " | ".join(f"{kind.name}, {'the same seeds' if kind.shared else 'seeds of its own'}" for kind in own)
    rows = [row(rule, label, "any", own) for label, rule in DIFFERENCES.items()]
    rows += [
        row(rule, label, f"{noise:.3g}", judged) for label, rule in ANSWERS.items() for noise, judged in found.items()
    ]
    table = "\n".join(rows)
    return f"""# Studies of equals

A test of the report's words. Every variant of these studies is the same one, trained from other
seeds, so there is nothing to find: each "better", "worse", "too few", "undertrained" or "worth
having" is false. `compare` judges whole studies, and a study counts if it makes one such claim
anywhere. `python benchmarks/null.py` writes this page. The losses are those of real trainings.

## What holds

With `answer.level` at 0.95, each rule has a promise of its own:

- *Better*, *worse*: at most 5 % of studies say either by chance, however much seeds vary. All rows
  of a study are adjusted together. Here at most {differs[-1]:.1f} % do. With paired seeds throughout and no
  adjustment, {before[0]:.0f} to {before[-1]:.0f} % did.
- *Too few*: at most 5 % of the series of latent sizes. Several series are not adjusted together.
  Here up to {most["too few"]:.1f} % of studies say it.
- *Undertrained*: at most 5 % of the latent sizes. Several sizes are not adjusted together.
  Here up to {most["undertrained"]:.1f} % of studies say it.
- *Worth having*: at most 5 % of studies. All rows of the table of widths are adjusted together.
  Here up to {most["worth having"]:.1f} % of studies say it.

So more than 5 % of studies may claim *something* false. How many depends on the noise: the last three
claims must exceed the margin, 1 % of what the best model explains, and noise far below it makes
none of them. Of the worst kind of study, this share claims anything false:

| seeds vary by, in margins | {" | ".join(f"{noise:.3g}" for noise in found)} |
|---|{"--:|" * len(found)}
| any of the four | {" | ".join(f"{share:.1f} %" for share in anything)} |

Seeds of the root study and of `studies/room` vary by less than half a margin, and by about one with the
continuous Bernoulli likelihood.

## Counts

| false claims | seeds vary by, in margins | {header} |
|---|--:|{"--:|" * len(own)}
{table}

Each cell is the number of studies, of {count}, and the 95 % interval of their share. These studies
share {len(pool)} trainings, so they are not independent: more of them would not tell the rate more closely.
All rows have the same losses, which vary by {own_noise:.3g} margins of their own. In the other rows the
margin is set to what the row says.

## What was trained

- *Variant*: {VARIANT.dataset}, network {VARIANT.network}, channels {VARIANT.channels}, latent_dim \
{VARIANT.latent_dim}, {VARIANT.likelihood}, beta {VARIANT.beta:g}.
- *Training*, a small budget: the first {TRAIN_IMAGES:,} images, {RECIPE.epochs} epochs, batches of \
{RECIPE.batch_size}, learning rate {RECIPE.learning_rate:g}.
- *Losses*: nats per image, of the first {TEST_IMAGES:,} test images with the final weights. Distortion and rate
  stand in for the IWAE bound and FCD, so that a study has as many rows as it really has.
- *Seeds*: {len(losses)}. Mean loss {losses.mean():.2f}, standard deviation {losses.std():.2f}, \
from {losses.min():.2f} to {losses.max():.2f}.
- *Studies*: the root study has {len(next(iter(own)).study.variants)} variants. The sweep has 8 latent sizes, a \
wider network and another recipe.
  Each variant has {SIDE} trainings, drawn by NumPy's generator from seed 0, none twice in a study.
- *Seeds of its own*: no variant has a seed of another one. *The same seeds*: all variants have the
  same {SIDE}, so that a seed gives all of them the same initial weights and the same order of images,
  and only the noise differs. Two such trainings share {100 * correlation(pool):.0f} % of the variance of their loss. \
Real variants
  share less: only those that differ in their recipe or beta alone have the same initial weights.
"""


def main() -> None:
    torch.set_num_threads(1)
    images = read_images()
    pixels = (split.images.flatten(1) for split in (images.train, images.test))
    baselines = mean_image(VARIANT.dataset, *pixels)
    constant = next(row.test_loss for row in baselines if row.likelihood == VARIANT.likelihood)
    pool = train(images, TRAININGS)
    losses = pool.test_loss.xs(0, level="repeat")
    own = float(losses.std() / (0.01 * (constant - losses.min())))
    found = {
        noise: {kind: judge_all(pool, kind, mean_image_for(losses, noise), STUDIES) for kind in kinds()}
        for noise in (*NOISES, own)
    }
    PAGE.write_text(page(pool, found), encoding="utf-8")
    print(f"{PAGE}: written")


if __name__ == "__main__":
    main()
