"""A tiny study in a git checkout of its own, run by DVC."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import yaml

from elbowroom.core.pipeline import STUDY_STAGES, VARIANT_STAGES
from tests.support import ROOT
from tests.support.settings import EVALUATION


class Checkout(NamedTuple):
    """A study in a git checkout of its own: the study's folder, and the folder of the `python` that runs its stages."""

    path: Path
    python: Path

    def run(self, *command: str, status: int = 0) -> str:
        """Run a command in the study's folder, as if the environment were activated. Return what it printed."""
        binaries = str(Path(sys.executable).parent)
        environment = os.environ | {"PATH": f"{self.python}:{binaries}:{os.environ['PATH']}", "COLUMNS": "120"}
        environment |= {f"GIT_{who}_{what}": "t" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        done = subprocess.run(command, cwd=self.path, env=environment, capture_output=True, text=True)  # noqa: S603
        output = done.stdout + done.stderr
        assert done.returncode == status, output
        return output

    def repro(self, *arguments: str) -> set[str]:
        """Run `dvc repro`. Return the names of the stages that it ran."""
        return ran(self.run("dvc", "repro", *arguments))

    def planned(self) -> set[str]:
        """Run all stages but the pages, which take longer than the others together; ask `dvc status` for those.

        Return the names of the stages that ran, and of the pages that are not up to date.
        """
        ran_now = self.repro("--glob", "code", "*@*")
        return ran_now | set(re.findall(r"^(\S+):$", self.run("dvc", "status", *PAGES), re.MULTILINE))

    def edit(self, change: Callable[[dict], object]) -> None:
        """Edit params.yaml: `change` gets its contents and changes them in place."""
        path = self.path / "params.yaml"
        params = yaml.safe_load(path.read_text())
        change(params)
        path.write_text(yaml.safe_dump(params, sort_keys=False))

    def commit(self) -> None:
        self.run("git", "add", "-A")
        self.run("git", "commit", "-qm", "a step")

    def changes(self) -> str:
        """Return what differs from the last commit, one line per file (`git status --porcelain`)."""
        return self.run("git", "status", "--porcelain", "--untracked-files=all")

    def copy(self, folder: Path) -> "Checkout":
        """Copy the whole checkout, DVC's cache included, into a folder."""
        checkout = self.path.parent.parent
        shutil.copytree(checkout, folder / "checkout", symlinks=True)
        return self._replace(path=folder / "checkout" / self.path.relative_to(checkout))


def ran(output: str) -> set[str]:
    """Find the names of the stages that `dvc repro` ran in its output."""
    return set(re.findall(r"^Running stage '(.+)':$", output, re.MULTILINE))


PAGES = set(STUDY_STAGES)


def of(*variants: str) -> set[str]:
    """Return the stages that run after an edit of these variants."""
    return {f"{stage}@{name}" for name in variants for stage in VARIANT_STAGES} | PAGES


class Grown(NamedTuple):
    """A study that was run, got another variant, then another dataset; and the stages that DVC ran each time."""

    checkout: Checkout
    ran: list[set[str]]


def grow(tiny: Checkout) -> list[set[str]]:
    """Make a checkout with a tiny study of one variant, run it, add a variant, run it, add a dataset, run it.

    Return the stages that DVC ran each time.
    """
    folder, checkout = tiny.path, tiny.path.parent.parent
    for name in ("src", "stages", ".dvc/plots"):
        shutil.copytree(ROOT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in (".dvcignore", ".gitignore", ".dvc/config", ".dvc/.gitignore"):
        shutil.copy(ROOT / name, checkout / name)
    (folder / ".dvc").mkdir(parents=True)
    links = ("src", "stages", "pages", "sheets", ".dvcignore", ".dvc/plots")
    for name in (*links, "dvc.yaml", ".dvc/config", ".dvc/.gitignore"):
        shutil.copy(ROOT / "studies/quickstart" / name, folder / name, follow_symlinks=False)
    for name in ("explorer", "listings", "models/explorer"):
        (folder / name).mkdir(parents=True)
        shutil.copy(ROOT / "studies/quickstart" / name / ".gitkeep", folder / name)
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    variants = params["variants"]
    for recipe in params["recipes"].values():
        recipe.update(epochs=1, batch_size=32, seeds=[0])
    params["evaluation"] = EVALUATION.model_dump() | {"map_images": 40}
    params["judge"]["epochs"] = 1
    params["figures"] = {
        "images": 4,
        "sample_rows": 2,
        "interpolation_steps": 4,
        "explorer_grid": 4,
        "explorer_images": 3,
    }
    params["datasets"] = {"mnist": {"source": "mnist", "train_images": 96, "test_images": 40}}
    params["variants"] = {"mnist-z128": variants["mnist-z128"] | {"channels": 4}}
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    subprocess.run(["git", "init", "-q", str(checkout)], check=True)  # noqa: S603, S607
    steps = [tiny.planned()]
    tiny.edit(lambda p: p["variants"].update({"mnist-z256": variants["mnist-z256"] | {"channels": 4}}))
    steps.append(tiny.planned())
    tiny.edit(lambda p: p["datasets"].update(cifar10=p["datasets"]["mnist"] | {"source": "cifar10"}))
    tiny.edit(lambda p: p["variants"].update({"cifar10-ae16": variants["cifar10-ae16"] | {"channels": 4}}))
    steps.append(tiny.repro())
    tiny.commit()
    return steps
