"""The results that a README shows, from those of the study beside it: `make readme`."""

from pathlib import Path

from elbowroom.comparison.published import shortfalls
from elbowroom.core import files
from elbowroom.core.errors import StudyError
from elbowroom.core.params import load_study
from elbowroom.core.settings import Study
from elbowroom.core.stage import run
from elbowroom.report import text_tables
from elbowroom.report.answer import answer
from elbowroom.results import tables

README = Path("README.md")
END = "<!-- end -->\n"


def main() -> None:
    text = README.read_text(encoding="utf-8")
    files.write(README, inserted(text, "make readme", block(load_study())))


def inserted(text: str, by: str, new: str) -> str:
    """A page in which what stands between `<!-- by ... -->` and the next `<!-- end -->`, on lines of their own, is new.

    Raises StudyError where it has no such lines.
    """
    before, begin, rest = text.partition(f"<!-- by {by} -->\n")
    _, end, after = rest.partition(END)
    if not end:
        raise StudyError(
            f"found no line <!-- by {by} --> with {END.strip()} after it, expected them around what it writes"
        )
    return before + begin + new + end + after


def block(study: Study) -> str:
    """The answer, what the budget lacks, and a table of all variants, as Markdown."""
    found = tables.comparison(study)
    rows = [found[name].to_dict("records") for name in ("variants", "baselines", "differences", "elbows")]
    said = answer(study, *rows)
    less = text_tables.escape_markdown("; ".join(shortfalls(study)))
    parts = [f"- {text_tables.escape_markdown(sentence)}\n" for sentence in said]
    if less:
        parts.append(f"\n**A small budget.** Of the published budget this had {less}.\n")
    parts.append(
        f"\n{text_tables.markdown(text_tables.headline(study, rows[0]), study.variants, 'report/README.md')}\n"
    )
    return "".join(parts)


if __name__ == "__main__":
    run(main)
