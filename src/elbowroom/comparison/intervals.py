"""How sure a number is: intervals over seeds, and the words that they allow.

Every interval is a t interval over seeds, each seed one independent training, and is of one comparison: of many between
equals, one in twenty excludes 0 by chance.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, product
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import stdtrit  # type: ignore[import-untyped]  # scipy.stats takes long to import

from elbowroom.core.settings import Study, Variant

FAMILY = ("dataset", "model", "likelihood", "pixel_range")  # within one, a loss means the same
SETTINGS = [name for name in Variant.model_fields if name not in FAMILY]
OF_BETA = ("test_loss", "train_loss")  # another quantity where beta differs
COLUMNS = ["dataset", "variant", "against", "metric", "difference", "low", "high", "seeds", "result"]
NO_ELBOW = "no elbow within the sizes tried"
STEPS = 1000  # places tried for the breakpoint


class Interval(NamedTuple):
    """A mean difference with its interval, in the metric's unit, and how many seeds they are of.

    low and high are nan with fewer than 2 seeds, and difference too with none.
    """

    difference: float
    low: float
    high: float
    seeds: int


def paired_interval(ours: pd.Series, other: pd.Series, level: float = 0.95) -> Interval:
    """Mean of ours - other and its paired t interval (Student 1908), over the seeds that both have a number for.

    ours, other: a value for each seed, seeds in the index, in any order. level: the share of such intervals that hold
    the true mean, where differences are normal. Differences that are all the same give an interval of no width. Raises
    ValueError where a seed stands twice.
    """
    for series in (ours, other):
        if not series.index.is_unique:
            raise ValueError(f"found seeds {list(series.index)}, expected every seed once")
    return _t_interval((ours - other).dropna().to_numpy(float), level)


def _t_interval(values: np.ndarray, level: float = 0.95) -> Interval:
    """Of the mean of independent values (N,)."""
    count = len(values)
    if count < 2:
        return Interval(float(values[0]) if count else np.nan, np.nan, np.nan, count)
    mean = float(values.mean())
    deviation = float(values.std(ddof=1)) if np.ptp(values) else 0.0  # rounding of the mean is no deviation
    margin = float(stdtrit(count - 1, (1 + level) / 2)) * deviation / count**0.5
    return Interval(mean, mean - margin, mean + margin, count)


def wording(interval: Interval, lower_is_better: bool = True) -> str:
    """What may be said of ours against the other: "better" or "worse" only where the interval excludes 0."""
    if interval.seeds < 2:
        return "one seed, no interval" if interval.seeds else "no seed in common"
    if interval.low > 0:
        return "worse" if lower_is_better else "better"
    if interval.high < 0:
        return "better" if lower_is_better else "worse"
    return "no difference measured"


def comparisons(study: Study, seeds: pd.DataFrame, metrics: Mapping[str, bool]) -> pd.DataFrame:
    """Variants that differ in one setting, each against the other over seeds: COLUMNS, a row for each pair and metric.

    seeds: a row for each variant and seed, columns variant, seed and the metrics. metrics: column -> whether lower is
    better. `difference` is variant - against, in the metric's unit; `result` is its wording.

    Only variants of a family are paired (the same dataset, model, likelihood and pixel range), and those that differ in
    exactly one of the other settings, the recipe being one. Of a setting that is a number, only neighbours are, the
    larger against the smaller; of latent sizes every two are in the test loss, because two steps that no interval tells
    from 0 can be one that it does. Of other settings each pair is, the later against the earlier in the study. Where
    beta differs the loss is another quantity: there is no row for it. Nor for a metric that one of the two has no
    number for.
    """
    values = {name: table.set_index("seed") for name, table in seeds.groupby("variant")}
    rows, order = [], list(study.variants)
    pairs = sorted(_pairs(study), key=lambda pair: [order.index(name) for name in pair[:2]])
    for name, against, setting, apart in pairs:
        if name not in values or against not in values:
            continue
        for metric, lower_is_better in metrics.items():
            ours, other = values[name][metric], values[against][metric]
            if (setting == "beta" and metric in OF_BETA) or ours.isna().all() or other.isna().all():
                continue
            if apart and (setting != "latent_dim" or metric != "test_loss"):
                continue
            interval = paired_interval(ours, other)
            result = wording(interval, lower_is_better)
            rows.append((study.variants[name].dataset, name, against, metric, *interval, result))
    return pd.DataFrame(rows, columns=COLUMNS)


def _pairs(study: Study) -> Iterator[tuple[str, str, str, bool]]:
    """variant, the one it is compared against, the setting in which they differ, whether other numbers are between."""
    for setting in SETTINGS:
        groups: dict[str, dict] = defaultdict(lambda: defaultdict(list))  # what they share -> value -> variants
        for name, variant in study.variants.items():
            settings = variant.model_dump()
            value = settings.pop(setting)
            groups[repr(settings)][value].append(name)
        for by_value in groups.values():
            numbers = not any(isinstance(value, str) for value in by_value)
            order = sorted(by_value) if numbers else list(by_value)
            for smaller, larger in combinations(order, 2):
                apart = numbers and order.index(larger) - order.index(smaller) > 1
                for name, against in product(by_value[larger], by_value[smaller]):
                    yield name, against, setting, apart


def spread(seeds: pd.DataFrame) -> pd.DataFrame:
    """Mean and sample standard deviation over seeds (nan with one): a row for each variant, in the table's order.

    seeds: as in `comparisons`, with dataset. Columns: dataset, variant, seeds (how many), then NAME and NAME_sd for
    each column of numbers, in its unit.
    """
    groups = seeds.groupby(["dataset", "variant"], sort=False)
    columns = [groups.size().rename("seeds")]
    for name in seeds.drop(columns="seed").select_dtypes("number").columns.astype(str):
        columns += [groups[name].mean(), groups[name].std().rename(f"{name}_sd")]
    return pd.concat(columns, axis=1).reset_index()


def verdict(
    latent_dim: int,
    active_units: pd.Series,
    test_loss: pd.Series,
    mean_image_loss: float,
    smaller_loss: pd.Series | None = None,
) -> str:
    """What became of a VAE's latent space, where every seed says the same; otherwise "seeds differ".

    collapsed: it learned nothing of the single image: no latent is active, or the loss is no better than that of always
    showing the mean image. More latents will not help; another beta or longer training might.
    starved: every latent is active, so a larger latent space might lower the loss.
    saturated: the last latents bought nothing: some are not active, or the loss is not measured to be better than with
    the next smaller latent space.

    active_units, test_loss: a value for each seed, seeds in the index. mean_image_loss: nats per image, of the same
    likelihood and pixel range. smaller_loss: the test loss of the variant that differs in having fewer latents, the
    most of such, by seed, where the study has one; from one seed it says nothing. Raises ValueError where there is no
    seed or a number is missing.
    """
    both = pd.concat({"active": active_units, "loss": test_loss}, axis=1)
    if both.empty or both.isna().to_numpy().any():
        raise ValueError(f"found {both.to_dict('list')}, expected both numbers for every seed, and a seed")

    def of_seed(active: float, loss: float) -> str:
        if active == 0 or loss >= mean_image_loss:
            return "collapsed"
        return "saturated" if active < latent_dim else "starved"

    said = {of_seed(active, loss) for active, loss in both.itertuples(index=False)}
    if said == {"starved"} and smaller_loss is not None:
        gain = paired_interval(test_loss, smaller_loss)
        if gain.seeds > 1 and wording(gain) != "better":
            return "saturated"
    return said.pop() if len(said) == 1 else "seeds differ"


class Elbow(NamedTuple):
    """Where more latents stop paying.

    latent_dim: the breakpoint, in latents (not a whole number), with its interval over seeds (low, high); all nan where
    there is none, the interval also with one seed. seeds: how many. slope_before, slope_after: nats per image for each
    doubling of the latents, means over seeds. result: what was found, in words.
    """

    latent_dim: float
    low: float
    high: float
    seeds: int
    slope_before: float
    slope_after: float
    result: str


def elbow(latents: Sequence[int], losses: pd.DataFrame) -> Elbow:
    """The breakpoint of a broken line through the loss over log2(latent_dim), over seeds.

    latents: the sizes tried. losses: nats per image, a row for each seed, a column for each size; seeds that lack a
    size are left out. For each seed, two straight lines that meet are fitted by least squares (Hudson 1966). Where they
    meet is scanned between the second size and the last but one, among places where the loss falls before and falls
    less, or rises, after. The mean over seeds and its 95 % t interval are of log2(latent_dim); the interval is not cut
    to the sizes tried: `result` says where it exceeds them.

    There is no elbow where fewer than 4 sizes were tried; where seeds do not show that the curve flattens at all, or
    else any noise would have an elbow (the coefficient of the hinge averaged over all places, as in Muggeo 2016, with
    its t interval, must be above 0); or where in some seed no place flattens, or the best is at the end of those that
    do, so that a better one is outside. A smooth curve has an elbow too: this says where it bends, not that it has a
    corner.
    """
    sizes = sorted(set(latents))
    table = losses[sizes].dropna()
    seeds, y = len(table), table.to_numpy(float).T  # (sizes, seeds)

    def none(why: str) -> Elbow:
        return Elbow(np.nan, np.nan, np.nan, seeds, np.nan, np.nan, f"{NO_ELBOW} ({why})")

    if len(sizes) < 4:
        return none(f"found {len(sizes)}, expected at least 4")
    if not seeds:
        return none("no seed has a loss for each")
    x = np.log2(sizes)
    places = np.linspace(x[1], x[-2], STEPS + 2)[1:-1]
    hinges = np.maximum(0, x[:, None] - places)  # (sizes, places)
    line = np.stack([np.ones_like(x), x], axis=1)
    onto_line = np.linalg.pinv(line)  # (2, sizes)
    bent = hinges - line @ (onto_line @ hinges)  # what a straight line cannot fit of each hinge
    change = (bent.T @ y) / np.square(bent).sum(0)[:, None]  # of slope at each place, (places, seeds)
    before = (onto_line @ y)[1] - change * (onto_line @ hinges)[1][:, None]
    explained = (bent.T @ y) * change  # squared error less than the straight line's

    rounding = 1e-9 * np.abs(y).max()
    mean_bent = bent.mean(1)
    bend = _t_interval(mean_bent @ y / np.square(mean_bent).sum())
    if not (bend.low if seeds > 1 else bend.difference) > rounding:
        return none("it does not flatten" if bend.difference <= rounding else "a bend is not measured over seeds")
    flattens = (change > rounding) & (before < -rounding)
    best = np.where(flattens, explained, -np.inf).argmax(0)  # (seeds,)
    if not flattens.any(0).all():
        return none("in some seed it does not fall, then flatten")
    each = np.arange(seeds)
    around = np.pad(flattens, ((1, 1), (0, 0)))  # by one, so that those at the ends have a neighbour that does not
    if not (around[best, each] & around[best + 2, each]).all():
        return none("in some seed it is best at the end of where it flattens")

    place = _t_interval(places[best])
    at, low, high = (float(2**value) for value in place[:3])
    slope = before[best, each]
    interval = f"{low:.3g} to {high:.3g}, {seeds} seeds" if seeds > 1 else "one seed, no interval"
    text = f"elbow at {at:.3g} latents ({interval})"
    if low < sizes[0] or high > sizes[-1]:
        text += f"; the interval exceeds the sizes tried, {sizes[0]} to {sizes[-1]}"
    return Elbow(at, low, high, seeds, float(slope.mean()), float((slope + change[best, each]).mean()), text)
