"""The command line: help that is fast, errors in one line, `check`."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import elbowroom
from elbowroom.__main__ import main
from elbowroom.app.commands import parser
from tests.support import ROOT

SLOW = {"torch", "pandas", "numpy", "pydantic", "ruamel", "safetensors", "scipy", "PIL", "matplotlib"}
COMMANDS = (
    *("new-study", "check", "repro", "suggest", "compare", "upgrade-study", "merge"),
    *("sample", "reconstruct", "interpolate", "encode", "decode", "info", "export"),
)


def help_of(*command: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit, match="0"):
        parser().parse_args([*command, "--help"])
    return capsys.readouterr().out


def test_help_imports_nothing_slow() -> None:
    """It takes what Python takes to start, and argparse: the test is about modules, since times depend on machines."""
    code = (
        "import sys, elbowroom.__main__\n"
        "try: elbowroom.__main__.main(['sample', '--help'])\n"
        "except SystemExit: print('', *sys.modules)"
    )
    printed = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT / "src", text=True)  # noqa: S603
    loaded = {name.partition(".")[0] for name in printed.splitlines()[-1].split()}
    assert {"argparse", "elbowroom"} <= loaded
    assert not SLOW & loaded


@pytest.mark.parametrize("missing", ["pty", "fcntl"])
def test_a_machine_without_posix_is_told_in_one_line(missing: str) -> None:
    code = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from elbowroom.__main__ import main\n"
        "sys.exit(main(['repro', '--study', sys.argv[1]]))"
    )
    command = [sys.executable, "-c", code, str(ROOT)]
    done = subprocess.run(command, cwd=ROOT / "src", capture_output=True, text=True)  # noqa: S603
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: found {sys.platform} without {missing}, expected Linux, macOS or WSL\n"


def test_every_command_is_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    printed = help_of(capsys=capsys)
    assert [name for name in COMMANDS if not re.search(rf"^ +{name}\s+[A-Z]", printed, re.MULTILINE)] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_examples_in_the_help_are_commands(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each is parsed again, without what a shell would do."""
    printed = help_of(command, capsys=capsys)
    assert [line for line in printed.splitlines() if line != line.rstrip()] == []
    examples = printed.partition("examples:\n")[2].strip().splitlines()
    assert examples
    for example in examples:
        words = example.split("|")[0].split("<")[0].split("&&")[0].split(">")[0].split()
        assert words[:2] == ["elbowroom", command]
        parser().parse_args(words[1:])


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ["sample", "m", "--count", "0", "-o", "x.png"],
            "argument --count: found '0', expected a whole number, 1 or more",
        ),
        (["sample", "m", "--noise", "-1", "-o", "x.png"], "argument --noise: found '-1', expected a whole number"),
        (["sample", "m"], "the following arguments are required: --output/-o"),
        ([], "the following arguments are required: COMMAND"),
    ],
)
def test_wrong_arguments_are_named(arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert expected in capsys.readouterr().err


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The params.yaml of the quickstart, in a folder of its own below the working folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study").mkdir()
    (tmp_path / "study/params.yaml").write_text((ROOT / "studies/quickstart/params.yaml").read_text())
    return tmp_path / "study"


def test_check_counts_what_a_study_has(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--study", "study"]) == 0
    assert capsys.readouterr().out == "params.yaml is sound: 2 datasets, 8 variants, 8 trainings\n"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("recipe: notebook-mnist", "recipe: notebok", "variants.mnist-z128.recipe: found 'notebok', expected one of"),
        ("dataset: cifar10", "dataset: cifar", "dataset: found 'cifar', expected one of mnist, cifar10"),
        ("    recipe: notebook-mnist\n", "", "variants.mnist-z128.recipe: found nothing, expected a value for it"),
        ("variants: # what to train", "variants: {}\nx:", "variants: found {}, expected at least 1"),
        ("variants: # what to train", "variants:\nx:", "variants: found nothing, expected a mapping"),
        ("latent_dim: 128", "latent_dim: 0", "variants.mnist-z128.latent_dim: found 0, expected 1 or more"),
    ],
)
def test_what_is_wrong_is_one_line(
    study: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, expected: str
) -> None:
    """Of `check`, and of `make repro` before DVC looks at it: its parser would speak of dvc.yaml."""
    text = (study / "params.yaml").read_text()
    assert old in text
    (study / "params.yaml").write_text(text.replace(old, new))
    assert main(["check", "--study", str(study)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    (line,) = printed.err.splitlines()
    assert line.startswith("error: params.yaml: ")
    assert expected in line
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, study.parent)
    (study.parent / ".venv/bin").mkdir(parents=True)
    (study.parent / ".venv/bin/python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (study.parent / ".venv/bin/python").chmod(0o755)
    (study.parent / ".venv/.ready").touch()
    command = ["make", "--no-print-directory", "repro", "STUDY=study"]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(command, cwd=study.parent, env=environment, capture_output=True, text=True)  # noqa: S603
    assert (done.returncode, done.stdout, done.stderr.splitlines()[0]) == (2, "", line)


@pytest.mark.parametrize(
    ("name", "to", "expected"),
    [
        ("src", "../../src", "src: found a link to ../../src, where nothing is, expected something there"),
        ("sheets", "explorers", "sheets: found a link to explorers, where nothing is, expected a link to explorer"),
        ("stages", None, "stages: found a file, expected a link to ../../stages (git's core.symlinks is false)"),
        ("pages", "report", None),  # before the first report
        ("sheets", "explorer", None),  # `make repro` checks first, then makes the folder anew
    ],
)
def test_check_follows_the_links_of_a_study(
    study: Path, capsys: pytest.CaptureFixture[str], name: str, to: str | None, expected: str | None
) -> None:
    (study / name).symlink_to(to) if to else (study / name).write_text("../../stages")
    assert main(["check", "--study", str(study)]) == (2 if expected else 0)
    assert capsys.readouterr().err == (f"error: {expected}\n" if expected else "")


def test_check_finds_links_to_the_cache_in_place_of_what_git_keeps(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As DVC makes of all its outputs with `cache.type symlink`."""
    for name in ("report/comparison", "explorer"):
        (study / name).mkdir(parents=True)
    assert main(["check", "--study", str(study)]) == 0
    (study / "report/README.md").symlink_to(study / "params.yaml")
    assert main(["check", "--study", str(study)]) == 2
    assert capsys.readouterr().err.startswith("error: report/README.md: found a link, expected a file, which git keeps")


@pytest.mark.parametrize("what", ["noise", "dimension"])
def test_check_refuses_datasets_that_would_share_a_file(
    study: Path, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    text = (study / "params.yaml").read_text().replace("dataset: cifar10", f"dataset: mnist-{what}")
    (study / "params.yaml").write_text(text.replace("\n  cifar10:", f"\n  mnist-{what}:"))
    assert main(["check", "--study", str(study)]) == 2
    assert capsys.readouterr().err == (
        f"error: params.yaml: datasets: found mnist and mnist-{what}, expected another name: both would have "
        f"metrics/baselines/mnist-{what}.csv\n"
    )


@pytest.mark.parametrize(
    ("shell", "expected"),
    [(">/dev/full", "cannot be written (No space left on device), expected room for it"),
     (">&-", "found it closed, expected a file, a pipe or a terminal")],
)  # fmt: skip
@pytest.mark.parametrize("buffered", ["", "1"])
def test_output_that_goes_nowhere_is_one_line(study: Path, shell: str, expected: str, buffered: str) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("found no /dev/full")
    command = ["sh", "-c", f'"$0" -m elbowroom check --study "$1" {shell}', sys.executable, str(study)]
    environment = os.environ | {"PYTHONUNBUFFERED": buffered, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)  # noqa: S603
    assert (done.returncode, done.stderr) == (2, f"error: standard output: {expected}\n")


def test_check_looks_for_the_folders_of_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "studies/letters/params.yaml").read_text()
    (tmp_path / "params.yaml").write_text(text.replace("../../pictures/omniglot", "$WHERE/letters"))
    monkeypatch.setenv("WHERE", str(tmp_path))
    assert main(["check", "--study", str(tmp_path)]) == 2
    where = f"error: params.yaml: folders.letters: {tmp_path}/letters: "
    assert capsys.readouterr().err == (
        f"{where}cannot be read (No such file or directory), expected a folder of pictures\n"
    )
    (tmp_path / "letters").mkdir()
    assert main(["check", "--study", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith(f"{where}found no pictures, expected some")
    (tmp_path / "letters/a.png").touch()  # not opened
    assert main(["check", "--study", str(tmp_path)]) == 0


def test_repro_without_dvc_is_one_line(tmp_path: Path) -> None:
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / ".dvc").mkdir()
    code = (
        "import sys; sys.executable = '/nowhere/python'\n"
        "from elbowroom.__main__ import main\n"
        "sys.exit(main(['repro', '--study', sys.argv[1]]))"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    environment = os.environ | {"PATH": "/nowhere/bin"}
    done = subprocess.run(command, cwd=ROOT / "src", env=environment, capture_output=True, text=True)  # noqa: S603
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: found no dvc on PATH, expected it beside elbowroom: activate their environment\n"


def test_a_folder_that_is_none_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--study", "nowhere"]) == 2
    assert capsys.readouterr().err == (
        "error: --study: found 'nowhere' (No such file or directory), expected a study's folder\n"
    )


def test_the_command_is_installed_under_its_name() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts == {"elbowroom": f"{main.__module__}:{main.__name__}"}


def test_the_package_says_what_it_has() -> None:
    assert [name for name in elbowroom.__all__ if not hasattr(elbowroom, name)] == []
