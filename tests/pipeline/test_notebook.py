"""The notebook stage runs every cell, and shows the measured numbers."""

import re
import shutil
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from nbformat import NotebookNode

from elbowroom.notebook.build import study_notebook
from tests.support.checkout import Checkout

pytestmark = pytest.mark.dvc

PICTURES, COMPARED, ANSWER = 7, 5, 1  # of one variant, of two side by side, and of several sizes of one series


def read(tiny: Checkout) -> NotebookNode:
    return nbformat.read(tiny.path / "report/study.ipynb", as_version=4)


def code(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def printed(cell: NotebookNode) -> str:
    """The text that a cell shows, without pictures."""
    return "\n".join(output.get("text") or output.data["text/plain"] for output in cell.outputs)


def pictures(notebook: NotebookNode) -> list[NotebookNode]:
    return [output for cell in code(notebook) for output in cell.outputs if "image/png" in output.get("data", {})]


def test_every_cell_ran_and_none_failed(tiny: Checkout) -> None:
    notebook, built = read(tiny), study_notebook()
    nbformat.validate(notebook)
    assert [cell.source for cell in notebook.cells] == [cell.source for cell in built.cells]
    assert [cell.execution_count for cell in code(notebook)] == list(range(1, len(code(notebook)) + 1))
    outputs = [output for cell in code(notebook) for output in cell.outputs]
    assert {output.output_type for output in outputs} == {"display_data", "stream"}
    assert {output.name for output in outputs if output.output_type == "stream"} == {"stdout"}
    assert len(pictures(notebook)) == PICTURES + COMPARED + ANSWER
    assert all(output.metadata["image/png"]["alt"] for output in pictures(notebook))


def test_it_contains_no_path_and_no_time(tiny: Checkout) -> None:
    text = (tiny.path / "report/study.ipynb").read_text()
    for place in (tiny.path, tiny.path.parent.parent, Path.home(), Path(nbformat.__file__).parent):
        assert str(place) not in text
    notebook = read(tiny)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert all(cell.metadata == {} for cell in notebook.cells)


def test_its_numbers_are_those_in_metrics(tiny: Checkout) -> None:
    text = "\n".join(map(printed, code(read(tiny))))
    names = ("mnist-z128", "mnist-z256")
    ours, other = (pd.read_csv(tiny.path / f"metrics/{name}.csv").iloc[0] for name in names)
    assert "NAME: mnist-z128 (1 seed)\nOTHER: mnist-z256\n" in text
    assert "The published settings were not used: 1 of 50 epochs" in text
    assert f"{ours.parameters:,} parameters, 128 latents" in text
    assert f"The plane holds {ours.pca_2d:.2%} of the variance" in text
    assert f"Test loss of mnist-z256 minus that of mnist-z128: {other.test_loss - ours.test_loss:+.2f} nats" in text
    assert "Result: one seed, no interval" in text
    for row in (ours, other):
        shown = [f"{value:,.2f}" for value in (row.test_loss, row.test_distortion, row.test_rate)]
        assert re.search(r" +".join(map(re.escape, shown)), text), shown
    history = pd.read_csv(tiny.path / "plots/mnist-z128/history.csv")
    train = history[(history.split == "train") & (history.epoch == 1)].iloc[0]
    assert re.search(rf"train +{train.loss:.2f} +{train.distortion:.2f} +{train['rate']:.2f}", text)


def test_a_second_run_gives_the_same_bytes(tiny: Checkout) -> None:
    before = (tiny.path / "report/study.ipynb").read_bytes()
    tiny.run("python", "-m", "stages.notebook")
    assert (tiny.path / "report/study.ipynb").read_bytes() == before


def test_a_damaged_model_is_one_line_and_keeps_the_old_notebook(tiny: Checkout) -> None:
    model = tiny.path / "models/mnist-z128/seed-0.safetensors"
    content, before = model.read_bytes(), (tiny.path / "report/study.ipynb").read_bytes()
    model.unlink()
    model.write_bytes(content[:-9])
    said = tiny.run("python", "-m", "stages.notebook", status=2)
    assert said.startswith("error: report/study.ipynb: cell 2-model-2: models/mnist-z128/seed-0.safetensors: damaged")
    assert len(said.splitlines()) == 1
    assert (tiny.path / "report/study.ipynb").read_bytes() == before


def test_variants_without_models_are_left_out_and_named(tiny: Checkout) -> None:
    """As in a clone without a remote, after `dvc exp run --allow-missing`."""
    shutil.rmtree(tiny.path / "models/mnist-z128")
    tiny.run("python", "-m", "stages.notebook")
    text = "\n".join(map(printed, code(read(tiny))))
    assert "NAME: mnist-z256 (1 seed)\nOTHER: there is none" in text
    assert re.search(r"Not shown, because their models are missing here .*:\n  mnist-z128\n", text)
    assert "There is no other VAE whose loss means the same as that of mnist-z256" in text
    assert len(pictures(read(tiny))) == PICTURES + ANSWER


def test_a_study_of_one_autoencoder_has_nothing_to_compare(tiny: Checkout) -> None:
    """Here, of colour images."""
    tiny.edit(lambda p: [p["variants"].pop(name) for name in ("mnist-z128", "mnist-z256")])
    for stage in ("compare", "notebook"):
        tiny.run("python", "-m", f"stages.{stage}")
    text = "\n".join(map(printed, code(read(tiny))))
    assert "NAME: cifar10-ae16 (1 seed)\nOTHER: there is none" in text
    assert "There is no other VAE" in text
    assert len(pictures(read(tiny))) == PICTURES
