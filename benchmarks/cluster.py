"""What a cluster costs, and what it survives: `python benchmarks/cluster.py`, half an hour on two quiet cores.

Starts a Ray cluster of a head and two nodes on this machine, with Ray's own settings. Kills parts of it while a stage
trains, runs `dvc repro` again if that failed, and compares the results, byte for byte, with those of a local run. Then
runs the quickstart by `make repro JOBS=2` without and with the cluster, in turns. Writes each row to
benchmarks/cluster.json once it is measured, and does not measure it again as long as it is there; and from that the
tables in docs/reliability.md.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import torch

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "src"))

from benchmarks.kills import results, small_study
from benchmarks.machine import facts
from elbowroom.report.readme import inserted
from tests.support.cluster import Cluster, wait_until

ROOT = Path(__file__).parent.parent
JSON, PAGE = Path(__file__).with_suffix(".json"), ROOT / "docs/reliability.md"
STAGE, NAME = "train@mnist-z128", "mnist-z128"
KILLED_AFTER = 2  # epochs of the second seed, of six
Row = dict[str, Any]


class Study:
    """A small study whose data are prepared, what a local run leaves in it, and the cluster that it goes out to."""

    def __init__(self, folder: Path, cluster: Cluster) -> None:
        self.folder, self.cluster = small_study(folder / "study"), cluster
        self.shared = folder / "shared"
        (self.folder / "cluster.yaml").write_text(f"checkpoints: {self.shared}\n")
        self.local = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT / "src")}
        here = os.environ | self.local | {"OMP_NUM_THREADS": "1"}
        command = ["dvc", "repro", "--quiet", "code", "prepare"]
        subprocess.run(command, cwd=self.folder, env=here, check=True)  # noqa: S603
        self.lock = (self.folder / "dvc.lock").read_bytes()
        self.here_seconds = self.timed(here)
        self.expected = results(self.folder)

    @property
    def environment(self) -> dict[str, str]:
        return self.cluster.environment | self.local | {"ELBOWROOM_CLUSTER": self.cluster.address}

    def repro(self, environment: dict[str, str], *arguments: str) -> subprocess.Popen[bytes]:
        with (self.folder.parent / "output.log").open("ab") as output:
            return subprocess.Popen(  # noqa: S603
                ["dvc", "repro", *arguments, STAGE],  # noqa: S607
                cwd=self.folder,
                env=environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def timed(self, environment: dict[str, str]) -> float:
        """Measure `dvc repro` of the stage."""
        self.forget()
        begun = time.monotonic()
        assert self.repro(environment).wait() == 0
        return time.monotonic() - begun

    def forget(self) -> None:
        """Leave the stage as if it had not run: no result, no checkpoint, no run that DVC remembers."""
        for path in (self.folder / "models", self.folder / "plots", self.folder / ".dvc/cache/runs", self.shared):
            shutil.rmtree(path, ignore_errors=True)
        shutil.rmtree(self.folder / ".checkpoints", ignore_errors=True)
        (self.folder / "dvc.lock").write_bytes(self.lock)

    def stages(self) -> list[psutil.Process]:
        """The processes of the stage on the nodes."""
        found = psutil.process_iter(["cwd"])
        return [process for process in found if f"{self.cluster.folder}/node-" in (process.info["cwd"] or "")]

    def newest(self) -> float:
        """When the last checkpoint was written; 0 without one."""
        return max((path.stat().st_mtime for path in self.shared.glob("*/epoch-*.safetensors")), default=0)

    def half_way(self) -> subprocess.Popen[bytes]:
        """Begin to train on the cluster. Return when the second seed has some epochs."""
        run = self.repro(self.environment)
        wait_until(
            lambda: (
                len([*self.shared.glob("*")]) == 2
                and [*self.shared.glob("*/epoch-6.safetensors")]
                and [*self.shared.glob(f"*/epoch-{KILLED_AFTER}.safetensors")]
            ),
            "the stage does not train",
            120,
        )
        return run


def node_of(study: Study) -> str:
    """The name of the node that the stage runs on."""
    parents = {parent.pid for process in study.stages() for parent in process.parents()}
    return next(name for name, process in study.cluster.nodes.items() if process.pid in parents)


def kill_worker(study: Study) -> None:
    for process in psutil.process_iter(["name"]):
        if process.info["name"] == f"ray::{STAGE}"[:15]:
            process.kill()


FAULTS: dict[str, Callable[[Study, subprocess.Popen[bytes]], object]] = {
    "the worker's process is killed": lambda study, run: kill_worker(study),
    "its node is killed": lambda study, run: study.cluster.kill(node_of(study)),
    "DVC is killed": lambda study, run: run.kill(),
    "the head is killed": lambda study, run: study.cluster.kill("head"),
}


def fault(study: Study, name: str) -> Row:
    """Do it half-way, run `dvc repro` again if that failed, and compare."""
    study.cluster.make_whole(2)
    study.forget()
    run = study.half_way()
    begun, wall = time.monotonic(), time.time()
    old = study.stages()
    FAULTS[name](study, run)
    wait_until(lambda: not any(process.is_running() for process in old), "a stage outlives it", 120)
    gone = time.monotonic() - begun
    wait_until(lambda: run.poll() is not None or study.newest() > wall + gone, "nothing goes on", 180)
    on = time.monotonic() - begun
    failed = run.wait() != 0
    if failed:
        study.cluster.make_whole(2)
        assert study.repro(study.environment).wait() == 0
    what = "fails" if failed else "goes on by itself"
    same = results(study.folder) == study.expected
    return {"what": what, "gone_seconds": round(gone, 1), "seconds": round(on, 1), "same": same}


def quickstart(cluster: Cluster | None) -> float:
    """Return the seconds of the quickstart by two stages at a time, in a fresh clone."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["git", "clone", "--quiet", ROOT, folder], check=True)  # noqa: S603, S607
        study = Path(folder) / "studies/quickstart"
        environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
        if cluster:
            environment = cluster.environment | {"ELBOWROOM_CLUSTER": cluster.address}
        environment |= {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": f"{folder}/src"}
        begun = time.perf_counter()
        command = [sys.executable, "-m", "elbowroom.scheduler.local", "--jobs", "2"]
        subprocess.run(command, cwd=study, env=environment, stdout=subprocess.DEVNULL, check=True)  # noqa: S603
        return time.perf_counter() - begun


def measured(folder: Path, known: dict[str, Row], turns: int) -> Iterator[tuple[str, Row]]:
    """Measure what is not known yet."""
    cluster = Cluster(folder / "nodes", cpus=1, hurried=False)
    try:
        cluster.make_whole(2)
        if todo := [name for name in ("nothing is killed", *FAULTS) if name not in known]:
            study = Study(folder / "small", cluster)
            if "nothing is killed" in todo:
                there = study.timed(study.environment)
                same = results(study.folder) == study.expected
                seconds = {"seconds": round(there, 1), "here_seconds": round(study.here_seconds, 1)}
                yield "nothing is killed", {"what": "ends", "same": same, **seconds}
            for name in todo:
                if name in FAULTS:
                    yield name, fault(study, name)
        cluster.make_whole(2)
        for turn in range(turns):
            for where, used in (("without", None), ("with", cluster)):
                if (name := f"quickstart {where} {turn}") not in known:
                    yield name, {"seconds": round(quickstart(used), 1)}
    finally:
        cluster.end()


def page(found: dict[str, Any]) -> str:
    """The tables, as Markdown."""
    rows = found["rows"]
    lines = [f"{found['machine']}; {found['date']}; `{found['command']}`.", ""]
    lines += ["| While a stage trains on a cluster | it | gone after | goes on, or fails, after | same bytes |"]
    lines += ["|---|---|--:|--:|---|"]
    for name in FAULTS:
        row = rows[name]
        end = "yes" if row["same"] else "NO"
        lines.append(f"| {name} | {row['what']} | {row['gone_seconds']} s | {row['seconds']} s | {end} |")
    plain = rows["nothing is killed"]
    lines += ["", f"Without a kill the stage took {plain['seconds']} s on the cluster, {plain['here_seconds']} s here."]
    times = {
        where: [row["seconds"] for name, row in rows.items() if name.startswith(f"quickstart {where} ")]
        for where in ("without", "with")
    }
    if all(times.values()):
        without, through = (statistics.median(times[where]) for where in ("without", "with"))
        said = f"The quickstart took {through:.0f} s on two nodes of one CPU, {without:.0f} s by `JOBS=2` without Ray"
        lines += [f"{said}: {without / through:.0%} of its speed."]
    return "\n".join([*lines, ""])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=2, help="how often the quickstart is run each way")
    turns = parser.parse_args().turns
    found = json.loads(JSON.read_text()) if JSON.exists() else {"rows": {}}
    told = facts(torch.device("cpu"), " ".join(["python benchmarks/cluster.py", *sys.argv[1:]]))
    found |= {name: told[name] for name in ("machine", "date", "command")}
    with tempfile.TemporaryDirectory() as temporary:
        (Path(temporary) / "nodes").mkdir()
        for name, row in measured(Path(temporary).resolve(), found["rows"], turns):
            found["rows"][name] = row
            JSON.write_text(json.dumps(found, indent=2) + "\n")
            print(name, row, flush=True)
    PAGE.write_text(inserted(PAGE.read_text(), "benchmarks/cluster.py", page(found)))
    return 0 if all(row.get("same", True) for row in found["rows"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
