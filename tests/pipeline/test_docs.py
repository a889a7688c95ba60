"""The commands of the docs run: read from the blocks of the page, top to bottom, on the tiny study."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.support.checkout import Checkout, Grown, of, ran

pytestmark = pytest.mark.dvc


def shell_blocks(page: Path) -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def only_mnist(params: dict) -> None:
    del params["datasets"]["cifar10"], params["variants"]["cifar10-ae16"]


@pytest.fixture(scope="module")
def walked(grown: Grown, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A checkout in which the commands of using-dvc.md were run, then the README's, and what they printed."""
    walk = shell_blocks(ROOT / "docs/using-dvc.md")
    usage = next(block for block in shell_blocks(ROOT / "README.md") if block.startswith("dvc repro"))
    tiny: Checkout = grown.checkout.copy(tmp_path_factory.mktemp("docs"))
    checkout = tiny.path.parent.parent
    binaries = checkout / ".venv/bin"  # as `make install` leaves it
    binaries.mkdir(parents=True)
    (binaries / "python").symlink_to(tiny.python / "python")
    (binaries / "elbowroom").write_text('#!/bin/sh\nexec python -m elbowroom "$@"\n')
    (binaries / "elbowroom").chmod(0o755)
    (binaries / "activate").write_text(f"export PATH={tiny.python}:{binaries}:{Path(sys.executable).parent}:$PATH\n")
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, checkout)
    (checkout / ".venv/.ready").touch()
    commands = f"{''.join(walk)}cd {tiny.path}\n{usage}"
    tiny.edit(only_mnist)  # so that there is something to run and commit, and less to draw each time
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = os.environ | {"HOME": str(checkout.parent), "PATH": path, "COLUMNS": "120"}
    environment |= {f"GIT_{who}_{what}": "t" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    shell = ["bash", "-euxo", "pipefail", "-c", commands]
    done = subprocess.run(  # noqa: S603
        shell, cwd=checkout, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert done.returncode == 0, done.stdout
    return checkout, done.stdout


def after(output: str, command: str) -> str:
    """What a command printed."""
    _, found, rest = output.partition(f"\n+ {command}")
    assert found, command
    return rest.partition("\n+ ")[0]


def test_an_experiment_runs_its_variant_only(walked: tuple[Path, str]) -> None:
    assert ran(after(walked[1], "dvc exp run --name narrow")) == of("mnist-z128")


def test_diffs_show_the_variant_only(walked: tuple[Path, str]) -> None:
    assert after(walked[1], "dvc params diff").count("variants.") == 1
    diff = after(walked[1], "dvc metrics diff\n")
    paths = re.findall(r"^metrics/\S+", diff, re.MULTILINE)
    assert set(paths) == {"metrics/mnist-z128.json"}
    assert re.search(r"^metrics/mnist-z128.json +loss +[\d.]+ +[\d.]+ +-?[\d.]+$", diff, re.MULTILINE)


def test_putting_it_back_trains_nothing(walked: tuple[Path, str]) -> None:
    reverted = walked[1].partition("\n+ git revert")[2]
    assert ran(after(reverted, "dvc repro\n")) == set()


def test_a_comment_runs_nothing_but_code(walked: tuple[Path, str]) -> None:
    assert ran(after(walked[1], "dvc repro\n")) == {"code"}


def test_status_after_code_names_what_an_edit_concerns(walked: tuple[Path, str]) -> None:
    output = walked[1].partition("\n+ dvc repro --single-item code")[2]
    assert re.findall(r"^(\S+):$", after(output, "dvc status"), re.MULTILINE) == ["baseline@mnist"]
    assert re.findall(r"^ (\S+) +\|", after(output, "git diff --stat code"), re.MULTILINE) == [
        "studies/quickstart/code/baseline.json"
    ]
    assert ran(after(output, "dvc repro\n")) == {"code"}


def test_the_queue_ran_both(walked: tuple[Path, str]) -> None:
    shown = after(walked[1], "dvc metrics diff half four")
    assert re.search(r"metrics/mnist-z128.json +loss", shown)


def test_after_a_pull_nothing_runs(walked: tuple[Path, str]) -> None:
    clone = walked[1].partition("\n+ git clone")[2]
    assert "metrics/mnist-z128.json" in after(clone, "dvc metrics show")
    assert ran(after(clone, "dvc repro\n")) == set()


def test_an_edit_in_a_clone_without_the_rest_runs_what_it_concerns(walked: tuple[Path, str]) -> None:
    assert ran(after(walked[1], "dvc exp run --allow-missing")) == of("mnist-z128")


def test_collecting_garbage_keeps_what_other_studies_use(tiny: Checkout) -> None:
    """The command of the page, without --dry: what only one study uses stays, committed or not."""
    page = (ROOT / "docs/using-dvc.md").read_text(encoding="utf-8")
    command = next(line for line in page.splitlines() if line.startswith("dvc gc "))
    root = tiny._replace(path=tiny.path.parent.parent)
    other = tiny._replace(path=root.path / "studies/other")
    (other.path / ".dvc").mkdir(parents=True)
    shutil.copy(tiny.path / ".dvc/config", other.path / ".dvc/config")
    for name in ("only-here.bin", "nobodys.bin"):
        (other.path / name).write_text(name)
    other.run("dvc", "add", "--quiet", "only-here.bin", "nobodys.bin")
    (other.path / "nobodys.bin.dvc").unlink()
    root.run("bash", "-c", command.replace("--dry", "--force"))
    cached = [path.read_bytes() for path in root.path.glob(".dvc/cache/files/md5/*/*") if path.is_file()]
    assert b"only-here.bin" in cached
    assert b"nobodys.bin" not in cached
    for name in ("data", "models"):
        shutil.rmtree(tiny.path / name)
    tiny.run("dvc", "checkout")
    assert tiny.repro() == set()
