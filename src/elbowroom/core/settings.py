"""The study as one frozen, validated object, and the one reader of params.yaml.

Every value is written out in params.yaml: there are no defaults here, so what a reader sees there is what runs.
"""

import warnings
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
)
from ruamel.yaml import YAML  # what DVC reads it with: one file, one meaning
from ruamel.yaml.error import YAMLError

from elbowroom.core.errors import StudyError, short, shown

PARAMS = Path("params.yaml")
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


# gaussian: variance 1/2. gaussian_optimal: the variance that fits the training images best.
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


class Judge(Settings):
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
    judge: Judge
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


def load_study(path: Path = PARAMS) -> Study:
    """Read and check a params.yaml, whole.

    Raises StudyError with one line: file, key, the value found and the value expected.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # of anchors given twice
            raw = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StudyError(f"{path}: not found in {Path.cwd()}, expected a study's params.yaml there") from None
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError(f"{path}: cannot be read ({error}), expected a YAML text") from None
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}, column {mark.column + 1}:" if mark else ""
        problem = str(getattr(error, "problem", None) or error).partition("\n")[0]
        problem = problem.removeprefix("but ").removeprefix("found ")
        raise StudyError(f"{path}:{where} found {short(problem)}, expected YAML") from None
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise StudyError(f"{path}: found what is no value ({short(str(error))}), expected YAML") from None
    try:
        study = Study.model_validate(raw)
    except ValidationError as error:
        raise StudyError(f"{path}: {_one_line(error)}") from None
    for key, found, expected in _inconsistencies(study):
        raise StudyError(f"{path}: {key}: found {found}, expected {expected}")
    return study


def _inconsistencies(study: Study) -> Iterator[tuple[str, object, str]]:
    """What is wrong between settings that are each right: key, value found, value expected."""
    for name, settings in study.datasets.items():
        if name not in DATASETS:
            yield "datasets", repr(name), f"one of {', '.join(DATASETS)}"
            continue
        for key in ("train_images", "test_images"):
            if (count := getattr(settings, key)) > (most := getattr(DATASETS[name], key)):
                yield f"datasets.{name}.{key}", count, f"at most {most}, as published"
    for name, recipe in study.recipes.items():
        if recipe.warmup_epochs >= recipe.epochs:
            yield f"recipes.{name}.warmup_epochs", recipe.warmup_epochs, f"fewer than its {recipe.epochs} epochs"
    for name, variant in study.variants.items():
        key = f"variants.{name}"
        if name in RESERVED:
            yield "variants", repr(name), f"another name ({', '.join(RESERVED)} are folders of the pipeline)"
        if variant.recipe not in study.recipes:
            yield f"{key}.recipe", repr(variant.recipe), f"one of {', '.join(study.recipes)}"
        if variant.dataset not in study.datasets:
            yield f"{key}.dataset", repr(variant.dataset), f"one of {', '.join(study.datasets)}"
            continue
        _, height, width = DATASETS[variant.dataset].shape
        factor = NETWORK_FACTORS[variant.network]
        if height % factor or width % factor:
            expected = f"one for {variant.dataset}'s images of {height}x{width} (its sides must divide by {factor})"
            yield f"{key}.network", repr(variant.network), expected
        if "bernoulli" in variant.likelihood and variant.pixel_range != [0, 1]:
            yield f"{key}.pixel_range", variant.pixel_range, f"[0, 1] with likelihood {variant.likelihood}"
        if variant.network == "linear" and variant.channels != 1:
            yield f"{key}.channels", variant.channels, "1 with network linear, which has no width"
        if variant.model == "ae" and variant.beta != 0:
            yield f"{key}.beta", variant.beta, "0 with model ae, which has no KL"


_EXPECTED = {
    "missing": "a value for it",
    "string_pattern_mismatch": "a name of lower-case letters, digits, '-' and '_', a letter first (64 at most)",
    "model_type": "a mapping of settings",
    "dict_type": "a mapping",
    "int_type": "a whole number",
    "float_type": "a number",
    "string_type": "a text",
    "list_type": "a list",
}


def _one_line(error: ValidationError) -> str:
    """Say the first of pydantic's errors as KEY: found VALUE, expected WHAT."""
    first, *others = error.errors(include_url=False)
    loc = first["loc"][:-1] if first["loc"][-1:] == ("[key]",) else first["loc"]  # [key]: the name itself is wrong
    found = "nothing" if first["type"] == "missing" else shown(first["input"])
    expected = _EXPECTED.get(first["type"], first["msg"]).removeprefix("Input should be ").removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        loc, unknown = loc[:-1], loc[-1]
        found, expected = f"unknown key {shown(unknown)}", f"only {', '.join(_keys_at(loc))}"
    key = ".".join(str(part) for part in loc) or "the whole file"
    more = f" (and {len(others)} more)" if others else ""
    return f"{short(key)}: found {short(found)}, expected {expected}{more}"


_SECTIONS: dict[str, type[Settings]] = {
    "datasets": Dataset,
    "recipes": Recipe,
    "variants": Variant,
    "judge": Judge,
    "evaluation": Evaluation,
    "figures": Figures,
}


def _keys_at(loc: Sequence[str | int]) -> list[str]:
    """The keys that the settings at this place have: variants.NAME -> those of Variant."""
    return list((_SECTIONS[str(loc[0])] if loc else Study).model_fields)
