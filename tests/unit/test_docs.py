"""What the docs explain is what reports say, by this study's numbers; their commands are commands that a test runs."""

import itertools
import math
import re
from pathlib import Path

import pandas as pd
import pytest
import yaml

from elbowroom.core.params import load_study
from elbowroom.results.metrics import METRICS
from elbowroom.results.outcomes import ClaimResult, Evidence, Outcome, State, Worth
from tests.support import ROOT


def page(name: str) -> str:
    return (ROOT / f"docs/{name}.md").read_text(encoding="utf-8")


def test_every_word_of_a_report_is_explained() -> None:
    text = " ".join(page("reading-the-report").lower().split())
    words = [*State, *Outcome, *Worth, *ClaimResult, *Evidence, *(metric.label for metric in METRICS.values())]
    assert [word for word in words if word.lower() not in text] == []


def test_the_scale_beside_nats() -> None:
    """What 31 nats are, from the same tables as the report."""
    four, eight, sixteen = (pd.read_csv(ROOT / f"metrics/cifar10-z{size}-c32.csv") for size in (4, 8, 16))
    wide, mnist = (pd.read_csv(ROOT / f"metrics/{name}.csv") for name in ("cifar10-z8-c64", "mnist-z128"))
    baselines = pd.read_csv(ROOT / "metrics/baselines/cifar10.csv")
    mean = baselines[(baselines.baseline == "mean image") & (baselines.likelihood == "bernoulli")].test_loss.item()
    nats = eight.test_loss.mean() - sixteen.test_loss.mean()
    decibels = sixteen.psnr.mean() - eight.psnr.mean()
    explained = mean - sixteen.test_loss.mean()
    off = math.sqrt(mnist.test_distortion.mean() / 4 / 28**2)  # pixels from -1 to 1 have four times the squared error
    text = " ".join(page("reading-the-report").split())
    assert f"### Is {nats:.0f} nats a lot?" in text
    assert f"These {nats:.0f} nats are {decibels:.1f} dB of PSNR: the squared error falls by about a quarter" in text
    assert 1 - 10 ** (-decibels / 10) == pytest.approx(1 / 4, abs=0.02)
    assert f"{nats / explained:.0%}".replace("%", " %") + " of what the model with 16 latents explains" in text
    assert f"explains, {explained:.0f} nats" in text
    assert "a standard deviation of less than 1 nat" in text
    assert max(table.test_loss.std() for table in (four, eight, sixteen, wide)) < 1
    assert f"nats, or {sixteen.test_rate.mean() / math.log(2):.0f} bits" in text
    assert f"one nat is {1 / math.log(2):.2f} bits" in text
    assert f"off by {100 * off:.0f} % of the way from black to white" in text


def test_the_network_of_the_docs_is_one(tmp_path: Path) -> None:
    """Added to the root study, it and the variant that uses it are accepted."""
    (block,) = re.findall(r"^```yaml\n(.*?)^```", page("models"), re.MULTILINE | re.DOTALL)
    added, params = (yaml.safe_load(text) for text in (block, (ROOT / "params.yaml").read_text(encoding="utf-8")))
    for group, entries in added.items():
        params[group] |= entries
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    study = load_study(tmp_path / "params.yaml")
    (name,) = added["variants"]
    assert list(added["networks"]) == [study.variants[name].network]


def commands(name: str) -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```", page(name), re.MULTILINE | re.DOTALL)
    return list(itertools.chain.from_iterable(block.splitlines() for block in blocks))


def test_the_first_steps_are_among_those_that_a_test_runs() -> None:
    """tests/pipeline/test_docs.py runs the walk through DVC."""
    assert len(commands("start")) > 5
    assert set(commands("start")) <= set(commands("using-dvc"))
