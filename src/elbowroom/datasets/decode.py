"""Decode all pictures of a folder, in as many processes as there are cores."""

import contextlib
import hashlib
import multiprocessing
import os
import signal
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess, SpawnProcess
from typing import NamedTuple, cast

import numpy as np
from tqdm import tqdm

from elbowroom.core.dataset_settings import FolderDataset
from elbowroom.core.errors import StudyError
from elbowroom.datasets import picture
from elbowroom.datasets.folder_files import FolderFiles

CHUNK = 64  # pictures that a process decodes before it hands them on: few enough to keep memory low
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Chunk(NamedTuple):
    """What became of some pictures in a row, the first of which has the number `start`.

    images: (n, C, H, W) uint8 of those that can be read. readable: whether each can. digests: the sha256 of each image.
    """

    start: int
    images: np.ndarray
    readable: list[bool]
    digests: list[bytes]
    failures: dict[int, str]
    several_frames: int


@dataclass
class Decoded:
    """All pictures of a folder, decoded.

    images: (N, C, H, W) uint8, a place for each file. digests: the sha256 of an image's bytes, by the number of its
    file; one that cannot be read has none. failures: why not. several_frames: of how many only the first is used.
    """

    images: np.ndarray
    digests: dict[int, bytes] = field(default_factory=dict)
    failures: dict[int, str] = field(default_factory=dict)
    several_frames: int = 0


def decode(found: FolderFiles, settings: FolderDataset, name: str) -> Decoded:
    """Decode all pictures. The result does not depend on the number of processes. Shows a progress bar at a terminal.

    Memory: that of the images, and of a few chunks.
    """
    count = len(found.pictures)
    decoded = Decoded(np.empty((count, settings.channels, *settings.sides), np.uint8))
    with (  # processes first: a progress bar starts a thread, and a process that has threads should not be forked
        _processes(found, settings) as readers,
        tqdm(total=count, desc=f"prepare {name}", unit="img", disable=None) as progress,
    ):
        for chunk in _received(readers):
            numbers = range(chunk.start, chunk.start + len(chunk.readable))
            readable = [number for number, fine in zip(numbers, chunk.readable, strict=True) if fine]
            decoded.images[readable] = chunk.images
            decoded.digests |= dict(zip(readable, chunk.digests, strict=True))
            decoded.failures |= chunk.failures
            decoded.several_frames += chunk.several_frames
            progress.update(len(chunk.readable))
    return decoded


@contextlib.contextmanager
def _processes(found: FolderFiles, settings: FolderDataset) -> Iterator[list[Connection]]:
    """Start processes that share the pictures. Provide a pipe from each, which makes it wait while it is full."""
    starts = range(0, len(found.pictures), CHUNK)
    count = min(_cores(), len(starts))
    processes, readers = list[ForkProcess | SpawnProcess](), list[Connection]()
    try:
        with _signals_held_back():
            for number in range(count):
                reader, writer = multiprocessing.Pipe(duplex=False)
                arguments = (reader, writer, found, settings, starts[number::count])
                kind = ForkProcess if sys.platform == "linux" else SpawnProcess
                processes.append(kind(target=_work, args=arguments, daemon=True))
                processes[-1].start()
                writer.close()
                readers.append(reader)
        yield readers
    finally:
        for process in processes:
            process.kill()
            process.join()


def _received(readers: list[Connection]) -> Iterator[Chunk]:
    """Yield all chunks, in any order. Raises StudyError if a process ends before it has sent all of its own."""
    while readers:
        for reader in cast(list[Connection], wait(readers)):
            try:
                chunk = reader.recv()
            except EOFError:
                raise StudyError(
                    "a process that decodes pictures was killed, expected enough memory for the largest of them"
                ) from None
            if chunk is None:
                readers.remove(reader)
            else:
                yield chunk


@contextlib.contextmanager
def _signals_held_back() -> Iterator[None]:
    """Handle signals later: while a process is forked, Python ignores what a handler raises."""
    held: list[int] = []
    before = {number: signal.signal(number, lambda caught, _: held.append(caught)) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
    for caught in held:
        signal.raise_signal(caught)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _work(
    reader: Connection, writer: Connection, found: FolderFiles, settings: FolderDataset, starts: Sequence[int]
) -> None:
    """Decode the chunks with these starts and send them; then None. End if nobody reads any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that started this one ends it
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    reader.close()  # else a process that lost its reader would wait for itself
    with contextlib.suppress(BrokenPipeError):
        for start in starts:
            writer.send(decode_chunk(found, settings, start))
        writer.send(None)


def decode_chunk(found: FolderFiles, settings: FolderDataset, start: int) -> Chunk:
    """Decode the pictures from number `start` on, at most CHUNK of them."""
    warnings.simplefilter("ignore")  # Pillow's, that metadata are damaged
    images, readable, failures, several = [], [], dict[int, str](), 0
    for number, name in enumerate(found.pictures[start : start + CHUNK], start):
        try:
            image, has_several = picture.read(found.path(name), settings)
        except picture.UnreadableError as error:
            failures[number] = str(error)
        else:
            images.append(image)
            several += has_several
        readable.append(number not in failures)
    made = np.empty((len(images), settings.channels, *settings.sides), np.uint8)
    for place, image in zip(made, images, strict=True):
        place[:] = image
    return Chunk(start, made, readable, [hashlib.sha256(image.data).digest() for image in made], failures, several)
