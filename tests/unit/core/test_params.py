"""A valid params.yaml is loaded, and an invalid one refused with one line that names the mistake."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from elbowroom.core.dataset_settings import FolderDataset
from elbowroom.core.errors import StudyError
from elbowroom.core.params import load_study
from elbowroom.core.published_sets import image_shape
from tests.support import ROOT

VARIANTS = [
    "mnist-z128",
    "mnist-z256",
    "mnist-ae128",
    "cifar10-z4-c32",
    "cifar10-z8-c32",
    "cifar10-z16-c32",
    "cifar10-z8-c64",
    "cifar10-ae16",
]


@pytest.mark.parametrize("study", [".", "studies/quickstart"])
def test_committed_studies_have_every_published_variant(study: str) -> None:
    assert list(load_study(ROOT / study / "params.yaml").variants) == VARIANTS


def test_quickstart_differs_from_the_root_study_in_budget_only() -> None:
    root, quick = load_study(ROOT / "params.yaml"), load_study(ROOT / "studies/quickstart/params.yaml")
    assert quick.variants == root.variants
    assert quick.figures == root.figures


FOLDER = {
    **{"source": "folder", "size": 28, "fit": "crop", "colour": "grey", "background": "black", "labels": "none"},
    **{"test": 0.1, "unreadable": "stop", "train_images": 10, "test_images": 10},
}
INVALID = [
    ("variants.mnist-z128.latent_dim", 0, "found 0, expected 1 or more"),
    ("variants.mnist-z128.latent_dim", "128", "found '128', expected a whole number"),
    ("variants.mnist-z128.latent_dim", 12.5, "found 12.5, expected a whole number"),
    ("variants.mnist-z128.latent_dim", True, "found True, expected a whole number"),
    ("variants.mnist-z128.latnet_dim", 4, "found unknown key 'latnet_dim', expected only dataset, recipe, model"),
    ("variants.mnist-z128.likelihood", "poisson", "found 'poisson', expected 'gaussian', 'gaussian_optimal', 'b"),
    ("variants.mnist-z128.network", "linear", "mnist-z128.channels: found 32, expected 1 with network linear, which"),
    ("variants.judge", {}, "variants: found 'judge', expected another name"),
    ("recipes.report-cifar10.warmup_epochs", 10, "warmup_epochs: found 10, expected fewer than its 10 epochs"),
    ("judge", {"epochs": 1}, "judge.batch_size: found nothing, expected a value for it"),
    ("evaluation.iwae_samples", [1, 10, 25], "found [1, 10, 25], expected 1 first, then a multiple of the one before"),
    ("evaluation.iwae_samples", [10, 100], "found [10, 100], expected 1 first"),
    ("variants.mnist-z128.likelihood", "bernoulli", "mnist-z128.pixel_range: found [-1, 1], expected [0, 1] with"),
    ("variants.mnist-z128.pixel_range", [0, 255], "found [0, 255], expected [0, 1] or [-1, 1]"),
    ("variants.mnist-z128.recipe", "nope", "found 'nope', expected one of notebook-mnist, report-cifar10"),
    ("variants.mnist-z128.dataset", "svhn", "found 'svhn', expected one of mnist, cifar10"),
    ("datasets.mnist.source", "mnits", "datasets.mnist.source: found 'mnits', expected one of mnist, fashion-mnist, "),
    ("datasets.mnist", {"train_images": 1, "test_images": 2}, "datasets.mnist.source: found nothing, expected a value"),
    ("variants.mnist-z256.latent_dim", 128, "variants.mnist-z256: found the settings of mnist-z128 again, expected at"),
    ("variants.mnist-z128", None, "variants.mnist-z128: found nothing, expected a mapping of settings"),
    ("variants.mnist-ae128.beta", 1.0, "found 1.0, expected 0 with model ae"),
    ("variants.a.b", {}, "variants.a.b: found 'a.b', expected a name of at most 64 lower-case letters"),
    ("variants.../up", {}, "expected a name of at most 64 lower-case letters"),
    ("variants", {}, "variants: found {}, expected"),
    ("recipes.notebook-mnist.learning_rate", -0.001, "found -0.001, expected more than 0"),
    ("recipes.notebook-mnist.learning_rate", float("nan"), "found nan, expected a finite number"),
    ("recipes.notebook-mnist.learning_rate", "fast", "found 'fast', expected a number"),
    ("variants.mnist-z128.network", "resnet", "found 'resnet', expected one of notebook, report, deep, linear"),
    ("variants.mnist-z128.layers", [], "found unknown key 'layers', expected only dataset, recipe, model, network"),
    ("networks", {}, "networks: found {}, expected at least 1"),
    ("networks.notebook", None, "networks.notebook: found nothing, expected a mapping of settings"),
    ("networks.notebook.depth", 4, "networks.notebook: found unknown key 'depth', expected only encoder, decoder, sta"),
    ("networks.notebook.encoder", 4, "networks.notebook.encoder: found 4, expected a list"),
    ("networks.notebook.encoder", [[1, 4]], "notebook.encoder.0: found [1, 4], expected [width, kernel, stride], as"),
    ("networks.notebook.encoder", [[1, 4, 2], 7], "notebook.encoder.1: found 7, expected [width, kernel, stride], as"),
    ("networks.notebook.encoder", [[0, 4, 2]], "found [0, 4, 2], expected [width, kernel, stride] whose width is a"),
    ("networks.notebook.encoder", [[1, 40, 2]], "whose kernel is a whole number from 1 to 31"),
    (
        "networks.notebook.encoder",
        [[1, 4, 3]],
        "encoder.0: found [1, 4, 3], expected [width, kernel, stride] whose str",
    ),
    ("networks.notebook.encoder", [[1, 4, True]], "expected [width, kernel, stride] whose stride is 1 or 2"),
    ("networks.notebook.encoder", [["image", 4, 2]], "found ['image', 4, 2], expected a whole number as its width"),
    ("networks.notebook.decoder", [[1, 3, 2]], "found [1, 3, 2], expected an even kernel with stride 2, as 4, which"),
    ("networks.notebook.decoder", [[1, 4, 1]], "found [1, 4, 1], expected an odd kernel with stride 1, as 3, which"),
    ("networks.notebook.decoder", [[1, 4, 2]], "decoder: found [[1, 4, 2]], expected image as the width of its last"),
    (
        "networks.notebook.decoder",
        [["image", 3, 1]] * 2,
        "expected image as the width of its last row, and of no other",
    ),
    ("networks.notebook.decoder", [], "networks.notebook.start: found 8, expected image: no row follows"),
    ("networks.notebook.start", "image", "found 'image', expected a whole number with a decoder that has rows"),
    (
        "networks.notebook.start",
        0,
        "networks.notebook.start: found 0, expected a whole number from 1 to 1024, or image",
    ),
    (
        "networks.notebook.encoder",
        [[1, 4, 2]] * 5,
        "variants.mnist-z128.network: found 'notebook', expected one for 28x28 images, as mnist has (it needs sides of "
        "32 or more)",
    ),
    ("variants.7", {}, "variants.7: found '7', expected a name"),
    ("recipes.notebook-mnist.seeds", [1, 1], "found [1, 1], expected each seed once"),
    ("recipes.notebook-mnist.seeds", [], "found [], expected"),
    ("datasets.mnist.train_images", 0, "found 0, expected 1 or more"),
    ("datasets.mnist.train_images", 60_001, "found 60001, expected at most 60000, as published"),
    ("datasets.mnist", FOLDER | {"size": 15}, "mnist.size: found 15, expected pixels, 16 to 128, or [height, width]"),
    ("datasets.mnist", FOLDER | {"size": [32, 129]}, "mnist.size: found [32, 129], expected pixels, 16 to 128, or"),
    ("datasets.mnist", FOLDER | {"size": True}, "mnist.size: found True, expected pixels"),
    ("datasets.mnist", FOLDER | {"test": 1.0}, "mnist.test: found 1.0, expected a share between 0 and 1, or folders"),
    ("datasets.mnist", FOLDER | {"fit": "zoom"}, "datasets.mnist.fit: found 'zoom', expected 'crop', 'pad' or 'str"),
    ("datasets.mnist", FOLDER | {"path": "x"}, "datasets.mnist: found unknown key 'path', expected only source, size"),
    ("datasets.mnist", FOLDER, "folders: found no 'mnist', expected the path of its pictures: mnist: ..."),
    (
        "answer.left_out",
        {"mnist-z128": "slow"},
        "found 'mnist-z128', expected only names that `variants` no longer has",
    ),
    ("answer.left_out", {"mnist-z9": ""}, "mnist-z9: found '', expected text that is not empty"),
    (
        "folders",
        {"mnist": "${HOME}/a"},
        "folders.mnist: found '${HOME}/a', expected variables as $NAME, without braces",
    ),
    ("folders", {"mnist": "pictures"}, "folders: found 'mnist', expected only the names of datasets with source: f"),
    ("evaluation.map_images", 2, "found 2, expected 3 or more"),
    ("figures", None, "figures: found nothing"),
    ("answer", {"margin": 0.0, "level": 0.95}, "answer.margin: found 0.0, expected more than 0"),
    ("answer", {"margin": 0.01, "level": 0.5}, "answer.level: found 0.5, expected more than 0.5"),
    ("answer", {"margin": 0.01}, "answer.level: found nothing, expected a value for it"),
    ("title", "", "title: found '', expected text that is not empty"),
    ("colour", "red", "the whole file: found unknown key 'colour', expected only title, datasets"),
]


@pytest.mark.parametrize(("key", "value", "said"), INVALID, ids=[f"{key}={value}" for key, value, _ in INVALID])
def test_a_wrong_value_is_named_in_one_line(tmp_path: Path, key: str, value: object, said: str) -> None:
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    section, _, rest = key.partition(".")
    name, _, last = (
        rest.partition(".")
        if section in ("variants", "networks", "recipes", "datasets") and value != {}
        else (rest, "", "")
    )
    if last:
        params[section][name][last] = value
    elif name:
        params[section][name] = next(iter(params[section].values())) if value == {} else value
    else:
        params[section] = value
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(params, sort_keys=False))
    with pytest.raises(StudyError) as error:
        load_study(path)
    message = str(error.value)
    assert said in message
    assert message.startswith(str(path))
    assert "\n" not in message


def test_a_folder_may_be_a_dataset(tmp_path: Path) -> None:
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["datasets"]["mnist"] = FOLDER | {"size": [17, 127], "test": "folders"}
    params["folders"] = {"mnist": "../pictures"}
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(params, sort_keys=False))
    settings = load_study(path).datasets["mnist"]
    assert isinstance(settings, FolderDataset)
    assert (settings.channels, *settings.sides) == image_shape(settings) == (1, 17, 127)


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    del params["variants"]["mnist-z128"]["beta"]
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(params, sort_keys=False))
    with pytest.raises(StudyError, match=r"variants.mnist-z128.beta: found nothing, expected a value"):
        load_study(path)


def test_numbers_are_read_as_dvc_writes_them(tmp_path: Path) -> None:
    """`dvc exp run -S recipes...learning_rate=0.00001` writes 1e-05, which is a text in YAML 1.1."""
    path = tmp_path / "params.yaml"
    path.write_text((ROOT / "params.yaml").read_text().replace("learning_rate: 0.001", "learning_rate: 1e-05"))
    assert load_study(path).recipes["notebook-mnist"].learning_rate == 1e-5


def test_a_variant_given_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text((ROOT / "params.yaml").read_text().replace("  mnist-z256:", "  mnist-z128:"))
    with pytest.raises(StudyError, match=r'line \d+, column 3: found duplicate key "mnist-z128"'):
        load_study(path)


@pytest.mark.parametrize("text", ["variants: [", "\tx: 1", "a: b: c", "", "[1, 2]", "just text"])
def test_another_file_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(StudyError, match=r"params.yaml.* expected [^\n]*$"):
        load_study(path)


def test_a_stage_ends_with_one_line_and_status_2(tmp_path: Path) -> None:
    text = (ROOT / "params.yaml").read_text().replace("latent_dim: 256", "latent_dim: 0")
    (tmp_path / "params.yaml").write_text(text)
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, str(ROOT / "stages/prepare.py"), "mnist"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)  # noqa: S603
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == ("error: params.yaml: variants.mnist-z256.latent_dim: found 0, expected 1 or more\n")
