"""Run the root study on a bare machine with a CUDA card: no DVC, no network, and an end after so many minutes.

    card.py --pack                at home: put what a bare machine lacks into .card, to be carried there
    card.py OUT                   there: run the tests for CUDA, measure, run the study, write OUT/parcel-*.zip
    card.py --unpack OUT          at home: put the results where DVC expects them

A run first says what is missing. It stops at its time limit, even within a stage, and still packs what it has. The same
command then goes on from there, if .card is still there. CONTRIBUTING.md says more.
"""

import argparse
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

if sys.version_info < (3, 11, 4):
    sys.exit(f"missing: Python 3.11.4 or newer (found {sys.version.split()[0]})")

import tomllib

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "src"))  # the library beside this, not an installed copy

from elbowroom.core.errors import StudyError

# Nothing else may be imported up here: a bare machine may lack it, and `run` says so first.

ROOT = Path(__file__).parent.parent
NEEDED = (  # by the stages and the measurements that run there; test_card.py holds it
    *("numpy", "pandas", "platformdirs", "pydantic", "ruamel.yaml"),
    *("safetensors", "scikit-learn", "scipy", "torch", "tqdm"),
)
PACKED = ("platformdirs", "pydantic", "ruamel.yaml")  # a machine with PyTorch and scikit-learn most likely has the rest
CARD = ROOT / ".card"  # what is carried to the machine, and the study that runs there
ARCHIVES = {
    "mnist": [
        f"mnist/{split}-{kind}-ubyte.gz" for split in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")
    ],
    "cifar10": ["cifar-10-binary.tar.gz"],
}
PARTS = ("tests", "rows", "study")
MIB = 2**20
LARGEST = 64  # MiB of packages
PIECE = 20  # MiB of a piece of an archive


def missing_packages(names: tuple[str, ...] = NEEDED) -> list[str]:
    """Return the packages that are not there, or too old, as pyproject.toml asks for them: `numpy>=2.0`."""
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    least = dict(requirement.split(">=") for requirement in wanted)
    return [f"{name}>={least[name]}" for name in names if _version(name) < _numbers(least[name])]


def missing_archives(mirror: Path, datasets: list[str]) -> list[str]:
    """Return the published archives of these datasets that a mirror's folder has neither whole nor in pieces."""
    files = [mirror / name for dataset in datasets for name in ARCHIVES[dataset]]
    return [str(file) for file in files if not file.is_file() and not Path(f"{file}.0").is_file()]


def pack(folder: Path, names: list[str], mirror: str | None) -> None:
    """Put packages for Python 3.12 on x86-64 Linux into a folder, and the archives of a mirror beside it, in pieces."""
    from benchmarks import parcels  # at home

    packages = folder / "packages"
    shutil.rmtree(packages, ignore_errors=True)
    platform = ["--python-version", "3.12", "--python-platform", "x86_64-manylinux_2_28", "--only-binary", ":all:"]
    locked = ["--constraints", str(ROOT / "requirements.lock")]
    command = ["uv", "pip", "install", "--quiet", "--target", str(packages), *platform, *locked, *(names or PACKED)]
    subprocess.run(command, check=True)  # noqa: S603
    size = sum(file.stat().st_size for file in packages.rglob("*") if file.is_file()) / MIB
    print(f"{packages}: {', '.join(names or PACKED)} and what they need, {size:.1f} MiB")
    if size > LARGEST:
        sys.exit(f"error: {packages}: found {size:.0f} MiB of packages, expected at most {LARGEST} (leave some out)")
    if mirror:
        for name in [name for archives in ARCHIVES.values() for name in archives]:
            parcels.cut(Path(mirror, name), (folder / "mirror" / name).parent, PIECE * MIB)
        print(f"{folder / 'mirror'}: the archives, in pieces of at most {PIECE} MiB")


def run(arguments: argparse.Namespace, started: float) -> int:
    """Check that nothing is missing, then do what takes the time; return the exit status."""
    mirror = Path(arguments.mirror or os.environ.get("ELBOWROOM_MIRROR") or CARD / "mirror")
    if missing_packages() and arguments.packages.is_dir():  # else those of this Python are the right ones
        sys.path.insert(0, str(arguments.packages.absolute()))
    gaps = missing_packages()
    if not gaps:
        import torch

        from benchmarks import card_run, parcels

        plan = card_run.plan(card_run.settings_of(ROOT / "params.yaml", arguments.tiny), arguments.variants)
        gaps = missing_archives(mirror, plan.datasets)
        if not (arguments.tiny or torch.cuda.is_available()):
            gaps.append("a CUDA card")
    if gaps:
        print(f"missing: {', '.join(gaps)}", file=sys.stderr)
        return 2
    for name in [name for dataset in plan.datasets for name in ARCHIVES[dataset]]:
        parcels.join(mirror / name)
    os.environ["ELBOWROOM_MIRROR"] = str(mirror.absolute())
    parts = [part for part in arguments.parts if part != "tests" or _can_test()]
    return card_run.run(plan, parts, arguments, started)


def _can_test() -> bool:
    if importlib.util.find_spec("pytest"):
        return True
    print("tests: not run, pytest is missing", flush=True)
    return False


def _version(name: str) -> tuple[int, ...]:
    try:
        return _numbers(metadata.version(name))
    except metadata.PackageNotFoundError:
        return ()


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version.partition("+")[0])[:3])


def main(words: list[str] | None = None) -> int:
    started = time.monotonic()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", nargs="?", type=Path, help="the folder for parcels")
    parser.add_argument("--pack", nargs="*", metavar="PACKAGE", help=f"put packages into .card ({', '.join(PACKED)})")
    parser.add_argument("--unpack", type=Path, metavar="OUT", help="put the results of parcels into --into")
    parser.add_argument("--into", type=Path, default=ROOT, metavar="STUDY", help="a study's folder (this checkout)")
    parser.add_argument("--minutes", type=float, default=8, help="when a run has to end (8)")
    parser.add_argument("--mirror", help="a folder with the published archives (ELBOWROOM_MIRROR, .card/mirror)")
    parser.add_argument("--packages", type=Path, default=CARD / "packages", help="further packages (.card/packages)")
    parser.add_argument("--work", type=Path, default=CARD / "work", help="where the study runs (.card/work)")
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=PARTS, help="do only these")
    parser.add_argument("--variants", nargs="*", metavar="NAME", default=[], help="only these variants, in this order")
    parser.add_argument(
        "--parcels", nargs=2, type=int, default=(0, 3), metavar=("FIRST", "LAST"), help="write these (0 3)"
    )
    parser.add_argument("--tiny", action="store_true", help="rehearse on few images, on a CPU, too")
    arguments = parser.parse_args(words)
    if sum((arguments.out is not None, arguments.pack is not None, arguments.unpack is not None)) != 1:
        parser.error("expected one of OUT, --pack and --unpack OUT")
    if arguments.pack is not None:
        pack(CARD, arguments.pack, arguments.mirror)
        return 0
    if arguments.unpack:
        from benchmarks.card_unpack import unpack

        return unpack(arguments.unpack, arguments.into)
    return run(arguments, started)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (StudyError, subprocess.CalledProcessError) as error:
        sys.exit(f"error: {error}")
