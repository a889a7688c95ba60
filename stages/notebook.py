"""notebook: data/, models/, metrics/, plots/ -> report/study.ipynb"""

from pathlib import Path

from elbowroom.core import files
from elbowroom.core.params import load_study
from elbowroom.core.stage import run
from elbowroom.notebook.build import execute, notebook_text, study_notebook


def main() -> None:
    load_study()  # find mistakes in params.yaml before a kernel starts
    page = Path("report/study.ipynb")
    files.write(page, notebook_text(execute(study_notebook(), page)))


if __name__ == "__main__":
    run(main)
