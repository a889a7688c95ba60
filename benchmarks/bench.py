"""What training costs on this machine, beside other ways to do the same: `make bench`.

Writes benchmarks/results.json, a row for each measurement, and RESULTS.md from it. Rows of another device than this one
stay. `bench.py SECTION ...` measures only those sections anew. Lightning and pythae are measured where they can be
imported.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "src"))  # the library beside this, not an installed copy

from benchmarks import settings
from benchmarks.bf16 import low_precision
from benchmarks.card_rows import card
from benchmarks.epochs import growth, whole_epochs
from benchmarks.machine import facts
from benchmarks.memory import memory
from benchmarks.quickstart import quickstart
from benchmarks.settings import Setting
from benchmarks.steps import layers, seeds, steps, work
from benchmarks.study import whole_study
from benchmarks.waits import slowest, waits
from elbowroom.core.device import choose_device
from elbowroom.core.errors import StudyError

JSON, PAGE = (Path(__file__).parent / name for name in ("results.json", "RESULTS.md"))


SECTIONS: dict[str, tuple[str, Callable[[dict[str, Setting]], Iterator[dict[str, Any]]]]] = {
    "step": ("A step of training, beside others", steps),
    "arithmetic": ("The share of the machine's own rate", steps),
    "bf16": ("In bfloat16, and what each part of that is worth", low_precision),
    "layers": ("Each transposed convolution, by PyTorch's own layer and by ours", layers),
    "seeds": ("Seeds side by side (on a CPU one after another)", seeds),
    "work": ("Cost against work", lambda chosen: (r for part in (work, growth) for r in part(chosen))),
    "fit": ("Whole epochs", whole_epochs),
    "card": ("By precision: an epoch, seeds side by side, the share of the machine's own rate", card),
    "study": ("The whole study", whole_study),
    "quickstart": ("A quickstart, its imports paid once or once a stage", quickstart),
    "memory": ("Peak memory", memory),
    "waits": ("What else one waits for", waits),
    "pictures": ("The slowest picture of each stage that draws", slowest),
}
ON_A_CARD = {"card", "fit", "study"}  # take hours elsewhere: there only when named


def gains(rows: list[dict[str, Any]]) -> str:
    """Say what a user gains on a CPU, from the rows that compare our step with the notebook's loop."""
    if not (found := [r for r in rows if "gain" in r]):
        return ""
    lines = [f"\nA training step beside the notebook's loop, in float32, on {found[0]['machine']}:\n\n"]
    for threads in sorted({r["threads"] for r in found}):
        own = [r for r in found if r["threads"] == threads]
        times = [f"{r['median']:.2g} times as fast on {r['dataset']} in {r['gain']}" for r in own]
        lines.append(f"- With {threads} thread{'s' if threads > 1 else ''}: {', '.join(times)}.\n")
    return "".join(lines)


def page(rows: list[dict[str, Any]]) -> str:
    """RESULTS.md."""
    parts = ["# What training costs\n", gains(rows)]
    parts.append(
        "\n`make bench` measures this and writes the page; benchmarks/bench.py says how. What is divided was\n"
        "timed in turn, but for whole epochs. Median, and quartiles over turns. A rate is that of PyTorch's own\n"
        "products of matrices. On AMD those in float32 are slow, and convolutions can exceed their rate.\n"
    )
    for device, title in (("cpu", "On a CPU"), ("cuda", "On a card")):
        parts.append(f"\n## {title}\n")
        if not (own := [r for r in rows if r["device"] == device]):
            parts.append("\nNot measured.\n")
        for section, (heading, _) in SECTIONS.items():
            if not (found := [r for r in own if r["section"] == section]):
                continue
            facts = found[0]
            parts.append(f"\n### {heading}\n\n{facts['machine']}; {facts['versions']}; {facts['date']}; ")
            parts.append(f"`{facts['command']}`.\n\n| | median | quartiles | turns |\n|---|--:|--:|--:|\n")
            for r in found:
                spread = f"{r['low']:g} to {r['high']:g}" if r["turns"] > 1 else ""
                parts.append(f"| {r['what']} | {r['median']:g} {r['unit']} | {spread} | {r['turns']} |\n")
    return "".join(parts)


def store(fresh: list[dict[str, Any]]) -> None:
    """Put rows into results.json, in place of those of the same device and section, and write the page anew."""
    rows = json.loads(JSON.read_text()) if JSON.is_file() else []
    replaced = {(r["device"], r["section"]) for r in fresh}
    rows = [r for r in rows if (r["device"], r["section"]) not in replaced] + fresh
    JSON.write_text(json.dumps(rows, indent=1) + "\n")
    PAGE.write_text(page(rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    arguments = parser.parse_args()
    if unknown := set(arguments.sections) - set(SECTIONS):
        parser.error(f"found {', '.join(sorted(unknown))}, expected sections among {', '.join(SECTIONS)}")
    where = choose_device()
    names = arguments.sections or [name for name in SECTIONS if where.type == "cuda" or name not in ON_A_CARD]
    about = facts(where, " ".join(["python benchmarks/bench.py", *arguments.sections]))
    chosen = {dataset: settings.read(dataset, settings.IMAGES, settings.EPOCH_IMAGES) for dataset in settings.VARIANTS}
    for measure in dict.fromkeys(measure for name, (_, measure) in SECTIONS.items() if name in names):
        fresh = []
        for found in measure(chosen):
            print(
                f"{found['what']}: {found['median']:g} {found['unit']} ({found['low']:g} to {found['high']:g})",
                flush=True,
            )
            fresh.append(about | found)
        store(fresh)


if __name__ == "__main__":
    try:
        main()
    except (StudyError, subprocess.CalledProcessError) as error:
        sys.exit(f"error: {error}")
