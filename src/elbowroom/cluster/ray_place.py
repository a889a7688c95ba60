"""The place `ray`: a worker of a Ray cluster."""

import hashlib
import logging
import os
import socket
import time
import uuid
from typing import Any

os.environ.setdefault("RAY_AUTH_MODE", "token")  # Ray reads it when it is imported

import numpy as np
import ray
from ray import exceptions
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from elbowroom.cluster import hub, node_server, sandbox, task
from elbowroom.cluster.task import Content, Place, Resources, Show, StageResult, StageTask
from elbowroom.core import sockets
from elbowroom.core.errors import StudyError, short
from elbowroom.scheduler.stage_client import ADDRESS
from elbowroom.scheduler.stage_server import LIBRARIES

NAMESPACE, HUB = "elbowroom", "hub"
HEAD = "node:__internal_head__"  # a resource that only the head has
POLL = 0.2  # seconds between two looks at what a stage prints
RESTART = 2  # seconds that a hub is given to come back
REACHED = 5  # seconds within which a head must answer
FULL = (exceptions.ObjectStoreFullError, exceptions.OutOfDiskError)
GONE = (exceptions.ActorDiedError, exceptions.ActorUnavailableError, exceptions.ObjectLostError)  # of the hub


def connect(address: str) -> Place:
    """Join the cluster at an address, `auto` or HOST:PORT, from a machine that is of it. Return it as a place.

    Raises StudyError if there is none, if it expects another token, or if it expects none and anybody may use it.
    """
    _check_head(address)
    for module in (hub, node_server, sandbox, sockets, task):
        ray.cloudpickle.register_pickle_by_value(module)  # so that nodes need no copy of the package
    try:
        ray.init(
            address=address,
            namespace=NAMESPACE,
            log_to_driver=False,
            logging_level=logging.ERROR,
            configure_logging=False,
        )
    except Exception as error:
        reason = str(error).partition("\n")[0]
        raise StudyError(
            f"ELBOWROOM_CLUSTER: found no way into a Ray cluster at {address!r} ({short(reason)}), expected one that "
            "this machine has joined, with its token (docs/cluster.md)"
        ) from None
    if (found := ray.get(find_hub().authentication.remote())) != os.environ["RAY_AUTH_MODE"]:
        raise StudyError(
            f"ELBOWROOM_CLUSTER: found RAY_AUTH_MODE={found} on the cluster's nodes, expected "
            f"{os.environ['RAY_AUTH_MODE']}, as here: whoever reaches an open cluster can run code on it"
        )
    return run_stage


def _check_head(address: str) -> None:
    """Raise StudyError if nothing listens at HOST:PORT: Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if not (host and port.isdecimal()):
        return
    try:
        socket.create_connection((host, int(port)), timeout=REACHED).close()
    except (OSError, OverflowError) as error:
        raise StudyError(
            f"ELBOWROOM_CLUSTER: found nothing that listens at {address} ({short(str(error))}), expected the head of a "
            "Ray cluster (docs/cluster.md)"
        ) from None


def find_hub() -> Any:
    """Return the cluster's hub. The first who asks starts it, on the head: with that, all is lost anyway."""
    actor = ray.remote(num_cpus=0, max_restarts=-1, resources={HEAD: 0.001})(hub.Hub)
    return actor.options(name=HUB, lifetime="detached", get_if_exists=True).remote()


def run_stage(stage: StageTask, resources: Resources, content: Content, show: Show) -> StageResult:
    """Run a stage on a node that has what it asks for. Raises StudyError if the cluster cannot."""
    if not any(has(node, resources) for node in ray.nodes()):
        asked = f"{resources.cpus:g} CPUs and {resources.gpus:g} GPUs"
        show(f"{stage.stage}: waits for a node with {asked}, which the cluster does not have now\n".encode())
    for left in reversed(range(resources.retries + 1)):
        try:
            return attempt(stage, resources, content, show)
        except FULL:
            raise StudyError(f"{stage.stage}: found the cluster's object store full, expected room for files") from None
        except exceptions.RayError as error:
            cause = getattr(error, "cause", error)
            if isinstance(cause, GONE) and left:
                time.sleep(RESTART)
                continue
            reason = short(str(cause).partition("\n")[0]) or type(cause).__name__
            raise StudyError(
                f"{stage.stage}: found that the cluster cannot run it ({reason}), expected a result"
            ) from None
    raise AssertionError


def has(node: dict[str, Any], resources: Resources) -> bool:
    """Return whether a node has what a stage asks for, busy or not."""
    found = node["Resources"]
    return node["Alive"] and found.get("CPU", 0) >= resources.cpus and found.get("GPU", 0) >= resources.gpus


def attempt(stage: StageTask, resources: Resources, content: Content, show: Show) -> StageResult:
    """Run a stage on a node, and on another one if that is lost. Raises RayError."""
    the_hub, run = find_hub(), uuid.uuid4().hex
    held = hold(the_hub, sorted({*stage.large.values()}), content)
    remote = ray.remote(num_cpus=resources.cpus, num_gpus=resources.gpus, max_retries=resources.retries)(work)
    options = remote.options(name=stage.stage)
    future = options.remote(stage, {sha: [one] for sha, one in held.items()}, the_hub, run, [*LIBRARIES])
    while not ray.wait([future], timeout=POLL)[0]:
        show(printed(the_hub, run))
    result = ray.get(future)
    show(printed(the_hub, run))
    return result


def printed(the_hub: Any, run: str) -> bytes:
    """What a stage has printed; nothing while the hub is not there."""
    try:
        return ray.get(the_hub.read.remote(run), timeout=5)
    except (*GONE, exceptions.GetTimeoutError):
        return b""


def hold(the_hub: Any, shas: list[str], content: Content) -> dict[str, Any]:
    """See to it that the cluster has large contents. Return references to them, which keep them there."""
    held: dict[str, Any] = {}
    while True:
        for sha in ray.get(the_hub.missing.remote([sha for sha in shas if sha not in held])):
            ray.get(the_hub.keep.remote(sha, np.frombuffer(content(sha), np.uint8)))
            held |= ray.get(the_hub.give.remote([sha]))  # at once: the next file may take its room in the hub
        held |= ray.get(the_hub.give.remote([sha for sha in shas if sha not in held]))
        if len(held) == len(shas):
            return held
        time.sleep(POLL)  # another driver brings it


def work(stage: StageTask, held: dict[str, list[Any]], the_hub: Any, run: str, libraries: list[str]) -> StageResult:
    """Run a stage on this node: called on a worker."""
    number = ray.get(the_hub.begin.remote(run))

    def show(piece: bytes) -> None:
        the_hub.write.remote(run, number, piece)

    if number > 1:
        show(f"{stage.stage}: its worker or node was lost; attempt {number}, on {socket.gethostname()}\n".encode())
    os.environ[ADDRESS] = server_here(stage, libraries)
    return sandbox.run_stage(stage, lambda sha: ray.get(held[sha][0]).tobytes(), show)


def server_here(stage: StageTask, libraries: list[str]) -> str:
    """Return the address of this node's stage server for the stage's number of threads. The first stage starts it."""
    threads, node = stage.environment["OMP_NUM_THREADS"], ray.get_runtime_context().get_node_id()
    parts = ("src/elbowroom/__init__.py", "src/elbowroom/core/", "src/elbowroom/scheduler/")
    code = {name: content for name, content in stage.files.items() if name.startswith(parts)}
    digest = hashlib.sha256(repr(sorted(code.items())).encode()).hexdigest()[:16]
    actor: Any = ray.remote(num_cpus=0)(node_server.NodeServer)
    server = actor.options(
        name=f"server-{node}-{threads}-{digest}",
        lifetime="detached",
        get_if_exists=True,
        scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False),
    )
    return ray.get(server.remote(code, libraries, threads).address.remote())
