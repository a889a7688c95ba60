"""Read params.yaml: return the study that it describes, or say in one line what is wrong with it."""

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import ValidationError
from ruamel.yaml import YAML  # DVC reads params.yaml with it: so both read the same
from ruamel.yaml.error import YAMLError

from elbowroom.core.dataset_settings import FOLDER, FolderDataset, PublishedDataset
from elbowroom.core.errors import StudyError, short, shown
from elbowroom.core.networks import Network
from elbowroom.core.paths import PARAMS
from elbowroom.core.pixel_range import UNIT
from elbowroom.core.published_sets import PUBLISHED, image_shape
from elbowroom.core.setting_types import Settings
from elbowroom.core.settings import (
    RESERVED,
    Answer,
    Evaluation,
    Figures,
    JudgeTraining,
    Recipe,
    Study,
    VariantSettings,
)


def load_study(path: Path = PARAMS) -> Study:
    """Read all of a params.yaml and check it.

    Raises StudyError with the file, the key, the value found and the value expected, in one line.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # that an anchor is defined twice
            raw = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StudyError(f"{path}: not found in {Path.cwd()}, expected a study's params.yaml there") from None
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError(f"{path}: cannot be read ({error}), expected YAML") from None
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" line {mark.line + 1}, column {mark.column + 1}:" if mark else ""
        problem = str(getattr(error, "problem", None) or error).partition("\n")[0]
        problem = problem.removeprefix("but ").removeprefix("found ")  # the YAML parser's words, made to fit ours
        raise StudyError(f"{path}:{place} found {short(problem)}, expected YAML") from None
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise StudyError(f"{path}: found an impossible value ({short(str(error))}), expected YAML") from None
    try:
        study = Study.model_validate(raw)
    except ValidationError as error:
        raise StudyError(f"{path}: {_one_line(error)}") from None
    for key, found, expected in _inconsistencies(study):
        raise StudyError(f"{path}: {key}: found {found}, expected {expected}")
    return study


def _inconsistencies(study: Study) -> Iterator[tuple[str, object, str]]:
    """Yield what is wrong with settings that are valid one by one: the key, the value found, what was expected."""
    yield from _wrong_datasets(study)
    for name in study.answer.left_out:
        if name in study.variants:
            yield "answer.left_out", repr(name), "only names that `variants` no longer has"
    for name, recipe in study.recipes.items():
        if recipe.warmup_epochs >= recipe.epochs:
            yield f"recipes.{name}.warmup_epochs", recipe.warmup_epochs, f"fewer than its {recipe.epochs} epochs"
    earliest: dict[str, str] = {}  # the settings of a variant, as text -> the first variant that has them
    for name, variant in study.variants.items():
        key = f"variants.{name}"
        if name in RESERVED:
            yield "variants", repr(name), f"another name ({', '.join(RESERVED)} are folders of the pipeline)"
        if (first := earliest.setdefault(variant.model_dump_json(), name)) != name:
            yield key, f"the settings of {first} again", "at least one other setting: a series has each size once"
        if variant.recipe not in study.recipes:
            yield f"{key}.recipe", repr(variant.recipe), f"one of {', '.join(study.recipes)}"
        if variant.dataset not in study.datasets:
            yield f"{key}.dataset", repr(variant.dataset), f"one of {', '.join(study.datasets)}"
            continue
        if variant.network not in study.networks:
            yield f"{key}.network", repr(variant.network), f"one of {', '.join(study.networks)}"
            continue
        network, (_, height, width) = study.networks[variant.network], image_shape(study.datasets[variant.dataset])
        if min(height, width) < network.smallest_side:
            expected = f"one for {height}x{width} images, as {variant.dataset} has"
            yield (
                f"{key}.network",
                repr(variant.network),
                f"{expected} (it needs sides of {network.smallest_side} or more)",
            )
        if "bernoulli" in variant.likelihood and variant.pixel_range != UNIT:
            yield f"{key}.pixel_range", variant.pixel_range, f"{UNIT} with likelihood {variant.likelihood}"
        if network.linear and variant.channels != 1:
            yield f"{key}.channels", variant.channels, f"1 with network {variant.network}, which has no convolutions"
        if variant.model == "ae" and variant.beta != 0:
            yield f"{key}.beta", variant.beta, "0 with model ae, which has no KL"


def _wrong_datasets(study: Study) -> Iterator[tuple[str, object, str]]:
    """Yield what is wrong with datasets and folders, as `_inconsistencies` does."""
    for name, settings in study.datasets.items():
        if isinstance(settings, FolderDataset):
            if name not in study.folders:
                yield "folders", f"no {name!r}", f"the path of its pictures: {name}: ..."
        elif settings.source not in PUBLISHED:
            yield f"datasets.{name}.source", repr(settings.source), f"one of {', '.join([*PUBLISHED, FOLDER])}"
        else:
            for key in ("train_images", "test_images"):
                if (count := getattr(settings, key)) > (most := getattr(PUBLISHED[settings.source], key)):
                    yield f"datasets.{name}.{key}", count, f"at most {most}, as published"
    for name, path in study.folders.items():
        if "${" in path:  # `dvc exp run --set-param` would look for a setting of that name
            yield f"folders.{name}", repr(path), "variables as $NAME, without braces"
        if not isinstance(study.datasets.get(name), FolderDataset):
            yield "folders", repr(name), f"only the names of datasets with source: {FOLDER}"


_EXPECTED = {  # by pydantic's name for the error
    "missing": "a value for it",
    "string_pattern_mismatch": "a name of at most 64 lower-case letters, digits, '-' and '_', a letter first",
    "model_type": "a mapping of settings",
    "dict_type": "a mapping",
    "int_type": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "list_type": "a list",
    "too_short": "at least {min_length}",
    "greater_than": "more than {gt}",
    "greater_than_equal": "{ge} or more",
    "less_than": "less than {lt}",
    "less_than_equal": "{le} or less",
    "string_too_short": "text that is not empty",
    "literal_error": "{expected}",
    "finite_number": "a finite number",
    "value_error": "{error}",  # ours, from a validator
}


def _one_line(error: ValidationError) -> str:
    """Describe the first of pydantic's errors as KEY: found VALUE, expected WHAT."""
    first, *others = error.errors(include_url=False)
    loc = first["loc"]
    if loc[-1:] == ("[key]",):  # the name is wrong, not its value
        loc = loc[:-1]
    found = "nothing" if first["type"] == "missing" or first["input"] is None else shown(first["input"])
    expected = first["msg"]
    if first["type"] in _EXPECTED:
        expected = _EXPECTED[first["type"]].format(**first.get("ctx", {}))
    if first["type"] == "extra_forbidden":
        loc, unknown = loc[:-1], loc[-1]
        found, expected = f"unknown key {shown(unknown)}", f"only {', '.join(_keys_at(loc))}"
    if loc[:1] == ("datasets",):  # the third part is the kind of dataset, no key
        loc = loc[:2] + loc[3:]
    key = ".".join(str(part) for part in loc) or "the whole file"
    more = f" (and {len(others)} more)" if others else ""
    return f"{short(key)}: found {short(found)}, expected {expected}{more}"


_SECTIONS: dict[str, type[Settings]] = {
    "networks": Network,
    "recipes": Recipe,
    "variants": VariantSettings,
    "judge": JudgeTraining,
    "evaluation": Evaluation,
    "figures": Figures,
    "answer": Answer,
}


def _keys_at(loc: Sequence[str | int]) -> list[str]:
    """The keys that settings have at this place: at variants.NAME, those of Variant."""
    if loc[:1] == ("datasets",):
        return list((FolderDataset if loc[2] == FOLDER else PublishedDataset).model_fields)
    return list((_SECTIONS[str(loc[0])] if loc else Study).model_fields)
