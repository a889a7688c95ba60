"""What a study consists of: the settings of params.yaml as one frozen, validated object.

There are no defaults here: params.yaml spells out every value, so a reader of it sees what runs.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Literal, TypeVar

from pydantic import Field, field_validator

from elbowroom.core.dataset_settings import Dataset
from elbowroom.core.errors import StudyError
from elbowroom.core.networks import Network
from elbowroom.core.paths import PARAMS
from elbowroom.core.pixel_range import PIXEL_RANGES, PixelRange
from elbowroom.core.setting_types import Count, LearningRate, Name, PositiveInt, Settings, Text

Shape = tuple[int, int, int]


# A latent is active if the variance of its mu over images exceeds this, or its mean KL in nats does.
# Burda et al. 2016, arXiv:1509.00519, section 5.2.
ACTIVE_THRESHOLD = 0.01
RESERVED = ("baselines", "datasets", "explorer", "judge")  # no names for variants: folders of the pipeline


# highest: float32. high: TF32 for products on a GPU. bf16: layers compute in bfloat16, on the CPU too.
Precision = Literal["highest", "high", "bf16"]


class Recipe(Settings):
    """How to train, by Adam with PyTorch's defaults for all else."""

    epochs: PositiveInt
    batch_size: PositiveInt
    learning_rate: LearningRate
    warmup_epochs: Count  # over these, the weight of the KL rises linearly from 0 to beta
    precision: Precision
    seeds: Annotated[list[Count], Field(min_length=1)]

    @field_validator("seeds")
    @classmethod
    def _distinct(cls, seeds: list[int]) -> list[int]:
        if len(set(seeds)) < len(seeds):
            raise ValueError("each seed once")
        return seeds


SIGMA2 = 0.5  # the variance of the likelihood gaussian, in the units of the pixel range
# gaussian: of variance SIGMA2. gaussian_optimal: of the variance that fits the training images best.
Likelihood = Literal["gaussian", "gaussian_optimal", "bernoulli", "continuous_bernoulli"]


class VariantSettings(Settings):
    """A model to train, and what to train it for, as params.yaml has it."""

    dataset: Name
    recipe: Name
    model: Literal["vae", "ae"]  # ae: an autoencoder, z = mu, no KL
    network: Name  # one of `networks`
    channels: PositiveInt  # what the widths of its network's layers are multiples of
    latent_dim: PositiveInt
    likelihood: Likelihood
    pixel_range: PixelRange
    beta: Annotated[float, Field(ge=0, allow_inf_nan=False)]

    @field_validator("pixel_range")
    @classmethod
    def _known_range(cls, pixel_range: PixelRange) -> PixelRange:
        if pixel_range not in PIXEL_RANGES:
            raise ValueError(" or ".join(map(str, PIXEL_RANGES)))
        return pixel_range

    def with_layers(self, networks: Mapping[str, Network]) -> "Variant":
        """Return the same settings, with the layers of the network that they name."""
        return Variant.model_validate(dict(self) | {"layers": networks[self.network]})


class Variant(VariantSettings):
    """The settings of a variant, with the layers of its network."""

    layers: Network


class JudgeTraining(Settings):
    """How to train each dataset's judge: the frozen classifier whose features compare pictures."""

    epochs: PositiveInt
    batch_size: Annotated[Count, Field(ge=2)]  # two to normalise over
    learning_rate: LearningRate


class Evaluation(Settings):
    """How to measure a trained variant. A number of images larger than the split means the whole split."""

    batch_size: PositiveInt  # changes speed and memory, and no metric
    map_images: Annotated[Count, Field(ge=3)]  # test images in the PCA of mu
    iwae_images: PositiveInt  # test images whose log p(x) is estimated
    iwae_samples: Annotated[list[PositiveInt], Field(min_length=1)]  # the numbers of z drawn for each of them: K
    sample_images: Annotated[Count, Field(ge=2)]  # samples compared with as many test images, by fcd and kid
    probe_images: Annotated[Count, Field(ge=10)]  # training images that the probe and the nearest neighbours learn from
    path_pairs: PositiveInt  # pairs of test images to interpolate between, to measure smoothness
    path_steps: Annotated[Count, Field(ge=3)]  # pictures on each path, both ends included

    @field_validator("iwae_samples")
    @classmethod
    def _nested(cls, ladder: list[int]) -> list[int]:
        if ladder[0] != 1 or any(k >= more or more % k for k, more in pairwise(ladder)):
            raise ValueError("1 first, then a multiple of the one before, as in [1, 10, 100]")
        return ladder


class Figures(Settings):
    """What the pictures of a variant show."""

    images: Annotated[Count, Field(ge=2, le=20)]  # test images shown and reconstructed
    sample_rows: Annotated[Count, Field(ge=1, le=10)]  # and as many columns
    interpolation_steps: Annotated[Count, Field(ge=2, le=20)]
    explorer_grid: Annotated[Count, Field(ge=2, le=64)]  # decoded points on each side of the explorer's map
    explorer_images: Annotated[Count, Field(ge=2, le=12)]  # test images that the explorer slides between


class Answer(Settings):
    """When a latent size is enough, a wider network worth having, and what the answer is without."""

    margin: Annotated[float, Field(gt=0, lt=1)]  # the loss that may be left, as a share of what the best size explains
    level: Annotated[float, Field(gt=0.5, lt=1)]  # the confidence of each statement
    # variants that the study is reported without, such as one that diverged, and why
    left_out: Annotated[dict[Name, Text], Field(default_factory=dict)]


class Study(Settings):
    """All of params.yaml."""

    title: Text
    datasets: Annotated[dict[Name, Dataset], Field(min_length=1)]
    folders: Annotated[
        dict[Name, Text], Field(default_factory=dict)
    ]  # where the pictures are of each dataset of a folder; `listing` watches them
    networks: Annotated[dict[Name, Network], Field(min_length=1)]
    recipes: Annotated[dict[Name, Recipe], Field(min_length=1)]
    variants: Annotated[dict[Name, VariantSettings], Field(min_length=1)]
    judge: JudgeTraining
    evaluation: Evaluation
    figures: Figures
    answer: Answer

    def variant(self, name: str) -> Variant:
        """The variant of this name, with its network's layers. Raises StudyError if there is none."""
        return _choose("variant", name, self.variants).with_layers(self.networks)

    def dataset(self, name: str) -> Dataset:
        """The dataset of this name. Raises StudyError if the study does not use it."""
        return _choose("dataset", name, self.datasets)


T = TypeVar("T")


def _choose(kind: str, name: str, known: dict[str, T]) -> T:
    if name not in known:
        raise StudyError(f"{PARAMS}: {kind}s: found no {name!r}, expected one of {', '.join(known)}")
    return known[name]
