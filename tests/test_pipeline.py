"""The pipeline by DVC, on a tiny study of real images: what runs, what it leaves, and what runs again after an edit.

One checkout is made for the module and each test goes on from where the one before left it.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import ROOT
from PIL import Image

from elbowroom.artifacts import load_arrays
from elbowroom.config import load_study
from elbowroom.figures import GAP, ZOOM, read_picture
from elbowroom.model import VAE, parameters

pytestmark = pytest.mark.dvc

NAMES = ["mnist-z128", "mnist-ae128", "cifar10-z8-c32"]
Shell = Callable[..., str]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout of its own with a tiny study, linked as the quickstart is: three variants, 96 images, one epoch."""
    checkout = tmp_path_factory.mktemp("checkout")
    for name in ("src", "stages", ".dvc/plots"):
        shutil.copytree(ROOT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in (".dvcignore", ".gitignore", ".dvc/config", ".dvc/.gitignore"):
        shutil.copy(ROOT / name, checkout / name)
    folder = checkout / "studies/tiny"
    (folder / ".dvc").mkdir(parents=True)
    for name in ("dvc.yaml", "src", "stages", "pages", ".dvcignore", ".dvc/config", ".dvc/.gitignore", ".dvc/plots"):
        shutil.copy(ROOT / "studies/quickstart" / name, folder / name, follow_symlinks=False)
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["datasets"] = {name: {"train_images": 96, "test_images": 40} for name in params["datasets"]}
    for recipe in params["recipes"].values():
        recipe.update(epochs=1, batch_size=32, seeds=[0])
    params["variants"] = {name: params["variants"][name] | {"channels": 4} for name in NAMES}
    params["evaluation"]["map_images"] = 40
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "a tiny study"]):
        subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *command], cwd=checkout, check=True)  # noqa: S603, S607
    return folder


@pytest.fixture
def shell(study: Path) -> Shell:
    """Run a command in the checkout, as after `source .venv/bin/activate`; return what it printed."""
    binaries = str(Path(sys.executable).parent)
    environment = os.environ | {"PATH": f"{binaries}:{os.environ['PATH']}", "COLUMNS": "200"}
    environment |= {f"GIT_{who}_{what}": "t" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}

    def run(*command: str) -> str:
        done = subprocess.run(command, cwd=study, env=environment, capture_output=True, text=True)  # noqa: S603
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


def ran(output: str) -> set[str]:
    """The stages that `dvc repro` ran, by name."""
    return set(re.findall(r"^Running stage '(.+)':$", output, re.MULTILINE))


def of(*variants: str) -> set[str]:
    """The stages that a change of these variants runs."""
    return {f"{stage}@{name}" for name in variants for stage in ("train", "evaluate", "figures")} | {
        "compare",
        "report",
    }


def set_param(study: Path, name: str, key: str, value: object) -> None:
    path = study / "params.yaml"
    params = yaml.safe_load(path.read_text())
    params["variants"][name][key] = value
    path.write_text(yaml.safe_dump(params, sort_keys=False))


def test_repro_runs_every_stage(shell: Shell, study: Path) -> None:
    assert ran(shell("dvc", "repro")) == of(*NAMES) | {"prepare@mnist", "prepare@cifar10"}
    shell("git", "add", "-A")
    shell("git", "commit", "-qm", "reproduced")
    assert shell("git", "status", "--porcelain") == ""
    tracked = set(shell("git", "ls-files").split())
    assert {"report/index.html", "report/README.md", "dvc.lock", "metrics/mnist-z128.json"} <= tracked
    assert not [path for path in tracked if path.endswith(".safetensors")]


def test_a_second_repro_runs_nothing(shell: Shell) -> None:
    assert ran(shell("dvc", "repro")) == set()
    assert "up to date" in shell("dvc", "status")


def test_metrics_have_their_groups(study: Path) -> None:
    for name in NAMES:
        metrics = json.loads((study / f"metrics/{name}.json").read_text())
        assert {group: set(values) for group, values in metrics.items()} == {
            "test": {"loss", "distortion", "rate"},
            "train": {"loss", "distortion", "rate"},
            "latent": {"pca_2d"},
            "cost": {"parameters", "seconds"},
        }
        seeds = pd.read_csv(study / f"plots/{name}/seeds.csv")
        assert seeds.test_loss.mean() == pytest.approx(metrics["test"]["loss"])
        assert list(seeds.seed) == [0]
        history = pd.read_csv(study / f"plots/{name}/history.csv")
        assert history[history.split == "test"].loss.iloc[-1] == pytest.approx(metrics["test"]["loss"], rel=1e-5)


def test_pictures_show_the_images(study: Path) -> None:
    """To the pixel: in the first row of reconstructions.png, and at the ends of interpolation.png."""
    for name in NAMES:
        arrays, _ = load_arrays(study / f"data/{name.split('-')[0]}.safetensors")
        images = arrays["test_images"][:10]
        side = images.shape[-1] * ZOOM
        rows = read_picture(study / f"plots/{name}/reconstructions.png")
        path = read_picture(study / f"plots/{name}/interpolation.png")
        for index, image in enumerate(images.transpose(0, 2, 3, 1)):
            left = index * (side + GAP)
            np.testing.assert_array_equal(rows[:side:ZOOM, left : left + side : ZOOM], image)
        np.testing.assert_array_equal(path[::ZOOM, :side:ZOOM], images[0].transpose(1, 2, 0))
        np.testing.assert_array_equal(path[::ZOOM, -side::ZOOM], images[1].transpose(1, 2, 0))
        with Image.open(study / f"plots/{name}/evolution.gif") as animation:
            assert animation.n_frames == 2  # type: ignore[attr-defined] # before training, and after its one epoch
    assert len(list(study.glob("report/comparison/pictures/*.png"))) == 12


class Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for key, value in attrs:
            if key in ("href", "src"):
                self.links.add(value or "")
            if key == "id":
                self.anchors.add(f"#{value}")


def test_links_of_the_report_work(study: Path) -> None:
    page = Links()
    page.feed((study / "report/index.html").read_text())
    pictures = {link for link in page.links if not link.startswith("#")}
    assert {link for link in page.links if link.startswith("#")} <= page.anchors
    markdown = set(re.findall(r"\]\(([^)]+)\)", (study / "report/README.md").read_text()))
    assert pictures == {link for link in markdown if not link.startswith("#")}
    assert len(pictures) == 12 + 9 * len(NAMES)
    for link in pictures:
        assert (study / "report" / link).is_file(), link


def test_the_report_says_that_the_budget_is_small(study: Path) -> None:
    for page in ("index.html", "README.md"):
        text = (study / "report" / page).read_text()
        assert "A small budget: these numbers are not the study" in text
        assert "mnist: 1 of 50 epochs, 96 of 60,000 training images, 40 of 10,000 test images" in text


def test_one_variants_edit_runs_that_variant_only(shell: Shell, study: Path) -> None:
    set_param(study, "cifar10-z8-c32", "latent_dim", 12)
    assert ran(shell("dvc", "repro")) == of("cifar10-z8-c32")
    expected = parameters(VAE(load_study(study / "params.yaml").variant("cifar10-z8-c32"), (3, 32, 32)))
    assert json.loads((study / "metrics/cifar10-z8-c32.json").read_text())["cost"]["parameters"] == expected


def test_diffs_show_what_changed(shell: Shell) -> None:
    params = shell("dvc", "params", "diff")
    assert "variants.cifar10-z8-c32.latent_dim" in params
    assert "variants.mnist" not in params
    metrics = shell("dvc", "metrics", "diff")
    assert re.search(r"metrics/cifar10-z8-c32.json +test.loss +\d+\.\d+ +\d+\.\d+ +-?\d+\.\d+", metrics)
    assert "mnist" not in metrics
    assert all(name in shell("dvc", "metrics", "show") for name in NAMES)


@pytest.mark.parametrize("command", [["show"], ["diff", "HEAD"]])
def test_plots_show_without_a_warning(shell: Shell, study: Path, command: list[str]) -> None:
    output = shell("dvc", "plots", *command)
    assert "failed" not in output
    page = (study / "dvc_plots/index.html").read_text()
    assert "cifar10-z8-c32: loss by epoch" in page
    assert "samples.png" in page


def test_the_old_value_put_back_runs_nothing(shell: Shell, study: Path) -> None:
    set_param(study, "cifar10-z8-c32", "latent_dim", 8)
    assert ran(shell("dvc", "repro")) == set()
    assert shell("git", "status", "--porcelain") == ""


def test_deleted_results_are_restored(shell: Shell, study: Path) -> None:
    for name in ("models", "metrics", "plots", "report"):
        shutil.rmtree(study / name)
    assert ran(shell("dvc", "repro")) == set()
    assert shell("git", "status", "--porcelain") == ""


def test_an_experiment_runs(shell: Shell, study: Path) -> None:
    output = shell("dvc", "exp", "run", "-S", "variants.mnist-z128.beta=4")
    assert ran(output) == of("mnist-z128")
    assert yaml.safe_load((study / "params.yaml").read_text())["variants"]["mnist-z128"]["beta"] == 4


def test_a_wrong_setting_stops_repro_with_one_line(shell: Shell, study: Path) -> None:
    set_param(study, "mnist-z128", "latent_dim", 0)
    with pytest.raises(AssertionError) as failure:
        shell("dvc", "repro")
    output = str(failure.value)
    assert "error: params.yaml: variants.mnist-z128.latent_dim: found 0" in output
    assert "Traceback" not in output
    assert (study / "metrics/mnist-z128.json").is_file()


def test_a_stage_runs_without_dvc(shell: Shell, study: Path) -> None:
    set_param(study, "mnist-z128", "latent_dim", 5)
    shell("env", "PYTHONPATH=src", "python", "stages/train.py", "mnist-z128")
    shell("env", "PYTHONPATH=src", "python", "stages/evaluate.py", "mnist-z128")
    assert json.loads((study / "metrics/mnist-z128.json").read_text())["cost"]["parameters"] < 1_000_000
