"""Networks in int8 compute what PyTorch computes, whatever their layers, and round as little as 8 bits allow."""

import numpy as np
import pytest
import torch

from elbowroom.core.networks import Network
from elbowroom.core.settings import Shape, Variant
from elbowroom.vae.int8 import MOST, Layer, decoder_layers, encoder_layers, weights_of
from elbowroom.vae.model import VAE
from elbowroom.vae.trained import TrainedVAE
from tests.support.int8 import compute, ternary
from tests.support.settings import NETWORKS, cifar_variant, variant

ODD = Network(
    encoder=[[3, 5, 2], [2, 2, 1], [1, 1, 1]],
    decoder=[[3, 6, 2], [2, 5, 1], [1, 2, 2], ["image", 7, 1]],
    start=3,
)
CASES: dict[str, tuple[Variant, Shape]] = {
    "notebook": (variant(), (1, 28, 28)),
    "report": (cifar_variant(channels=3), (3, 32, 32)),
    "linear": (variant(network="linear", channels=1), (1, 28, 28)),
    "deep, cropped": (cifar_variant(layers=NETWORKS["deep"], channels=2), (3, 18, 37)),
    "every kind of row, an autoencoder": (variant(ODD, model="ae", beta=0.0, channels=3), (3, 17, 22)),
}
LATENTS = np.array([4, 0, 3])  # of 6
REST = np.array([9.0, 0.5, -1.0, 9.0, 9.0, 2.0])  # 9: of no consequence


def network(settings: Variant, shape: Shape) -> VAE:
    torch.manual_seed(0)
    return VAE(settings, shape).eval().requires_grad_(False)


@pytest.mark.parametrize("case", CASES)
def test_layers_compute_what_the_network_does(case: str) -> None:
    """Decoder and encoder, of some latents in another order; the decoder's others have fixed values."""
    settings, shape = CASES[case]
    model = ternary(TrainedVAE("v", settings, 0, shape, network(settings, shape))).network
    z = torch.from_numpy(REST).float()
    z[LATENTS] = torch.tensor([1.5, -0.5, 0.25])
    expected = model.decode(z[None])[0].permute(1, 2, 0).numpy()
    found = compute(decoder_layers(model, LATENTS, REST), z[LATENTS].double().numpy())
    (top, left), (height, width) = [(a - b) // 2 for a, b in zip(found.shape, shape[1:], strict=False)], shape[1:]
    np.testing.assert_allclose(found[top : top + height, left : left + width], expected, rtol=1e-4, atol=1e-4)
    x = torch.rand(1, *shape)
    mu = compute(encoder_layers(model, shape, LATENTS), x[0].permute(1, 2, 0).double().numpy())
    np.testing.assert_allclose(mu[0, 0], model.encode(x)[0][0, LATENTS].numpy(), rtol=1e-4, atol=1e-4)


def test_a_weight_is_rounded_by_at_most_half_a_step_of_its_output_channel() -> None:
    model = network(*CASES["report"])
    layer = decoder_layers(model, np.arange(6), REST)[-1]
    transposed = model.decoder.layers[-1].weight.numpy()  # (I, O, 4, 4)
    largest = np.abs(layer.weight.astype(int)).max((1, 2))
    assert (largest == MOST).all()  # no bit is wasted
    exact = np.sort(transposed.transpose(1, 0, 2, 3).reshape(3, -1))
    rounded = layer.weight * layer.scale[:, None, None].astype(float)  # (4, 4, I, O)
    found = np.sort(rounded.transpose(3, 0, 1, 2).reshape(3, -1))
    assert np.abs(found - exact).max() <= layer.scale.max() / 2 * (1 + 1e-6)


def test_a_channel_without_weights_stays_without() -> None:
    model = network(*CASES["notebook"])
    model.decoder.layers[1].weight.zero_()
    layer = decoder_layers(model, LATENTS, REST)[1]
    assert not layer.weight.any()
    assert np.isfinite(layer.scale).all()


def test_weights_are_scales_and_biases_of_all_layers_then_int8() -> None:
    one, two = (
        Layer([1, 1, 1], [1, 1, 1], [1, 1], [1, 1], 1, 1, [[0, 0, 0, 0]], False, *arrays)
        for arrays in (
            (np.array([[[[-3]]]], np.int8), np.array([[0.5]], np.float32), np.array([[2.0]], np.float32)),
            (np.array([[[[7]]]], np.int8), np.array([[0.25]], np.float32), np.array([[-1.0]], np.float32)),
        )
    )
    found = weights_of([one, two])
    assert found[:16].view("<f4").tolist() == [0.5, 2.0, 0.25, -1.0]
    assert found[16:].view(np.int8).tolist() == [-3, 7]
