"""Run what is not up to date in a study's folder, independent stages side by side, each by a `dvc repro` of its own."""

import argparse
import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

from elbowroom.core.errors import StudyError
from elbowroom.core.params import load_study
from elbowroom.scheduler.budget import trainings
from elbowroom.scheduler.dvc_job import LOGS, Job
from elbowroom.scheduler.dvc_lock import locked_stages

Plan = dict[str, set[str]]  # a stage -> those that it waits for, in the order of dvc.yaml
DVC_LOCK = Path(".dvc/tmp/lock")  # held by a dvc, but while its stage runs
GRACE = 10  # seconds that an interrupted stage has to end


def mend() -> list[Path]:
    """Move aside what a dvc that was killed left empty or half-written, which DVC cannot read and does without."""
    damaged = []
    DVC_LOCK.parent.mkdir(parents=True, exist_ok=True)  # a dvc that was killed at once has not made it yet
    with DVC_LOCK.open("a") as lock:
        for path, is_whole in ((Path("dvc.lock"), _is_lock), (Path(".dvc/tmp/rwlock"), _is_json)):
            if _locked(lock) and path.is_file() and not is_whole(path):
                path.replace(path.with_name(f"{path.name}.damaged"))
                print(f"{path}: found the half of a file, as a kill leaves it, moved to {path.name}.damaged")
                damaged.append(path)
    return damaged


def _is_lock(path: Path) -> bool:
    """Or has a merge left it so? Then it is for the user to mend."""
    text = path.read_text(encoding="utf-8", errors="replace")
    try:
        return "<<<<<<<" in text or (all("cmd" in stage for stage in locked_stages().values()) and bool(text.strip()))
    except (StudyError, TypeError):
        return False


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except ValueError:
        return False
    return True


def _locked(file: TextIO) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def find_plan() -> Plan:
    """The stages of this dvc.yaml that DVC finds changed, and all that come after them."""
    changed = set(json.loads(_dvc("status", "--json")))
    waits: Plan = {}
    for line in _dvc("dag", "--dot").splitlines() if changed else []:
        names = re.findall(r'"([^"]+)"', line)  # "stage"; or "stage" -> "next";
        if names and not any(":" in name or name.endswith(".dvc") for name in names):  # those of other files
            waits.setdefault(names[-1], set()).update(names[:-1])
    for stage in TopologicalSorter(waits).static_order():
        if waits[stage] & changed:
            changed.add(stage)
    return {stage: waits[stage] & changed for stage in waits if stage in changed}


def _dvc(*command: str) -> str:
    done = subprocess.run(["dvc", "--wait-for-lock", *command], stdout=subprocess.PIPE, text=True)  # noqa: S603, S607
    if done.returncode:
        sys.exit(done.returncode)  # DVC has said why
    return done.stdout


def describe(plan: Plan, jobs: int, threads: str) -> str:
    """What may run, and what is trained with which budget."""
    stages, cached = _count(len(plan), "stage"), "what DVC has in its cache is restored"
    lines = [f"At most {stages} to run, {jobs} at a time with OMP_NUM_THREADS={threads}; {cached}"]
    names = [stage.removeprefix("train@") for stage in plan if stage.startswith("train@")]
    lines += trainings(load_study(), names) if names else []
    return "\n".join(map(_fill, lines))


def _fill(line: str) -> str:
    return textwrap.fill(line, 100, subsequent_indent="  ", break_on_hyphens=False)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


class Runner:
    """A plan, and where it stands."""

    def __init__(self, plan: Plan, jobs: int, console: Console) -> None:
        self.plan, self.jobs, self.console = plan, jobs, console
        self.width = max(map(len, plan))
        self.running: list[Job] = []
        self.ended: list[Job] = []
        self.interrupted = False

    def run(self) -> int:
        """Run each stage as soon as all that it waits for are done; return the exit status."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._interrupt)
        order = list(self.plan)
        sorter = TopologicalSorter(self.plan)
        sorter.prepare()
        ready: list[str] = []
        start = time.monotonic()
        with Live(console=self.console, auto_refresh=False, transient=True) as live:
            while not self.interrupted:
                ready = sorted([*ready, *sorter.get_ready()], key=order.index)
                while ready and len(self.running) < self.jobs:
                    self.running.append(Job(ready.pop(0), max(40, self.console.width - self.width - 11)))
                    if not self.console.is_interactive:
                        self.console.print(f"{self.running[-1].stage:{self.width}}  started")
                if not self.running:
                    break
                sorter.done(*(job.stage for job in self._watch(live) if job.outcome != "FAILED"))
            self._stop(live)
        return self._summary(timedelta(seconds=round(time.monotonic() - start)))

    def _interrupt(self, *_: object) -> None:
        self.interrupted = True

    def _watch(self, live: Live) -> list[Job]:
        """Show the running jobs, for a moment; return those that ended in it."""
        time.sleep(0.1)
        ended = [job for job in self.running if not job.poll()]
        self.running = [job for job in self.running if job not in ended]
        for job in ended:
            self.console.print(f"{job.stage:{self.width}}  {job.time}  {job.outcome}")
        lines = [f"{job.stage:{self.width}}  {job.time}  {job.text}" for job in self.running]
        if lines and self.console.is_interactive:
            lines.append(f"{len(self.ended) + len(ended)} of {_count(len(self.plan), 'stage')} done")
        live.update(Text("\n".join(lines), no_wrap=True, overflow="ellipsis"), refresh=True)
        self.ended += ended
        return ended

    def _stop(self, live: Live) -> None:
        """Interrupt what is running and wait for it.

        DVC's lock is held meanwhile if it can be had: a dvc cut off while it writes dvc.lock would leave half of it.
        """
        jobs, limit = self.running, time.monotonic() + GRACE
        with DVC_LOCK.open("a") as lock:
            while self.running and not _locked(lock) and time.monotonic() < limit:
                self._watch(live)
            for job in self.running:
                job.end(signal.SIGINT)
        limit = time.monotonic() + GRACE
        while self.running and time.monotonic() < limit:
            self._watch(live)
        for job in jobs:
            job.end(signal.SIGKILL)  # and what it left behind
        while self.running:
            self._watch(live)

    def _summary(self, elapsed: timedelta) -> int:
        outcomes = Counter(job.outcome for job in self.ended)
        counts = ", ".join(f"{number} {outcome}" for outcome, number in outcomes.items())
        self.console.print(f"{_count(len(self.ended), 'stage')} in {elapsed}: {counts}")
        for job in self.ended:
            if job.outcome == "FAILED":
                self.console.print(f"{job.stage} FAILED, see {job.log.absolute()}, which ends with")
                lines = [line for line in job.log.read_text(encoding="utf-8").splitlines() if line.strip()]
                said = [number for number, line in enumerate(lines) if line.startswith("error: ")]
                self.console.print(textwrap.indent("\n".join(lines[said[0] if said else -4 :]), "  "))
        ended = {job.stage for job in self.ended}
        left = [stage for stage in self.plan if stage not in ended]
        if self.interrupted:
            self.console.print("Interrupted: the same command goes on from here")
            return 130
        if left:
            self.console.print(_fill(f"Not run, as they depend on what failed: {', '.join(left)}"))
        return 1 if outcomes["FAILED"] else 0


def _jobs(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a whole number, 1 or more")
    return int(text)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m elbowroom.scheduler.local", description=__doc__)
    parser.add_argument("--jobs", type=_jobs, required=True, metavar="N", help="how many stages at a time")
    jobs = parser.parse_args().jobs
    if not (Path("dvc.yaml").is_file() and Path(".dvc").is_dir()):
        raise StudyError(f"found no dvc.yaml and .dvc in {Path.cwd()}, expected a study's folder")
    LOGS.mkdir(parents=True, exist_ok=True)
    mend()
    plan = find_plan()
    if not plan:
        print("Nothing to run: every stage is up to date")
        return 0
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = os.environ.setdefault("OMP_NUM_THREADS", str(max(1, cores // jobs)))
    print(describe(plan, jobs, threads))
    return Runner(plan, jobs, Console(highlight=False, markup=False, emoji=False, soft_wrap=True)).run()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(main())
    except StudyError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
