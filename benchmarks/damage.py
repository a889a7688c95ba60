"""What stages do with damaged inputs: one file damaged, the stage that reads it run, and that some hundred times.

`python benchmarks/damage.py --seed 0 --count 300` prints how each kind of file ended, and every wrong result, loss or
traceback; if there is one, it exits 1. Archives are those of ELBOWROOM_MIRROR, or downloaded once. Outcomes:

clear error     status 2, one line on stderr, `error: ...`; every other file as it was
harmless        status 0, the same files, byte for byte, as from what is not damaged
noticed by DVC  status 0 and other files, but by dvc.lock or params.yaml DVC sees that the input is another
wrong result, traceback (more than a clear error), loss (a failed stage changed a file), hang (no end)
"""

import argparse
import contextlib
import hashlib
import importlib
import os
import random
import runpy
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
import yaml

from elbowroom.core.errors import StudyError
from elbowroom.core.params import load_study
from elbowroom.core.pipeline import DATASET_STAGES, STUDY_STAGES, VARIANT_STAGES
from elbowroom.core.published_sets import PUBLISHED
from elbowroom.core.settings import Study
from elbowroom.datasets import download
from elbowroom.datasets.images import load_images
from elbowroom.results.tables import COMPARISON
from elbowroom.training.checkpoint import fingerprints

ROOT = Path(__file__).parent.parent
SECONDS = 100  # after which a stage hangs
GOOD = {"clear error", "harmless", "noticed by DVC"}
CIFAR, MNIST = "cifar-10-binary.tar.gz", [f"mnist/{name}" for name in PUBLISHED["mnist"].archives]


SMALL = {"channels": 4, "latent_dim": 4}


class Kind(NamedTuple):
    """Files of a kind and the stage that reads each; how many of a hundred cases are theirs; what else to swap with."""

    files: dict[str, list[str]]
    weight: int
    others: tuple[str, ...] = ()


def study(folder: Path) -> Study:
    """A study's folder whose stages take a second or so: 96 images of a dataset, one epoch."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["datasets"] = {
        name: {"source": name, "train_images": 96, "test_images": 40} for name in ("mnist", "cifar10")
    }
    for recipe in params["recipes"].values():
        recipe.update(epochs=1, batch_size=32, seeds=[0, 1])
    variants = params["variants"]
    changes = {"mnist-z128": {"beta": 2.0}, "mnist-z256": {"likelihood": "gaussian_optimal"}}  # one size: swaps fit
    params["variants"] = {name: variants[name] | change | SMALL for name, change in changes.items()}
    params["evaluation"] |= {"map_images": 40, "iwae_images": 4, "iwae_samples": [1, 5], "sample_images": 40}
    params["evaluation"] |= {"probe_images": 60, "path_pairs": 2, "path_steps": 3}
    params["figures"] = {"images": 4, "sample_rows": 2, "interpolation_steps": 3}
    params["figures"] |= {"explorer_grid": 2, "explorer_images": 2}
    folder.mkdir()
    for name in ("stages", "src"):
        (folder / name).symlink_to(ROOT / name)
    for link, target in (("pages", "report"), ("sheets", "explorer")):
        (folder / link).symlink_to(target)
    for name in ("explorer", "listings"):
        (folder / name).mkdir()
    shutil.copy(ROOT / "dvc.yaml", folder)
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    (folder / ".dvc").mkdir()
    (folder / ".dvc/config").write_text("[core]\n    no_scm = true\n    analytics = false\n    check_update = false\n")
    return load_study(folder / "params.yaml")


def steps(made: Study) -> list[list[str]]:
    """Every stage, in an order in which each finds what it reads."""
    by_dataset = [[stage, name] for stage in DATASET_STAGES for name in made.datasets]
    by_variant = [[stage, name] for stage in VARIANT_STAGES for name in made.variants]
    return [["code_digests"], *by_dataset, *by_variant, *([stage] for stage in STUDY_STAGES)]


def kinds(good: Path) -> dict[str, Kind]:
    """What is read, and by whom: of the stages of a kind one is as good as another."""
    name, other = "mnist-z128", "mnist-z256"
    with contextlib.chdir(good):
        study, images = load_study(), load_images("mnist", torch.device("cpu"))
        variant = study.variant(name)
        own = fingerprints(variant, study.recipes[variant.recipe], images, (0, 1)).values()
    checkpoints = {f".checkpoints/{folder}/epoch-1.safetensors": ["train", name] for folder in own}
    shown = ("reconstructions", "samples", "interpolation", "interpolation-samples")
    return {
        "archive, mnist": Kind({f"mirror/{file}": ["prepare", "mnist"] for file in MNIST}, 12),
        "archive, cifar10": Kind({f"mirror/{CIFAR}": ["prepare", "cifar10"]}, 4, (f"mirror/{MNIST[0]}",)),
        "params.yaml": Kind({"params.yaml": ["prepare", "mnist"]}, 20),
        "data": Kind({f"data/{dataset}.safetensors": ["baseline", dataset] for dataset in ("mnist", "cifar10")}, 15),
        "models": Kind(
            {f"models/{name}/seed-{seed}.safetensors": ["evaluate", name] for seed in (0, 1)},
            15,
            (f"models/{other}/seed-0.safetensors", f"models/{name}/evolution.safetensors"),
        ),
        "judge": Kind(
            {"models/judge/mnist.safetensors": ["evaluate", name]},
            7,
            ("models/judge/cifar10.safetensors", f"models/{name}/seed-0.safetensors"),
        ),
        "evolution": Kind(
            {f"models/{name}/evolution.safetensors": ["figures", name]}, 5, (f"models/{other}/evolution.safetensors",)
        ),
        "explorer": Kind(
            {f"{folder}/{name}.safetensors": ["report"] for folder in ("explorer", "models/explorer")},
            4,
            (f"models/explorer/{other}.safetensors", f"models/{name}/evolution.safetensors"),
        ),
        "checkpoints": Kind(checkpoints, 8),
        "history": Kind({f"plots/{name}/history.csv": ["figures", name]}, 3, (f"plots/{other}/history.csv",)),
        "metrics": Kind(
            {f"metrics/{file}": ["compare"] for file in (f"{name}.csv", f"{other}.csv", "baselines/mnist.csv")},
            5,
            (f"metrics/{name}.json",),
        ),
        "plots": Kind(
            {f"plots/{name}/{table}.csv": ["compare"] for table in ("history", "cost", "spectrum", "map")},
            4,
            (f"plots/{other}/history.csv",),
        ),
        "pictures": Kind(
            {f"plots/{name}/{picture}.png": ["compare"] for picture in shown}
            | {f"report/comparison/pictures/mnist-{picture}.png": ["report"] for picture in shown},
            5,
        ),
        "comparison": Kind(
            {f"report/comparison/{name}.csv": ["report"] for name, table in COMPARISON.items() if not table.optional}
            | {f"metrics/judge/{dataset}.csv": ["report"] for dataset in ("mnist", "cifar10")},
            7,
        ),
    }


# --- damage --------------------------------------------------------------------------------------------------------

HTML = b"<!DOCTYPE html>\n<html><title>404 Not Found</title></html>\n"
NASTY = [b"nan", b"inf", b"-1", b"1e999", b"", b"x", b"\0", b"\n", b"\xff", b'"', b",", b"\t", b"[" * 999, b"9" * 5000]


def flip(content: bytearray, dice: random.Random, among: int | None = None) -> str:
    place, bit = dice.randrange(min(len(content), among or len(content))), dice.randrange(8)
    content[place] ^= 1 << bit
    return f"bit {bit} of byte {place} flipped"


def cut(content: bytearray, dice: random.Random) -> str:
    length = dice.choice([dice.randrange(len(content)), len(content) - 1, dice.randrange(min(200, len(content)))])
    del content[length:]
    return f"cut to {length} bytes"


def zero(content: bytearray, dice: random.Random) -> str:
    start = dice.choice([0, dice.randrange(len(content))])
    content[start:] = bytes(len(content) - start)
    return f"zeros from byte {start}"


def insert(content: bytearray, dice: random.Random) -> str:
    place, piece = dice.randrange(len(content)), dice.choice(NASTY[5:])
    content[place:place] = piece
    return f"{piece[:9]!r} ({len(piece)}) put in at {place}"


def html(content: bytearray, dice: random.Random) -> str:
    content[:] = HTML
    return "HTML"


def empty(content: bytearray, dice: random.Random) -> str:
    content.clear()
    return "emptied"


def twice(content: bytearray, dice: random.Random) -> str:
    content += bytes(content)
    return "twice"


def field(content: bytearray, dice: random.Random) -> str:
    """Put another value into one place of a table or of settings."""
    text = bytes(content)
    marks = [place for place, byte in enumerate(text) if byte in b",:\n"][:-1] or [0]
    start = dice.choice(marks) + 1
    stop = next((place for place in range(start, len(text)) if text[place] in b",\n"), len(text))
    piece = dice.choice(NASTY)
    content[start:stop] = b" " + piece if b"," not in text[:20] else piece
    return f"{piece[:9]!r} ({len(piece)}) for {text[start:stop][:20]!r} at {start}"


def line(content: bytearray, dice: random.Random) -> str:
    lines = bytes(content).splitlines(keepends=True)
    number, what = dice.randrange(len(lines)), dice.choice(["removed", "doubled"])
    lines[number : number + 1] = [] if what == "removed" else [lines[number]] * 2
    content[:] = b"".join(lines)
    return f"line {number + 1} {what}"


Damage = Callable[[bytearray, random.Random], str]
ANY: list[Damage] = [flip, flip, cut, zero, insert, html, empty, twice]
HEADED: list[Damage] = [*ANY, lambda content, dice: flip(content, dice, 400)]
TEXT: list[Damage] = [*ANY, field, field, field, line, line]


def damage(work: Path, file: str, siblings: list[str], dice: random.Random) -> str:
    """Damage the file; say how."""
    path = work / file
    choice = dice.random()
    if choice < 0.04:
        path.unlink()
        return "missing"
    if choice < 0.07:
        path.unlink()
        path.mkdir()
        return "a folder"
    if choice < 0.15 and siblings:
        other = work / dice.choice(siblings)
        for taker, given in ((path, other.read_bytes()), (other, path.read_bytes())):
            taker.unlink()
            taker.write_bytes(given)
        return f"swapped with {other.relative_to(work)}"
    content = bytearray(path.read_bytes())
    said = dice.choice(TEXT if path.suffix in (".csv", ".json", ".yaml") else HEADED)(content, dice)
    path.unlink()  # it may be a link
    path.write_bytes(content)
    return said


# --- stages --------------------------------------------------------------------------------------------------------


def run(work: Path, stage: list[str]) -> tuple[int | None, str]:
    """Run a stage in its folder, in a process that has all modules loaded: its status, None if it hangs, and stderr."""
    errors = work.parent / "stderr"
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.chdir(work)
            os.environ["ELBOWROOM_MIRROR"] = "mirror"
            sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 (until it exits)
            sys.stderr = errors.open("w", errors="backslashreplace")
            os.dup2(sys.stderr.fileno(), 2)  # what is no Python writes there
            sys.argv = stage
            runpy.run_module(f"stages.{stage[0]}", run_name="__main__")
            status = 0
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 1
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            sys.stderr.flush()
            os._exit(status)
    limit = time.monotonic() + SECONDS
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status), errors.read_text(errors="replace")
        if time.monotonic() > limit:
            os.kill(child, 9)
            os.waitpid(child, 0)
            return None, ""
        time.sleep(0.01)


def tree(folder: Path) -> dict[str, str]:
    """Every file of the study but the archives, and the md5 of each: DVC's."""
    found = {}
    for top, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in (".dvc", ".checkpoints", "mirror")]
        # cost.csv has times in it, and the others are links to what may not be there yet.
        for name in set(files) - {"cost.csv", "pages", "sheets"}:
            path = Path(top) / name
            found[str(path.relative_to(folder))] = md5(path)
    return found


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def locked(work: Path) -> dict[str, str]:
    """What dvc.lock says of each file that a stage wrote."""
    stages = yaml.safe_load((work / "dvc.lock").read_text())["stages"].values()
    return {out["path"]: out["md5"] for stage in stages for out in stage["outs"]}


def outcome(work: Path, file: str, stage: list[str], before: dict[str, str], good: dict[str, str]) -> tuple[str, str]:
    """Run the stage on what was damaged; class what it comes to. before: the tree once damaged, good: before that."""
    folders = [folder for folder in map(str, Path(file).parents) if folder in locked(work)]  # known by what is in them
    known = good.get(file) if folders else locked(work).get(file)
    noticed = known is not None and before.get(file) != known
    if file == "params.yaml":
        with contextlib.suppress(StudyError):
            noticed = load_study(work / file) != load_study(work.parent / "good" / file)
    status, errors = run(work, stage)
    after = tree(work)
    lines = errors.splitlines()
    if status is None:
        return "hang", ""
    if status == 0:
        changed = {name for name in after.keys() | good.keys() if after.get(name) != good.get(name)}
        changed -= {name for name in before.keys() | good.keys() if before.get(name) != good.get(name)}
        if not changed:
            return "harmless", ""
        return "noticed by DVC" if noticed else "wrong result", f"{len(changed)} files differ, {sorted(changed)[0]}"
    if status != 2 or len(lines) != 1 or not lines[0].startswith("error: "):
        return "traceback", lines[-1] if lines else f"status {status}"
    return ("clear error" if after == before else "loss"), lines[0]


# --- all of it -----------------------------------------------------------------------------------------------------


def make(folder: Path) -> Path:
    """The study, every stage run, and dvc.lock as DVC writes it."""
    good = folder / "good"
    made = study(good)
    for name in [*MNIST, CIFAR]:
        (good / "mirror" / name).parent.mkdir(parents=True, exist_ok=True)
        url = PUBLISHED["cifar10" if name == CIFAR else "mnist"].url + Path(name).name
        (good / "mirror" / name).symlink_to(download.fetch(url, name).absolute())
    for stage in steps(made):
        status, errors = run(good, stage)
        if status != 0:
            sys.exit(f"error: {' '.join(stage)}: status {status}, expected 0 of what is not damaged\n{errors}")
    command = ["dvc", "commit", "--force", "--quiet"]
    subprocess.run(command, cwd=good, check=True)  # noqa: S603
    shutil.rmtree(good / ".dvc/cache")
    return good


def restore(good: Path, work: Path, names: set[str]) -> None:
    """Put the files back as they were."""
    for name in names:
        path = work / name
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        if (good / name).exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(good / name, path, follow_symlinks=not name.startswith("mirror"))


def damages(seed: int, count: int) -> tuple[dict[str, dict[str, int]], list[str]]:
    """How many of each kind came to which outcome; and the cases that should not be."""
    os.environ |= {"OMP_NUM_THREADS": "1", "ELBOWROOM_DEVICE": "cpu"}
    dice = random.Random(seed)  # noqa: S311
    importlib.import_module("torch._dynamo")  # which torch imports when first used
    for stage in (*DATASET_STAGES, *VARIANT_STAGES, "compare", "report"):
        runpy.run_module(f"stages.{stage}", run_name="loaded")  # and all else, once, for all that is forked
    results: Counter[tuple[str, str]] = Counter()
    bad: list[str] = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        good, work = make(folder), folder / "work"
        table = kinds(good)
        shutil.copytree(good, work, symlinks=True)
        right = tree(good)
        weights = [kind.weight for kind in table.values()]
        drawn = dice.choices(list(table), weights, k=count)
        seen: set[str] = set()
        for number, name in enumerate([*table, *drawn]):  # first each once, not damaged
            kind = table[name]
            files = kind.files
            while True:
                file = dice.choice(list(files))
                said = (
                    "as it was"
                    if number < len(weights)
                    else damage(work, file, sorted({*files, *kind.others} - {file}), dice)
                )
                if (case := f"{file}: {said}") not in seen:
                    break
                restore(good, work, {*files, *kind.others})
            seen.add(case)
            result, why = outcome(work, file, files[file], tree(work), right)
            if said == "as it was" and result != "harmless":
                bad.append(f"{case}: {result}: {why}")
            elif said != "as it was":
                results[name, result] += 1
                if result not in GOOD:
                    bad.append(f"{case}: {result}: {why}")
                    print(bad[-1], flush=True)
            wrong = {path for path, found in tree(work).items() if right.get(path) != found}
            costs = {
                str(path.relative_to(good)) for path in good.glob("plots/*/cost.csv")
            }  # which a stage that trains writes anew
            restore(good, work, {*files, *kind.others, *wrong, *costs} | (right.keys() - tree(work).keys()))
    outcomes = sorted({*GOOD, *(result for _, result in results)}, key=lambda result: (result not in GOOD, result))
    return {name: {result: results[name, result] for result in outcomes} for name in table}, bad


def main(seed: int, count: int) -> int:
    table, bad = damages(seed, count)
    outcomes = list(next(iter(table.values())))
    print(f"{'':18}" + "".join(f"{result:>16}" for result in outcomes))
    for name, row in table.items():
        print(f"{name:18}" + "".join(f"{row[result]:16}" for result in outcomes))
    return 1 if bad else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=300)
    parsed = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    sys.exit(main(parsed.seed, parsed.count))
