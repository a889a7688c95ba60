"""What kills, crowding and damage do to a small, real study: `make torture`, a quarter of an hour on two quiet cores.

Kills `dvc repro` at random moments, in several ways, and runs it again until it ends; what is there then is compared,
byte for byte, with what an uninterrupted run left. Starts several in one checkout. Damages inputs (damage.py). Writes
what came of it to benchmarks/torture.json, and from that into docs/reliability.md. Exits 1 where anything was lost.
"""

import argparse
import contextlib
import json
import os
import platform
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import psutil
import torch
import yaml

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "src"))  # the library beside this, not an installed copy

from benchmarks import damage
from elbowroom.core.params import load_study
from elbowroom.report.readme import inserted
from elbowroom.scheduler.repair import repair

ROOT = Path(__file__).parent.parent
JSON, PAGE = Path(__file__).with_suffix(".json"), ROOT / "docs/reliability.md"
EARLIER = 16  # a kill comes after at most one part in so many of the time that the study takes
AT_MOST = 30  # kills of a study
PATIENCE = 10.0  # seconds within which a stage has to follow a dvc that was killed
STAGE = "-m stages."
REPRO = ["dvc", "repro", "--quiet"]
SHELLS = [shell for shell in ("/bin/sh", "/bin/bash") if Path(shell).exists()]  # by which DVC runs commands
PARALLEL = [sys.executable, "-m", "elbowroom.scheduler.local", "--jobs", "2"]
LOST = {  # what must not be
    "runs that failed without a kill",
    "kills that something outlived",
    "times that a stage ran twice at once",
    *("wrong result", "traceback", "loss", "hang"),
}
ENDED, SAME = "studies run to their end", "of these, the same to the byte as uninterrupted"


def small_study(folder: Path) -> Path:
    """Two variants of two seeds on MNIST, six epochs of 1024 images."""
    folder.parent.mkdir(parents=True)
    damage.study(folder)
    params = yaml.safe_load((folder / "params.yaml").read_text())
    params["datasets"] = {"mnist": {"source": "mnist", "train_images": 1024, "test_images": 128}}
    for recipe in params["recipes"].values():
        recipe.update(epochs=6)
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    return folder


def results(study: Path) -> dict[str, str]:
    """The digest of every file that a run leaves and that does not depend on its speed."""
    folders = ("data", "metrics", "models", "plots")
    return {
        name: md5 for name, md5 in damage.tree(study).items() if name.startswith(folders) and "cost.csv" not in name
    }


def forget(study: Path) -> None:
    """Leave the study as it was before it was first run."""
    for name in ("code", "data", "metrics", "models", "plots", "report", ".checkpoints", ".dvc/cache", ".dvc/tmp"):
        shutil.rmtree(study / name, ignore_errors=True)
    (study / "dvc.lock").unlink(missing_ok=True)


def start(study: Path, command: list[str], shell: str = "/bin/sh") -> subprocess.Popen[bytes]:
    with (study.parent / "output.log").open("ab") as output:
        return subprocess.Popen(  # noqa: S603
            command, cwd=study, env=os.environ | {"SHELL": shell}, stdout=output, stderr=output, start_new_session=True
        )


def processes(study: Path, having: str = "") -> list[psutil.Process]:
    """Those that are at work in this study, with these words on their command line."""
    found = psutil.process_iter(["cmdline", "cwd"])
    return [p for p in found if p.info["cwd"] == str(study) and having in " ".join(p.info["cmdline"] or [])]


def whole(study: Path) -> tuple[dict[str, str], float]:
    """What an uninterrupted run leaves, and the seconds that it takes."""
    small_study(study)
    begun = time.monotonic()
    subprocess.run(REPRO, cwd=study, check=True)  # noqa: S603
    return results(study), time.monotonic() - begun


# --- kills ---------------------------------------------------------------------------------------------------------


def kill_stage(process: subprocess.Popen[bytes], study: Path) -> None:
    """As the kernel does where memory ends; or the dvc, where no stage is at work."""
    for stage in processes(study, STAGE) or [psutil.Process(process.pid)]:
        with contextlib.suppress(psutil.NoSuchProcess):  # it has just ended
            stage.kill()


Kill = Callable[[subprocess.Popen[bytes], Path], None]
WAYS: dict[str, Kill] = {
    "SIGKILL of dvc": lambda process, study: process.kill(),
    "SIGKILL of the stage": kill_stage,
    "SIGKILL of both": lambda process, study: os.killpg(process.pid, signal.SIGKILL),
    "SIGTERM of dvc": lambda process, study: process.terminate(),
    "Ctrl-C": lambda process, study: os.killpg(process.pid, signal.SIGINT),
}


def outlived(study: Path) -> bool:
    """Is anything still at work there long after a kill?"""
    limit = time.monotonic() + PATIENCE
    while left := processes(study):
        if time.monotonic() > limit:
            for process in left:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            return True
        time.sleep(0.1)
    return False


def kills(
    study: Path, expected: dict[str, str], longest: float, count: int, seed: int, seconds: float
) -> dict[str, int]:
    """Kill runs at random moments, each within so many seconds, AT_MOST times before a study is let run to its end,
    which is then compared with an uninterrupted one. No more are begun after so many kills, or seconds."""
    small_study(study)
    dice, begun = random.Random(seed), time.monotonic()  # noqa: S311
    found = Counter(dict.fromkeys(["kills", *WAYS], 0))
    while found["kills"] < count and time.monotonic() - begun < seconds:
        forget(study)
        status = -1
        for _ in range(min(AT_MOST, count - found["kills"])):
            process = start(study, dice.choice([REPRO, PARALLEL]), dice.choice(SHELLS))
            way = dice.choice(list(WAYS))
            try:
                status = process.wait(dice.uniform(0, longest))
                break
            except subprocess.TimeoutExpired:
                WAYS[way](process, study)
                status = process.wait()
                found.update({"kills": status != 0, way: status != 0})  # else it had ended by itself
                found["kills that something outlived"] += outlived(study)
                with contextlib.chdir(study):
                    found["kills that left half a file of DVC's, and it was moved aside"] += bool(repair())
                status = -1
        if status == -1:
            status = start(study, REPRO).wait()
        found["runs that failed without a kill"] += status != 0
        found[ENDED] += status == 0
        found[SAME] += status == 0 and results(study) == expected
    return dict(found)


def crowds(study: Path, expected: dict[str, str], count: int, seed: int) -> dict[str, int]:
    """Three `dvc repro` of what writes data, models and metrics in one checkout, within two seconds. DVC turns some
    away; no stage may run twice at once."""
    small_study(study)
    command = [*REPRO, *(f"evaluate@{name}" for name in load_study(study / "params.yaml").variants)]
    dice, found = random.Random(seed), Counter[str]()  # noqa: S311
    for _ in range(count):
        forget(study)
        crowd = []
        for _ in range(3):
            crowd.append(start(study, command))
            time.sleep(dice.uniform(0, 1))
        twice = False
        while any(process.poll() is None for process in crowd):
            names = [" ".join(process.info["cmdline"]).partition(STAGE)[2] for process in processes(study, STAGE)]
            twice |= len(set(names)) < len(names)
            time.sleep(0.2)
        found["`dvc repro` started, three at a time"] += len(crowd)
        found["of these, turned away by DVC"] += sum(process.returncode != 0 for process in crowd)
        found["times that a stage ran twice at once"] += twice
        subprocess.run(command, cwd=study, check=True)  # noqa: S603
        found[ENDED] += 1
        ours = results(study)
        found[SAME] += bool(ours) and ours.items() <= expected.items()
    return dict(found)


# --- what came of it ---------------------------------------------------------------------------------------------


def page(found: dict[str, Any]) -> str:
    """The tables, as Markdown."""
    lines = [f"{found['machine']}; {found['date']}; `{found['command']}`.", ""]
    for title, rows in (("Kills", found["kills"]), ("Crowds", found["crowds"])):
        lines += [f"| {title} | |", "|---|--:|", *(f"| {what} | {number} |" for what, number in rows.items()), ""]
    outcomes = list(next(iter(found["damages"].values())))
    lines += [f"| Damaged inputs | {' | '.join(outcomes)} |", f"|---|{'--:|' * len(outcomes)}"]
    for name, row in found["damages"].items():
        lines.append(f"| {name} | {' | '.join(str(row[outcome]) for outcome in outcomes)} |")
    total = [str(sum(row[outcome] for row in found["damages"].values())) for outcome in outcomes]
    return "\n".join([*lines, f"| all | {' | '.join(total)} |", ""])


def is_well(found: dict[str, Any], kills: int = 50, damages: int = 300) -> bool:
    """Was nothing lost, and as much tried?"""
    tables = [found["kills"], found["crowds"], *found["damages"].values()]
    sound = all(table[SAME] == table[ENDED] > 0 for table in tables[:2])
    tried = found["kills"]["kills"] >= kills and sum(sum(row.values()) for row in tables[2:]) >= damages
    return sound and tried and not any(table.get(what) for table in tables for what in LOST)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=52)
    parser.add_argument("--minutes", type=float, default=5, help="in which a study is begun to be killed")
    parser.add_argument("--crowds", type=int, default=2)
    parser.add_argument("--damages", type=int, default=320)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    os.environ |= {"PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background, and so by what is started
    with tempfile.TemporaryDirectory() as temporary, ProcessPoolExecutor(2, get_context("fork")) as pool:
        folder, half, limit = Path(temporary).resolve(), -(-chosen.kills // 2), 60 * chosen.minutes
        uninterrupted = pool.submit(whole, folder / "whole/study")
        damaged = pool.submit(damage.damages, chosen.seed, chosen.damages)  # as long as all that one core does besides
        expected, seconds = uninterrupted.result()
        killed = [
            pool.submit(
                kills, folder / f"{number}/study", expected, seconds / EARLIER, half, chosen.seed + number, limit
            )
            for number in range(2)
        ]
        crowded = pool.submit(crowds, folder / "crowd/study", expected, chosen.crowds, chosen.seed)
        counts = [part.result() for part in killed]
        found = {
            "machine": f"{platform.system()}, {os.cpu_count()} {platform.machine()} cores; PyTorch {torch.__version__}",
            "date": f"{date.today()}",
            "command": " ".join(["python benchmarks/torture.py", *sys.argv[1:]]),
            "kills": {what: sum(part.get(what, 0) for part in counts) for what in {**counts[0], **counts[1]}},
            "crowds": crowded.result(),
            "damages": damaged.result()[0],
        }
    JSON.write_text(json.dumps(found, indent=2) + "\n")
    PAGE.write_text(inserted(PAGE.read_text(), "make torture", page(found)))
    print(page(found))
    return 0 if is_well(found, min(50, chosen.kills), min(300, chosen.damages)) else 1


if __name__ == "__main__":
    sys.exit(main())
