"""What kills, crowding and damage do to a small, real study: `make torture`, a quarter of an hour on two quiet cores.

Kills `dvc repro` and `make repro`, or one of the processes that they started, at random moments, and runs one of them
again until it ends; what is there then is compared, byte for byte, with what an uninterrupted run left. Starts several
in one checkout (kills.py). Damages inputs (damage.py). Writes what came of it to benchmarks/torture.json, and from that
into docs/reliability.md. Exits 1 where anything was lost.
"""

import argparse
import json
import os
import platform
import signal
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "src"))  # the library beside this, not an installed copy

from benchmarks import damage
from benchmarks.kills import EARLIER, ENDED, SAME, crowds, kills, whole
from elbowroom.report.readme import inserted

ROOT = Path(__file__).parent.parent
JSON, PAGE = Path(__file__).with_suffix(".json"), ROOT / "docs/reliability.md"
LOST = {  # what must not be
    "runs that failed without a kill",
    "kills that something outlived",
    "times that a stage ran twice at once",
    *("wrong result", "traceback", "loss", "hang"),
}


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
    parser.add_argument("--minutes", type=float, default=15, help="in which a study is begun to be killed")
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
