"""`elbowroom check`: check all of params.yaml, the folders of pictures that it names, and what git keeps of a study."""

from pathlib import Path

from elbowroom.app.study_files import LINKS, OTHER_NAMES
from elbowroom.core.errors import StudyError
from elbowroom.core.params import load_study
from elbowroom.core.paths import PARAMS, baselines_file, dimension_file, noise_file
from elbowroom.core.settings import Study
from elbowroom.core.text import counted
from elbowroom.datasets import folder_files


def run() -> int:
    """Say how much params.yaml describes. Raises StudyError, in one line, if something is wrong."""
    study = load_study()
    _check_names(study)
    _check_links()
    _check_kept()
    for name, path in study.folders.items():
        try:
            folder_files.find(path)
        except StudyError as error:
            raise StudyError(f"{PARAMS}: folders.{name}: {error}") from None
    seeds = sum(len(study.recipes[variant.recipe].seeds) for variant in study.variants.values())
    counts = {"dataset": len(study.datasets), "variant": len(study.variants), "training": seeds}
    said = ", ".join(counted(number, what) for what, number in counts.items())
    print(f"{PARAMS} is sound: {said}")
    return 0


def _check_names(study: Study) -> None:
    """Raise StudyError if two datasets would have the same file, which DVC allows in one stage alone."""
    owners: dict[Path, str] = {}
    for name in study.datasets:
        for file in (baselines_file(name), dimension_file(name), noise_file(name)):
            if (first := owners.setdefault(file, name)) != name:
                raise StudyError(
                    f"{PARAMS}: datasets: found {first} and {name}, expected another name: both would have {file}"
                )


def _check_links() -> None:
    """Raise StudyError if a link leads nowhere, or git made a file of it. What no study needs may be missing."""
    for name, target in (LINKS | OTHER_NAMES).items():
        link = Path(name)
        if link.is_symlink():
            to = str(link.readlink())
            if not link.exists() and (name in LINKS or to != target):  # else `elbowroom repro` makes the folder
                expected = "something there" if to == target else f"a link to {target}"
                raise StudyError(f"{name}: found a link to {to}, where nothing is, expected {expected}")
        elif link.is_file() and name != ".dvcignore":
            raise StudyError(f"{name}: found a file, expected a link to {target} (git's core.symlinks is false)")


def _check_kept() -> None:
    """Raise StudyError if DVC made a link to its cache of a file that git keeps, too: git would commit the link."""
    for path in (path for folder in OTHER_NAMES.values() for path in sorted(Path(folder).glob("*"))):
        if path.is_symlink():
            raise StudyError(
                f"{path}: found a link, expected a file, which git keeps: `dvc config --local cache.type reflink,copy "
                "&& dvc checkout --relink`"
            )
