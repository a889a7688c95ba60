"""The notebook is built from its source, and its cells run."""

import ast
import re
import tempfile
from pathlib import Path

import pytest
from nbformat import NotebookNode

from elbowroom.core.errors import StudyError
from elbowroom.notebook.build import build, execute, notebook_text, study_notebook
from tests.support import ROOT

ORDER = ["Setup", "Data", "Model", "Training curves", "Reconstruction", "Generation", "Interpolation", "Latent space",
         "Evolution of latent space", "Two latent sizes side by side", "Summary"]  # fmt: skip


@pytest.fixture(scope="module")
def built() -> NotebookNode:
    return study_notebook()


def code(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_the_source_is_split_into_cells_at_the_marks() -> None:
    source = '"""Not in it."""\n\n# %% [markdown]\n# # A title\n#\n# A *text*\n\n# %%\nx = 1  # %% no mark\n\n# %%\nx\n'
    cells = build(source).cells
    assert [(cell.id, cell.cell_type, cell.source) for cell in cells] == [
        ("a-title-1", "markdown", "# A title\n\nA *text*"),
        ("a-title-2", "code", "x = 1  # %% no mark"),
        ("a-title-3", "code", "x"),
    ]


def test_the_notebook_is_valid_and_has_its_sections_in_order(built: NotebookNode) -> None:
    text = notebook_text(built)
    assert notebook_text(study_notebook()) == text
    ids = [cell.id for cell in built.cells]
    assert len(set(ids)) == len(ids)
    headings = re.findall(r"^## (?:\d+\. )?(.+)$", "\n".join(cell.source for cell in built.cells), re.MULTILINE)
    assert headings == ORDER
    for cell in code(built):
        ast.parse(cell.source, cell.id)


def test_each_section_begins_with_a_text_and_no_text_has_a_result(built: NotebookNode) -> None:
    for before, cell in zip(built.cells, built.cells[1:], strict=False):
        if cell.cell_type == "markdown" and cell.source.startswith("#"):
            assert len(cell.source) > 100
        if before.cell_type == "markdown":
            assert before.source.strip()
    texts = " ".join(cell.source for cell in built.cells if cell.cell_type == "markdown")
    assert not re.findall(r"\d+\.\d\d+", texts.replace("0.01)", ""))


def test_its_code_trains_nothing_and_writes_nothing(built: NotebookNode) -> None:
    text = "\n".join(cell.source for cell in code(built))
    for word in ("backward", "optimizer", "train_step", "train(", ".write", "save", "open("):
        assert word not in text


def one(cell: str) -> NotebookNode:
    found = f"import sys\nsys.path.insert(0, {str(ROOT / 'src')!r})"
    return build(f"# %% [markdown]\n# # One\n\n# %%\n{found}\n\n# %%\n{cell}\n")


def test_a_cell_that_raises_a_study_error_is_one_line(tmp_path: Path) -> None:
    cell = "from elbowroom.core.errors import StudyError\nraise StudyError('models/x: not found, expected y')"
    with pytest.raises(StudyError, match=r"study\.ipynb: cell one-3: models/x: not found, expected y$") as raised:
        execute(one(cell), tmp_path / "study.ipynb")
    assert "\n" not in str(raised.value)


def test_a_bug_keeps_its_traceback(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"cell one-3: ZeroDivisionError: division by zero") as raised:
        execute(one("def wrong():\n    1 / 0\nwrong()"), tmp_path / "study.ipynb")
    assert "in wrong()" in re.sub(r"\x1b\[[\d;]*m", "", str(raised.value.__cause__))


def test_a_kernel_that_dies_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"cell one-\d: its process died, expected enough memory$"):
        execute(one("import os\nos._exit(9)"), tmp_path / "study.ipynb")


def test_prints_are_joined_and_warnings_left_out_also_with_a_long_tmpdir(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (long := tmp_path / ("job-" * 25)).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))  # the kernel's sockets need a path of at most 107 bytes
    cell = "import time, warnings\nprint(1, flush=True)\ntime.sleep(0.3)\nwarnings.warn('beware')\nprint(2)\nprint(3)"
    ran = execute(one(cell), tmp_path / "study.ipynb").cells[-1]
    assert ran.outputs == [{"output_type": "stream", "name": "stdout", "text": "1\n2\n3\n"}]
    assert "beware" in capfd.readouterr().err
