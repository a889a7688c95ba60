"""The notebook: made from its source, run by its stage, and what it shows is what was measured."""

import ast
import re
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from conftest import Checkout
from nbformat import NotebookNode

from elbowroom.core.errors import StudyError
from elbowroom.notebook.build import SOURCE, build, execute, written

ORDER = ["Setup", "Data", "Model", "Training curves", "Reconstruction", "Generation", "Interpolation", "Latent space",
         "Evolution of latent space", "Two latent sizes side by side", "Summary"]  # fmt: skip
PICTURES, COMPARED = 7, 5  # of one variant, and of two side by side


@pytest.fixture(scope="module")
def built() -> NotebookNode:
    return build(SOURCE.read_text())


def code(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def printed(cell: NotebookNode) -> str:
    """What a cell shows, but pictures, as text."""
    return "\n".join(output.get("text") or output.data["text/plain"] for output in cell.outputs)


def pictures(notebook: NotebookNode) -> list[NotebookNode]:
    return [output for cell in code(notebook) for output in cell.outputs if "image/png" in output.get("data", {})]


def test_cells_are_what_stands_between_marks() -> None:
    source = '"""Not in it."""\n\n# %% [markdown]\n# # A title\n#\n# A *text*\n\n# %%\nx = 1  # %% no mark\n\n# %%\nx\n'
    cells = build(source).cells
    assert [(cell.id, cell.cell_type, cell.source) for cell in cells] == [
        ("a-title-1", "markdown", "# A title\n\nA *text*"),
        ("a-title-2", "code", "x = 1  # %% no mark"),
        ("a-title-3", "code", "x"),
    ]


def test_the_notebook_is_valid_and_has_its_sections_in_order(built: NotebookNode) -> None:
    text = written(built)
    assert written(build(SOURCE.read_text())) == text
    ids = [cell.id for cell in built.cells]
    assert len(set(ids)) == len(ids)
    headings = re.findall(r"^## (?:\d+\. )?(.+)$", "\n".join(cell.source for cell in built.cells), re.MULTILINE)
    assert headings == ORDER
    for cell in code(built):
        ast.parse(cell.source, cell.id)


def test_a_text_goes_before_each_section_s_code_and_none_has_a_result(built: NotebookNode) -> None:
    for before, cell in zip(built.cells, built.cells[1:], strict=False):
        if cell.cell_type == "markdown" and cell.source.startswith("#"):
            assert len(cell.source) > 100
        if before.cell_type == "markdown":
            assert before.source.strip()
    texts = " ".join(cell.source for cell in built.cells if cell.cell_type == "markdown")
    assert not re.findall(r"\d+\.\d\d+", texts.replace("0.01)", ""))


def test_it_reads_only_and_trains_nothing(built: NotebookNode) -> None:
    text = "\n".join(cell.source for cell in code(built))
    for word in ("backward", "optimizer", "train_step", "fit(", ".write", "save", "open("):
        assert word not in text


def one(cell: str) -> NotebookNode:
    found = f"import sys\nsys.path.insert(0, {str(SOURCE.parents[2])!r})"
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


def test_a_process_that_dies_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"cell one-\d: its process died, expected enough memory$"):
        execute(one("import os\nos._exit(9)"), tmp_path / "study.ipynb")


def test_prints_are_one_output_and_warnings_none(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    cell = "import time, warnings\nprint(1, flush=True)\ntime.sleep(0.3)\nwarnings.warn('beware')\nprint(2)\nprint(3)"
    ran = execute(one(cell), tmp_path / "study.ipynb").cells[-1]
    assert ran.outputs == [{"output_type": "stream", "name": "stdout", "text": "1\n2\n3\n"}]
    assert "beware" in capfd.readouterr().err


# --- of a tiny study -----------------------------------------------------------------------------------------------


def read(tiny: Checkout) -> NotebookNode:
    return nbformat.read(tiny.path / "report/study.ipynb", as_version=4)


@pytest.mark.dvc
class TestTheStage:
    def test_every_cell_ran_and_none_failed(self, tiny: Checkout, built: NotebookNode) -> None:
        notebook = read(tiny)
        nbformat.validate(notebook)
        assert [cell.source for cell in notebook.cells] == [cell.source for cell in built.cells]
        assert [cell.execution_count for cell in code(notebook)] == list(range(1, len(code(notebook)) + 1))
        outputs = [output for cell in code(notebook) for output in cell.outputs]
        assert {output.output_type for output in outputs} == {"display_data", "stream"}
        assert {output.name for output in outputs if output.output_type == "stream"} == {"stdout"}
        assert len(pictures(notebook)) == PICTURES + COMPARED
        assert all(output.metadata["image/png"]["alt"] for output in pictures(notebook))

    def test_it_tells_nothing_of_where_and_when(self, tiny: Checkout) -> None:
        text = (tiny.path / "report/study.ipynb").read_text()
        for place in (tiny.path, tiny.path.parent.parent, Path.home(), Path(nbformat.__file__).parent):
            assert str(place) not in text
        notebook = read(tiny)
        assert set(notebook.metadata) == {"kernelspec", "language_info"}
        assert all(cell.metadata == {} for cell in notebook.cells)

    def test_its_numbers_are_the_measured_ones(self, tiny: Checkout) -> None:
        text = "\n".join(map(printed, code(read(tiny))))
        names = ("mnist-z128", "mnist-z256")
        ours, other = (pd.read_csv(tiny.path / f"metrics/{name}.csv").iloc[0] for name in names)
        assert "NAME: mnist-z128 (1 seed)\nOTHER: mnist-z256\n" in text
        assert "A small budget." in text
        assert f"{ours.parameters:,} parameters, 128 latents" in text
        assert f"The plane holds {ours.pca_2d:.2%} of the variance" in text
        assert f"Test loss of mnist-z128 less that of mnist-z256: {ours.test_loss - other.test_loss:+.2f} nats" in text
        assert "Result: one seed, no interval" in text
        for row in (ours, other):
            shown = [f"{value:,.2f}" for value in (row.test_loss, row.test_distortion, row.test_rate)]
            assert re.search(r" +".join(map(re.escape, shown)), text), shown
        history = pd.read_csv(tiny.path / "plots/mnist-z128/history.csv")
        train = history[(history.split == "train") & (history.epoch == 1)].iloc[0]
        assert re.search(rf"train +{train.loss:.2f} +{train.distortion:.2f} +{train['rate']:.2f}", text)

    def test_run_again_it_is_the_same_to_the_byte(self, tiny: Checkout) -> None:
        before = (tiny.path / "report/study.ipynb").read_bytes()
        tiny.run("python", "-m", "stages.notebook")
        assert (tiny.path / "report/study.ipynb").read_bytes() == before

    def test_a_damaged_model_is_one_line_and_the_old_notebook_stays(self, tiny: Checkout) -> None:
        model = tiny.path / "models/mnist-z128/seed-0.safetensors"
        content, before = model.read_bytes(), (tiny.path / "report/study.ipynb").read_bytes()
        model.unlink()
        model.write_bytes(content[:-9])
        said = tiny.run("python", "-m", "stages.notebook", status=2)
        model.write_bytes(content)
        assert said.startswith(
            "error: report/study.ipynb: cell 2-model-2: models/mnist-z128/seed-0.safetensors: damaged"
        )
        assert len(said.splitlines()) == 1
        assert (tiny.path / "report/study.ipynb").read_bytes() == before

    def test_what_is_not_here_is_left_out_by_name(self, tiny: Checkout) -> None:
        """As in a clone without a remote, after `dvc exp run --allow-missing`."""
        folder = tiny.path / "models/mnist-z128"
        folder.rename(tiny.path / "away")
        tiny.run("python", "-m", "stages.notebook")
        (tiny.path / "away").rename(folder)
        text = "\n".join(map(printed, code(read(tiny))))
        assert "NAME: mnist-z256 (1 seed)\nOTHER: there is none" in text
        assert re.search(r"Not shown, as their models are not here .*:\n  mnist-z128\n", text)
        assert "There is no other VAE whose loss means the same as that of mnist-z256" in text
        assert len(pictures(read(tiny))) == PICTURES

    def test_a_study_of_one_autoencoder_has_nothing_to_compare(self, tiny: Checkout) -> None:
        """Of colour images, too. Last: it leaves another study."""
        tiny.edit(lambda p: [p["variants"].pop(name) for name in ("mnist-z128", "mnist-z256")])
        for stage in ("compare", "notebook"):
            tiny.run("python", "-m", f"stages.{stage}")
        text = "\n".join(map(printed, code(read(tiny))))
        assert "NAME: cifar10-ae16 (1 seed)\nOTHER: there is none" in text
        assert "There is no other VAE" in text
        assert len(pictures(read(tiny))) == PICTURES
