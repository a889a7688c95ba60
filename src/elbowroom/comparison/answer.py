"""The answer as tables: what is known of each latent size of a series, and of each wider network."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict

import numpy as np
import pandas as pd

from elbowroom.comparison.convergence import gain_of_doubling
from elbowroom.comparison.cut_down import Cut, smallest_cut
from elbowroom.comparison.enough import Judgement, Losses, judge_sizes
from elbowroom.comparison.next_step import Findings, next_step
from elbowroom.comparison.pairs import pairs_of
from elbowroom.comparison.unexplained import Unexplained
from elbowroom.comparison.worth import NetworkPair, judge_gains
from elbowroom.core.settings import Study
from elbowroom.results.families import LossFamily, SizeSeries, all_series
from elbowroom.results.outcomes import State
from elbowroom.results.rows import Baseline, BaselineRow, SizeAnswer, WidthGain, is_unfinished
from elbowroom.results.schema import to_rows
from elbowroom.results.tables import Measurements


def size_answers(study: Study, measured: Measurements) -> list[SizeAnswer]:
    """Judge every latent size of every series of VAEs, those with a single size too."""
    rows: list[SizeAnswer] = []
    for series in all_series(study):
        if study.variants[series.members[0]].model == "vae":
            rows += _judged(study, series, measured)
    return rows


def _judged(study: Study, series: SizeSeries, measured: Measurements) -> list[SizeAnswer]:
    names, sizes = series.members, [study.variants[name].latent_dim for name in series.members]
    test, train = (_losses(measured.seeds, names, f"{split}_loss") for split in ("test", "train"))
    curves = [_curve(measured.history, name, "train") for name in names]
    gains = [gain_of_doubling(curve) for curve in curves]
    test_gains = [gain_of_doubling(_curve(measured.history, name, "test")) for name in names]
    mean_image = _mean_image(series.family, measured.baselines)
    unexplained = Unexplained(
        rate=np.array([_mean(measured.seeds, name, "test_rate") for name in names]),
        gain=np.array(gains),
        fallen=np.array([curve[0] - curve[-1] if curve else math.nan for curve in curves]),
        behind=test.mean - mean_image.test_loss,
        ahead=mean_image.train_loss - train.mean,
    )
    judgement = judge_sizes(
        test, train, mean_image.test_loss, study.answer.margin, study.answer.level, unexplained.state
    )
    margin = float(judgement.margin)
    best = _best(judgement, test)
    cut = None if best is None else _cut(measured.truncated, names[best], margin, study.answer.level)
    unfinished = [is_unfinished(gain, ahead, margin) for gain, ahead in zip(gains, test_gains, strict=True)]
    step = next_step(Findings(sizes, judgement, test, unfinished, study.answer.level, cut))
    at_beta_1 = study.variants[names[0]].beta == 1  # otherwise the loss is another quantity than the linear VAE's
    linear = _linear_losses(series.family, measured.baselines) if at_beta_1 else {}
    return [
        SizeAnswer(
            **asdict(series.family),
            series=series.label,
            variant=name,
            latent_dim=sizes[place],
            state=State(judgement.state[place]),
            test_loss=float(test.mean[place]),
            train_loss=float(train.mean[place]),
            linear_loss=linear.get(sizes[place], math.nan),
            excess=float(judgement.excess[place]),
            excess_low=float(judgement.excess_low[place]),
            excess_high=float(judgement.excess_high[place]),
            rise=float(judgement.rise[place]),
            rise_low=float(judgement.rise_low[place]),
            explained=float(judgement.explained),
            margin=margin,
            seeds=int(test.seeds[place]),
            epochs=study.recipes[study.variants[name].recipe].epochs,
            doubling_gain=gains[place],
            test_gain=test_gains[place],
            used=_mean(measured.seeds, name, "used_latents"),
            cut=cut.kept if cut and place == best else math.nan,
            cut_high=cut.high if cut and place == best else math.nan,
            step=step.step,
            step_sizes=" ".join(map(str, step.sizes)),
            step_seeds=math.nan if step.seeds is None else step.seeds,
        )
        for place, name in enumerate(names)
    ]


def _best(judgement: Judgement, test: Losses) -> int | None:
    """Return the place of the lowest test loss; None if nothing is explained."""
    return int(test.mean.argmin()) if judgement.margin > 0 else None


def _cut(truncated: pd.DataFrame, name: str, margin: float, level: float) -> Cut | None:
    return None if truncated.empty else smallest_cut(truncated[truncated.variant == name], margin, level)


def _losses(seeds: pd.DataFrame, names: Sequence[str], column: str) -> Losses:
    return Losses.of(seeds[seeds.variant == name][column].tolist() for name in names)


def _mean(seeds: pd.DataFrame, name: str, column: str) -> float:
    return float(seeds[seeds.variant == name][column].mean())


def _mean_image(family: LossFamily, baselines: pd.DataFrame) -> BaselineRow:
    rows = to_rows(BaselineRow, family.rows(baselines))
    return next(row for row in rows if row.baseline is Baseline.MEAN_IMAGE)


def _linear_losses(family: LossFamily, baselines: pd.DataFrame) -> dict[int, float]:
    """Return the test loss of the exact linear VAE by latent size; empty if the family has none."""
    rows = to_rows(BaselineRow, family.rows(baselines))
    return {int(row.latent_dim): row.test_loss for row in rows if row.baseline is Baseline.LINEAR_VAE}


def _curve(history: pd.DataFrame, name: str, split: str) -> list[float]:
    """Return the loss after each epoch, mean over seeds."""
    own = history[(history.variant == name) & (history.split == split)]
    return own.groupby("epoch").loss.mean().tolist()


def width_gains(study: Study, seeds: pd.DataFrame, answers: Sequence[SizeAnswer]) -> list[WidthGain]:
    """Judge what more channels gain, for VAEs that differ in their channels alone; only neighbouring widths.

    answers: what size_answers returns. The margin is that of the narrower network's series. A series that explains
    nothing has none and is left out.
    """
    of_size = {row.variant: row for row in answers}
    found = [
        pair
        for pair in pairs_of(study)
        if pair.setting == "channels" and pair.neighbours and pair.against in of_size and pair.variant in of_size
        if of_size[pair.against].explained > 0
    ]
    gains = judge_gains(
        [
            NetworkPair(
                test=_losses(seeds, [pair.against, pair.variant], "test_loss"),
                train=_losses(seeds, [pair.against, pair.variant], "train_loss"),
                margin=of_size[pair.against].margin,
                undertrained=any(of_size[name].state is State.UNDERTRAINED for name in (pair.against, pair.variant)),
            )
            for pair in found
        ],
        study.answer.level,
    )
    parameters = seeds.groupby("variant").parameters.first()
    return [
        WidthGain(
            **asdict(LossFamily.of(study.variants[pair.variant])),
            variant=pair.variant,
            against=pair.against,
            latent_dim=study.variants[pair.variant].latent_dim,
            channels=study.variants[pair.variant].channels,
            against_channels=study.variants[pair.against].channels,
            parameters_ratio=float(parameters[pair.variant] / parameters[pair.against]),
            gain=gain.gain,
            upper=gain.upper,
            p_above=gain.above,
            p_below=gain.below,
            explained=of_size[pair.against].explained,
            margin=of_size[pair.against].margin,
            worth=gain.worth,
        )
        for pair, gain in zip(found, gains, strict=True)
    ]


def by_series(rows: Iterable[SizeAnswer]) -> list[list[SizeAnswer]]:
    """Return the rows of each series of several sizes, sizes ascending, in the order in which the series appear."""
    return [own for own in grouped(rows) if len(own) > 1]


def grouped(rows: Iterable[SizeAnswer]) -> list[list[SizeAnswer]]:
    """Return the rows of each series, sizes ascending, in the order in which the series appear."""
    groups: dict[tuple[LossFamily, str], list[SizeAnswer]] = {}
    for row in rows:
        groups.setdefault((LossFamily.of(row), row.series), []).append(row)
    return [sorted(own, key=lambda row: row.latent_dim) for own in groups.values()]


def subjects(rows: Iterable[SizeAnswer]) -> list[list[SizeAnswer]]:
    """Return the rows of each series that an answer is about, as `grouped` does.

    In each dataset, those are the series of several sizes, or all series if none has several.
    """
    by_dataset: dict[str, list[list[SizeAnswer]]] = {}
    for own in grouped(rows):
        by_dataset.setdefault(own[0].dataset, []).append(own)
    return [own for found in by_dataset.values() for own in ([each for each in found if len(each) > 1] or found)]
