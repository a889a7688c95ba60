"""The pages of a study link to the docs that are beside it, and to nothing that is not there."""

from pathlib import Path

import pytest

from elbowroom.report import links


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for page in links.PAGES:
        path = tmp_path / page
        path.parent.mkdir(exist_ok=True)
        path.touch()
    for study in (".", "studies/mine", "elsewhere/deeper/mine"):
        (tmp_path / study / "report").mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize("study", [".", "studies/mine"])
def test_a_study_of_a_repository_links_to_its_docs(root: Path, study: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root / study)
    found = links.docs()
    assert len(found) == len(links.PAGES)
    assert all(Path("report", link.url).is_file() for link in found)


def test_a_study_elsewhere_links_to_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root / "elsewhere/deeper/mine")
    assert links.docs() == links.studies() == []


def test_a_study_links_to_the_others_that_have_a_report(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Path("params.yaml").read_text(encoding="utf-8")
    for study in ("studies/other", "studies/broken", "studies/new"):
        (root / study / "report").mkdir(parents=True)
    for study in (".", "studies/mine", "studies/other", "studies/broken"):
        (root / study / "report" / "README.md").touch()
        (root / study / "params.yaml").write_text(settings.replace('title: "', f'title: "{study}: '), encoding="utf-8")
    (root / "studies/broken/params.yaml").write_text("title: [", encoding="utf-8")
    monkeypatch.chdir(root / "studies/mine")
    root_study, other = links.studies()
    assert (root_study.url, other.url) == ("../../../report/README.md", "../../../studies/other/report/README.md")
    assert [link.text.partition(":")[0] for link in (root_study, other)] == [".", "studies/other"]
    monkeypatch.chdir(root)
    assert [link.url for link in links.studies()] == [
        "../studies/mine/report/README.md",
        "../studies/other/report/README.md",
    ]
