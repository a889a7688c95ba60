"""What a study is: one frozen, validated object with the settings of params.yaml.

Every value is written out in params.yaml: there are no defaults here, so what a reader sees there is what runs.
"""

from itertools import pairwise
from typing import Annotated, Literal, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from elbowroom.core.errors import StudyError
from elbowroom.core.paths import PARAMS

Shape = tuple[int, int, int]


class Published(NamedTuple):
    """A published dataset: (C, H, W) of an image, and images in each split."""

    shape: Shape
    train_images: int
    test_images: int


DATASETS = {
    "mnist": Published((1, 28, 28), 60_000, 10_000),
    "cifar10": Published((3, 32, 32), 50_000, 10_000),
}
NETWORK_FACTORS = {"notebook": 4, "report": 8, "linear": 1}  # what its strides divide the sides of an image by
# A latent is active if its mu varies over images by more than this variance, or its KL is more than as many nats, mean
# over images. Burda et al. 2016, arXiv:1509.00519, section 5.2.
ACTIVE_THRESHOLD = 0.01
RESERVED = ("baselines", "explorer", "judge")  # folders beside those of variants


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


# A name becomes a file name, a DVC stage name (train@NAME) and a key of `dvc exp run -S variants.NAME...`: DVC reads a
# dot there as a separator.
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
Count = Annotated[int, Field(ge=0, lt=2**31)]
PositiveInt = Annotated[Count, Field(ge=1)]
LearningRate = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
Text = Annotated[str, StringConstraints(min_length=1)]


class Dataset(Settings):
    """How much of a published dataset the study uses: the first images of each split."""

    train_images: PositiveInt
    test_images: Annotated[Count, Field(ge=2)]  # two, to interpolate between


# Of float32 products on a card: highest is float32, high is TF32. bf16: layers compute in bfloat16, on the CPU too.
Precision = Literal["highest", "high", "bf16"]


class Recipe(Settings):
    """How to train: Adam with its other settings as PyTorch has them."""

    epochs: PositiveInt
    batch_size: PositiveInt
    learning_rate: LearningRate
    warmup_epochs: Count  # the weight of KL rises linearly from 0 to beta over these
    precision: Precision
    seeds: Annotated[list[Count], Field(min_length=1)]

    @field_validator("seeds")
    @classmethod
    def _distinct(cls, seeds: list[int]) -> list[int]:
        if len(set(seeds)) < len(seeds):
            raise ValueError("every seed once")
        return seeds


SIGMA2 = 0.5  # sigma^2 of the likelihood gaussian, in the units of the pixel range
# gaussian: that variance. gaussian_optimal: the variance that fits the training images best.
Likelihood = Literal["gaussian", "gaussian_optimal", "bernoulli", "continuous_bernoulli"]


class Variant(Settings):
    """What to train."""

    dataset: Name
    recipe: Name
    model: Literal["vae", "ae"]  # ae: deterministic, z = mu and no KL
    network: Literal["notebook", "report", "linear"]  # the two published ones, or one linear layer each way
    channels: PositiveInt  # width of the first convolution; the others are multiples of it
    latent_dim: PositiveInt
    likelihood: Likelihood
    pixel_range: list[int]
    beta: Annotated[float, Field(ge=0, allow_inf_nan=False)]

    @field_validator("pixel_range")
    @classmethod
    def _known_range(cls, pixel_range: list[int]) -> list[int]:
        if pixel_range not in ([0, 1], [-1, 1]):
            raise ValueError("[0, 1] or [-1, 1]")
        return pixel_range


class JudgeTraining(Settings):
    """How to train the frozen classifier of each dataset, in whose features pictures are compared."""

    epochs: PositiveInt
    batch_size: Annotated[Count, Field(ge=2)]  # two, to normalise over
    learning_rate: LearningRate


class Evaluation(Settings):
    """What is measured of a trained variant. Of more images than a split has, all are taken."""

    batch_size: PositiveInt  # speed and memory only: no metric depends on it
    map_images: Annotated[Count, Field(ge=3)]  # test images in the PCA of mu
    iwae_images: PositiveInt  # test images of which log p(x) is estimated
    iwae_samples: Annotated[list[PositiveInt], Field(min_length=1)]  # z for each of them: the ladder of K
    sample_images: Annotated[Count, Field(ge=2)]  # samples, and test images beside them, in fcd and kid
    probe_images: Annotated[Count, Field(ge=10)]  # training images whose mu the probe and the neighbours learn from
    path_pairs: PositiveInt  # pairs of test images between which smoothness is measured
    path_steps: Annotated[Count, Field(ge=3)]  # pictures on each path, the ends included

    @field_validator("iwae_samples")
    @classmethod
    def _nested(cls, ladder: list[int]) -> list[int]:
        if ladder[0] != 1 or any(k >= more or more % k for k, more in pairwise(ladder)):
            raise ValueError("1 first, then ever larger multiples, as [1, 10, 100]")
        return ladder


class Figures(Settings):
    images: Annotated[Count, Field(ge=2, le=20)]  # test images shown and reconstructed
    sample_rows: Annotated[Count, Field(ge=1, le=10)]  # samples come in a square of this side
    interpolation_steps: Annotated[Count, Field(ge=2, le=20)]
    explorer_grid: Annotated[Count, Field(ge=2, le=64)]  # decoded points on a side of the page's map of latent space
    explorer_images: Annotated[Count, Field(ge=2, le=12)]  # test images to slide between there


class Study(Settings):
    title: Text
    datasets: Annotated[dict[Name, Dataset], Field(min_length=1)]
    recipes: Annotated[dict[Name, Recipe], Field(min_length=1)]
    variants: Annotated[dict[Name, Variant], Field(min_length=1)]
    judge: JudgeTraining
    evaluation: Evaluation
    figures: Figures

    def variant(self, name: str) -> Variant:
        return _choose("variant", name, self.variants)

    def dataset(self, name: str) -> Dataset:
        return _choose("dataset", name, self.datasets)


T = TypeVar("T")


def _choose(kind: str, name: str, known: dict[str, T]) -> T:
    if name not in known:
        raise StudyError(f"{PARAMS}: {kind}s: found no {name!r}, expected one of {', '.join(known)}")
    return known[name]
