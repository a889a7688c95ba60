"""Where the pages of a study lead: docs and other studies of the repository that it lies in, if it lies in one."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

DOCS = {
    "reading-the-report.md": "what each number means",
    "start.md": "first steps",
    "your-own-images.md": "your own pictures",
    "machine.md": "GPUs and bfloat16",
    "findings.md": "what was learnt",
}
REPORT = Path("report/README.md")


@dataclass(frozen=True)
class Link:
    """A page, as seen from report/, and what it is."""

    url: str
    text: str


def docs() -> list[Link]:
    """Return the docs of the repository that the study lies in; none if it lies elsewhere."""
    return [Link(f"{up}/docs/{page}", text) for up in _repository() for page, text in DOCS.items()]


def studies() -> list[Link]:
    """Return the reports of the repository's other studies, as far as they are there."""
    found = []
    for up in _repository():
        root = REPORT.parent / up
        for page in (root / REPORT, *sorted(root.glob(f"studies/*/{REPORT}"))):
            if page.is_file() and page.resolve() != REPORT.resolve():
                found.append(Link(f"{up}/{quote(page.relative_to(root).as_posix())}", _title(page)))
    return found


def _repository() -> Iterator[str]:
    """Yield the way up from report/ to the repository, if the study is its root study or one in its studies/."""
    for up in ("..", "../../.."):
        if all((REPORT.parent / up / "docs" / page).is_file() for page in DOCS):
            yield up
            return


def _title(page: Path) -> str:
    first = page.read_text(encoding="utf-8").partition("\n")[0]
    return re.sub(r"\\(.)", r"\1", first.removeprefix("# "))
