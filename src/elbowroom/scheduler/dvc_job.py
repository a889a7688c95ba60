"""Run one stage by a `dvc repro` of its own, follow what it prints, and tell how it ended."""

import os
import pty
import select
import signal
import termios
import time
from contextlib import suppress
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from rich.ansi import AnsiDecoder

from elbowroom.core.errors import StudyError
from elbowroom.core.paths import note_file

LOGS = Path(".dvc/tmp/parallel")  # what each stage printed, STAGE.log
DVC_LOCK = Path(".dvc/tmp/lock")  # locked by a running dvc, except while its stage runs


class JobOutcome(StrEnum):
    """How a job ended."""

    RAN = "ran"
    RESTORED = "restored from cache"
    UNCHANGED = "unchanged"
    FAILED = "FAILED"
    INTERRUPTED = "interrupted"


class Job:
    """`dvc repro` of one stage, in a session of its own with a terminal of its own.

    The stage draws its progress bar on that terminal. The kernel ends the whole session when dvc or this process is
    killed (SIGHUP), so no stage outlives them.
    """

    def __init__(self, stage: str, columns: int) -> None:
        self.stage = stage
        self.outcome: JobOutcome | None = None  # until it has ended
        self.text = ""  # its last line
        self.log = LOGS / f"{stage}.log"
        self._file = self.log.open("w", buffering=1, encoding="utf-8")
        self._tail, self._title = b"", f"{stage.replace('@', ' ')}: "
        self._interrupted = False
        note_file(stage, "error").unlink(missing_ok=True)  # of an earlier run
        self._start = time.monotonic()
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            termios.tcsetwinsize(0, (24, columns + len(self._title)))
            signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup it would be ignored
            os.execlp("dvc", "dvc", "--wait-for-lock", "repro", "--single-item", stage)  # noqa: S606, S607
        os.set_inheritable(self._terminal, False)

    @property
    def time(self) -> timedelta:
        """The time since the job started."""
        return timedelta(seconds=round(time.monotonic() - self._start))

    def _write(self, text: str) -> None:
        """Write to the log. Raises StudyError if its disk is full."""
        try:
            self._file.write(text)
        except OSError as error:  # which names no file
            raise StudyError(f"{self.log}: cannot be written ({error.strerror}), expected room for it") from None

    def poll(self) -> bool:
        """Read what the job has printed. Return whether it is still running."""
        pid, status = os.waitpid(self._pid, os.WNOHANG)
        while select.select([self._terminal], [], [], 0)[0] and (piece := self._read()):
            *lines, tail = (self._tail + piece).split(b"\n")
            self._tail = tail[tail.rstrip(b"\r").rfind(b"\r") + 1 :]  # drop what a carriage return overwrote
            shown = [_plain(line) for line in lines]
            self._write("".join(f"{line}\n" for line in shown))
            text = next((line for line in [_plain(self._tail), *reversed(shown)] if line.strip()), self.text)
            self.text = text.removeprefix(self._title)  # the progress bar's title: the line has it already
        if pid:
            self._write(_plain(self._tail))
            self._file.close()
            os.close(self._terminal)
            self.outcome = self._outcome(status)
        return pid == 0

    def _read(self) -> bytes:
        with suppress(OSError):  # at its end, Linux raises an error
            return os.read(self._terminal, 65536)
        return b""

    def reason(self) -> str | None:
        """Return the error in one line that ended the stage; None if it left none, as a bug does or DVC itself."""
        with suppress(OSError):
            return note_file(self.stage, "error").read_text(encoding="utf-8")
        return None

    def _outcome(self, status: int) -> JobOutcome:
        """Tell how the job ended. DVC says only in its output whether it ran the stage, so this looks there."""
        if status:
            return JobOutcome.INTERRUPTED if self._interrupted else JobOutcome.FAILED
        output = self.log.read_text(encoding="utf-8")
        if f"Running stage '{self.stage}'" in output:
            return JobOutcome.RAN
        return JobOutcome.RESTORED if "is cached - skipping run" in output else JobOutcome.UNCHANGED

    def end(self, number: signal.Signals) -> None:
        """Send a signal to the whole session."""
        self._interrupted = True
        with suppress(ProcessLookupError, PermissionError):  # it has ended; macOS: it is ending
            os.killpg(self._pid, number)


def _plain(line: bytes) -> str:
    """A line as a terminal shows it in the end, without colours."""
    return AnsiDecoder().decode_line(line.decode(errors="replace").rstrip("\r")).plain
