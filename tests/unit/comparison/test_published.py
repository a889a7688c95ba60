"""Published numbers stand beside ours, as the studies printed them."""

import math

import pandas as pd
import pytest

from elbowroom.comparison.audit import audit
from elbowroom.comparison.published import against_published, load_published, shortfalls
from elbowroom.comparison.published import test_loss_after as loss_as_published
from elbowroom.core.params import load_study
from elbowroom.core.settings import Study
from elbowroom.results.rows import PublishedNumber
from elbowroom.results.schema import to_table
from elbowroom.vae.model import VAE, parameters
from tests.support import ROOT
from tests.support.published import with_published_recipes
from tests.support.settings import published_set


@pytest.fixture
def study() -> Study:
    return with_published_recipes()


def test_root_study_has_the_published_recipes() -> None:
    study = load_study(ROOT / "params.yaml")
    notebook, report = study.recipes["notebook-mnist"], study.recipes["report-cifar10"]
    assert (notebook.batch_size, notebook.learning_rate) == (128, 1e-3)
    assert (
        loss_as_published(study, "mnist-z128", notebook.epochs) > 0
    )  # published after this number of epochs, else nan
    assert (report.epochs, report.batch_size, report.learning_rate) == (10, 128, 3e-3)
    latents = {name: (variant.latent_dim, variant.channels) for name, variant in study.variants.items()}
    assert latents["cifar10-z8-c64"] == (8, 64)
    assert latents["mnist-z256"] == (256, 32)


def test_published_tables_are_consistent(study: Study) -> None:
    """Parameters are those of the networks; a published loss is the sum of its terms, to the printed digits."""
    tables = load_published()
    published = {name: values.metrics for table in tables.values() for name, values in table.variants.items()}
    assert set(published) == {name for name, variant in study.variants.items() if variant.model == "vae"}
    for name, metrics in published.items():
        variant = study.variant(name)
        shape = (1, 28, 28) if variant.dataset == "mnist" else (3, 32, 32)
        assert metrics["parameters"] == parameters(VAE(variant, shape))
        if "test_rate" in metrics:
            assert metrics["test_loss"] == pytest.approx(metrics["test_distortion"] + metrics["test_rate"], abs=0.011)


def test_ours_stand_beside_the_published(study: Study) -> None:
    ours = {"test_loss": 50.0, "test_distortion": 25.0, "test_rate": 25.0, "pca_2d": 0.2, "parameters": 7}
    metrics = pd.DataFrame([ours] * len(study.variants), index=list(study.variants))
    rows = [("mnist-z128", seed, "test", epoch, 60.0 + seed) for seed in (0, 1) for epoch in (10, 20)]
    history = pd.DataFrame(rows, columns=["variant", "seed", "split", "epoch", "loss"]).assign(distortion=0, rate=0)
    table = to_table(PublishedNumber, against_published(study, metrics, history)).set_index(["variant", "quantity"])
    row = table.loc["mnist-z128", "test loss"]
    assert (row.published, row.measured) == (52.4180, 50.0)
    assert row.difference_percent == pytest.approx(100 * (50 - 52.4180) / 52.4180)
    assert table.loc["mnist-z128", "test loss, epoch 10"].measured == 60.5
    assert pd.isna(table.loc["mnist-z128", "test loss, epoch 40"].measured)
    assert pd.isna(table.loc["mnist-z256", "test loss, epoch 10"].measured)
    assert set(table.study) == {"notebook", "report"}
    shorter = study.recipes["notebook-mnist"].model_copy(update={"epochs": 10})
    short = study.model_copy(update={"recipes": study.recipes | {"notebook-mnist": shorter}})
    table = to_table(PublishedNumber, against_published(short, metrics, history)).set_index(["variant", "quantity"])
    last = table.loc["mnist-z128", "test loss, epoch 50 (ours: 10)"]
    assert (last.published, last.measured) == (52.4180, 50.0)
    assert pd.isna(last.difference_percent)  # of other epochs
    assert table.loc["mnist-z128", "test loss, epoch 10"].difference_percent == pytest.approx(
        100 * (60.5 / 57.3057 - 1)
    )
    assert {"parameters", "test loss, epoch 10"} <= set(table.loc["mnist-z128"].index)
    assert "test loss" in table.loc["cifar10-z4-c32"].index


def test_variants_that_the_study_lacks_are_left_out(study: Study) -> None:
    one = study.model_copy(update={"variants": {"mnist-ae128": study.variants["mnist-ae128"]}})
    history = pd.DataFrame(columns=["variant", "seed", "split", "epoch", "loss", "distortion", "rate"])
    assert against_published(one, pd.DataFrame(), history) == []


def test_a_full_budget_has_no_shortfall(study: Study) -> None:
    assert shortfalls(study) == []


def test_a_small_budget_is_a_shortfall(study: Study) -> None:
    datasets = study.datasets | {"mnist": published_set("mnist", 1000, 10_000)}
    recipe = study.recipes["report-cifar10"].model_copy(update={"epochs": 3})
    less = study.model_copy(update={"datasets": datasets, "recipes": study.recipes | {"report-cifar10": recipe}})
    assert shortfalls(less) == ["mnist: 1,000 of 60,000 training images", "cifar10: 3 of 10 epochs"]


def test_another_recipe_is_a_shortfall(study: Study) -> None:
    changed = {"batch_size": 16, "warmup_epochs": 2, "precision": "bf16"}
    recipe = study.recipes["notebook-mnist"].model_copy(update=changed)
    other = study.model_copy(update={"recipes": study.recipes | {"notebook-mnist": recipe}})
    assert shortfalls(other) == [
        "mnist: batch size 16, not 128, warmup epochs 2, not 0, layers in bfloat16, not float32"
    ]


def test_the_quickstart_has_a_small_budget() -> None:
    said = shortfalls(load_study(ROOT / "studies/quickstart/params.yaml"))
    assert [text.split(":")[0] for text in said] == ["mnist", "cifar10"]
    assert all("epochs" in text and "training images" in text for text in said)


def test_other_studies_hear_nothing_of_the_published_ones(study: Study) -> None:
    """Not if a variant has a published name and other images, nor if it has the published images and its own name."""
    history = pd.DataFrame(columns=["variant", "seed", "split", "epoch", "loss", "distortion", "rate"])
    clothes = study.datasets | {"mnist": published_set("fashion-mnist", 1000, 1000)}
    own = {"mine": study.variants["mnist-z128"]}
    for other in (
        study.model_copy(update={"datasets": clothes, "variants": {"mnist-z128": study.variants["mnist-z128"]}}),
        study.model_copy(update={"variants": own, "datasets": {"mnist": published_set("mnist", 1000, 1000)}}),
    ):
        (name,) = other.variants
        assert against_published(other, pd.DataFrame(), history) == []
        assert shortfalls(other) == []
        assert audit(other, pd.DataFrame({"variant": [name], "seed": [0], "test_loss": [1.0]})) == []
        assert math.isnan(loss_as_published(other, name, 10))
