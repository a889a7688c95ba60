"""What a trained model computes, and how its file is read."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from elbowroom.core import files
from elbowroom.core.errors import StudyError
from elbowroom.core.published_sets import PUBLISHED
from elbowroom.core.settings import Variant
from elbowroom.datasets.images import Images, scale
from elbowroom.vae.latent_space import prior_samples
from elbowroom.vae.model import VAE
from elbowroom.vae.objective import distortion, pixel_mean
from elbowroom.vae.trained import TrainedVAE, load_evolution, load_model, save_evolution
from tests.support.images import CPU
from tests.support.settings import cifar_variant, variant

SHAPES = {name: PUBLISHED[name].shape for name in ("mnist", "cifar10")}


def trained(settings: Variant, seed: int = 0) -> TrainedVAE:
    """Return an untrained network as if it had been trained."""
    torch.manual_seed(0)
    shape = SHAPES[settings.dataset]
    return TrainedVAE("v", settings, seed, shape, VAE(settings, shape).to(memory_format=torch.channels_last))


def test_a_saved_model_is_the_same_model(tmp_path: Path) -> None:
    """Its file alone says everything about it."""
    model = trained(cifar_variant(), seed=3)
    model.save(tmp_path / "m")
    read = load_model(tmp_path / "m", CPU)
    assert (read.name, read.variant, read.seed, read.shape) == ("v", cifar_variant(), 3, SHAPES["cifar10"])
    assert not read.fast.training
    for name, tensor in model.network.state_dict().items():
        assert torch.equal(tensor, read.network.state_dict()[name])


def test_another_variants_weights_are_refused(tmp_path: Path) -> None:
    trained(variant()).save(tmp_path / "m")
    with pytest.raises(StudyError, match=r"m: found results of another variant \(latent_dim, beta differ\)"):
        load_model(tmp_path / "m", CPU, variant(latent_dim=7, beta=2.0), 0)


def test_another_seeds_weights_are_refused(tmp_path: Path) -> None:
    trained(variant()).save(tmp_path / "m")
    with pytest.raises(StudyError, match=r"m: found seed 0, expected seed 1$"):
        load_model(tmp_path / "m", CPU, variant(), 1)


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    """Neither is a file of snapshots, nor one whose header has a wrong shape of images."""
    save_evolution(tmp_path / "e", {"mu": np.arange(3)}, variant(), seed=0)
    with pytest.raises(StudyError, match=r"e: header: name: Field required, expected a model as the train stage"):
        load_model(tmp_path / "e", CPU, variant(), 0)
    header = {"name": "v", "variant": variant().model_dump(), "seed": 0, "shape": [1, 28]}
    files.save_arrays(tmp_path / "e", {}, header)
    with pytest.raises(StudyError, match=r"e: header: shape: List should have at least 3 items"):
        load_model(tmp_path / "e", CPU)


@pytest.mark.parametrize("settings", [variant(), cifar_variant(likelihood="gaussian_optimal")], ids=["mnist", "cifar"])
def test_pictures_do_not_depend_on_how_many_are_made_at_once(settings: Variant, small: dict[str, Images]) -> None:
    """mu, logvar and pictures of all images at once are those in batches, to 1e-5."""
    model, images = trained(settings), small[settings.dataset].test.images
    x = scale(images, settings.pixel_range)
    with torch.no_grad():
        expected = model.network.encode(x)
        pictures = pixel_mean(settings, model.network.decode(expected[0]))
    for batch_size in (7, 1000):
        for found, wanted in zip(model.encode(images, batch_size), expected, strict=True):
            torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)
        for ready in (model, model.prepared(len(images))):
            made = ready.decode(expected[0], batch_size)
            torch.testing.assert_close(made, pictures, rtol=1e-5, atol=1e-5)
            parts = list(ready.decode_batches(expected[0], batch_size))
            assert torch.equal(torch.cat(parts), made)
            assert max(map(len, parts)) == min(batch_size, 130)
    assert pictures.min() >= 0
    assert pictures.max() <= 1
    torch.testing.assert_close(model.reconstruct(images), pictures, rtol=1e-5, atol=1e-5)


def test_samples_are_decoded_from_the_noise_of_a_seed() -> None:
    model = trained(variant())
    samples = model.sample(3, seed=1)
    assert samples.shape == (3, 1, 28, 28)
    assert torch.equal(samples, model.sample(3, seed=1))
    assert not torch.equal(samples, model.sample(3, seed=2))
    torch.testing.assert_close(samples, model.decode(prior_samples(3, 6, seed=1)))


@pytest.mark.parametrize("likelihood", ["gaussian", "gaussian_optimal", "bernoulli", "continuous_bernoulli"])
def test_distortion_is_that_of_the_objective(likelihood: str, small: dict[str, Images]) -> None:
    settings = cifar_variant(likelihood=likelihood)
    model, images, z = trained(settings), small["cifar10"].test.images[:5], torch.randn(5, 6)
    if model.network.sigma2 is not None:
        model.network.sigma2.fill_(0.04)
    with torch.no_grad():
        expected = distortion(settings, scale(images, [0, 1]), model.network.decode(z), model.network.sigma2)
    torch.testing.assert_close(model.distortion(images, z), expected)


def test_snapshots_are_read_only_for_their_variant_and_seed(tmp_path: Path) -> None:
    settings, evolution = variant(), {name: np.arange(3) for name in ("epochs", "mu", "reconstructions")}
    save_evolution(tmp_path / "e", evolution, settings, seed=0)
    read = load_evolution(tmp_path / "e", settings, 0)
    assert {name: array.tolist() for name, array in read.items()} == {key: [0, 1, 2] for key in evolution}
    with pytest.raises(StudyError, match=r"e: found results of another variant \(channels differ\)"):
        load_evolution(tmp_path / "e", variant(channels=5), 0)
    with pytest.raises(StudyError, match=r"e: found seed 0, expected seed 1$"):
        load_evolution(tmp_path / "e", settings, 1)
    trained(settings).save(tmp_path / "e")
    with pytest.raises(StudyError, match=r"e: found no epochs, mu, reconstructions, expected snapshots"):
        load_evolution(tmp_path / "e", settings, 0)


def test_weights_of_other_shapes_are_refused(tmp_path: Path) -> None:
    replace(trained(variant(latent_dim=7)), variant=variant()).save(tmp_path / "m")
    with pytest.raises(
        StudyError, match=r"m: encoder.mu.weight: found float32 \(7, 288\), expected float32 \(6, 288\)$"
    ):
        load_model(tmp_path / "m", CPU, variant(), 0)


def test_the_optimal_variance_is_saved_too(tmp_path: Path) -> None:
    model = trained(variant(likelihood="gaussian_optimal"))
    model.network.sigma2.fill_(0.25)
    model.save(tmp_path / "m")
    assert load_model(tmp_path / "m", CPU).network.sigma2.item() == 0.25
