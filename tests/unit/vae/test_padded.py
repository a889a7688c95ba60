"""A VAE contains every smaller one.

Hence the gate of comparison.enough: if a larger latent space has a higher *training* loss than a smaller one, it was
not trained well. More room cannot be the reason, for the larger model could have been the smaller one.
"""

import pytest
import torch
from torch import nn

from elbowroom.core.random_streams import Stream
from elbowroom.core.settings import Shape, Variant
from elbowroom.datasets.images import Images, scale
from elbowroom.vae.model import VAE
from elbowroom.vae.objective import kl, split_noise, terms
from tests.support.images import CPU
from tests.support.models import lively
from tests.support.settings import cifar_variant, variant

EIGHT = {
    "mnist": variant(latent_dim=8),
    "cifar10": cifar_variant(latent_dim=8),
    "optimal-sigma": cifar_variant(latent_dim=8, likelihood="gaussian_optimal"),
    "linear": variant(latent_dim=8, network="linear", channels=1),
}


def padded(small: VAE, settings: Variant, shape: Shape) -> VAE:
    """Build the larger VAE whose first latents are those of a smaller one.

    The others have mu 0 and log variance 0 for every image, and the decoder ignores them.
    """
    network = VAE(settings, shape).requires_grad_(False)
    own = network.state_dict()
    for name, weight in small.state_dict().items():
        own[name].zero_()
        own[name][tuple(slice(length) for length in weight.shape)] = weight
    return network


def with_single_terms(layer: nn.Linear) -> None:
    """Give each output one input: the order in which BLAS adds up more of them depends on the layer's size."""
    torch.manual_seed(1)
    inputs = torch.randint(layer.in_features, (layer.out_features,))
    layer.weight.copy_(nn.functional.one_hot(inputs, layer.in_features))
    layer.bias.zero_()


@pytest.mark.parametrize("settings", EIGHT.values(), ids=EIGHT)
def test_a_vae_with_8_latents_padded_to_16_has_the_same_loss_for_each_image(
    settings: Variant, small: dict[str, Images]
) -> None:
    """To the bit: the distortion, and the KL of each latent."""
    images = small[settings.dataset]
    network = lively(settings, images).network.eval().requires_grad_(False)
    assert network.encoder.logvar is not None
    for layer in (network.encoder.mu, network.encoder.logvar, network.decoder.linear):
        with_single_terms(layer)
    larger = settings.model_copy(update={"latent_dim": 16})
    twin = padded(network, larger, images.shape).eval()
    x = scale(images.test.images, settings.pixel_range)
    noise = split_noise(len(x), 16, 0, Stream.TEST_NOISE, CPU)
    expected, found = terms(settings, network, x, noise[:, :8]), terms(larger, twin, x, noise)
    assert torch.equal(found.distortion, expected.distortion)
    each = kl(*twin.encode(x))
    assert torch.equal(each[:, :8], kl(*network.encode(x)))
    assert torch.equal(each[:, 8:], torch.zeros(len(x), 8))
    assert found.rate.min() > 0


@pytest.mark.parametrize("settings", EIGHT.values(), ids=EIGHT)
def test_with_any_weights_the_loss_is_the_same_up_to_rounding(settings: Variant, small: dict[str, Images]) -> None:
    """To 1e-5 relative."""
    images = small[settings.dataset]
    network = lively(settings, images).network.eval().requires_grad_(False)
    larger = settings.model_copy(update={"latent_dim": 16})
    twin = padded(network, larger, images.shape).eval()
    x = scale(images.test.images, settings.pixel_range)
    noise = split_noise(len(x), 16, 0, Stream.TEST_NOISE, CPU)
    torch.testing.assert_close(
        terms(larger, twin, x, noise).loss(1), terms(settings, network, x, noise[:, :8]).loss(1), rtol=1e-5, atol=1e-3
    )
