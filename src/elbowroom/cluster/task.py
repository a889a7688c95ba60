"""What goes to a worker and what comes back. Only the standard library: workers get this module's code from the driver.

A place runs a stage somewhere: `local` (local_place.py) or `ray` (ray_place.py). Each is one function, as Place says.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

Show = Callable[[bytes], None]  # takes what the stage prints, piece by piece
Content = Callable[[str], bytes]  # returns the content that has a sha256


@dataclass(frozen=True)
class StageTask:
    """A stage to run in a sandbox, a folder that has the stage's files only.

    command: the arguments of `python`. files: path -> content, of small files. large: path -> sha256, of large ones.
    links: symbolic links, path -> target. outputs: the files and folders to bring back, and notes those to bring back
    even if the stage fails. environment: variables to set. columns: the width of the terminal that the stage gets; None
    for no terminal. checkpoints: the folder on the worker where training keeps them; None for one of the worker's own.
    versions: package -> the version that the worker must have.
    """

    stage: str
    command: list[str]
    files: dict[str, bytes]
    large: dict[str, str]
    links: dict[str, str]
    outputs: list[str]
    notes: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    columns: int | None = None
    checkpoints: str | None = None
    versions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Resources:
    """What a stage asks for. gpus: may be a part of one."""

    cpus: float = 1
    gpus: float = 0
    retries: int = 3  # after a node or a worker process is lost


@dataclass(frozen=True)
class StageResult:
    """How a stage ended. status: minus the number of the signal that ended it, if one did. files: path -> content."""

    status: int
    files: dict[str, bytes]


Place = Callable[[StageTask, Resources, Content, Show], StageResult]
