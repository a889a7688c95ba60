"""The rows of the tables in report/comparison: compare writes them, the report reads them.

Each field is Annotated with what a cell of its column may hold. Losses and slopes are in nats per image; other
differences are in the unit of their metric.
"""

from dataclasses import dataclass
from enum import StrEnum
from math import nan
from typing import Annotated

from elbowroom.results.families import DatasetName, LikelihoodName, PixelRange
from elbowroom.results.outcomes import Bend, ClaimResult, Evidence, Outcome
from elbowroom.results.schema import Column

Text = Annotated[str, Column("text")]
Number = Annotated[float, Column()]
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

    psnr: dB, mean over test images, for pixels in [0, 1] whatever the pixel range.
    """

    dataset: DatasetName
    baseline: Annotated[Baseline, Column("text", choices=tuple(Baseline))]
    likelihood: LikelihoodName
    pixel_range: PixelRange
    latent_dim: MaybeSize = nan
    train_loss: Maybe
    test_loss: Number
    test_distortion: Number
    test_rate: Maybe = nan
    active_units: Maybe = nan
    psnr: Maybe = nan


@dataclass(frozen=True)
class Difference:
    """variant - against in one metric, over the seeds that both have, with its 95 % interval: differences.csv."""

    dataset: DatasetName
    variant: Text
    against: Text
    metric: Text
    difference: Maybe
    low: Maybe
    high: Maybe
    seeds: Seeds
    result: Annotated[Outcome, Column("text", choices=tuple(Outcome))]


@dataclass(frozen=True)
class LatentPoint:
    """A point of a curve over the latent size: latents.csv.

    value: a mean over seeds; low and high: their range. Baselines are series as well.
    """

    dataset: DatasetName
    likelihood: LikelihoodName
    pixel_range: PixelRange
    metric: Text
    series: Text
    latent_dim: Size
    value: Number
    low: Number
    high: Number


@dataclass(frozen=True)
class SeriesElbow:
    """Where the loss of a series bends: elbows.csv. Its numbers are nan unless a bend was found."""

    dataset: DatasetName
    likelihood: LikelihoodName
    pixel_range: PixelRange
    series: Text
    metric: Text
    latent_dim: Maybe
    low: Maybe
    high: Maybe
    seeds: Seeds
    slope_before: Maybe
    slope_after: Maybe
    bend: Annotated[Bend, Column("text", choices=tuple(Bend))]
    result: Text


@dataclass(frozen=True)
class AuditedClaim:
    """One test of a published claim: claims.csv. numbers: what led to the result, as a sentence."""

    study: Text
    claim: Text
    against: Annotated[Evidence, Column("text", choices=tuple(Evidence))]
    result: Annotated[ClaimResult, Column("text", choices=tuple(ClaimResult))]
    numbers: Text


@dataclass(frozen=True)
class PublishedNumber:
    """A published number beside the measured one: published.csv."""

    study: Text
    variant: Text
    quantity: Text
    published: Number
    measured: Maybe
    difference_percent: Maybe
