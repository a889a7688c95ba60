"""`elbowroom compare A B` prints two variants side by side."""

import math
from pathlib import Path

import pandas as pd
import pytest

from elbowroom.app.compare import lines
from elbowroom.core import files, paths
from elbowroom.core.errors import StudyError
from elbowroom.core.params import load_study
from elbowroom.core.settings import Study
from elbowroom.results import tables
from tests.support import ROOT

NAMED = ("latent_dim", "seeds", "test_loss", "test_rate", "parameters")


def save_cost(name: str, torch: str) -> None:
    """Write what training the committed study took, as if with this version of PyTorch."""
    table = files.load_csv(ROOT / f"plots/{name}/cost.csv", ["variant"])
    files.save_csv(paths.plot_file(name, "cost.csv"), table.assign(torch=torch))


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """The root study, in a folder with metrics of three variants, two seeds each."""
    committed = files.load_csv(ROOT / "studies/quickstart/metrics/mnist-z128.csv", ["variant"])
    monkeypatch.chdir(tmp_path)
    for name, loss in (("mnist-z128", 50.0), ("mnist-z256", 60.0), ("mnist-ae128", 30.0)):
        seeds = [
            {"variant": name, "seed": s, "test_loss": loss + s, "test_rate": 0.0, "parameters": 10**6} for s in (0, 1)
        ]
        table = pd.concat([committed.drop(columns=list(seeds[0]))] * 2, ignore_index=True)
        files.save_csv(paths.seeds_file(name), pd.concat([pd.DataFrame(seeds), table], axis=1))
        save_cost(name, "2.9")
    return load_study(ROOT / "params.yaml")


def test_differing_settings_and_means_over_seeds_are_listed(study: Study) -> None:
    shown = [line.split() for line in lines(study, "mnist-z128", "mnist-z256")]
    named = [line for line in shown if line[0] in NAMED or line[0].startswith("mnist")]
    assert named == [
        ["mnist-z128", "mnist-z256", "change"],
        ["latent_dim", "128", "256"],
        ["seeds", "0", "1", "0", "1"],
        ["test_loss", "50.5", "60.5", "+10", "+19.80", "%"],
        ["test_rate", "0", "0", "+0"],
        ["parameters", "1,000,000", "1,000,000", "+0", "+0.00", "%"],
    ]


def change(monkeypatch: pytest.MonkeyPatch, study: Study, before: float, after: float) -> list[str]:
    """What stands beside test_loss, if these are the two means."""
    means = {"mnist-z128": before, "mnist-z256": after}
    monkeypatch.setattr(
        tables,
        "seed_metrics",
        lambda _, name, edited: pd.DataFrame({"variant": [name], "seed": [0], "test_loss": [means[name]]}),
    )
    (line,) = [line for line in lines(study, "mnist-z128", "mnist-z256") if line.startswith("test_loss")]
    return line.split()[1:]


def test_a_negative_loss_that_falls_has_a_negative_share(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    """As densities have it."""
    assert change(monkeypatch, study, -1080, -1253) == ["-1,080", "-1,253", "-173", "-16.02", "%"]


def test_what_one_alone_has_has_no_change(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    assert change(monkeypatch, study, math.nan, 3.5) == ["3.5"]
    assert change(monkeypatch, study, 3.5, math.nan) == ["3.5"]


def test_losses_that_are_not_comparable_are_marked(study: Study) -> None:
    assert "not comparable" in lines(study, "mnist-z128", "mnist-ae128")[-1]
    assert "model, beta" in lines(study, "mnist-z128", "mnist-ae128")[-1]


def test_variants_trained_by_other_versions_are_marked(study: Study) -> None:
    assert not any("versions" in line for line in lines(study, "mnist-z128", "mnist-z256"))
    save_cost("mnist-z256", "2.10")
    said = lines(study, "mnist-z128", "mnist-z256")[-1]
    device = pd.read_csv(ROOT / "plots/mnist-z128/cost.csv").device[0]
    assert f"mnist-z128 on {device}, PyTorch 2.9; mnist-z256 on {device}, PyTorch 2.10" in said


def test_unknown_and_unevaluated_variants_are_one_line(study: Study) -> None:
    with pytest.raises(StudyError, match="found no 'mnist-z1', expected one of mnist-z128"):
        lines(study, "mnist-z1", "mnist-z128")
    with pytest.raises(StudyError, match=r"metrics/cifar10-ae16\.csv: not found, expected from an earlier stage"):
        lines(study, "mnist-z128", "cifar10-ae16")
