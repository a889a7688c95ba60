"""`elbowroom answer`: print what a study's report answers."""

import textwrap
from pathlib import Path

from elbowroom.app.suggest import current_answer
from elbowroom.core.params import load_study
from elbowroom.report.answer import answer
from elbowroom.results import tables

PAGE = Path("report/index.html")
WIDTH = 100  # characters of a line


def run() -> int:
    """Print the answer of the study in this folder, and where its report is.

    Raises StudyError if it has none yet, or only one for other settings than params.yaml has now.
    """
    study = load_study()
    current_answer(study)
    for said in answer(study, tables.comparison(study)):
        print(f"{said.question} {said.headline}" if said.headline else f"{said.subject}:")
        for sentence in filter(None, [*said.sentences, said.advice]):
            print(textwrap.fill(sentence, WIDTH, initial_indent="- ", subsequent_indent="  ", break_on_hyphens=False))
    if PAGE.is_file():
        print(f"The report: {PAGE.absolute()}")
    return 0
