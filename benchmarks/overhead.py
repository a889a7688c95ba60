"""What `dvc repro` costs when there is nothing to do: a study against as many stages that have an empty file each.

`python benchmarks/overhead.py [STUDY]`, with the study up to date. The two take turns; a time is a median. Processor
time, as it depends little on what else the machine does.
"""

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

REPEATS = 7


def main(study: Path) -> None:
    listed = run(study, "dvc", "stage", "list", "--name-only")
    stages = {f"stage{n}": {"cmd": f"touch {n}", "outs": [str(n)]} for n in range(len(listed.split()))}
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder)
        run(empty, "git", "init", "--quiet")
        run(empty, "dvc", "init", "--quiet")
        shutil.copy(study / ".dvc/config", empty / ".dvc")  # which asks DVC for no analytics
        (empty / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
        seconds: dict[Path, list[float]] = {empty: [], study: []}
        run(empty, "dvc", "repro")
        for _ in range(1 + REPEATS):  # the first warms up
            for place, taken in seconds.items():
                start = processor_seconds()
                output = run(place, "dvc", "repro")
                taken.append(processor_seconds() - start)
                if "Running stage" in output:
                    sys.exit(f"error: {place}: stages ran, expected a pipeline that is up to date (run this again)")
    base, ours = (statistics.median(taken[1:]) for taken in seconds.values())
    spread = [b / a for a, b in zip(seconds[empty][1:], seconds[study][1:], strict=True)]
    print(f"{len(stages)} stages, {os.cpu_count()} cores, processor seconds: empty {base:.2f}, {study} {ours:.2f}")
    print(f"ratio {ours / base:.2f} ({min(spread):.2f} to {max(spread):.2f})")


def processor_seconds() -> float:
    """Return what all processes that were started from here have used so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(folder: Path, *command: str) -> str:
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout  # noqa: S603


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
