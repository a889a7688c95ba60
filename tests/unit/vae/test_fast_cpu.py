"""The accelerated networks compute what the plain ones do."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from elbowroom.core.params import load_study
from elbowroom.core.published_sets import PUBLISHED
from elbowroom.core.settings import Variant
from elbowroom.vae import fast_cpu
from elbowroom.vae.fast_cpu import FastConvTranspose2d, FastDecoder, accelerate, decoder_for
from elbowroom.vae.model import VAE, Decoder
from elbowroom.vae.objective import terms
from tests.support import ROOT
from tests.support.settings import cifar_variant, variant

SHAPES = {name: PUBLISHED[name].shape for name in ("mnist", "cifar10")}
EVERY = {
    "notebook": variant(channels=8),
    "notebook, wide latents": variant(channels=8, latent_dim=200),
    "report": cifar_variant(channels=16),
    "optimal variance": cifar_variant(likelihood="gaussian_optimal"),
    "autoencoder": variant(model="ae", beta=0.0),
    "linear": variant(network="linear", channels=1),
}


@pytest.mark.parametrize("name", EVERY)
def test_an_accelerated_model_computes_the_plain_ones_losses_and_gradients(name: str) -> None:
    """For 50 images in float64, to 1e-11 of the largest. Both have the same parameters to take gradients of."""
    torch.manual_seed(0)
    settings = EVERY[name]
    shape = SHAPES[settings.dataset]
    plain = VAE(settings, shape).double()
    fast = accelerate(plain)
    x, noise = torch.rand(50, *shape, dtype=torch.float64), torch.randn(50, settings.latent_dim, dtype=torch.float64)
    expected, found = (terms(settings, model, x, noise) for model in (plain, fast))
    names = [name for name, _ in plain.named_parameters()]
    wanted = [*plain.parameters()]
    gradients = [torch.autograd.grad(measured.loss(1.0).mean(), wanted) for measured in (expected, found)]
    assert found.distortion.dtype == torch.float64
    pairs = [*zip(found, expected, strict=True), *zip(gradients[1], gradients[0], strict=True)]
    for what, (ours, theirs) in zip(["distortion", "rate", *names], pairs, strict=True):
        limit = 1e-11 * theirs.abs().max().item()
        torch.testing.assert_close(ours, theirs, rtol=0, atol=limit, msg=lambda text, what=what: f"{what}: {text}")


@pytest.mark.parametrize("name", EVERY)
def test_an_accelerated_model_shares_the_plain_ones_weights(name: str) -> None:
    """Both have the same tensors under the same names, and the plain model stays as it is."""
    settings = EVERY[name]
    plain = VAE(settings, SHAPES[settings.dataset])
    before = str(plain)
    fast = accelerate(plain)
    ours, theirs = fast.state_dict(keep_vars=True), plain.state_dict(keep_vars=True)
    assert ours.keys() == theirs.keys()
    assert all(ours[name] is theirs[name] for name in theirs)
    assert str(plain) == before
    if plain.sigma2 is not None:
        assert fast.sigma2 is plain.sigma2
    again = accelerate(fast).state_dict(keep_vars=True)
    assert all(again[name] is theirs[name] for name in theirs)


def decoder_of(settings: Variant) -> tuple[Decoder, FastDecoder]:
    """Return a decoder, plain and accelerated."""
    plain = VAE(settings, SHAPES[settings.dataset]).decoder
    return plain, FastDecoder(plain)


@pytest.mark.parametrize(
    "settings",
    [variant(latent_dim=16), variant(channels=16, latent_dim=60), cifar_variant(channels=16)],
    ids=["notebook", "notebook-60", "report"],
)
def test_the_folded_decoder_is_the_decoder(settings: Variant) -> None:
    """With its gradients, to 1e-11 of the largest in float64; in float32, rounding moves units across a ReLU's kink.

    The biases are large, so that it would show if one were left out.
    """
    torch.manual_seed(0)
    plain, fast = decoder_of(settings)
    plain.double()
    with torch.no_grad():
        plain.linear.bias.normal_()
        plain.layers[1].bias.normal_()
    z = (2 * torch.randn(120, settings.latent_dim, dtype=torch.float64)).requires_grad_()
    outputs = fast.folded()(z), plain(z)
    assert torch.equal(fast(z), outputs[0])
    weights = torch.randn_like(outputs[0])
    gradients = [torch.autograd.grad((out * weights).sum(), [z, *plain.parameters()]) for out in outputs]
    for found, expected in zip((outputs[0], *gradients[0]), (outputs[1], *gradients[1]), strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-11 * expected.abs().max().item())


def test_the_folded_decoder_rectifies_before_it_lays_out_to_the_same_bits() -> None:
    """Output and gradients are those of a decoder whose ReLU comes after the view, in float32."""
    torch.manual_seed(0)
    _, fast = decoder_of(cifar_variant(channels=16))
    fast.to(memory_format=torch.channels_last)
    z = torch.randn(120, 6, requires_grad=True)
    expected = fast.folded()(z)
    unflatten, first, _, *rest = fast.layers
    rows = torch.cat([fast.linear.weight.T, fast.linear.bias.unsqueeze(0)])
    rows = nn.functional.conv_transpose2d(unflatten(rows), first.weight, None, (2, 2), (1, 1))
    rows = rows.permute(0, 2, 3, 1).flatten(1)
    x = torch.addmm(rows[-1] + first.bias.repeat(64), z, rows[:-1]).view(-1, 8, 8, 32).permute(0, 3, 1, 2).relu()
    for layer in rest:
        x = layer(x)
    weights = torch.randn_like(x)
    wanted = [z, *fast.parameters()]
    found, theirs = ([out, *torch.autograd.grad((out * weights).sum(), wanted)] for out in (expected, x))
    assert all(torch.equal(a, b) for a, b in zip(found, theirs, strict=True))


def test_nothing_is_folded_if_that_costs_more() -> None:
    torch.manual_seed(0)
    linear = variant(network="linear", channels=1, latent_dim=3)
    for settings, count in ((linear, 10**6), (variant(channels=1, latent_dim=3000), 10**6), (variant(), 5)):
        model, z = VAE(settings, SHAPES["mnist"]), torch.randn(5, settings.latent_dim)
        fast = FastDecoder(model.decoder)
        assert torch.equal(decoder_for(model, count)(z), fast.layer_by_layer(z))


@pytest.mark.parametrize("settings", [variant(channels=2), cifar_variant(channels=4)])
def test_the_decoder_is_folded_if_that_takes_fewer_multiplications(settings: Variant) -> None:
    """As PyTorch counts them, for numbers of z on both sides of the break-even point."""
    _, fast = decoder_of(settings)
    ways: dict[str, Callable[[Tensor], Tensor]] = {
        "folded": lambda z: fast.folded()(z),
        "layer by layer": fast.layer_by_layer,
    }
    cheapest = []
    for count in range(2, 30):
        cost = {name: multiplications(way, torch.randn(count, 6)) for name, way in {**ways, "chosen": fast}.items()}
        assert cost["chosen"] == min(cost["folded"], cost["layer by layer"])
        cheapest.append(min(ways, key=lambda name: cost[name]))
    assert set(cheapest) == set(ways)


def multiplications(function: Callable[[Tensor], Tensor], z: Tensor) -> int:
    with FlopCounterMode(display=False) as counter:
        function(z)
    return counter.get_total_flops()


LAYERS = [  # channels in and out, pixels on a side
    (6, 3, 4),  # shuffled
    (6, 5, 4),
    (256, 64, 3),  # by windows
]


@pytest.mark.parametrize("last", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize(("inputs", "outputs", "size"), LAYERS)
def test_layers_are_torchs(inputs: int, outputs: int, size: int, last: torch.memory_format) -> None:
    """With their gradients, to 1e-11 of the largest in float64. With 10 images, the last group is smaller."""
    layer = nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1).double()
    for pair in outputs_and_gradients(layer, size, last):
        torch.testing.assert_close(*pair, rtol=0, atol=1e-11 * pair[1].abs().max().item())


def outputs_and_gradients(
    theirs: nn.ConvTranspose2d, size: int, last: torch.memory_format
) -> list[tuple[Tensor, Tensor]]:
    """Return pairs, of the fast layer and of PyTorch's: outputs, and gradients of the input and each parameter."""
    torch.manual_seed(0)
    ours = FastConvTranspose2d(theirs.to(memory_format=last))
    x = torch.randn(10, theirs.in_channels, size, size, dtype=theirs.weight.dtype).requires_grad_()
    outputs = ours(x.contiguous(memory_format=last)), theirs(x.contiguous(memory_format=last))
    weights = torch.randn_like(outputs[1])
    both = ([out, *torch.autograd.grad((out * weights).sum(), [x, *theirs.parameters()])] for out in outputs)
    return list(zip(*both, strict=True))


def test_only_the_large_layer_computes_its_gradient_by_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """That is the notebook's layer of 7 x 7 pixels."""
    seen: list[tuple[int, ...]] = []
    original = fast_cpu._by_windows
    monkeypatch.setattr(fast_cpu, "_by_windows", lambda x, gradient: (seen.append(x.shape), original(x, gradient))[1])
    settings = load_study(ROOT / "params.yaml").variant("mnist-z128")
    accelerate(VAE(settings, SHAPES["mnist"])).decode(torch.randn(2, 128)).sum().backward()
    assert seen == [(2, 256, 7, 7)]
