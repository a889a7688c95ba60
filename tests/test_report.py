"""Pages say what the tables say, and text stays text."""

import pandas as pd
import pytest
from conftest import ROOT

from elbowroom import report
from elbowroom.config import Study, load_study
from elbowroom.published import COLUMNS

MARKUP = "<script>alert(1)</script> *bold* | [link](x)"


def pages(study: Study) -> dict[str, str]:
    measured = {
        "test_loss": 1912.929,
        "test_distortion": 1903.5,
        "test_rate": 9.25,
        "train_loss": 1910.0,
        "train_distortion": 1900.0,
        "train_rate": 10.0,
        "pca_2d": 0.1698,
        "parameters": 3_342_305,
    }
    variants = pd.DataFrame([{"variant": name, **measured} for name in study.variants])
    costs = {name: pd.DataFrame({"seconds": [86.0, 87.0], "device": "cpu", "torch": MARKUP}) for name in study.variants}
    rows = [
        ("notebook", "mnist-z128", "test loss", 52.418, 1912.929, 3549.4),
        ("notebook", "mnist-z128", "test loss, epoch 40", 53.2031, None, None),
    ]
    return report.render(study, variants, costs, pd.DataFrame(rows, columns=COLUMNS))


@pytest.fixture
def study() -> Study:
    return load_study(ROOT / "params.yaml")


def test_numbers_are_in_the_tables(study: Study) -> None:
    rendered = pages(study)
    assert "<td>3,342,305</td><td>1,912.93</td><td>1,903.50</td><td>9.25</td>" in rendered["index.html"]
    assert "| 3,342,305 | 1,912.93 | 1,903.50 | 9.25 |" in rendered["README.md"]
    assert "| 86.5 |" in rendered["README.md"]
    assert "| mnist-z128 | test loss | 52.42 | 1,912.93 | 3,549.40 % |" in rendered["README.md"]
    assert "| mnist-z128 | test loss, epoch 40 | 53.20 | – | – |" in rendered["README.md"]
    for page in rendered.values():
        assert all(page.count(name) > 3 for name in study.variants)
        assert "A small budget" not in page


def test_text_from_params_stays_text(study: Study) -> None:
    rendered = pages(study.model_copy(update={"title": MARKUP}))
    assert "<script>" not in rendered["index.html"]
    assert "&lt;script&gt;alert(1)&lt;/script&gt; *bold*" in rendered["index.html"]
    assert r"\<script\>alert(1)\</script\> \*bold\* \| \[link\](x)" in rendered["README.md"]
    assert "<script>" not in rendered["README.md"].replace(r"\<script", "")


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (1912.929, 2, "1,912.93"),
        (0.1698, 4, "0.1698"),
        (285355.0, 2, "285,355"),
        (float("nan"), 2, "–"),
        (0, 2, "0.00"),
    ],
)
def test_numbers_are_set_out_for_readers(value: float, digits: int, text: str) -> None:
    assert report.number(value, digits) == text


def test_objectives_are_described(study: Study) -> None:
    variants = study.variants
    assert report.describe(variants["mnist-z128"]) == "squared error + KL, pixels in [-1, 1]"
    assert report.describe(variants["cifar10-ae16"]) == "binary cross-entropy, pixels in [0, 1]"
    four = variants["mnist-z128"].model_copy(update={"beta": 4.0})
    assert report.describe(four) == "squared error + 4 KL, pixels in [-1, 1]"
