"""What code/<stage>.json says: what a stage's code does (code_digest.py), and what it reads beside its modules.

`Path(__file__).with_name("claims.yaml")` names a file beside a module, or a folder of files. If the statement with that
counts for a stage, a line is the name of the file and a digest of its bytes.

This is apart from code_digest.py, by which training names its checkpoints: a change here trains nothing again.
"""

import ast
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from elbowroom.core.code_digest import SRC, STAGE, Code
from elbowroom.core.errors import StudyError
from elbowroom.core.paths import DIGESTS
from elbowroom.core.syntax import Statement

PACKAGED = Path("elbowroom/stages")  # the scripts below SRC, in an installed package; a checkout has them beside SRC


def running_code(src: Path = SRC) -> Code:
    """Return the code that runs: a checkout's, or an installed package's, with the same digests for the same code."""
    code = Code(src)
    if (src / PACKAGED).is_dir():
        code.scripts = src / PACKAGED
    return code


def stage_lines(code: Code, stage: str) -> list[str]:
    """Return the lines of code/<stage>.json."""
    beside = {path for statement in code.counted(code.roots(stage)) for path in _beside(statement, code.src)}
    return sorted([*code.of_stage(stage), *(line for path in beside for line in _file_lines(path))])


def _beside(statement: Statement, src: Path) -> Iterator[Path]:
    """Yield the files and folders beside its module that a statement names."""
    if "__file__" not in statement.text:
        return
    module = src.joinpath(*statement.module.name.split("."))  # stages name none
    for node in [part for top in statement.nodes for part in ast.walk(top)]:
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Path(__file__).with_name":
            yield module.with_name(ast.literal_eval(node.args[0]))


def _file_lines(path: Path) -> Iterator[str]:
    """Yield a line, `name digest`, for a file, or for each file in a folder that is not hidden, as an editor's are."""
    for file in path.rglob("[!.]*") if path.is_dir() else [path]:
        if file.is_file():
            yield f"{file.relative_to(path.parent)} {hashlib.sha256(file.read_bytes()).hexdigest()[:16]}"


def digest_file(lines: list[str]) -> bytes:
    """The content of code/<stage>.json."""
    return (json.dumps(lines, indent=0) + "\n").encode()


def check_code(dvc_stage: str) -> None:
    """Raise StudyError if DVC would file the result of this stage, such as `train@mnist-z128`, under other code.

    That is so if the code was edited since the stage `code` ran, and the edit changes what this stage does.
    """
    stage = dvc_stage.rpartition(":")[2].partition("@")[0]
    if stage == STAGE:
        return
    path = DIGESTS / f"{stage}.json"
    if not path.is_file() or path.read_bytes() != digest_file(stage_lines(running_code(), stage)):
        raise StudyError(
            f"{path}: found the digests of other code than runs now, expected its own: run `dvc repro` "
            "(or undo the edit and run `dvc checkout`, which brings back the results that DVC deleted)"
        )
