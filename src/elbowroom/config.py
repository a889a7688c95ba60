"""The study as one frozen, validated object, and the one reader of params.yaml.

Every value is written out in params.yaml: there are no defaults here, so what a reader sees there is what runs.
"""

from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

PARAMS = Path("params.yaml")


class StudyError(Exception):
    """Something the user can mend, said in one line: what, where, and what was expected."""


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


# A name becomes a file name, a DVC stage name (train@NAME) and a key of `dvc exp run -S variants.NAME...`: DVC reads a
# dot there as a separator.
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
PositiveInt = Annotated[int, Field(ge=1)]
Text = Annotated[str, StringConstraints(min_length=1)]


class Dataset(Settings):
    """How much of a published dataset the study uses: the first images of each split."""

    train_images: PositiveInt
    test_images: PositiveInt


class Recipe(Settings):
    """How to train: Adam with its other settings as PyTorch has them."""

    epochs: PositiveInt
    batch_size: PositiveInt
    learning_rate: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
    seeds: Annotated[list[Annotated[int, Field(ge=0, lt=2**31)]], Field(min_length=1)]

    @model_validator(mode="after")
    def _distinct_seeds(self) -> Self:
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError("every seed once")
        return self


class Variant(Settings):
    """What to train."""

    dataset: Name
    recipe: Name
    model: Literal["vae", "ae"]  # ae: deterministic, z = mu and no KL
    network: Literal["notebook", "report"]  # which of the two published networks
    channels: PositiveInt  # width of the first convolution; the others are multiples of it
    latent_dim: PositiveInt
    likelihood: Literal["gaussian", "bernoulli"]
    pixel_range: Annotated[list[int], Field(min_length=2, max_length=2)]
    beta: Annotated[float, Field(ge=0, allow_inf_nan=False)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.pixel_range not in ([0, 1], [-1, 1]):
            raise ValueError("pixel_range [0, 1] or [-1, 1]")
        if self.likelihood == "bernoulli" and self.pixel_range != [0, 1]:
            raise ValueError("pixel_range [0, 1] with likelihood bernoulli")
        if self.model == "ae" and self.beta != 0:
            raise ValueError("beta 0 with model ae, which has no KL")
        return self


class Evaluation(Settings):
    batch_size: PositiveInt  # speed and memory only: no metric depends on it
    map_images: Annotated[int, Field(ge=3)]  # test images in the PCA of mu


class Figures(Settings):
    images: Annotated[int, Field(ge=2, le=20)]  # test images shown, reconstructed and followed through training
    sample_rows: Annotated[int, Field(ge=1, le=10)]  # samples come in a square of this side
    interpolation_steps: Annotated[int, Field(ge=2, le=20)]


class Study(Settings):
    title: Text
    datasets: Annotated[dict[Name, Dataset], Field(min_length=1)]
    recipes: Annotated[dict[Name, Recipe], Field(min_length=1)]
    variants: Annotated[dict[Name, Variant], Field(min_length=1)]
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
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StudyError(f"{path}: not found in {Path.cwd()}, expected a study's params.yaml there") from None
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError(f"{path}: cannot be read ({error}), expected a YAML text") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}, column {mark.column + 1}:" if mark else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise StudyError(f"{path}:{where} found {problem}, expected YAML") from None
    try:
        study = Study.model_validate(raw)
    except ValidationError as error:
        raise StudyError(f"{path}: {_one_line(error, raw)}") from None
    for name, variant in study.variants.items():
        for kind, known in (("dataset", study.datasets), ("recipe", study.recipes)):
            if (found := getattr(variant, kind)) not in known:
                raise StudyError(f"{path}: variants.{name}.{kind}: found {found!r}, expected one of {', '.join(known)}")
    return study


_EXPECTED = {
    "missing": "a value for it",
    "string_pattern_mismatch": "a name of lower-case letters, digits, '-' and '_' (64 at most)",
    "model_type": "a mapping of settings",
    "dict_type": "a mapping",
    "int_type": "a whole number",
    "float_type": "a number (YAML wants a dot and a sign in 1.0e-3)",
    "string_type": "a text",
    "list_type": "a list",
}


def _one_line(error: ValidationError, raw: Any) -> str:
    """Say the first of pydantic's errors as KEY: found VALUE, expected WHAT."""
    first, *others = error.errors(include_url=False)
    key_itself = first["loc"][-1:] == ("[key]",)  # the error is about the name, not about what stands under it
    loc = first["loc"][:-1] if key_itself else first["loc"]
    key = ".".join(str(part) for part in loc) or "the whole file"
    found = "nothing" if first["type"] == "missing" else repr(first["input"])
    expected = _EXPECTED.get(first["type"]) or first["msg"].removeprefix("Input should be ").removeprefix(
        "Value error, "
    )
    if first["type"] == "extra_forbidden":
        key, unknown = ".".join(str(part) for part in loc[:-1]) or "the whole file", loc[-1]
        found, expected = f"unknown key {unknown!r}", f"only {', '.join(_keys_at(loc[:-1]))}"
    if first["type"] == "value_error" and isinstance(first["input"], dict):
        found = ", ".join(f"{k}: {v}" for k, v in first["input"].items() if k in first["msg"]) or "another"
    if len(found) > 120:
        found = found[:117] + "..."
    more = f" (and {len(others)} more)" if others else ""
    return f"{key}: found {found}, expected {expected}{more}"


_SECTIONS: dict[str, type[Settings]] = {
    "datasets": Dataset,
    "recipes": Recipe,
    "variants": Variant,
    "evaluation": Evaluation,
    "figures": Figures,
}


def _keys_at(loc: tuple[str | int, ...]) -> list[str]:
    """The keys that the settings at this place have: variants.NAME -> those of Variant."""
    return list((_SECTIONS[str(loc[0])] if loc else Study).model_fields)
