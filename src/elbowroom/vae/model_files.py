"""Find the file of a trained model, and read what it says about itself. Needs no torch."""

import os
import re
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import Field, ValidationError

from elbowroom.core import paths
from elbowroom.core.errors import StudyError, short, shown, whole
from elbowroom.core.params import load_study
from elbowroom.core.setting_types import NAME, Count, Name, PositiveInt, Settings
from elbowroom.core.settings import Variant


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
    """Find the file of a model. Raises StudyError if there is no such file, or the study has no such variant or seed.

    model: the path of a file, or the name of a variant of the study, whose settings the model must then have. study:
    its folder. seed: None for the first seed of the variant, or whatever the file has.
    """
    for what, value, expected in (
        ("model", model, "the name of a variant, or the path of a file"),
        ("study", study, "the path of a study's folder"),
    ):
        if not isinstance(value, str | os.PathLike):
            raise StudyError(f"{what}: found {shown(value)}, expected {expected}")
    seed = None if seed is None else whole("seed", seed, 0)
    if is_file(model, study):
        if not Path(model).is_file():
            raise StudyError(f"{model}: found no such file, expected that of a model, or the name of a variant")
        return ModelChoice(Path(model), None, seed)
    folder, name = Path(study), str(model)
    settings = load_study(folder / paths.PARAMS)
    variant = settings.variant(name)
    seeds = settings.recipes[variant.recipe].seeds
    if seed is not None and seed not in seeds:
        raise StudyError(f"{model}: found no seed {seed}, expected one of {', '.join(map(str, seeds))}")
    chosen = seeds[0] if seed is None else seed
    return ModelChoice(folder / paths.model_file(name, chosen), variant, chosen)


def is_file(model: str | Path, study: str | Path) -> bool:
    """Whether somebody who asks for this model means a file: no variant can have that name, or the study has none."""
    if not isinstance(model, str) or not re.fullmatch(NAME, model):
        return True
    params = Path(study) / paths.PARAMS
    return Path(model).is_file() and not (params.is_file() and model in load_study(params).variants)


def check_seed(path: Path, found: object, expected: int | None) -> None:
    """Raise StudyError if a file is of another seed than the one asked for (None: any)."""
    if expected is not None and found != expected:
        raise StudyError(f"{path}: found seed {shown(found)}, expected seed {expected}")
