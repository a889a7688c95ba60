"""How a study grows: `python benchmarks/scaling.py`, an hour on two quiet cores. Writes docs/scaling.md.

Trains a tiny variant of each of LATENTS. Then makes studies of 10, 100 and 1,000 variants of them: each further variant
has the results of one of these with another number of channels, so all are in one family, which is the worst case for
what compares pairs. dvc.lock is written as DVC would have. Measures commands on them, once each, and gives up after
LIMIT. Writes each number to benchmarks/scaling.json once it is measured, and does not measure it again as long as it is
there.
"""

import copy
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import yaml

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "src"))

from benchmarks import damage
from benchmarks.machine import facts
from elbowroom.core import files
from elbowroom.core.params import load_study
from elbowroom.core.pipeline import VARIANT_STAGES
from elbowroom.report.readme import inserted

ROOT = Path(__file__).parent.parent
JSON, PAGE = Path(__file__).with_suffix(".json"), ROOT / "docs/scaling.md"
LATENTS, CHANNELS = (2, 4, 8, 16, 32), 4
SIZES = (10, 100, 1000)
LIMIT = 150  # seconds
PYTHON = [sys.executable, "-m"]
COMMANDS = {
    "check params.yaml: `elbowroom check`": [*PYTHON, "elbowroom", "check"],
    "numbers: `dvc metrics show`": ["dvc", "metrics", "show"],
    "charts: `dvc plots show`": ["dvc", "plots", "show"],
    "record one stage: `dvc commit`": ["dvc", "commit", "--quiet", "--force", "one"],
    "plan: `dvc status`": ["dvc", "status", "--json"],
    "nothing to do: `dvc repro`": ["dvc", "repro", "--quiet", "--glob", "*@*"],
    "compare: `python -m stages.compare`": [*PYTHON, "stages.compare"],
    "the page: `python -m stages.report`": [*PYTHON, "stages.report"],  # which needs the tables of compare
}
PAGE_SIZE, LOCK_SIZE = "size of report/index.html", "size of dvc.lock"


def variant_name(channels: int, latents: int) -> str:
    return f"c{channels:04}-z{latents:02}"


def environment() -> dict[str, str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return os.environ | {"PATH": path, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1", "COLUMNS": "120"}


def base(folder: Path) -> Path:
    """Make and run a study of one variant for each number of latents."""
    damage.study(folder)
    params = yaml.safe_load((folder / "params.yaml").read_text())
    params["datasets"] = {"mnist": {"source": "mnist", "train_images": 96, "test_images": 40}}
    one = params["variants"]["mnist-z128"] | {"channels": CHANNELS, "beta": 1.0}
    params["variants"] = {variant_name(CHANNELS, latents): one | {"latent_dim": latents} for latents in LATENTS}
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    (folder / ".dvc/plots").symlink_to(ROOT / ".dvc/plots")
    with (folder / ".dvc/config").open("a") as config:
        config.write("[plots]\n    html_template = plots/page.html\n")
    command = [*PYTHON, "elbowroom.scheduler.local", "--jobs", "2"]
    subprocess.run(command, cwd=folder, env=environment(), check=True, stdout=subprocess.DEVNULL)  # noqa: S603
    return folder


def grown(trained: Path, folder: Path, size: int) -> Path:
    """Copy a study and its results, until it has so many variants."""
    shutil.copytree(trained, folder, symlinks=True)
    params = yaml.safe_load((folder / "params.yaml").read_text())
    lock = yaml.CSafeLoader((folder / "dvc.lock").read_text()).get_single_data()
    own = {name: results(trained, name) for name in (variant_name(CHANNELS, latents) for latents in LATENTS)}
    for number in range(len(LATENTS), size):
        turn, place = divmod(number, len(LATENTS))
        old, new = variant_name(CHANNELS, LATENTS[place]), variant_name(CHANNELS + turn, LATENTS[place])
        params["variants"][new] = params["variants"][old] | {"channels": CHANNELS + turn}
        for name in own[old]:
            clone(folder / name, folder / name.replace(old, new), old, new, CHANNELS + turn)
        for kind in VARIANT_STAGES:
            entry = copy.deepcopy(lock["stages"][f"{kind}@{old}"])
            for file in [*entry["deps"], *entry["outs"]]:
                if old in file["path"]:
                    file["path"] = file["path"].replace(old, new)
                    file |= described(folder / file["path"], folder / ".dvc/cache/files/md5")
            settings = entry["params"]["params.yaml"]
            settings[f"variants.{new}"] = params["variants"][new]
            del settings[f"variants.{old}"]
            lock["stages"][f"{kind}@{new}"] = entry
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    (folder / "dvc.lock").write_text(yaml.dump(lock, Dumper=yaml.CSafeDumper, sort_keys=False))
    return folder


def results(folder: Path, name: str) -> list[str]:
    """The files of a variant."""
    tops = ("animations", "explorer", "metrics", "models", "plots")
    found = [path for top in tops for path in (folder / top).rglob("*") if path.is_file()]
    return [str(path.relative_to(folder)) for path in found if name in str(path.relative_to(folder))]


def clone(source: Path, target: Path, old: str, new: str, channels: int) -> None:
    """Write a variant's file as another one's."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.suffix == ".safetensors":
        arrays, header = files.load_arrays(source)
        if "variant" in header:
            header["variant"]["channels"] = channels
        files.save_arrays(target, arrays, json.loads(json.dumps(header).replace(old, new)))
    elif source.suffix in (".csv", ".json"):
        target.write_text(source.read_text().replace(old, new))
    else:
        target.hardlink_to(source)


def described(path: Path, cache: Path) -> dict[str, Any]:
    """Put a file or a folder into DVC's cache. Return what dvc.lock says of it."""
    if path.is_file():
        return {"md5": cached(path.read_bytes(), cache), "size": path.stat().st_size}
    inside = [file for file in path.rglob("*") if file.is_file()]
    listed = [{"md5": cached(file.read_bytes(), cache), "relpath": str(file.relative_to(path))} for file in inside]
    tree = json.dumps(sorted(listed, key=lambda part: part["relpath"]), sort_keys=True)
    size = sum(file.stat().st_size for file in inside)
    return {"md5": cached(tree.encode(), cache, ".dir"), "size": size, "nfiles": len(inside)}


def cached(content: bytes, cache: Path, ending: str = "") -> str:
    """Put a content into DVC's cache. Return its name there."""
    name = hashlib.md5(content, usedforsecurity=False).hexdigest() + ending
    (cache / name[:2]).mkdir(parents=True, exist_ok=True)
    (cache / name[:2] / name[2:]).write_bytes(content)
    return name


def seconds(command: list[str], study: Path) -> float | None:
    """Run a command in a study's folder. Return None if it takes longer than LIMIT."""
    one = f"evaluate@{variant_name(CHANNELS, LATENTS[0])}"
    command = [one if part == "one" else part for part in command]
    begun = time.monotonic()
    try:
        with (study.parent / "output.log").open("ab") as output:
            done = subprocess.run(  # noqa: S603
                command, cwd=study, env=environment(), stdout=output, stderr=output, timeout=LIMIT
            )
    except subprocess.TimeoutExpired:
        return None
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed, see {study.parent / 'output.log'}")
    return round(time.monotonic() - begun, 2)


def measured(folder: Path, known: dict[str, dict[str, Any]]) -> Iterator[tuple[str, str, float | None]]:
    """Yield what is not known yet: what, how many variants, how much."""
    todo = [
        size
        for size in SIZES
        if any(str(size) not in known.get(what, {}) for what in (*COMMANDS, PAGE_SIZE, LOCK_SIZE))
    ]
    trained = base(folder / "base") if todo else folder
    for size in todo:
        study = grown(trained, folder / f"{size}/study", size)
        with_lock = (study / "dvc.lock").stat().st_size
        assert len(load_study(study / "params.yaml").variants) == size
        for what, command in COMMANDS.items():
            if str(size) not in known.get(what, {}):
                yield what, str(size), (taken := seconds(command, study))
                if taken is None and "stages.compare" in command:
                    break
        else:
            yield PAGE_SIZE, str(size), (study / "report/index.html").stat().st_size
        yield LOCK_SIZE, str(size), with_lock
        shutil.rmtree(study.parent)


def page(found: dict[str, Any]) -> str:
    """The table, as Markdown."""
    sizes = " | ".join(f"{size:,} variants" for size in SIZES)
    lines = [f"{found['machine']}; {found['date']}; `{found['command']}`, at most {LIMIT} s a command.", ""]
    lines += [f"| | {sizes} |", f"|---|{'--:|' * len(SIZES)}"]
    for what in (*COMMANDS, PAGE_SIZE, LOCK_SIZE):
        row, in_bytes = found["rows"].get(what, {}), what in (PAGE_SIZE, LOCK_SIZE)
        lines.append(f"| {what} | {' | '.join(cell(row, str(size), in_bytes) for size in SIZES)} |")
    return "\n".join([*lines, ""])


def cell(row: dict[str, float | None], size: str, in_bytes: bool) -> str:
    if size not in row:
        return "-"
    if (number := row[size]) is None:
        return f"over {LIMIT} s"
    return f"{number / 1e6:.1f} MB" if in_bytes else f"{number:.1f} s"


def main() -> int:
    found = json.loads(JSON.read_text()) if JSON.exists() else {"rows": {}}
    told = facts(torch.device("cpu"), "python benchmarks/scaling.py")
    found |= {name: told[name] for name in ("machine", "date", "command")}
    with tempfile.TemporaryDirectory() as temporary:
        for what, size, number in measured(Path(temporary).resolve(), found["rows"]):
            found["rows"].setdefault(what, {})[size] = number
            JSON.write_text(json.dumps(found, indent=2) + "\n")
            print(what, size, number, flush=True)
    PAGE.write_text(inserted(PAGE.read_text(), "benchmarks/scaling.py", page(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
