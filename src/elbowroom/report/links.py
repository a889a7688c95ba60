"""Where the pages of a study lead: the docs of the repository that it lies in, if it lies in one."""

from dataclasses import dataclass
from pathlib import Path

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
    for up in ("..", "../../.."):
        if all(Path("report", up, page).is_file() for page in PAGES):
            return [Link(f"{up}/{page}", text) for page, text in PAGES.items()]
    return []
