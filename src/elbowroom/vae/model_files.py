"""Find the file of a trained model, and read what it says about itself. Needs no torch."""

from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import Field, ValidationError

from elbowroom.core import paths
from elbowroom.core.errors import StudyError, short
from elbowroom.core.params import load_study
from elbowroom.core.setting_types import Count, Name, PositiveInt, Settings
from elbowroom.core.settings import Variant

SUFFIX = ".safetensors"


class Header(Settings):
    """What the file of a model says about it."""

    name: Name
    variant: Variant
    seed: Count
    shape: Annotated[list[PositiveInt], Field(min_length=3, max_length=3)]


def read_header(path: Path, header: dict[str, Any]) -> Header:
    """Check the header of a file. Raises StudyError if it is not that of a model."""
    try:
        return Header.model_validate(header)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise StudyError(
            f"{path}: header: {short(key)}: {first['msg']}, expected a model as the train stage writes it, "
            "run `dvc repro`"
        ) from None


class ModelChoice(NamedTuple):
    """A model that somebody asked for: its file, and the settings and the seed that it must have (None: any)."""

    path: Path
    variant: Variant | None
    seed: int | None


def find_model(model: str | Path, study: str | Path, seed: int | None) -> ModelChoice:
    """Find the file of a model. Raises StudyError if the study has no such variant or seed.

    model: the path of a file, or the name of a variant of the study, whose settings the model must then have. study:
    its folder. seed: None for the first seed of the variant, or whatever the file has.
    """
    if isinstance(model, Path) or model.endswith(SUFFIX):
        return ModelChoice(Path(model), None, seed)
    folder = Path(study)
    settings = load_study(folder / paths.PARAMS)
    variant = settings.variant(model)
    seeds = settings.recipes[variant.recipe].seeds
    if seed is not None and seed not in seeds:
        raise StudyError(f"{model}: found no seed {seed}, expected one of {', '.join(map(str, seeds))}")
    chosen = seeds[0] if seed is None else seed
    return ModelChoice(folder / paths.model_file(model, chosen), variant, chosen)
