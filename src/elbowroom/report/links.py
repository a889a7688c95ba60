"""Where the pages of a study lead: the docs and the other studies of the repository around it, if there is one."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from elbowroom.core.errors import StudyError
from elbowroom.core.params import load_study
from elbowroom.core.text import counted
from elbowroom.report.markdown import one_line

PAGES = {
    "docs/reading-the-report.md": "what each number means",
    "docs/start.md": "first steps",
    "docs/your-own-images.md": "your own pictures",
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
    """Return the pages of the repository whose root study, or one in whose studies/, this is; else none."""
    return [Link(f"{up}/{page}", text) for up in _repository() for page, text in PAGES.items()]


def studies() -> list[Link]:
    """Return the reports of the repository's other studies by their titles, those with the most models first.

    They are those that were there when the page was drawn: DVC does not know of them, and draws no page anew for them.
    """
    found: list[tuple[int, Link]] = []
    for up in _repository():
        root = Path("report", up)
        for folder in (root, *sorted(root.glob("studies/*/"))):
            if folder.resolve() != Path.cwd() and (folder / "report" / "README.md").is_file():
                try:
                    study = load_study(folder / "params.yaml")
                except StudyError:
                    continue  # its own commands say what is wrong with it
                url = quote(f"{folder.relative_to('report').as_posix()}/report/README.md")
                found.append(
                    (
                        len(study.variants),
                        Link(url, f"{one_line(study.title)} ({counted(len(study.variants), 'model')})"),
                    )
                )
    return [link for _, link in sorted(found, key=lambda item: -item[0])]


def _repository() -> list[str]:
    """Return where the repository's folder is, seen from report/: one path, or none."""
    return [up for up in ("..", "../../..") if all(Path("report", up, page).is_file() for page in PAGES)][:1]
