"""Put what a machine with a card sent into a study, if it is of this code and of these settings."""

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from benchmarks import bench, parcels
from benchmarks.card_results import needs, outs, settings_used
from benchmarks.card_run import read_study
from elbowroom.core import files, paths
from elbowroom.core.code_digest import Code
from elbowroom.core.errors import StudyError, short
from elbowroom.core.params import load_study
from elbowroom.core.settings import Study

TOPS = ("metrics", "models", "plots")  # where results may lie


def unpack(folder: Path, into: Path) -> int:
    """Put all whole files in place, and the measurements into RESULTS.md; say what DVC has to be told.

    Raises StudyError, before anything is written, if parcels are damaged, or of other code or settings.
    """
    arrived = parcels.unpack(folder)
    about = arrived.about
    for path in [*arrived.files, *arrived.missing]:
        if path.split("/")[0] not in TOPS or ".." in path.split("/"):
            raise StudyError(f"{folder}: found {short(path)!r} in it, expected only {', '.join(TOPS)}")
    study = read_study(about["params"])
    load_study(into / paths.PARAMS)
    done = list(about["seconds"])
    _check_code(folder, about["code"], done)
    _check_settings(folder, about["params"], into / paths.PARAMS, study, done)
    for path, content in arrived.files.items():
        files.write(into / path, content)
    if about["rows"] and about["facts"]["device"] == "cuda":
        bench.store(about["rows"])
    _tell(arrived, done, study, into)
    return 0


def _check_code(folder: Path, sent: dict[str, list[str]], done: list[str]) -> None:
    """Raise StudyError if a stage that ran there does something else here."""
    code = Code()
    for kind in dict.fromkeys(stage.partition("@")[0] for stage in done):
        if differing := sorted({line.split()[0] for line in set(sent[kind]) ^ set(code.of_stage(kind))}):
            raise StudyError(
                f"{folder}: found results of {kind} by other code than src/ and stages/ have here "
                f"({short(', '.join(differing))}), expected the same"
            )


def _check_settings(folder: Path, sent: str, params: Path, study: Study, done: list[str]) -> None:
    """Raise StudyError, with the settings that params.yaml must have, if a stage that ran there used others."""
    parser = YAML(typ="safe", pure=True)
    theirs, ours = parser.load(sent), parser.load(params.read_text(encoding="utf-8"))
    wanted: dict[str, Any] = {}
    for key in dict.fromkeys(key for stage in done for key in settings_used(stage, study)):
        wanted |= _differing(key, _at(theirs, key), _at(ours, key))
    if wanted:
        said = ", ".join(f"{key}: {value}" for key, value in wanted.items())
        raise StudyError(
            f"{params}: found other settings than the results have, expected {said} (as {folder}/params.yaml has)"
        )


def _at(settings: Any, key: str) -> Any:
    for part in key.split("."):
        settings = settings.get(part) if isinstance(settings, dict) else None
    return settings


def _differing(key: str, theirs: Any, ours: Any) -> dict[str, Any]:
    """Return the settings, by their full keys, that ours lacks or has otherwise."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        parts = [_differing(f"{key}.{name}", value, ours.get(name)) for name, value in theirs.items()]
        return {name: value for part in parts for name, value in part.items()}
    return {} if theirs == ours else {key: theirs}


def _tell(arrived: parcels.Arrived, done: list[str], study: Study, into: Path) -> None:
    """Print what was put in place, what is still missing, and how DVC comes to know of it."""
    print(f"{into}: {len(arrived.files)} files put in place")
    if arrived.missing:
        print(f"still to be sent (--minutes 0 --parcels): {', '.join(arrived.missing)}")
    prepared = [stage for stage in done if stage.startswith("prepare@")]
    whole = list(prepared)
    for stage in done:
        came = not any(path == out or path.startswith(f"{out}/") for out in outs(stage) for path in arrived.missing)
        if stage not in whole and came and all(need in whole for need in needs(stage, study)):
            whole.append(stage)
    if recorded := whole[len(prepared) :]:
        print(f"for DVC: dvc repro --single-item code {' '.join(prepared)} && dvc commit --force {' '.join(recorded)}")
