"""`elbowroom merge` keeps what both branches changed, and says what conflicts."""

from collections.abc import Callable
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from elbowroom.__main__ import main
from tests.support import ROOT

BASE = (ROOT / "params.yaml").read_text(encoding="utf-8")
ENTRY = BASE[BASE.index("  mnist-z256:") : BASE.index("  mnist-ae128:")]
LAST = BASE[BASE.index("  cifar10-ae16:") : BASE.index("\n\n", BASE.index("  cifar10-ae16:")) + 1]


def entry(name: str, latent_dim: int) -> str:
    """A variant's lines: most of them are those of any other."""
    return ENTRY.replace("mnist-z256", name).replace("256", str(latent_dim))


def add(*new: str) -> str:
    """params.yaml with entries after its last variant."""
    return BASE.replace(LAST, LAST + "".join(new))


@pytest.fixture
def merge(tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """Merge three texts. Return the exit status and the merged text."""

    def merged(base: str, ours: str, theirs: str, name: str = "params.yaml") -> tuple[int, str]:
        files = [tmp_path / "base", tmp_path / "ours", tmp_path / "theirs"]
        for path, text in zip(files, (base, ours, theirs), strict=True):
            path.write_text(text, encoding="utf-8")
        return main(["merge", *map(str, files), f"studies/one/{name}"]), files[1].read_text(encoding="utf-8")

    return merged


@pytest.mark.parametrize("name", ["params.yaml", "dvc.lock"])
def test_a_version_that_cannot_be_read_is_one_line(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file of this branch stays."""
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.write_text(BASE, encoding="utf-8")
    theirs.write_bytes(b"title: \xff")
    for base, reason in (
        ("nowhere", "nowhere: cannot be read (No such file"),
        (ours, f"{theirs}: cannot be read (no UT"),
    ):
        assert main(["merge", str(base), str(ours), str(theirs), name]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"error: {reason}")
    assert ours.read_text(encoding="utf-8") == BASE


def test_variants_added_at_the_same_place_are_both_kept(merge: Callable[..., tuple[int, str]]) -> None:
    """To the byte, with all comments."""
    ours, theirs = entry("mnist-z32", 32), entry("mnist-z64", 64)
    assert merge(BASE, add(ours), add(theirs)) == (0, add(theirs, ours))
    assert merge(BASE, BASE, add(theirs)) == (0, add(theirs))
    assert merge(BASE, add(ours), BASE) == (0, add(ours))


def test_settings_of_one_variant_and_a_removed_one(merge: Callable[..., tuple[int, str]]) -> None:
    """In the layout of another writer, so that lines alone would conflict."""
    ours = BASE.replace(ENTRY, ENTRY.replace("beta: 1.0", "beta: 2.0"))
    edited = YAML(typ="safe").load(BASE)
    edited["variants"]["mnist-z256"]["latent_dim"] = 200
    del edited["variants"]["mnist-ae128"]
    theirs = [f"{key}: {value!r}\n" for key, value in edited.items()]
    status, text = merge(BASE, ours, "".join(theirs))
    found = YAML(typ="safe").load(text)
    edited["variants"]["mnist-z256"]["beta"] = 2.0
    assert (status, found) == (0, edited)
    assert "# The study." in text


@pytest.mark.parametrize(
    ("ours", "theirs", "named"),
    [
        (add(entry("mnist-z32", 32)), add(entry("mnist-z32", 33)), "variants.mnist-z32.latent_dim"),
        (BASE.replace("margin: 0.01", "margin: 0.02"), BASE.replace("margin: 0.01", "margin: 0.03"), "answer.margin"),
        (BASE.replace(ENTRY, ""), BASE.replace("latent_dim: 256", "latent_dim: 250"), "variants.mnist-z256"),
        (BASE.replace("title: ", "title: ["), BASE.replace("title: ", "title: A "), "lines that are no YAML"),
    ],
)
def test_a_conflict_is_named_and_has_both(
    ours: str, theirs: str, named: str, merge: Callable[..., tuple[int, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    status, text = merge(BASE, ours, theirs)
    assert status == 1
    assert "<<<<<<<" in text
    assert f"studies/one/params.yaml: both branches changed {named}: edit it" in capsys.readouterr().err


def test_the_lock_has_the_stages_of_both(merge: Callable[..., tuple[int, str]]) -> None:
    def lock(**stages: int) -> str:
        lines = [f"  {name}:\n    deps:\n    - path: src\n      md5: '{size}'\n" for name, size in stages.items()]
        return "".join(["schema: '2.0'\nstages:\n", *lines])

    status, text = merge(lock(code=1, a=1, b=1), lock(code=2, a=2, b=1, c=1), lock(code=3, a=1, b=2, d=1), "dvc.lock")
    assert (status, text) == (0, lock(code=2, a=2, b=2, c=1, d=1))
    assert merge("", lock(code=1, a=1), lock(code=1, b=1), "dvc.lock") == (0, lock(code=1, a=1, b=1))


@pytest.mark.parametrize("damaged", ["stages: [\n", "- a list\n", "stages:\n<<<<<<< ours\n"])
def test_a_damaged_lock_is_left_to_the_user(
    damaged: str, merge: Callable[..., tuple[int, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert merge("schema: '2.0'\n", "schema: '2.0'\n", damaged, "dvc.lock") == (1, "schema: '2.0'\n")
    assert "dvc.lock: not as DVC writes it" in capsys.readouterr().err


def test_what_is_made_anew_stays_ours(merge: Callable[..., tuple[int, str]]) -> None:
    assert merge("base", "ours", "theirs", "report/README.md") == (0, "ours")
