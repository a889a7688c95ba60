"""What a clone of the repository looks like on any machine."""

import subprocess

from hatchling.builders.wheel import WheelBuilder

from tests.support import ROOT


def test_text_files_have_lf_line_ends_on_every_machine() -> None:
    """DVC hashes files as they are, and with core.autocrlf=true git writes CRLF unless .gitattributes forbids it."""
    listed = subprocess.check_output(["git", "ls-files", "--eol"], cwd=ROOT, text=True)  # noqa: S607
    wrong = []
    for line in listed.splitlines():
        index, _, attributes = line.partition("\t")[0].split(maxsplit=2)
        is_link = index == "i/"
        is_text = index in ("i/lf", "i/none") and attributes.split() == ["attr/text=auto", "eol=lf"]
        is_binary = index == "i/-text" and attributes.split() == ["attr/-text"]
        if not (is_link or is_text or is_binary):
            wrong.append(line)
    assert wrong == []


def test_the_wheel_says_that_it_is_typed() -> None:
    files = {file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    assert {"elbowroom/py.typed", "elbowroom/api.py", "elbowroom/stages/train.py"} <= files


def test_paths_work_on_file_systems_that_ignore_case_and_limit_length() -> None:
    """Those of macOS ignore case; Windows, below WSL, takes 260 characters with the folder that the clone is in."""
    paths = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")  # noqa: S607
    assert len({path.lower() for path in paths}) == len(paths) > 100
    assert max(map(len, paths)) < 120


def test_the_readme_is_read_in_a_few_minutes() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120
