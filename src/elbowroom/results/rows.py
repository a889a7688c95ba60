"""The rows of the tables in report/comparison: compare writes them, the report reads them.

Each field is Annotated with what a cell of its column may hold. Losses and slopes are in nats per image; other
differences are in the unit of their metric.
"""

from dataclasses import dataclass
from enum import StrEnum
from math import nan
from typing import Annotated

from elbowroom.results.families import DatasetName, LikelihoodName, PixelRangeName
from elbowroom.results.outcomes import Bend, ClaimResult, Evidence, Outcome, Pairing, State, Step, Worth
from elbowroom.results.schema import Column

TextCell = Annotated[str, Column("text")]
NumberCell = Annotated[float, Column()]
Maybe = Annotated[float, Column(empty=True)]  # nan if there is none
Size = Annotated[int, Column("whole", low=1, high=2**53)]
MaybeSize = Annotated[float, Column("whole", low=1, high=2**53, empty=True)]
Seeds = Annotated[int, Column("whole", low=0, high=2**31)]  # how many


class Baseline(StrEnum):
    """What variants are measured against."""

    MEAN_IMAGE = "mean image"
    PCA = "PCA"
    LINEAR_VAE = "linear VAE"
    FLOOR = "floor"  # of a Bernoulli's distortion on grey pixels


@dataclass(frozen=True, kw_only=True)
class BaselineRow:
    """A baseline of a loss family: metrics/baselines/<dataset>.csv, and baselines.csv.

    psnr: dB, mean over test images, for pixels in [0, 1] whatever the pixel range. axes_error: of components that are
    approximate, because there are too many pixels and images, at most how much squared error exact ones would save on
    the training images, for pixels in [0, 1]; nan of exact ones. The column is missing if all are exact.
    """

    dataset: DatasetName
    baseline: Annotated[Baseline, Column("text", choices=tuple(Baseline))]
    likelihood: LikelihoodName
    pixel_range: PixelRangeName
    latent_dim: MaybeSize = nan
    train_loss: Maybe
    test_loss: NumberCell
    test_distortion: NumberCell
    test_rate: Maybe = nan
    active_units: Maybe = nan
    used_latents: Maybe = nan
    psnr: Maybe = nan
    axes_error: Maybe = nan


def is_unfinished(gain: float, test_gain: float, margin: float) -> bool:
    """Whether twice the epochs may gain more than the margin, if there is one, on training and on test images.

    gain, test_gain: what they are predicted to gain on each. nan, as after one epoch, is no sign of an end.
    """
    return margin > 0 and not gain <= margin and not test_gain <= margin


@dataclass(frozen=True, kw_only=True)
class SizeAnswer:
    """What is known of one latent size of a series of VAEs: answer.csv. comparison.enough has the rule.

    test_loss, train_loss: means over seeds. linear_loss: the test loss of the exact linear VAE of this size. excess:
    the test loss less the lowest of a larger size, between its one-sided bounds. rise: the training loss less that of a
    smaller size, and its lower bound (comparison.enough.rises). explained: the loss of the mean image less the lowest
    test loss of the series. margin: the part of it that may be lost. doubling_gain, test_gain: by how much twice the
    epochs are predicted to lower the training loss and the test loss. used: the fewest latents that carry 95 % of the
    KL on test, mean over seeds. cut: of the size with the lowest test loss, the fewest latents that its trained models
    need, if the others are set to 0, to lose less than the margin; cut_high: what they lose then, at most
    (comparison.cut_down). step, step_sizes, step_seeds: what would decide how many are enough, the same for the whole
    series; the sizes are separated by spaces.
    """

    dataset: DatasetName
    likelihood: LikelihoodName
    pixel_range: PixelRangeName
    series: TextCell
    variant: TextCell
    latent_dim: Size
    state: Annotated[State, Column("text", choices=tuple(State))]
    test_loss: NumberCell
    train_loss: NumberCell
    linear_loss: Maybe
    excess: Maybe
    excess_low: Maybe
    excess_high: Maybe
    rise: Maybe
    rise_low: Maybe
    explained: NumberCell
    margin: NumberCell
    seeds: Seeds
    epochs: Size
    doubling_gain: Maybe
    used: Maybe
    step: Annotated[Step, Column("text", choices=tuple(Step))]
    step_sizes: Annotated[str, Column("text", empty=True)]
    step_seeds: Maybe
    cut: MaybeSize = nan
    cut_high: Maybe = nan
    test_gain: Maybe = nan

    @property
    def unfinished(self) -> bool:
        """Whether training is not finished, as far as that is known."""
        return self.state is State.BARELY_TRAINED or is_unfinished(self.doubling_gain, self.test_gain, self.margin)

    @property
    def overfits(self) -> bool:
        """Whether longer training is predicted to help training images alone."""
        return self.test_gain <= self.margin < self.doubling_gain


@dataclass(frozen=True)
class TruncatedPoint:
    """The test loss of a VAE of which `kept` latents are left, those with the largest KL: truncated.csv.

    A mean over seeds. Some VAE with as many latents has a loss this low: evaluation.truncated says why.
    """

    dataset: DatasetName
    variant: TextCell
    latent_dim: Size
    kept: Annotated[int, Column("whole", low=0, high=2**53)]
    loss: NumberCell
    distortion: NumberCell
    rate: NumberCell


@dataclass(frozen=True, kw_only=True)
class WidthGain:
    """What more channels gain at one latent size: widths.csv. comparison.worth has the rule.

    gain: the test loss of the narrower network less that of the wider one; upper: its upper bound; p_above, p_below: of
    the tests that it is above, and below, the margin. These are adjusted for the number of rows. explained, margin: as
    in SizeAnswer, of the narrower network's series. parameters_ratio: of the wider network to the narrower one.
    """

    dataset: DatasetName
    likelihood: LikelihoodName
    pixel_range: PixelRangeName
    variant: TextCell
    against: TextCell
    latent_dim: Size
    channels: Size
    against_channels: Size
    parameters_ratio: NumberCell
    gain: NumberCell
    upper: Maybe
    p_above: Maybe
    p_below: Maybe
    explained: NumberCell
    margin: NumberCell
    worth: Annotated[Worth, Column("text", choices=tuple(Worth))]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """variant - against in one metric, over seeds: differences.csv. comparison.pairs has the rule.

    low, high: the interval of this difference alone. seeds: how many, of the variant that has fewer. p:
    two-sided, of a paired t test or, without pairing, of Welch's. p_adjusted: for the number of rows; it alone decides
    the result. Tables of older code lack pairing and both p: their results are those of paired intervals.
    """

    dataset: DatasetName
    variant: TextCell
    against: TextCell
    metric: TextCell
    difference: Maybe
    low: Maybe
    high: Maybe
    seeds: Seeds
    pairing: Annotated[str, Column("text", choices=tuple(Pairing), empty=True)]
    p: Maybe
    p_adjusted: Maybe
    result: Annotated[Outcome, Column("text", choices=tuple(Outcome))]


@dataclass(frozen=True)
class LatentPoint:
    """A point of a curve over the latent size: latents.csv.

    value: a mean over seeds; low and high: their range. Baselines are series as well.
    """

    dataset: DatasetName
    likelihood: LikelihoodName
    pixel_range: PixelRangeName
    metric: TextCell
    series: TextCell
    latent_dim: Size
    value: NumberCell
    low: NumberCell
    high: NumberCell


@dataclass(frozen=True)
class SeriesElbow:
    """Where the loss of a series bends: elbows.csv. Its numbers are nan unless a bend was found."""

    dataset: DatasetName
    likelihood: LikelihoodName
    pixel_range: PixelRangeName
    series: TextCell
    metric: TextCell
    latent_dim: Maybe
    low: Maybe
    high: Maybe
    seeds: Seeds
    slope_before: Maybe
    slope_after: Maybe
    bend: Annotated[Bend, Column("text", choices=tuple(Bend))]
    result: TextCell


@dataclass(frozen=True)
class AuditedClaim:
    """One test of a published claim: claims.csv. numbers: what led to the result, as a sentence."""

    study: TextCell
    claim: TextCell
    against: Annotated[Evidence, Column("text", choices=tuple(Evidence))]
    result: Annotated[ClaimResult, Column("text", choices=tuple(ClaimResult))]
    numbers: TextCell


@dataclass(frozen=True)
class PublishedNumber:
    """A published number beside the measured one: published.csv."""

    study: TextCell
    variant: TextCell
    quantity: TextCell
    published: NumberCell
    measured: Maybe
    difference_percent: Maybe
