"""A VAE that is cut down to fewer latents has the loss of the smaller VAE that it then is."""

import pytest
import torch
from torch import Tensor

from elbowroom.core.random_streams import Stream
from elbowroom.datasets.images import Images, scale
from elbowroom.evaluation.setup import Codes
from elbowroom.evaluation.truncated import CutDown, cut_down, sizes_kept
from elbowroom.vae.model import VAE, reparameterize
from elbowroom.vae.objective import kl, split_means, split_noise
from elbowroom.vae.trained import TrainedVAE
from elbowroom.yardsticks.baselines import linear_vae
from elbowroom.yardsticks.principal_components import principal_components, project
from tests.support.images import CPU
from tests.support.models import SETTINGS, Example, exact_linear_vae, lively, measure
from tests.support.settings import variant

VAES = [name for name in SETTINGS if name != "ae"]


def measured(model: TrainedVAE, images: Tensor, noise: Tensor, order: Tensor, sizes: list[int]) -> list[CutDown]:
    mu, logvar = model.encode(images)
    codes = Codes(mu, reparameterize(mu, logvar, noise), kl(mu.double(), logvar.double()).mean(0))
    return cut_down(model, images, codes, order, sizes, 50)


def smaller(model: TrainedVAE, kept: Tensor) -> TrainedVAE:
    """Build the VAE that has only these latents of a model."""
    settings = model.variant.model_copy(update={"latent_dim": len(kept)})
    network = VAE(settings, model.shape)
    weights = model.network.state_dict()
    for head in ("mu", "logvar"):
        for part in ("weight", "bias"):
            weights[f"encoder.{head}.{part}"] = weights[f"encoder.{head}.{part}"][kept]
    weights["decoder.linear.weight"] = weights["decoder.linear.weight"][:, kept]
    network.load_state_dict(weights)
    return TrainedVAE("smaller", settings, model.seed, model.shape, network)


@pytest.mark.parametrize("name", VAES)
def test_with_all_latents_kept_the_loss_is_the_test_loss(name: str, examples: dict[str, Example]) -> None:
    """The distortion to the bit, if the same layers decode it. The loss to 1e-6: its KL is added up in float64."""
    images, model, example = examples[name]
    whole = example.truncated[-1]
    assert whole.kept == model.variant.latent_dim
    for term in ("loss", "distortion", "rate"):
        assert getattr(whole, term) == pytest.approx(example.metrics[f"test_{term}"], rel=1e-6)
    latents = model.variant.latent_dim
    noise = split_noise(130, latents, 0, Stream.TEST_NOISE, CPU)
    (same,) = measured(model, images.test.images, noise, torch.arange(latents), [latents])
    expected = split_means(model.variant, model.fast, images.test.images, noise, 50)
    assert same.distortion == expected.distortion.item()


@pytest.mark.parametrize("name", VAES)
def test_a_vae_cut_down_has_the_loss_of_the_smaller_vae(name: str, examples: dict[str, Example]) -> None:
    """This is why it bounds what a VAE of that size can reach. To 1e-5."""
    images, model, _ = examples[name]
    noise, order = split_noise(130, 6, 0, Stream.TEST_NOISE, CPU), torch.tensor([4, 1, 0, 5, 2, 3])
    for found in measured(model, images.test.images, noise, order, [1, 2, 4]):
        kept = order[: found.kept]
        built = smaller(model, kept)
        expected = split_means(built.variant, built.network, images.test.images, noise[:, kept], 50).numbers(1.0)
        assert {term: getattr(found, term) for term in expected} == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("pixel_range", [[0, 1], [-1, 1]])
def test_the_linear_vae_cut_down_is_the_linear_vae_of_that_size(
    pixel_range: list[int], small: dict[str, Images]
) -> None:
    """Its closed form at every size, to 1e-4. Noise of 1 and -1 for each image gives the exact mean over z: the
    distortion is quadratic in z, and the decoder's directions are orthogonal.
    """
    images = small["mnist"]
    model, _ = exact_linear_vae(images, 40, pixel_range)
    train, test = (part.images.flatten(1) for part in (images.train, images.test))
    components = principal_components(train)
    rows = linear_vae("mnist", components, project(test, components))
    expected = {row.latent_dim: row.test_loss for row in rows if row.pixel_range == str(pixel_range)}
    twice = images.test.images.repeat(2, 1, 1, 1)
    noise = torch.cat([torch.ones(130, 40), -torch.ones(130, 40)])
    order = torch.arange(40)
    found = {cut.kept: cut.loss for cut in measured(model, twice, noise, order, list(range(1, 41)))}
    assert found == pytest.approx({size: expected[size] for size in range(1, 41)}, rel=1e-4)


def test_without_latents_every_image_is_decoded_from_the_mean_of_the_prior(examples: dict[str, Example]) -> None:
    images, model, example = examples["mnist"]
    none = example.truncated[0]
    constant = model.network.decode(torch.zeros(1, 6))
    error = (
        (torch.tanh(constant) - scale(images.test.images, [-1, 1])).double().square().flatten(1).sum(1).mean().item()
    )
    assert none == pytest.approx((0, error, error, 0), rel=1e-6)


def test_the_loss_is_that_of_the_variants_beta(small: dict[str, Images]) -> None:
    model = lively(variant(beta=3.0), small["mnist"])
    for cut in measure(model, small["mnist"]).truncated:
        assert cut.loss == pytest.approx(cut.distortion + 3 * cut.rate)


def test_latents_are_ranked_by_their_kl_on_training_images(small: dict[str, Images]) -> None:
    """Whatever the test images are."""
    images = small["mnist"]
    model = lively(variant(), images)
    mu, logvar = model.encode(images.train.images[:300])  # as many as the settings of these tests have for the probe
    order = kl(mu, logvar).mean(0).argsort(descending=True)
    noise = split_noise(130, 6, 0, Stream.TEST_NOISE, CPU)
    expected = measured(model, images.test.images, noise, order, sizes_kept(6))
    for found, cut in zip(measure(model, images).truncated, expected, strict=True):
        assert found == pytest.approx(cut, rel=1e-5)


@pytest.mark.parametrize(
    ("latent_dim", "sizes"),
    [
        (1, [0, 1]),
        (5, [0, 1, 2, 3, 4, 5]),
        (16, [0, 1, 2, 3, 4, 6, 8, 12, 16]),
        (20, [0, 1, 2, 3, 4, 6, 8, 12, 16, 20]),
    ],
)
def test_sizes_kept(latent_dim: int, sizes: list[int]) -> None:
    assert sizes_kept(latent_dim) == sizes


def test_an_autoencoder_is_not_cut_down(examples: dict[str, Example]) -> None:
    assert examples["ae"].measured.truncated == []
