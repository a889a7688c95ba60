"""Put the results of the study beside it into README.md: `make readme`."""

from pathlib import Path
from posixpath import normpath

from elbowroom.core import files
from elbowroom.core.errors import StudyError
from elbowroom.core.params import load_study
from elbowroom.core.settings import Study
from elbowroom.core.stage import run
from elbowroom.report import loss_tables
from elbowroom.report.answer import answer
from elbowroom.report.cells import is_loose
from elbowroom.report.links import elsewhere, studies
from elbowroom.report.markdown import escape_markdown, to_markdown
from elbowroom.report.table_notes import TABLE_NOTES
from elbowroom.results import tables
from elbowroom.results.rows import SizeAnswer
from elbowroom.results.schema import to_rows

README = Path("README.md")
END_OF_BLOCK = "<!-- end -->\n"


def main() -> None:
    text = README.read_text(encoding="utf-8")
    files.write(README, inserted(text, "make readme", block(load_study())))


def inserted(text: str, by: str, new: str) -> str:
    """Return a page with `new` between the lines `<!-- by ... -->` and `<!-- end -->`, in place of what was there.

    Raises StudyError if it has no such lines.
    """
    before, begin, rest = text.partition(f"<!-- by {by} -->\n")
    _, end, after = rest.partition(END_OF_BLOCK)
    if not end:
        raise StudyError(
            f"found no line <!-- by {by} --> with {END_OF_BLOCK.strip()} after it, expected them around what it writes"
        )
    return before + begin + new + end + after


def block(study: Study) -> str:
    """Return the answer in short and a table of all variants, as Markdown."""
    comparison = tables.comparison(study)
    more = elsewhere(study, to_rows(SizeAnswer, comparison.answer), studies())
    parts = []
    for said in answer(study, comparison):
        short = [said.headline, said.confidence, "" if said.variant in more else said.advice]
        text = escape_markdown(" ".join(filter(None, short)) or said.text)
        if found := more.get(said.variant):
            other, says = found
            text += f" [{escape_markdown(other.title)}]({normpath(f'report/{other.url}')}) {escape_markdown(says)}"
        parts.append(f"- **{escape_markdown(said.question or f'{said.subject}.')}** {text}\n")
    variants = comparison.variants.to_dict("records")
    table = loss_tables.headline(study, variants)
    parts.append(f"\n{to_markdown(table, study.variants, 'report/README.md')}\n")
    if any(is_loose(row) for row in variants):
        parts.append(f"{escape_markdown(TABLE_NOTES['loose'])}\n\n")
    return "".join(parts)


if __name__ == "__main__":
    run(main)
