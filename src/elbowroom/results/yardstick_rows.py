"""The rows of tables about the images alone (intrinsic dimension, noise levels), and of VAEs beside the latter."""

from dataclasses import dataclass
from enum import StrEnum
from math import nan
from typing import Annotated

from elbowroom.results.families import DatasetName
from elbowroom.results.outcomes import State
from elbowroom.results.rows import Maybe, MaybeSize, Size
from elbowroom.results.schema import Column

Latents = Annotated[int, Column("whole", low=0, high=2**53)]
Amount = Annotated[float, Column(low=0)]  # of latents: a mean over seeds


class Estimator(StrEnum):
    """What estimates the intrinsic dimension of images."""

    TWO_NN = "TwoNN"
    LEVINA_BICKEL = "Levina-Bickel"


@dataclass(frozen=True, kw_only=True)
class Dimension:
    """In how many directions a dataset's images vary, by distances to neighbours: <dataset>-dimension.csv.

    images: how many different ones were compared, the first of the training split. dimension: nan for fewer than 3.
    """

    dataset: DatasetName
    estimator: Annotated[Estimator, Column("text", choices=tuple(Estimator))]
    neighbours: Size
    images: Size
    dimension: Maybe


@dataclass(frozen=True, kw_only=True)
class NoiseLevel:
    """How many latents pay for their KL in the exact linear VAE at a noise level: <dataset>-noise.csv.

    sigma2: the variance of the Gaussian likelihood, for pixels in [0, 1]. active: directions of a larger variance.
    used: the fewest that carry 95 % of the KL.
    """

    dataset: DatasetName
    sigma2: Annotated[float, Column(low=0)]
    active: Latents
    used: Latents


@dataclass(frozen=True, kw_only=True)
class NoisePoint:
    """How many latents a VAE uses at its noise level: noise.csv. The linear VAE has a row for each level.

    variant, latent_dim, verdict: of a trained VAE. open: 1 if it might use another number, because it uses nearly all
    that it has, was trained too little or with one seed, or does worse than the linear VAE. sigma2, active, used: as in
    NoiseLevel, means over seeds.
    """

    dataset: DatasetName
    variant: Annotated[str, Column("text", empty=True)] = ""
    latent_dim: MaybeSize = nan
    sigma2: Annotated[float, Column(low=0)]
    active: Amount
    used: Amount
    verdict: Annotated[str, Column("text", choices=tuple(State), empty=True)] = ""
    open: Annotated[float, Column("whole", low=0, high=1, empty=True)] = nan
