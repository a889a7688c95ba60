"""Run the stages of a plan, several at a time, and show how far they are."""

import signal
import textwrap
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from graphlib import TopologicalSorter

from rich.console import Console
from rich.live import Live
from rich.text import Text

from elbowroom.core.file_lock import try_lock
from elbowroom.core.pipeline import VARIANT_STAGES
from elbowroom.core.text import counted
from elbowroom.scheduler.budget import duration
from elbowroom.scheduler.dvc_job import DVC_LOCK, Job, JobOutcome
from elbowroom.scheduler.plan import Plan, wrapped

OWN = ("training diverged", "found too little memory")  # in errors that are due to a variant's own settings
GRACE = 10  # seconds that an interrupted stage has to end


class Runner:
    """Runs the stages of a plan, and shows how far they are."""

    def __init__(self, plan: Plan, jobs: int, console: Console, seconds: Mapping[str, float]) -> None:
        """seconds: that each variant will train, where that is known."""
        self.plan, self.jobs, self.console = plan, jobs, console
        self.seconds = {f"train@{name}": each for name, each in seconds.items()}
        self.width = max(map(len, plan))
        self.running: list[Job] = []
        self.ended: list[Job] = []
        self.interrupted = False

    def run(self) -> int:
        """Run each stage as soon as those that it waits for are done. Return the exit status."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._interrupt)
        order = list(self.plan)
        sorter = TopologicalSorter(self.plan)
        sorter.prepare()
        ready: list[str] = []
        start = time.monotonic()
        with Live(console=self.console, auto_refresh=False, transient=True) as live:
            while not self.interrupted:
                ready += sorter.get_ready()
                # what is trained is measured before more is trained: a run that is cut short has whole variants
                ready.sort(key=lambda stage: (stage.startswith("train@"), order.index(stage)))
                while ready and len(self.running) < self.jobs:
                    self.running.append(Job(ready.pop(0), max(40, self.console.width - self.width - 11)))
                    if not self.console.is_interactive:
                        self.console.print(f"{self.running[-1].stage:{self.width}}  started")
                if not self.running:
                    break
                sorter.done(*(job.stage for job in self._watch(live) if job.outcome != JobOutcome.FAILED))
            self._stop(live)
        return self._summary(timedelta(seconds=round(time.monotonic() - start)))

    def _interrupt(self, *_: object) -> None:
        self.interrupted = True

    def _watch(self, live: Live) -> list[Job]:
        """Show the running jobs for a moment. Return those that ended meanwhile."""
        time.sleep(0.1)
        ended = [job for job in self.running if not job.poll()]
        self.running = [job for job in self.running if job not in ended]
        for job in ended:
            self.console.print(f"{job.stage:{self.width}}  {job.time}  {job.outcome}")
        lines = [f"{job.stage:{self.width}}  {job.time}  {job.text}" for job in self.running]
        if lines and self.console.is_interactive:
            lines.append(
                f"{len(self.ended) + len(ended)} of {counted(len(self.plan), 'stage')} done{self._left(ended)}"
            )
        live.update(Text("\n".join(lines), no_wrap=True, overflow="ellipsis"), refresh=True)
        self.ended += ended
        return ended

    def _left(self, ended: Sequence[Job]) -> str:
        """Say how much training is left."""
        passed = {job.stage: job.time.total_seconds() for job in self.running}
        done = {job.stage for job in [*self.ended, *ended]}
        left = [max(0, each - passed.get(stage, 0)) for stage, each in self.seconds.items() if stage not in done]
        return f", about {duration(max(sum(left) / self.jobs, *left))} of training left" if left else ""

    def _stop(self, live: Live) -> None:
        """Interrupt the running jobs and wait for them to end.

        Take DVC's lock first, if it gets free in time: a dvc killed while it writes dvc.lock leaves half a file.
        """
        jobs, limit = self.running, time.monotonic() + GRACE
        with DVC_LOCK.open("a") as lock:
            while self.running and not try_lock(lock) and time.monotonic() < limit:
                self._watch(live)
            for job in self.running:
                job.end(signal.SIGINT)
        limit = time.monotonic() + GRACE
        while self.running and time.monotonic() < limit:
            self._watch(live)
        for job in jobs:
            job.end(signal.SIGKILL)  # the processes that it left, too
        while self.running:
            self._watch(live)

    def _print_error(self, job: Job) -> None:
        """Print why a job failed: its error in one line, or the end of its log."""
        seen = f"{job.stage} FAILED, see {job.log.absolute()}"
        if reason := job.reason():
            self.console.print(f"{seen}\n  error: {reason}")
            return
        lines = [line for line in job.log.read_text(encoding="utf-8").splitlines() if line.strip()]
        self.console.print(f"{seen}, which ends with")
        self.console.print(textwrap.indent("\n".join(lines[-4:]), "  "))

    def _summary(self, elapsed: timedelta) -> int:
        """Print how the jobs ended. Return the exit status."""
        outcomes = Counter(job.outcome for job in self.ended)
        counts = ", ".join(f"{number} {outcome}" for outcome, number in outcomes.items())
        self.console.print(f"{counted(len(self.ended), 'stage')} in {elapsed}: {counts}")
        for job in self.ended:
            if job.outcome == JobOutcome.FAILED:
                self._print_error(job)
        ended = {job.stage for job in self.ended}
        not_run = [stage for stage in self.plan if stage not in ended]
        if self.interrupted:
            self.console.print("Interrupted: run the same command to continue")
            return 130
        if not_run:
            self.console.print(wrapped(f"Not run, because they depend on what failed: {', '.join(not_run)}"))
        if hint := way_out({job.stage: job.reason() for job in self.ended if job.outcome == JobOutcome.FAILED}):
            self.console.print(wrapped(hint))
        return 1 if outcomes[JobOutcome.FAILED] else 0


def way_out(failed: Mapping[str, str | None]) -> str:
    """Say how to report a study without the variants that failed; "" if none did, or something else is to be mended.

    failed: stages, each with its error in one line, or None if it left none, as a bug does or DVC itself.
    """
    names = []
    for stage, reason in failed.items():
        kind, _, name = stage.partition("@")
        if kind not in VARIANT_STAGES or not any(own in (reason or "") for own in OWN):
            return ""
        names.append(name)
    named = ", ".join(dict.fromkeys(names))
    return named and f"To report the study without {named}: in params.yaml, move it from variants to answer.left_out"
