"""The pages of a study link to the docs that are beside it, and to nothing that is not there."""

from dataclasses import replace
from pathlib import Path

import pytest

from elbowroom.comparison.answer import subjects
from elbowroom.core.params import load_study
from elbowroom.report import links
from elbowroom.results import tables
from elbowroom.results.rows import SizeAnswer
from elbowroom.results.schema import to_rows
from tests.support import ROOT


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
    settings, answers = (
        Path("params.yaml").read_text(encoding="utf-8"),
        Path("report/comparison/answer.csv").read_bytes(),
    )
    for study in ("studies/other", "studies/broken", "studies/new"):
        (root / study / "report").mkdir(parents=True)
    for study in (".", "studies/mine", "studies/other", "studies/broken"):
        (root / study / "report" / "README.md").touch()
        (root / study / "params.yaml").write_text(settings.replace('title: "', f'title: "{study}: '), encoding="utf-8")
        (root / study / "report/comparison").mkdir()
        (root / study / "report/comparison/answer.csv").write_bytes(answers)
    (root / "studies/broken/params.yaml").write_text("title: [", encoding="utf-8")
    monkeypatch.chdir(root / "studies/mine")
    root_study, other = links.studies()
    assert (root_study.url, other.url) == ("../../../report/README.md", "../../../studies/other/report/README.md")
    assert (root_study.page, other.page) == ("../../../report/index.html", other.url)
    assert [found.title.partition(":")[0] for found in (root_study, other)] == [".", "studies/other"]
    assert [said.subject for said, _ in other.answers] == ["MNIST", "CIFAR-10"]
    edited = (root / "params.yaml").read_text(encoding="utf-8").replace("mnist-z", "mnist-of-")
    (root / "params.yaml").write_text(edited, encoding="utf-8")  # its table is of variants that it no longer has
    assert [said.subject for said, _ in links.studies()[0].answers] == ["CIFAR-10"]
    monkeypatch.chdir(root)
    assert [link.url for link in links.studies()] == [
        "../studies/mine/report/README.md",
        "../studies/other/report/README.md",
    ]


def test_the_sweep_answers_for_more_sizes_of_what_the_root_study_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the root study for none of what the sweep has; letters are no digits."""
    monkeypatch.chdir(ROOT)
    study, others = load_study(), {other.study.title: other for other in links.studies()}
    sweep, letters = (others[load_study(ROOT / f"studies/{name}/params.yaml").title] for name in ("room", "letters"))
    own = subjects(to_rows(SizeAnswer, tables.comparison(study).answer))
    for rows, (said, theirs) in zip(own, sweep.answers, strict=True):
        text = f"tried {len(theirs)} sizes, for {theirs[0].epochs} epochs: {said.headline}"
        assert sweep.on_more_sizes(study, rows) == f"{text} Look there before you train more."
        assert letters.on_more_sizes(study, rows) == ""
        faster = {name: r.model_copy(update={"learning_rate": 0.1}) for name, r in study.recipes.items()}
        assert sweep.on_more_sizes(study.model_copy(update={"recipes": faster}), rows) == ""
        assert replace(sweep, study=study, answers=[(said, rows)]).on_more_sizes(sweep.study, theirs) == ""
