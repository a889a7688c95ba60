"""Run what is not up to date in a study's folder: independent stages side by side, each by a `dvc repro` of its own."""

import argparse
import os
import shutil
import signal
import sys
from pathlib import Path

from rich.console import Console

from elbowroom.core.errors import StudyError
from elbowroom.core.params import load_study
from elbowroom.core.text import escape_unprintable
from elbowroom.scheduler.forecast import training_seconds
from elbowroom.scheduler.only_run import MAKE, only_run
from elbowroom.scheduler.plan import describe_plan, find_plan, trained
from elbowroom.scheduler.repair import repair, wait_for_orphans
from elbowroom.scheduler.runner import Runner
from elbowroom.scheduler.stage_client import ADDRESS, die_with_parent
from elbowroom.scheduler.stage_server import stage_server


def _jobs(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a whole number, 1 or more")
    return int(text)


def main() -> int:
    escape_unprintable()
    parser = argparse.ArgumentParser(prog="python -m elbowroom.scheduler.local", description=__doc__)
    parser.add_argument("--jobs", type=_jobs, required=True, metavar="N", help="how many stages at a time")
    return run(parser.parse_args().jobs)


def run(jobs: int) -> int:
    """Run what is not up to date in this folder, `jobs` stages at a time. Return the exit status."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if not (Path("dvc.yaml").is_file() and Path(".dvc").is_dir()):
        raise StudyError(f"found no dvc.yaml and .dvc in {Path.cwd()}, expected a study's folder")
    if shutil.which("dvc") is None:
        raise StudyError("found no dvc on PATH, expected it beside elbowroom: activate their environment")
    try:
        lock = only_run()
        wait_for_orphans()
        repair()
    except OSError as error:
        where = error.filename or ".dvc/tmp"
        raise StudyError(f"{where}: {error.strerror}, expected a writable place with file locks") from None
    with lock:
        return _run_alone(jobs)


def _run_alone(jobs: int) -> int:
    plan = find_plan()
    if not plan:
        print("Nothing to run: every stage is up to date")
        return 0
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = os.environ.setdefault("OMP_NUM_THREADS", str(max(1, cores // jobs)))
    os.environ["PYTHONIOENCODING"] = "utf-8"  # of the jobs' terminals, whatever this one's is
    with stage_server() as os.environ[ADDRESS]:  # it imports while the speed of training is measured
        names = trained(plan)
        seconds = training_seconds(load_study(), names) if names else {}
        print(describe_plan(plan, jobs, threads, seconds))
        console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
        return Runner(plan, jobs, console, seconds).run()


if __name__ == "__main__":
    if MAKE in os.environ:  # the Makefile sets it: a killed make would leave this behind
        die_with_parent(int(os.environ[MAKE]), signal.SIGTERM)
    try:
        sys.exit(main())
    except StudyError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
