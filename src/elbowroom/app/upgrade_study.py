"""`elbowroom upgrade-study`: bring a study the pipeline of this version."""

from pathlib import Path

from elbowroom.app import check
from elbowroom.app.study_files import Home, writable

PIPELINE = ("dvc.yaml", ".dvcignore", ".dvc/plots/*", ".gitignore", ".gitattributes")


def run() -> int:
    """Write the pipeline of the study in this folder anew, and say what changed. Check params.yaml by it."""
    home = Home.of_study(Path.cwd())
    before = _contents()
    with writable(home.folder):
        home.write_pipeline()
    changed = [name for name, content in _contents().items() if before.get(name) != content]
    print("\n".join(f"{name}: written anew" for name in changed) or "The pipeline is that of this version already")
    return check.run()


def _contents() -> dict[str, bytes]:
    return {str(path): path.read_bytes() for pattern in PIPELINE for path in sorted(Path().glob(pattern))}
