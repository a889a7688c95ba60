"""The pages of a study link to what is beside it, and to nothing that is not there."""

from pathlib import Path

import pytest

from elbowroom.report import links


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for page in links.DOCS:
        write(tmp_path / "docs" / page)
    for study, title in {".": "Root", "studies/a b": r"A \& B", "studies/mine": "Mine"}.items():
        write(tmp_path / study / "report/README.md", f"# {title}\n")
    (tmp_path / "studies/new").mkdir()
    return tmp_path


def write(path: Path, text: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_a_study_of_a_repository_links_to_its_docs_and_other_studies(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root / "studies/mine")
    assert links.studies() == [
        links.Link("../../../report/README.md", "Root"),
        links.Link("../../../studies/a%20b/report/README.md", "A & B"),
    ]
    assert all(Path("report", link.url).is_file() for link in links.docs())
    monkeypatch.chdir(root)
    assert [link.text for link in links.studies()] == ["A & B", "Mine"]
    assert all(Path("report", link.url).is_file() for link in links.docs())


def test_a_study_elsewhere_links_to_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = root / "elsewhere/deeper/mine"
    write(alone / "report/README.md")
    monkeypatch.chdir(alone)
    assert links.docs() == links.studies() == []
