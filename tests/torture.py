"""What kills, crowding and damage do to a small, real study: `make torture`, about a quarter of an hour.

Kills `dvc repro` at random moments, in several ways, and runs it again until it ends; what is there then is compared,
byte for byte, with what an uninterrupted run left. Starts several in one checkout. Damages inputs (damage.py). Writes
what came of it to docs/reliability.json, and from that into docs/reliability.md.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import psutil
import yaml
from conftest import EVALUATION, ROOT, Checkout, lay_out
from tqdm import tqdm

JSON, PAGE = (ROOT / "docs" / name for name in ("reliability.json", "reliability.md"))
EARLIER = 6  # a kill comes after at most one part in so many of the time that the study takes
PATIENCE = 10.0  # seconds within which a stage has to follow a dvc that was killed
STAGE = "-m stages."
REPRO = ["dvc", "repro", "--quiet"]
PARALLEL = [sys.executable, "-m", "elbowroom.parallel", "--jobs", "2"]


def small_study(folder: Path) -> Checkout:
    """MNIST, a variant of two seeds and an autoencoder, six epochs of 1024 images."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    chosen = {name: params["variants"][name] | {"channels": 8} for name in ("mnist-z128", "mnist-ae128")}
    for recipe in params["recipes"].values():
        recipe.update(epochs=6, batch_size=64, seeds=[0, 1])
    params.update(variants=chosen, datasets={"mnist": {"train_images": 1024, "test_images": 128}})
    params["evaluation"] = EVALUATION.model_dump()
    checkout = Checkout(folder / "studies/quickstart", Path(sys.executable).parent)
    lay_out(checkout, params)
    return checkout


def results(study: Checkout) -> dict[str, str]:
    """The digest of every file that a run leaves and that does not depend on its speed."""
    files = [path for name in ("data", "models", "metrics", "plots") for path in (study.path / name).rglob("*.*")]
    return {
        str(path.relative_to(study.path)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if path.is_file() and path.name != "cost.csv"
    }


def forget(study: Checkout) -> None:
    """Leave the study as it was before it was first run."""
    for name in ("models", "metrics", "plots", "report", "data", ".checkpoints", ".dvc/cache", ".dvc/tmp"):
        shutil.rmtree(study.path / name, ignore_errors=True)
    (study.path / "dvc.lock").unlink(missing_ok=True)


def start(study: Checkout, command: list[str]) -> subprocess.Popen[bytes]:
    environment = os.environ | {"PATH": f"{study.python}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = str(ROOT / "src")
    output = (study.path / "output.log").open("ab")
    return subprocess.Popen(  # noqa: S603
        command, cwd=study.path, env=environment, stdout=output, stderr=output, start_new_session=True
    )


def processes(study: Checkout, having: str = "") -> list[psutil.Process]:
    """Those that are at work in this study, with these words on their command line."""
    found = []
    for process in psutil.process_iter(["cmdline", "cwd"]):
        if process.info["cwd"] == str(study.path) and having in " ".join(process.info["cmdline"] or []):
            found.append(process)
    return found


def kill_dvc(process: subprocess.Popen[bytes], study: Checkout) -> None:
    process.kill()


def kill_stage(process: subprocess.Popen[bytes], study: Checkout) -> None:
    """As the kernel does where memory ends; the dvc, where no stage is at work."""
    for stage in processes(study, STAGE) or [psutil.Process(process.pid)]:
        stage.kill()


def kill_all(process: subprocess.Popen[bytes], study: Checkout) -> None:
    os.killpg(process.pid, signal.SIGKILL)


def terminate(process: subprocess.Popen[bytes], study: Checkout) -> None:
    process.terminate()


def interrupt(process: subprocess.Popen[bytes], study: Checkout) -> None:
    """Ctrl-C: to the group."""
    os.killpg(process.pid, signal.SIGINT)


WAYS: dict[str, Callable[[subprocess.Popen[bytes], Checkout], None]] = {
    "SIGKILL of dvc": kill_dvc,
    "SIGKILL of the stage": kill_stage,
    "SIGKILL of all": kill_all,
    "SIGTERM of dvc": terminate,
    "Ctrl-C": interrupt,
}


def outlived(study: Checkout) -> bool:
    """Is anything still at work there long after a kill?"""
    limit = time.monotonic() + PATIENCE
    while left := processes(study):
        if time.monotonic() > limit:
            for process in left:
                process.kill()
            return True
        time.sleep(0.1)
    return False


def mend(study: Checkout) -> bool:
    """Did the kill leave dvc.lock as DVC cannot read it? Then do what docs/using-dvc.md says."""
    lock = study.path / "dvc.lock"
    empty = lock.is_file() and not lock.read_bytes().strip()
    if empty:
        lock.unlink()
    return empty


def kills(study: Checkout, count: int, dice: random.Random, limit: float) -> dict:
    """Kill runs at random moments; each training that ends at last is compared with the uninterrupted one."""
    begun = time.monotonic()
    study.run(*REPRO)
    longest = (time.monotonic() - begun) / EARLIER
    expected, found = results(study), Counter[str]()
    ways = dict.fromkeys(WAYS, 0)
    with tqdm(total=count, desc="kills", disable=None) as progress:
        while sum(ways.values()) < count and time.monotonic() < limit:
            forget(study)
            status = -1
            while status and time.monotonic() < limit:
                process, way = start(study, dice.choice([REPRO, PARALLEL])), dice.choice(list(WAYS))
                try:
                    status = process.wait(dice.uniform(0, longest))
                    found["runs that failed without a kill"] += status != 0
                except subprocess.TimeoutExpired:
                    WAYS[way](process, study)
                    process.wait()
                    ways[way] += 1
                    progress.update()
                    found["kills that something outlived"] += outlived(study)
                    found["kills that left dvc.lock empty"] += mend(study)
            found["studies run to their end"] += status == 0
            found["of these, the same to the byte as uninterrupted"] += status == 0 and results(study) == expected
    return {"kills": sum(ways.values()), **ways, **found}


def crowd(study: Checkout, count: int, dice: random.Random) -> dict[str, int]:
    """Several `dvc repro` in one checkout, one a second. DVC turns some away; no stage may run twice at once."""
    expected, found = results(study), Counter[str]()
    for _ in range(count):
        forget(study)
        crowd = []
        for _ in range(3):
            crowd.append(start(study, REPRO))
            time.sleep(dice.uniform(0, 1))
        twice = False
        while any(process.poll() is None for process in crowd):
            names = [" ".join(process.info["cmdline"]).partition(STAGE)[2] for process in processes(study, STAGE)]
            twice |= len(set(names)) < len(names)
            time.sleep(0.05)
        found["started together"] += len(crowd)
        found["ended well"] += sum(process.returncode == 0 for process in crowd)
        found["turned away"] += sum(process.returncode != 0 for process in crowd)
        found["times that one stage ran twice at once"] += twice
        study.run(*REPRO)
        found["checkouts in the end"] += 1
        found["of these, the same to the byte as of one run"] += results(study) == expected
    return dict(found)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--crowds", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=12, help="for kills, at most")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    dice = random.Random(chosen.seed)  # noqa: S311
    with tempfile.TemporaryDirectory() as folder:
        study = small_study(Path(folder) / "checkout")
        print(study.path, flush=True)
        found = {
            "kills": kills(study, chosen.kills, dice, time.monotonic() + 60 * chosen.minutes),
            "crowds": crowd(study, chosen.crowds, dice),
        }
    print(json.dumps(found, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
