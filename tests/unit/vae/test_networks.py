"""Networks of any layers work for images of any size, and every fast way computes what the plain network does."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from elbowroom.core.networks import Network
from elbowroom.core.settings import Shape, Variant
from elbowroom.vae.fast_cpu import FastDecoder, accelerate, bf16_copy, decoder_for
from elbowroom.vae.model import VAE, Decoder, parameters
from elbowroom.vae.objective import terms
from tests.support.settings import NETWORKS, cifar_variant, variant

thorough = settings(deadline=None, derandomize=True, database=None, max_examples=60)
SIDES = (16, 17, 28, 31, 32, 33, 48, 64, 105, 127, 128)
SHAPES = [(1, side, side) for side in SIDES] + [(3, 16, 128), (3, 105, 48), (1, 33, 17)]
PRESETS = ("notebook", "report", "deep")


def of(name: str, **changes: object) -> Variant:
    """A variant with a network of params.yaml, as narrow as it can be."""
    return variant(**{"network": name, "channels": 1, "pixel_range": [0, 1]} | changes)  # type: ignore[arg-type]


def losses_and_gradients(settings: Variant, model: VAE, x: Tensor, noise: Tensor) -> list[Tensor]:
    measured = terms(settings, model, x, noise)
    wanted = [parameter for parameter in model.parameters() if parameter.numel()]
    return [*measured, *torch.autograd.grad(measured.loss(1.0).mean(), wanted)]


def assert_every_way_is_the_plain_one(settings: Variant, shape: Shape, count: int = 5) -> None:
    """Losses and gradients of the accelerated model, and the decoder layer by layer and folded: to 1e-11, in float64.

    Decoders are also compared for so many z in all that the cheaper way is another.
    """
    torch.manual_seed(0)
    plain = VAE(settings, shape).double()
    fast = accelerate(plain)
    x, noise = torch.rand(count, *shape).double(), torch.randn(count, settings.latent_dim).double()
    assert plain.decode(noise).shape == x.shape
    ours, theirs = (losses_and_gradients(settings, model, x, noise) for model in (fast, plain))
    decoder = FastDecoder(plain.decoder)
    ways = [decoder.layer_by_layer, decoder_for(plain, 1), decoder_for(plain, 10**6)]
    if decoder.foldable is not None:
        ways.append(decoder.folded())
    ours += [way(noise) for way in ways]
    theirs += [plain.decode(noise)] * len(ways)
    for found, expected in zip(ours, theirs, strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-11 * (1 + expected.abs().max().item()))


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "x".join(map(str, shape)))
@pytest.mark.parametrize("name", PRESETS)
def test_presets_work_at_every_size(name: str, shape: Shape) -> None:
    assert_every_way_is_the_plain_one(of(name), shape)


def test_the_layer_whose_gradient_is_a_product_of_windows_works_for_oblong_images() -> None:
    assert_every_way_is_the_plain_one(of("notebook", channels=32), (1, 17, 30), count=6)


def layers(kernels: tuple[int, ...], stride: int) -> st.SearchStrategy[list[int]]:
    return st.builds(lambda width, kernel: [width, kernel, stride], st.integers(1, 3), st.sampled_from(kernels))


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """Any network of a few layers whose decoder enlarges by 16 at most."""
    encoder = draw(st.lists(layers((1, 2, 3, 4, 5, 7), 1) | layers((1, 2, 3, 4, 5, 7), 2), max_size=4))
    decoder = draw(st.lists(layers((1, 3, 5), 1) | layers((2, 4, 6), 2), max_size=4))
    if decoder:
        decoder[-1][0] = "image"
    start = draw(st.integers(1, 3)) if decoder else "image"
    return Network.model_validate({"encoder": encoder, "decoder": decoder, "start": start})


sides = st.integers(16, 40)


@thorough
@given(network=networks(), shape=st.tuples(st.sampled_from((1, 3)), sides, sides), latent_dim=st.integers(1, 9))
def test_any_network_works_for_any_sides_that_it_allows(network: Network, shape: Shape, latent_dim: int) -> None:
    settings = variant(layers=network, latent_dim=latent_dim, channels=1)
    if min(shape[1:]) >= network.smallest_side:
        assert_every_way_is_the_plain_one(settings, shape, count=2)


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
@thorough
@given(network=networks())
def test_no_side_below_the_smallest_works(network: Network) -> None:
    """Either the encoder leaves nothing of it, or the decoder starts with a single pixel and ends larger."""
    settings, side = variant(layers=network, channels=1), network.smallest_side
    VAE(settings, (1, side, side)).encode(torch.rand(1, 1, side, side))
    if side > 1 and side > network.enlargement:
        with pytest.raises(RuntimeError, match=r"Kernel size|empty|non-zero|negative"):
            VAE(settings, (1, side - 1, side - 1)).encode(torch.rand(1, 1, side - 1, side - 1))
    elif side > 1:
        assert network.start_side(side - 1) == network.start_side(side) == 1


def test_a_picture_is_the_middle_of_what_the_decoder_ends_with() -> None:
    """Of 30 x 26 pixels: rows 1 to 30 and columns 3 to 28 of the 32 x 32 that the same weights decode."""
    torch.manual_seed(0)
    whole, cut = (Decoder(cifar_variant(), (3, *sides)) for sides in ((32, 32), (30, 26)))
    cut.load_state_dict(whole.state_dict())
    z = torch.randn(3, 6)
    torch.testing.assert_close(cut(z), whole(z)[:, :, 1:31, 3:29])


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("shape", [(1, 17, 17), (3, 31, 40)], ids=["17x17", "31x40"])
def test_in_bfloat16_gradients_are_near_those_of_float64(name: str, shape: Shape) -> None:
    torch.manual_seed(0)
    settings = of(name, channels=32, likelihood="bernoulli")
    model = VAE(settings, shape).to(memory_format=torch.channels_last)
    x, noise = torch.rand(32, *shape), torch.randn(32, settings.latent_dim)
    exact = losses_and_gradients(settings, copy.deepcopy(model).double(), x.double(), noise.double())
    found = losses_and_gradients(settings, bf16_copy(model), x, noise)
    ours, theirs = (torch.cat([each.double().flatten() for each in part[2:]]) for part in (found, exact))
    assert torch.cosine_similarity(ours, theirs, 0) > 0.997


def test_the_deep_network_has_956_003_parameters() -> None:
    """At 64 x 64 x 3, with 32 channels and 16 latents."""
    assert parameters(VAE(of("deep", channels=32, latent_dim=16), (3, 64, 64))) == 956_003


def published(name: str, settings: Variant, shape: Shape) -> dict[str, nn.Module]:
    """The published networks' layers with weights, in the order in which the studies made them."""
    colours, c, z = shape[0], settings.channels, settings.latent_dim
    if name == "notebook":  # sides 28-14-7-3-3, 7-14-28-28-28
        encoder = [(colours, c, 4, 2), (c, 2 * c, 4, 2), (2 * c, 4 * c, 4, 2), (4 * c, 8 * c, 3, 1)]
        features, start = 8 * c * 3 * 3, 8 * c * 7 * 7
        doubling = [(8 * c, 4 * c), (4 * c, 2 * c)]
        rest = [nn.Conv2d, (2 * c, c), (c, colours)]
    else:  # 32-16-8-4 and back
        encoder = [(colours, c, 3, 2), (c, 2 * c, 3, 2), (2 * c, 4 * c, 3, 2)]
        features = start = 4 * c * 4 * 4
        doubling, rest = [(4 * c, 2 * c), (2 * c, c), (c, colours)], [nn.Conv2d]
    made: dict[str, nn.Module] = {}
    for number, (before, after, kernel, stride) in enumerate(encoder):
        made[f"encoder.layers.{2 * number}"] = nn.Conv2d(before, after, kernel, stride=stride, padding=1)
    made["encoder.mu"] = nn.Linear(features, z)
    if settings.model == "vae":
        made["encoder.logvar"] = nn.Linear(features, z)
    for number, widths in enumerate(doubling):
        made[f"decoder.layers.{2 * number + 1}"] = nn.ConvTranspose2d(*widths, 4, stride=2, padding=1)
    for number, widths in enumerate(rest[1:], len(doubling)):
        made[f"decoder.layers.{2 * number + 1}"] = nn.Conv2d(*widths, 3, padding=1)  # type: ignore[misc]
    made["decoder.linear"] = nn.Linear(z, start)
    return made


@pytest.mark.parametrize("changes", [{}, {"model": "ae", "beta": 0.0}, {"latent_dim": 16}], ids=["VAE", "AE", "16"])
@pytest.mark.parametrize(("name", "shape"), [("notebook", (1, 28, 28)), ("report", (3, 32, 32))])
def test_the_published_networks_start_from_the_weights_that_the_studies_layers_draw(
    name: str, shape: Shape, changes: dict
) -> None:
    """To the bit."""
    settings = of(name, channels=4, **changes)
    torch.manual_seed(7)
    expected = {
        f"{layer}.{key}": value
        for layer, module in published(name, settings, shape).items()
        for key, value in module.state_dict().items()
    }
    torch.manual_seed(7)
    found = VAE(settings, shape).state_dict()
    assert list(found) == list(expected)
    assert all(torch.equal(found[key], expected[key]) for key in expected)


def test_a_network_without_convolutions_is_linear() -> None:
    assert [name for name, network in NETWORKS.items() if network.linear] == ["linear"]
    network = VAE(of("linear"), (3, 17, 20))
    assert parameters(network) == 2 * (6 * 1020 + 6) + 7 * 1020
