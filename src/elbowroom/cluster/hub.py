"""An actor that a cluster has one of: it holds large files by their sha256, and passes on what stages print.

Only the standard library and Ray, as workers get this module's code from the driver.
"""

import os
import time
from collections import OrderedDict
from typing import Any

import ray

SHARE = 0.5  # of its node's object store that it fills at most
FORGOTTEN = 3600  # seconds without use after which what a stage printed is dropped
CLAIM = 60  # seconds that a driver has to bring what it said it would


class Hub:
    """Holds files in the object store as its own: an object ends with the process that put it there."""

    def __init__(self) -> None:
        here = ray.get_runtime_context().get_node_id()
        stores = {node["NodeID"]: node["Resources"].get("object_store_memory", 0) for node in ray.nodes()}
        self.limit = SHARE * stores[here]  # bytes
        self.files: OrderedDict[str, tuple[Any, int]] = OrderedDict()  # sha256 -> reference, bytes; last used last
        self.claims: dict[str, float] = {}
        self.printed: dict[str, tuple[int, list[bytes], float]] = {}  # run of a stage -> attempt, pieces, last used

    def authentication(self) -> str:
        """Return RAY_AUTH_MODE, as the cluster was started with it."""
        return os.environ.get("RAY_AUTH_MODE", "disabled")

    def missing(self, shas: list[str]) -> list[str]:
        """Return those that the caller is to bring. Of several callers one is asked, the others ask `give` later."""
        now = time.monotonic()
        asked = [sha for sha in shas if sha not in self.files and now > self.claims.get(sha, 0)]
        self.claims |= dict.fromkeys(asked, now + CLAIM)
        return asked

    def keep(self, sha: str, content: Any) -> None:
        """Hold a content. First let go of those that were not used for longest, until it has room."""
        while self.files and sum(size for _, size in self.files.values()) + len(content) > self.limit:
            self.files.popitem(last=False)
        self.files[sha] = ray.put(content), len(content)
        self.claims.pop(sha, None)

    def give(self, shas: list[str]) -> dict[str, Any]:
        """Return references, as far as it holds them. Who has one keeps the content alive."""
        for sha in shas:
            if sha in self.files:
                self.files.move_to_end(sha)
        return {sha: self.files[sha][0] for sha in shas if sha in self.files}

    def begin(self, run: str) -> int:
        """Count an attempt at a stage. Return its number, from 1 on."""
        attempt = self.printed[run][0] + 1 if run in self.printed else 1
        self.printed[run] = attempt, self.printed[run][1] if run in self.printed else [], time.monotonic()
        return attempt

    def write(self, run: str, attempt: int, piece: bytes) -> None:
        """Take what an attempt at a stage printed, unless a later one has begun."""
        latest, pieces, _ = self.printed.get(run, (attempt, [], 0))
        if attempt == latest:
            self.printed[run] = attempt, [*pieces, piece], time.monotonic()

    def read(self, run: str) -> bytes:
        """Return what was printed since the last call. Drop what nobody reads or writes any more."""
        now = time.monotonic()
        for old in [name for name, (_, _, used) in self.printed.items() if now - used > FORGOTTEN]:
            del self.printed[old]
        attempt, pieces, _ = self.printed.get(run, (0, [], now))
        self.printed[run] = attempt, [], now
        return b"".join(pieces)
