"""What the pipeline leaves, and what DVC's commands show of it: on a tiny study of real images."""

import json
import re
import shutil
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from elbowroom.core.files import load_arrays
from elbowroom.core.params import load_study
from elbowroom.core.published_sets import PUBLISHED
from elbowroom.figures.image_files import read_png
from elbowroom.figures.pictures import DRAWN, GAP
from elbowroom.results.metrics import HEADLINE
from elbowroom.vae.model import VAE, parameters
from tests.support import ROOT
from tests.support.checkout import PAGES, Checkout, Grown, of, ran

pytestmark = pytest.mark.dvc

NAMES = ["mnist-z128", "mnist-z256", "cifar10-ae16"]
PICTURES = 2 * 5 + 1 + 5 + 1  # of each dataset; of MNIST's noise; of the VAEs, of one family; of the autoencoders


def test_results_are_in_git_and_models_are_not(tiny: Checkout) -> None:
    assert tiny.changes() == ""
    tracked = set(tiny.run("git", "ls-files").split())
    assert {"report/README.md", "report/study.ipynb", "dvc.lock", "metrics/mnist-z128.json"} <= tracked
    assert {f"explorer/{name}.safetensors" for name in NAMES} <= tracked  # the pictures of the page's explorer
    kept_out = [path for path in tracked if path.endswith((".safetensors", ".gif", ".html"))]
    assert [path for path in kept_out if not path.startswith("explorer/")] == []
    assert (tiny.path / "report/index.html").is_file()


def test_models_are_weights_and_nothing_else(tiny: Checkout) -> None:
    """No pickle, and no state of an optimiser that nothing restores."""
    study = load_study(tiny.path / "params.yaml")
    for name in NAMES:
        variant = study.variant(name)
        files = {path.name for path in (tiny.path / "models" / name).iterdir()}
        assert files == {"seed-0.safetensors", "evolution.safetensors"}
        weights, _ = load_arrays(tiny.path / f"models/{name}/seed-0.safetensors")
        assert set(weights) == set(VAE(variant, PUBLISHED[variant.dataset].shape).state_dict())


def test_tables_agree_with_each_other(tiny: Checkout) -> None:
    compared = pd.read_csv(tiny.path / "report/comparison/variants.csv").set_index("variant")
    assert list(compared.index) == NAMES
    assert compared.parameters.dtype.kind == "i"
    for name in NAMES:
        metrics = json.loads((tiny.path / f"metrics/{name}.json").read_text())
        assert list(metrics) == list(HEADLINE)
        assert (metrics["iwae_nll"] is None) == (metrics["fcd"] is None) == ("-ae" in name)
        seeds = pd.read_csv(tiny.path / f"metrics/{name}.csv")
        assert list(seeds.seed) == [0]
        assert seeds.test_loss.mean() == pytest.approx(metrics["loss"], rel=1e-5)
        assert seeds.test_loss.mean() == pytest.approx(compared.test_loss[name], abs=1e-6)
        history = pd.read_csv(tiny.path / f"plots/{name}/history.csv")
        assert history[history.split == "test"].loss.iloc[-1] == pytest.approx(metrics["loss"], rel=1e-5)
        spectrum = pd.read_csv(tiny.path / f"plots/{name}/spectrum.csv")
        assert spectrum.kl.sum() == pytest.approx(seeds.test_rate.mean(), abs=1e-4)
        truncated = pd.read_csv(tiny.path / f"plots/{name}/truncated.csv")
        assert truncated.loss.tolist()[-1:] == ([] if "-ae" in name else pytest.approx([metrics["loss"]], rel=1e-5))
    assert set(pd.read_csv(tiny.path / "report/comparison/spectrum.csv").variant) == {"mnist-z128", "mnist-z256"}


def test_pictures_show_the_images(tiny: Checkout) -> None:
    """To the pixel: in the first row of reconstructions.png, and at the ends of interpolation.png."""
    study = load_study(tiny.path / "params.yaml")
    for name in NAMES:
        arrays, _ = load_arrays(tiny.path / f"data/{name.split('-')[0]}.safetensors")
        images = arrays["test_images"][: study.figures.images]
        zoom = DRAWN // images.shape[-1]
        side = images.shape[-1] * zoom
        rows, path = (  # without the line around the images
            read_png(tiny.path / f"plots/{name}/{picture}.png")[1:-1, 1:-1]
            for picture in ("reconstructions", "interpolation")
        )
        for index, image in enumerate(images.transpose(0, 2, 3, 1)):
            left = index * (side + GAP)
            np.testing.assert_array_equal(rows[:side:zoom, left : left + side : zoom], image)
        np.testing.assert_array_equal(path[::zoom, :side:zoom], images[0].transpose(1, 2, 0))
        np.testing.assert_array_equal(path[::zoom, -side::zoom], images[1].transpose(1, 2, 0))
        with Image.open(tiny.path / f"animations/{name}.gif") as animation:
            assert animation.n_frames == 2  # type: ignore[attr-defined] # before training, and after its one epoch
    assert len(list(tiny.path.glob("report/comparison/pictures/*.png"))) == PICTURES


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


def test_links_of_the_report_work(tiny: Checkout) -> None:
    page = Links()
    page.feed((tiny.path / "report/index.html").read_text())
    assert {link for link in page.links if not link.startswith("data:")} <= page.anchors
    markdown = set(re.findall(r"\]\(([^)]+)\)", (tiny.path / "report/README.md").read_text()))
    pictures = {link for link in markdown if not link.startswith("#")}
    assert len(pictures) == PICTURES + 8 * len(NAMES) + 1  # and the notebook
    for link in pictures:
        assert (tiny.path / "report" / link).is_file(), link


def test_the_report_says_that_the_budget_is_small(tiny: Checkout) -> None:
    for page in ("index.html", "README.md"):
        text = (tiny.path / "report" / page).read_text()
        assert "not used: 1 of 50 epochs; 96 of 60,000 training images; 40 of 10,000 test images" in text


class Edited(NamedTuple):
    """A study after an edit of one variant that is not committed, and what it ran."""

    checkout: Checkout
    ran: set[str]


@pytest.fixture(scope="module")
def edited(grown: Grown, tmp_path_factory: pytest.TempPathFactory) -> Edited:
    """The stages are run by a real python, elsewhere by a preloaded one. Tests only look at it."""
    copy = grown.checkout.copy(tmp_path_factory.mktemp("edited"))
    copy.edit(lambda p: p["variants"]["mnist-z256"].update(latent_dim=12))
    return Edited(copy, copy._replace(python=Path(sys.executable).parent).repro())


def test_one_variants_edit_by_a_real_python(edited: Edited) -> None:
    assert edited.ran == of("mnist-z256")
    study = edited.checkout.path
    expected = parameters(VAE(load_study(study / "params.yaml").variant("mnist-z256"), (1, 28, 28)))
    assert json.loads((study / "metrics/mnist-z256.json").read_text())["parameters"] == expected


def test_diffs_show_what_changed(edited: Edited) -> None:
    params = edited.checkout.run("dvc", "params", "diff")
    assert re.findall(r"variants\S+", params) == ["variants.mnist-z256.latent_dim"]
    metrics = edited.checkout.run("dvc", "metrics", "diff")
    assert set(re.findall(r"^metrics/\S+", metrics, re.MULTILINE)) == {"metrics/mnist-z256.json"}
    assert re.search(r"^metrics/mnist-z256.json +loss +\d+\.\d+ +\d+\.\d+ +-?\d+\.\d+$", metrics, re.MULTILINE)
    assert max(map(len, metrics.splitlines())) <= 80


def test_an_experiment_keeps_the_links_to_the_code(tiny: Checkout) -> None:
    """DVC adds what stages depend on to git: through a link, and as a copy of it, unless git ignores what is there."""
    code = "from scmrepo.git import Git; Git('../..').add(['studies/quickstart/src', 'studies/quickstart/stages'])"
    tiny.run(sys.executable, "-c", code)
    assert tiny.changes() == ""


def test_two_variants_are_compared(edited: Edited) -> None:
    table = edited.checkout.run("python", "-m", "elbowroom", "compare", "mnist-z128", "mnist-z256")
    assert re.search(r"^latent_dim +128 +12$", table, re.MULTILINE)
    assert re.search(r"^test_loss +[\d.]+ +[\d.]+ +[+-][\d.]+ +[+-][\d.]+ %$", table, re.MULTILINE)
    assert edited.checkout.run("python", "-m", "elbowroom", "compare", "mnist-z128", "mnist", status=2).startswith(
        "error: params.yaml:"
    )


def test_the_metrics_of_the_study_fit_a_terminal() -> None:
    """All variants of the committed quickstart, those of the root study, in 120 columns."""
    table = Checkout(ROOT / "studies/quickstart", Path(sys.executable).parent).run("dvc", "metrics", "show")
    lines = [line.rstrip() for line in table.splitlines()]
    assert len(lines) == 1 + len(load_study(ROOT / "params.yaml").variants)
    assert max(map(len, lines)) <= 120


def test_plots_diff_overlays_revisions(edited: Edited) -> None:
    output = edited.checkout.run("dvc", "plots", "diff", "HEAD")
    assert "failed" not in output
    page = (edited.checkout.path / "dvc_plots/index.html").read_text()
    curves = next(line for line in page.splitlines() if "Training, mean over seeds" in line)
    assert {"HEAD", "workspace"} <= set(re.findall(r'"rev": "(\w+)"', curves))


def test_branches_that_each_add_a_variant_merge(edited: Edited, tmp_path: Path) -> None:
    """As docs/using-dvc.md says: both variants are there, comments stay, and nothing is trained again."""
    page = (ROOT / "docs/using-dvc.md").read_text(encoding="utf-8")
    tell_git = next(line for line in page.splitlines() if line.startswith("git config merge."))
    tiny = edited.checkout.copy(tmp_path)
    shutil.copy(ROOT / ".gitattributes", tiny.path.parent.parent)
    tiny.commit()
    tiny.run("git", "checkout", "-q", "-b", "other")
    tiny.edit(lambda p: p["variants"].update({"cifar10-ae4": p["variants"]["cifar10-ae16"] | {"latent_dim": 4}}))
    assert tiny.planned() == of("cifar10-ae4")
    tiny.commit()
    tiny.run("git", "checkout", "-q", "-")
    tiny.edit(lambda p: p["variants"].update({"cifar10-ae8": p["variants"]["cifar10-ae16"] | {"latent_dim": 8}}))
    assert tiny.planned() == of("cifar10-ae8")
    tiny.commit()
    merge = ["git", "merge", "-q", "-m", "both", "other"]
    assert "conflict in studies/quickstart/params.yaml" in tiny.run(*merge, status=1)
    tiny.run("git", "merge", "--abort")
    tiny.run("sh", "-c", tell_git)
    tiny.run(*merge)
    assert set(load_study(tiny.path / "params.yaml").variants) == {*NAMES, "cifar10-ae4", "cifar10-ae8"}
    assert tiny.planned() == PAGES


def test_a_clone_without_cache_shows_results_and_says_what_it_will_train(tiny: Checkout, tmp_path: Path) -> None:
    tiny.run("git", "clone", "-q", "../..", str(tmp_path / "clone"))
    clone = tiny._replace(path=tmp_path / "clone/studies/quickstart")
    assert all(name in clone.run("dvc", "metrics", "show") for name in NAMES)
    assert "failed" not in clone.run("dvc", "plots", "show")
    command = "dvc repro --single-item --force code report"
    assert f"`{command}`" in (ROOT / "docs/using-dvc.md").read_text(encoding="utf-8")
    (clone.path / "report/README.md").unlink()
    assert ran(clone.run(*command.split())) == {"code", "report"}  # of what git has
    assert (clone.path / "report/README.md").is_file()
    page = (clone.path / "report/index.html").read_text()
    assert "pictures of mnist-z128, mnist-z256 were decoded in advance and compressed, since the decoders are" in page
    first = clone.run("dvc", "repro", "prepare", "judge")
    assert ran(first) == {f"{stage}@{name}" for stage in ("prepare", "judge") for name in ("mnist", "cifar10")}
    assert "  train mnist-z128, mnist-z256: 1 seed x 1 epoch\n" in first
    assert "  train cifar10-ae16: 1 seed x 1 epoch\n" in first


def test_a_wrong_setting_stops_repro_with_one_line(tiny: Checkout) -> None:
    tiny.edit(lambda p: p["variants"]["mnist-z128"].update(latent_dim=0))
    output = tiny.run("dvc", "repro", status=255)
    assert "error: params.yaml: variants.mnist-z128.latent_dim: found 0" in output
    assert "Traceback" not in output
    assert (tiny.path / "metrics/mnist-z128.json").is_file()


def test_stages_without_dvc_and_a_server_leave_the_same_bytes(tiny: Checkout) -> None:
    """A server that had imported the libraries ran them by DVC."""
    name, seconds = "mnist-z128", "cost.csv"
    folders = [tiny.path / folder / name for folder in ("models", "plots")]
    paths = [tiny.path / f"metrics/{name}.json", *(path for folder in folders for path in folder.glob("*.[cs]*"))]
    before = {path: path.read_bytes() for path in paths if path.name != seconds}
    assert {path.suffix for path in before} == {".csv", ".json", ".safetensors"}
    for path in paths:
        path.unlink()
    shutil.rmtree(tiny.path / ".checkpoints")
    tiny.run("env", "PYTHONPATH=src", "python", "stages/train.py", name)
    tiny.run("env", "PYTHONPATH=src", "python", "stages/evaluate.py", name)
    assert {path: path.read_bytes() for path in before} == before
