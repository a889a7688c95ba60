"""notebook: data/, models/, metrics/, plots/ -> report/study.ipynb"""

from pathlib import Path

from elbowroom.core import files
from elbowroom.core.params import load_study
from elbowroom.core.stage import run
from elbowroom.notebook.build import SOURCE, build, execute, notebook_text


def main() -> None:
    load_study()  # find mistakes in params.yaml before a kernel starts
    page = Path("report/study.ipynb")
    notebook = build(SOURCE.read_text(encoding="utf-8"))
    files.write(page, notebook_text(execute(notebook, page)))


if __name__ == "__main__":
    run(main)
