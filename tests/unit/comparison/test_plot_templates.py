"""The templates of `dvc plots`, which are JSON and can import nothing, use the vocabulary of elbowroom.results."""

import json
import re

import pytest

from elbowroom.comparison.latent_curves import CURVES, EVERY_LATENT
from elbowroom.comparison.pairs import COMPARED_METRICS
from elbowroom.results.metrics import METRICS
from elbowroom.results.outcomes import ClaimResult, Outcome, State, Worth
from elbowroom.results.rows import Baseline, SizeAnswer, WidthGain
from elbowroom.results.schema import columns
from elbowroom.results.yardstick_rows import NoisePoint
from tests.support import ROOT


def template(name: str) -> str:
    return (ROOT / f".dvc/plots/{name}.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "metrics"), [("latents", CURVES), ("differences", COMPARED_METRICS)])
def test_metrics_have_their_labels(name: str, metrics: tuple[str, ...]) -> None:
    found = re.search(r"\(\{(.*?)\}\)\[datum.metric\]", template(name))
    assert found
    labels = dict(re.findall(r"(\w+): '([^']*)'", found[1]))
    assert list(labels) == list(metrics)
    assert all(labels[metric].startswith(METRICS[metric].label) for metric in metrics)


@pytest.mark.parametrize(
    ("name", "words"), [("differences", Outcome), ("claims", ClaimResult), ("baselines", Baseline), ("widths", Worth)]
)
def test_each_word_has_a_colour(name: str, words: type[Outcome | ClaimResult | Baseline | Worth]) -> None:
    found = re.search(r'"domain": (\[".*?"\])', template(name))
    assert found
    assert json.loads(found[1]) == list(words)


def test_baselines_are_grey() -> None:
    found = re.search(r"indexof\((\['.*?'\]), datum.series\)", template("latents"))
    assert found
    assert json.loads(found[1].replace("'", '"')) == [*Baseline, EVERY_LATENT]


def test_the_chart_of_the_answer_knows_its_states() -> None:
    states = set(re.findall(r"datum.state === '(.*?)'", template("answer")))
    assert states == {State.UNDERTRAINED, State.UNCLEAR, State.ENOUGH}


@pytest.mark.parametrize(("name", "row"), [("answer", SizeAnswer), ("widths", WidthGain), ("noise", NoisePoint)])
def test_charts_read_columns_of_their_tables(name: str, row: type[SizeAnswer | WidthGain | NoisePoint]) -> None:
    read = set(re.findall(r"datum\.([a-z_]+)", template(name)))
    made = set(re.findall(r'"as": "([a-z_]+)"', template(name)))
    assert read - made - {"label"} <= set(columns(row))  # the label is that of an axis
