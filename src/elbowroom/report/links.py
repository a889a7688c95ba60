"""Where the pages of a study lead: the docs and the other studies of the repository around it, if there is one."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from elbowroom.comparison.answer import subjects
from elbowroom.core import paths
from elbowroom.core.errors import StudyError
from elbowroom.core.params import load_study
from elbowroom.core.settings import Study
from elbowroom.report.answer import size_paragraphs
from elbowroom.report.markdown import one_line
from elbowroom.report.wording import Paragraph, listed
from elbowroom.results.outcomes import State
from elbowroom.results.rows import SizeAnswer
from elbowroom.results.schema import load_table, to_rows
from elbowroom.results.tables import COMPARISON

PAGES = {
    "docs/reading-the-report.md": "what each number means",
    "docs/start.md": "first steps",
    "docs/your-own-images.md": "your own pictures",
    "docs/models.md": "use a trained model, or cut it down",
    "docs/machine.md": "GPUs and bfloat16",
    "docs/findings.md": "what was learnt",
    "README.md": "elbowroom: installing, citing, other studies",
}


@dataclass(frozen=True)
class Link:
    """A page, as seen from report/, and what it is."""

    url: str
    text: str


def docs() -> list[Link]:
    """Return the pages of the docs, if this study is the root study of a repository or one in its studies/."""
    return [Link(f"{up}/{page}", text) for up in _repository() for page, text in PAGES.items()]


@dataclass(frozen=True)
class OtherStudy:
    """Another study of the repository, with its report as seen from report/.

    url: for who reads the sources. page: for a browser; the same but for the root study, whose page is in git.
    answers: what it says of each dataset's first series, if that is known, and the rows of that.
    """

    url: str
    page: str
    title: str
    study: Study
    answers: Sequence[tuple[Paragraph, Sequence[SizeAnswer]]]

    def on_more_sizes(self, study: Study, rows: Sequence[SizeAnswer]) -> str:
        """Return what this study answers where `study` has these rows, if it compared more sizes; else nothing."""
        for said, theirs in self.answers:
            if len(theirs) > len(rows) and _trained(self.study, theirs[0]) == _trained(study, rows[0]):
                epochs = listed(sorted({row.epochs for row in theirs}), "or")
                return (
                    f"tried {len(theirs)} sizes, for {epochs} epochs: {said.headline} Look there before you train more."
                )
        return ""


def _trained(study: Study, row: SizeAnswer) -> dict[str, Any]:
    """Return what a series was trained on and how: all but its sizes, seeds and epochs."""
    settings = study.variant(row.variant).model_dump(exclude={"latent_dim"})
    return settings | {
        "images": study.datasets[row.dataset],
        "network": study.networks[settings["network"]],
        "recipe": study.recipes[settings["recipe"]].model_dump(exclude={"seeds", "epochs"}),
    }


def studies() -> list[OtherStudy]:
    """Return the repository's other studies, those with the most models first.

    They are those that were there when the page was drawn: DVC does not know of them, and draws no page anew for them.
    """
    found = []
    for root in (Path("report", up) for up in _repository()):
        for folder in (root, *sorted(root.glob("studies/*/"))):
            if folder.resolve() != Path.cwd() and (folder / "report" / "README.md").is_file():
                with suppress(StudyError):  # its own commands say what is wrong with it
                    found.append(_read(folder, "index.html" if folder == root else "README.md"))
    return sorted(found, key=lambda other: -len(other.study.variants))


def elsewhere(
    study: Study, rows: Sequence[SizeAnswer], others: Sequence[OtherStudy]
) -> dict[str, tuple[OtherStudy, str]]:
    """Return the first of other studies that compared more sizes, and what it says, by the first variant of a series.

    rows: of the study's answer.csv.
    """
    found: dict[str, tuple[OtherStudy, str]] = {}
    for own in subjects(rows):
        said = [(other, text) for other in others if (text := other.on_more_sizes(study, own))]
        found |= {own[0].variant: said[0]} if said else {}
    return found


def _read(folder: Path, page: str) -> OtherStudy:
    study = load_study(folder / "params.yaml")
    table = load_table(folder / paths.comparison_file("answer.csv"), COMPARISON["answer"], {})
    rows = to_rows(SizeAnswer, table[table.variant.isin(study.variants)])  # it may have been edited since
    series = {own[0].variant: own for own in subjects(rows)}
    firsts: dict[str, tuple[Paragraph, Sequence[SizeAnswer]]] = {}
    for said in size_paragraphs(study, rows):
        own = series.get(said.variant, [])
        if any(row.state in (State.ENOUGH, State.TOO_FEW) for row in own):
            firsts.setdefault(own[0].dataset, (said, own))
    url = quote(f"{folder.relative_to('report').as_posix()}/report")
    return OtherStudy(f"{url}/README.md", f"{url}/{page}", one_line(study.title), study, list(firsts.values()))


def _repository() -> list[str]:
    """Return where the repository's folder is, seen from report/: one path, or none."""
    return [up for up in ("..", "../../..") if all(Path("report", up, page).is_file() for page in PAGES)][:1]
