"""Seconds that each picture of a stage takes, drawn and encoded: `python -m benchmarks.pictures STUDY STAGE [NAME]`,
STUDY a folder."""

import importlib
import inspect
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from elbowroom.comparison import charts
from elbowroom.core import files
from elbowroom.figures import curves, image_files, latent_maps, pictures


def main(study: str, stage: str, *names: str) -> None:
    os.chdir(study)
    made: dict[int, tuple[float, Any]] = {}  # by what a function returned, kept so that its number is not given again
    for module in (pictures, curves, latent_maps, image_files, charts):
        clock(module, made)
    seconds, write = {}, files.write

    def noted(path: Path, content: bytes | str) -> None:
        if id(content) in made:
            seconds[str(path)] = made[id(content)][0]
        write(path, content)

    files.write = noted
    importlib.import_module(f"stages.{stage}").main(*names)
    print(json.dumps(seconds))


def clock(module: ModuleType, made: dict[int, tuple[float, Any]]) -> None:
    """Have the module's functions note how long they took, together with what they were first given took."""

    def clocked(function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*given: Any, **named: Any) -> Any:
            start = time.perf_counter()
            result = function(*given, **named)
            parts = given[0] if isinstance(given[0], list) else given[:1]  # frames, or a picture
            seconds = time.perf_counter() - start
            made[id(result)] = seconds + sum(made.get(id(part), (0.0,))[0] for part in parts), result
            return result

        return run

    for name, function in inspect.getmembers(module, inspect.isfunction):
        if function.__module__ == module.__name__:
            setattr(module, name, clocked(function))


if __name__ == "__main__":
    main(*sys.argv[1:])
