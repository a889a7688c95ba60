"""Every column of metrics/<variant>.csv is described, and every key of metrics/<variant>.json is one of them."""

import json

import pandas as pd
import pytest

from elbowroom.core.code_digest import Code
from elbowroom.core.pipeline import DATASET_STAGES, VARIANT_STAGES
from elbowroom.results.metrics import HEADLINE, METRICS, label_of
from tests.support import ROOT

METRICS_FOLDER = ROOT / "studies/quickstart/metrics"


@pytest.mark.parametrize("variant", ["mnist-z128", "mnist-ae128"])
def test_metrics_are_the_columns_of_the_table_in_its_order(variant: str) -> None:
    columns = pd.read_csv(METRICS_FOLDER / f"{variant}.csv").columns.drop(["variant", "seed"])
    assert [name for name in columns if not name.startswith("iwae_nll_")] == list(METRICS)


def test_the_headline_is_some_of_them() -> None:
    assert list(json.loads((METRICS_FOLDER / "mnist-z128.json").read_text())) == list(HEADLINE)
    assert set(HEADLINE.values()) <= set(METRICS)


def test_an_autoencoder_lacks_what_only_a_vae_has() -> None:
    table = pd.read_csv(METRICS_FOLDER / "mnist-ae128.csv")
    assert all(table[name].isna().all() for name, metric in METRICS.items() if metric.vae_only)


def test_labels_are_distinct() -> None:
    assert len({metric.label for metric in METRICS.values()}) == len(METRICS)
    assert label_of("test_loss") == "test loss"
    assert label_of("latent_dim") == "latent dim"


def test_no_slow_stage_runs_again_for_an_edited_label() -> None:
    code = Code()
    for stage in (*DATASET_STAGES, *VARIANT_STAGES):
        assert not [line for line in code.of_stage(stage) if line.startswith("METRICS ")], stage
