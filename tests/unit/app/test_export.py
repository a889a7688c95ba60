"""`elbowroom export`: ONNX that computes what the model does, in batches of any size, and a card of the model."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import scipy.stats
import torch

from elbowroom.__main__ import main
from elbowroom.api import Model
from elbowroom.app.model_card import ANSWERS, model_card
from elbowroom.app.onnx_files import BATCHES
from elbowroom.core import paths
from elbowroom.core.files import load_csv
from elbowroom.core.params import load_study
from elbowroom.core.published_sets import PUBLISHED
from elbowroom.core.settings import Shape, Study, Variant
from elbowroom.results.outcomes import State
from elbowroom.vae.model import VAE
from elbowroom.vae.trained import TrainedVAE
from tests.support import ROOT
from tests.support.settings import cifar_variant, variant

MODELS: dict[str, tuple[Variant, Shape]] = {
    "vae": (variant(), (1, 28, 28)),
    "cropped-ae": (cifar_variant(model="ae", beta=0.0, likelihood="continuous_bernoulli"), (3, 21, 34)),
}
RANDOM = {"Bernoulli", "Dropout", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform"}


def untrained(name: str, settings: Variant, shape: Shape) -> TrainedVAE:
    torch.manual_seed(0)
    return TrainedVAE(name, settings, 0, shape, VAE(settings, shape))


@pytest.fixture(scope="module", params=MODELS)
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainedVAE, Path]:
    """A model, and the folder that the command exported its file to."""
    folder = tmp_path_factory.mktemp("exported")
    model = untrained(request.param, *MODELS[request.param])
    model.save(folder / "model.safetensors")
    assert main(["export", str(folder / "model.safetensors"), "--output", str(folder / "onnx")]) == 0
    return model, folder / "onnx"


def test_onnxruntime_computes_what_the_model_does(exported: tuple[TrainedVAE, Path]) -> None:
    model, folder = exported
    encoder, decoder = (onnxruntime.InferenceSession(folder / f"{name}.onnx") for name in ("encoder", "decoder"))
    random = np.random.default_rng(0)
    for count in BATCHES:
        images = random.integers(0, 256, (count, *model.shape), np.uint8)
        mu, logvar = Model(model).encode(images)
        found = encoder.run(None, {"images": images.astype(np.float32) / 255})
        expected = [mu] if model.variant.model == "ae" else [mu, logvar]
        for ours, theirs in zip(expected, found, strict=True):
            np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e-5)
        z = random.standard_normal(mu.shape, np.float32)
        np.testing.assert_allclose(decoder.run(None, {"z": z})[0], Model(model).decode(z), rtol=0, atol=1e-5)


def test_files_are_of_plain_layers_for_any_batch(exported: tuple[TrainedVAE, Path]) -> None:
    model, folder = exported
    for name in ("encoder", "decoder"):
        content = (folder / f"{name}.onnx").read_bytes()
        assert not [trace for trace in (b".py", str(ROOT).encode(), b"site-packages") if trace in content]
        graph = onnx.load_from_string(content).graph
        assert not {node.op_type for node in graph.node} & RANDOM
        assert not [node for node in graph.node if node.domain]
        for value in (*graph.input, *graph.output):
            first, *others = value.type.tensor_type.shape.dim
            assert first.dim_param == "N"
            assert all(side.dim_value > 0 for side in others)
    latents = [value.name for value in onnx.load(folder / "encoder.onnx").graph.output]
    assert latents == (["mu"] if model.variant.model == "ae" else ["mu", "logvar"])


def test_a_file_alone_has_a_card_that_says_what_is_not_known(exported: tuple[TrainedVAE, Path]) -> None:
    model, folder = exported
    card = (folder / "README.md").read_text()
    assert card.startswith(f"# {model.name}\n")
    assert card.count("Not known: the model was exported by its file") == 2
    assert "\n\n\n" not in card
    program = card.partition("```python\n")[2].partition("```")[0]
    (folder / "program.py").write_text(f"{program}print(again.shape)\n")
    printed = subprocess.check_output([sys.executable, "program.py"], cwd=folder, text=True)
    assert printed == f"{(2, *model.shape)}\n"


def test_a_readme_of_something_else_is_left_alone(
    exported: tuple[TrainedVAE, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, folder = exported
    (tmp_path / "README.md").write_text("mine")
    command = ["export", str(folder.parent / "model.safetensors"), "-o", str(tmp_path)]
    assert main(command) == 2
    assert capsys.readouterr().err.startswith(f"error: --output: found {tmp_path}/README.md, which is no export's: ")
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]
    assert (tmp_path / "README.md").read_text() == "mine"
    for name in ("encoder.onnx", "decoder.onnx"):  # as an earlier export has them
        (tmp_path / name).touch()
    assert main(command) == 0
    assert (tmp_path / "README.md").read_bytes() == (folder / "README.md").read_bytes()


@pytest.fixture
def noise(monkeypatch: pytest.MonkeyPatch) -> Study:
    """The committed study of noise levels, in its folder."""
    monkeypatch.chdir(ROOT / "studies/noise")
    return load_study()


def test_a_card_has_data_training_and_metrics_with_intervals(noise: Study) -> None:
    name = "mnist-noise05"
    card = model_card(untrained(name, noise.variant(name), (1, 28, 28)), noise, 1e-7)
    losses = load_csv(paths.seeds_file(name), ["variant"]).test_loss
    low, high = scipy.stats.t.interval(0.95, 2, losses.mean(), losses.sem())
    numbers = f"{losses[0]:.2f} | {losses.mean():.2f} | {low:.2f} to {high:.2f}"
    assert f"\n| test loss (nats per image) | {numbers} |\n" in card
    assert "MNIST: 20,000 training and 10,000 test images" in card
    assert f"Licence of the data, MNIST: {PUBLISHED['mnist'].licence}." in card
    assert (
        "- 25 epochs in batches of 128, by Adam with learning rate 0.001, precision high; seed 0, one of 0, 1 and 2.\n"
        in card
    )
    assert (
        "The study's answer on 64 latents: nothing larger to compare with, so whether they are enough is open.\n"
        in card
    )
    assert "- About 12 of its 64 latents carry 95 % of the KL; the others say little.\n" in card
    assert "\n\n\n" not in card


@pytest.mark.parametrize("lock", ["", "edited"])
def test_a_recipe_that_a_model_was_not_trained_with_is_not_in_its_card(
    lock: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """params.yaml was edited since, or DVC does not know of the training."""
    text = (ROOT / "studies/noise/params.yaml").read_text()
    assert "{epochs: 25, batch_size: 128" in text
    (tmp_path / "params.yaml").write_text(text.replace("{epochs: 25,", "{epochs: 400,"))
    if lock:
        shutil.copy(ROOT / "studies/noise/dvc.lock", tmp_path)
    shutil.copytree(ROOT / "studies/noise/metrics/datasets", tmp_path / "metrics/datasets")
    monkeypatch.chdir(tmp_path)
    study = load_study()
    card = model_card(untrained("mnist-noise05", study.variant("mnist-noise05"), (1, 28, 28)), study, 1e-7)
    assert "- Seed 0. Epochs, batches and learning rate are not known: params.yaml changed since the training" in card
    assert "400" not in card
    assert "batches of 128" not in card


def test_a_card_of_one_seed_speaks_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "studies/quickstart")
    study = load_study()
    card = model_card(untrained("mnist-z128", study.variant("mnist-z128"), (1, 28, 28)), study, 1e-7)
    used = load_csv(paths.seeds_file("mnist-z128"), ["variant"]).used_latents[0]
    assert "; seed 0, the only one.\n" in card
    assert f"\n| used latents | {used:.0f} |\n" in card
    assert "The study's answer on 128 latents: none, since one seed is not enough for one.\n" in card
    assert set(ANSWERS) == set(State)


@pytest.mark.parametrize("package", ["onnxscript", "onnxruntime"])
def test_a_missing_package_is_one_line(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    untrained("linear", cifar_variant(network="linear", channels=1), (3, 16, 16)).save(tmp_path / "m.safetensors")
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    assert main(["export", str(tmp_path / "m.safetensors"), "-o", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err == (
        f"error: export: found no {package}, expected the extra packages: pip install '.[onnx]' in a clone\n"
    )
    assert not (tmp_path / "out").exists()
