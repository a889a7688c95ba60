"""What a whole study costs: its stages one after another, without DVC."""

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import settings
from benchmarks.processes import python
from benchmarks.settings import Setting
from benchmarks.timing import row
from elbowroom.core.params import load_study
from elbowroom.core.pipeline import DATASET_STAGES, STUDY_STAGES, VARIANT_STAGES


def whole_study(_: dict[str, Setting]) -> Iterator[dict[str, Any]]:
    """Minutes in total and of each kind of stage, in a temporary folder."""
    study = load_study(settings.PARAMS)
    of: dict[str, list[list[str]]] = {stage: [[name] for name in study.datasets] for stage in DATASET_STAGES}
    of |= {stage: [[name] for name in study.variants] for stage in VARIANT_STAGES}
    of |= {stage: [[]] for stage in STUDY_STAGES}
    minutes = dict.fromkeys(of, 0.0)
    with tempfile.TemporaryDirectory() as folder:
        for name in ("src", "stages"):
            shutil.copytree(settings.ROOT / name, Path(folder) / name)
        shutil.copy(settings.PARAMS, Path(folder) / "params.yaml")
        for stage, runs in of.items():
            for names in runs:
                start = time.perf_counter()
                python("-m", f"stages.{stage}", *names, folder=Path(folder))
                taken = (time.perf_counter() - start) / 60
                print(f"{' '.join([stage, *names])}: {taken:.2f} min", file=sys.stderr, flush=True)
                minutes[stage] += taken
    stages = sum(len(runs) for runs in of.values())
    yield row("study", f"{stages} stages, one after another, once", [sum(minutes.values())], "min")
    for stage, runs in of.items():
        yield row("study", f"{stage}, {len(runs)} of them", [minutes[stage]], "min")
