"""The networks are the published ones."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from elbowroom.core import files
from elbowroom.core.errors import StudyError
from elbowroom.core.params import load_study
from elbowroom.core.settings import DATASETS, Variant
from elbowroom.datasets.images import Images, scale
from elbowroom.vae.fast_cpu import Doubling
from elbowroom.vae.latent_space import prior_samples
from elbowroom.vae.model import VAE, parameters, reparameterize
from elbowroom.vae.objective import distortion, pixel_mean
from elbowroom.vae.trained import TrainedVAE, load, load_evolution, save_evolution
from tests.support import ROOT
from tests.support.images import CPU
from tests.support.settings import cifar_variant, variant

SHAPES = {name: facts.shape for name, facts in DATASETS.items()}
PUBLISHED = {
    "mnist-z128": 3_342_305,
    "mnist-z256": 5_538_017,
    "cifar10-z4-c32": 285_355,
    "cifar10-z8-c32": 309_939,
    "cifar10-z16-c32": 359_107,
    "cifar10-z8-c64": 1_131_859,
}


@pytest.mark.parametrize(("name", "count"), PUBLISHED.items())
def test_parameters_are_exactly_the_published(name: str, count: int) -> None:
    settings = load_study(ROOT / "params.yaml").variant(name)
    assert parameters(VAE(settings, SHAPES[settings.dataset])) == count


@pytest.mark.parametrize(("name", "twin"), [("mnist-ae128", "mnist-z128"), ("cifar10-ae16", "cifar10-z16-c32")])
def test_an_autoencoder_is_its_vae_without_the_logvar_head(name: str, twin: str) -> None:
    study = load_study(ROOT / "params.yaml")
    models = [VAE(study.variant(v), SHAPES[study.variant(v).dataset]) for v in (name, twin)]
    head = models[1].encoder.logvar
    assert head is not None
    assert parameters(models[1]) - parameters(models[0]) == parameters(head)
    assert models[0].encoder.logvar is None


@pytest.mark.parametrize("settings", [variant(), cifar_variant(), cifar_variant(network="notebook")])
def test_shapes(settings: object) -> None:
    shape = SHAPES[settings.dataset]  # type: ignore[attr-defined]
    model = VAE(settings, shape)  # type: ignore[arg-type]
    mu, logvar = model.encode(torch.rand(5, *shape))
    assert mu.shape == logvar.shape == (5, 6)
    assert model.decode(mu).shape == (5, *shape)


def test_reparameterize_has_the_moments_it_should() -> None:
    torch.manual_seed(0)
    mu, logvar = torch.tensor([[1.0, -2.0]]), torch.tensor([[0.0, -3.0]])
    z = reparameterize(mu, logvar, torch.randn(200_000, 2))
    torch.testing.assert_close(z.mean(0), mu[0], atol=0.01, rtol=0)
    torch.testing.assert_close(z.var(0), logvar[0].exp(), atol=0.01, rtol=0.01)


def test_an_autoencoders_code_is_mu_exactly() -> None:
    model = VAE(variant(model="ae", beta=0.0), SHAPES["mnist"])
    mu, logvar = model.encode(torch.rand(3, 1, 28, 28))
    assert torch.equal(reparameterize(mu, logvar, torch.randn_like(mu)), mu)


def trained(settings: Variant, seed: int = 0) -> TrainedVAE:
    """An untrained model of these settings, as one that training has given."""
    torch.manual_seed(0)
    shape = SHAPES[settings.dataset]
    return TrainedVAE("v", settings, seed, shape, VAE(settings, shape).to(memory_format=torch.channels_last))


def test_a_saved_model_is_the_same_model(tmp_path: Path) -> None:
    """Its file says all that there is to know about it."""
    model = trained(cifar_variant(), seed=3)
    model.save(tmp_path / "m")
    read = load(tmp_path / "m", CPU)
    assert (read.name, read.variant, read.seed, read.shape) == ("v", cifar_variant(), 3, SHAPES["cifar10"])
    assert not read.network.training
    for name, tensor in model.network.state_dict().items():
        assert torch.equal(tensor, read.network.state_dict()[name])


def test_another_variants_weights_are_refused(tmp_path: Path) -> None:
    trained(variant()).save(tmp_path / "m")
    with pytest.raises(StudyError, match=r"m: found results of another variant \(latent_dim, beta differ\)"):
        load(tmp_path / "m", CPU, variant(latent_dim=7, beta=2.0), 0)


def test_another_seeds_weights_are_refused(tmp_path: Path) -> None:
    trained(variant()).save(tmp_path / "m")
    with pytest.raises(StudyError, match=r"m: found results of seed 0, expected 1$"):
        load(tmp_path / "m", CPU, variant(), 1)


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    """Snapshots, and a model of before its file said the shape of images."""
    save_evolution(tmp_path / "e", {"mu": np.arange(3)}, variant(), seed=0)
    with pytest.raises(StudyError, match=r"e: header: name: Field required, expected a model as the train stage"):
        load(tmp_path / "e", CPU, variant(), 0)
    header = {"name": "v", "variant": variant().model_dump(), "seed": 0, "shape": [1, 28]}
    files.save_arrays(tmp_path / "e", {}, header)
    with pytest.raises(StudyError, match=r"e: header: shape: List should have at least 3 items"):
        load(tmp_path / "e", CPU)


@pytest.mark.parametrize("settings", [variant(), cifar_variant(likelihood="gaussian_optimal")], ids=["mnist", "cifar"])
def test_pictures_do_not_depend_on_how_many_are_made_at_once(settings: Variant, small: dict[str, Images]) -> None:
    """mu, logvar and pictures in [0, 1] of all images at once, written out, against those in batches. 1e-5."""
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


def test_samples_are_decoded_from_the_noise_of_the_seed() -> None:
    first, again, other = trained(variant(), 1), trained(variant(), 1), trained(variant(), 2)
    assert first.sample(3).shape == (3, 1, 28, 28)
    assert torch.equal(first.sample(3), again.sample(3))
    assert not torch.equal(first.sample(3), other.sample(3))
    torch.testing.assert_close(first.sample(3), first.decode(prior_samples(3, 6, seed=1)))


@pytest.mark.parametrize("likelihood", ["gaussian", "gaussian_optimal", "bernoulli", "continuous_bernoulli"])
def test_distortion_is_that_of_the_objective(likelihood: str, small: dict[str, Images]) -> None:
    settings = cifar_variant(likelihood=likelihood)
    model, images, z = trained(settings), small["cifar10"].test.images[:5], torch.randn(5, 6)
    if model.network.sigma2 is not None:
        model.network.sigma2.fill_(0.04)
    with torch.no_grad():
        expected = distortion(settings, scale(images, [0, 1]), model.network.decode(z), model.network.sigma2)
    torch.testing.assert_close(model.distortion(images, z), expected)


def test_snapshots_come_back_to_their_variant_and_seed(tmp_path: Path) -> None:
    settings, evolution = variant(), {name: np.arange(3) for name in ("epochs", "mu", "reconstructions")}
    save_evolution(tmp_path / "e", evolution, settings, seed=0)
    read = load_evolution(tmp_path / "e", settings, 0)
    assert {name: array.tolist() for name, array in read.items()} == {key: [0, 1, 2] for key in evolution}
    with pytest.raises(StudyError, match=r"e: found results of another variant \(channels differ\)"):
        load_evolution(tmp_path / "e", variant(channels=5), 0)
    with pytest.raises(StudyError, match=r"e: found results of seed 0, expected 1$"):
        load_evolution(tmp_path / "e", settings, 1)
    trained(settings).save(tmp_path / "e")
    with pytest.raises(StudyError, match=r"e: found no epochs, mu, reconstructions, expected snapshots"):
        load_evolution(tmp_path / "e", settings, 0)


def test_weights_of_other_shapes_are_refused(tmp_path: Path) -> None:
    replace(trained(variant(latent_dim=7)), variant=variant()).save(tmp_path / "m")
    with pytest.raises(
        StudyError, match=r"m: encoder.mu.weight: found float32 \(7, 288\), expected float32 \(6, 288\)$"
    ):
        load(tmp_path / "m", CPU, variant(), 0)


def test_a_set_variance_is_saved_too(tmp_path: Path) -> None:
    model = trained(variant(likelihood="gaussian_optimal"))
    model.network.sigma2.fill_(0.25)
    model.save(tmp_path / "m")
    assert load(tmp_path / "m", CPU).network.sigma2.item() == 0.25


@pytest.mark.parametrize(
    "settings",
    [variant(latent_dim=16), variant(channels=32, latent_dim=60), cifar_variant(channels=16)],
    ids=["notebook", "notebook-60", "report"],
)
def test_the_folded_decoder_is_the_decoder(settings: Variant) -> None:
    """And so are its gradients, to 1e-11 of the largest in float64 (in float32 ReLUs have kinks).

    Biases are large, so that leaving one out would show.
    """
    torch.manual_seed(0)
    decoder = VAE(settings, SHAPES[settings.dataset]).decoder.double()
    with torch.no_grad():
        decoder.linear.bias.normal_()
        decoder.layers[1].bias.normal_()
    z = (2 * torch.randn(120, settings.latent_dim, dtype=torch.float64)).requires_grad_()
    folded, plain = decoder.folded()(z), decoder.layers(decoder.linear(z))
    assert torch.equal(decoder(z), folded)
    weights = torch.randn_like(plain)
    gradients = [torch.autograd.grad((out * weights).sum(), [z, *decoder.parameters()]) for out in (folded, plain)]
    for found, expected in zip((folded, *gradients[0]), (plain, *gradients[1]), strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-11 * expected.abs().max().item())


def test_nothing_is_folded_where_that_is_dearer() -> None:
    torch.manual_seed(0)
    linear = variant(network="linear", channels=1, latent_dim=3)
    for settings, count in ((linear, 10**6), (variant(channels=1, latent_dim=3000), 10**6), (variant(), 5)):
        decoder, z = VAE(settings, SHAPES["mnist"]).decoder, torch.randn(5, settings.latent_dim)
        assert torch.equal(decoder.for_many(count)(z), decoder.layers(decoder.linear(z)))


@pytest.mark.parametrize("settings", [variant(channels=2), cifar_variant(channels=4)])
def test_it_is_folded_where_that_takes_fewer_multiplications(settings: Variant) -> None:
    """As PyTorch counts them, of some more and some fewer z than it takes to pay."""
    decoder = VAE(settings, SHAPES[settings.dataset]).decoder
    ways = {"folded": lambda z: decoder.folded()(z), "plain": lambda z: decoder.layers(decoder.linear(z))}
    cheapest = []
    for count in range(2, 30):
        cost = {name: multiplications(way, torch.randn(count, 6)) for name, way in {**ways, "chosen": decoder}.items()}
        assert cost["chosen"] == min(cost["folded"], cost["plain"])
        cheapest.append(min(ways, key=lambda name: cost[name]))
    assert set(cheapest) == set(ways)


def multiplications(function: Callable[[Tensor], Tensor], z: Tensor) -> int:
    with FlopCounterMode(display=False) as counter:
        function(z)
    return counter.get_total_flops()


DOUBLINGS = [
    (Doubling(6, 3), nn.ConvTranspose2d(6, 3, 4, stride=2, padding=1), 4),  # shuffled
    (Doubling(6, 5), nn.ConvTranspose2d(6, 5, 4, stride=2, padding=1), 4),
    (Doubling(256, 64), nn.ConvTranspose2d(256, 64, 4, stride=2, padding=1), 3),  # by windows
]


@pytest.mark.parametrize("last", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize(("ours", "theirs", "size"), DOUBLINGS)
def test_layers_are_torchs(ours: nn.Module, theirs: nn.Module, size: int, last: torch.memory_format) -> None:
    """With their gradients, to 1e-11 of the largest in float64; of 10 images, so that the last group is smaller."""
    for pair in outputs_and_gradients(ours.double().to(memory_format=last), theirs.double(), size, last):
        torch.testing.assert_close(*pair, rtol=0, atol=1e-11 * pair[1].abs().max().item())


@pytest.mark.parametrize("last", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize(("ours", "theirs", "size"), DOUBLINGS)
def test_layers_are_torchs_in_bfloat16(
    ours: nn.Module, theirs: nn.Module, size: int, last: torch.memory_format
) -> None:
    """With their gradients, which are float32 as the weights are: to 1 % of the largest, where 8 bits leave 0.4 %."""
    with torch.autocast("cpu", torch.bfloat16):
        output = ours.float()(torch.randn(1, ours.in_channels, size, size))
    assert output.dtype == torch.bfloat16
    pairs = outputs_and_gradients(ours.to(memory_format=last), theirs.float(), size, last, bf16=True)
    for found, expected in pairs[1:]:
        assert found.dtype == torch.float32
        torch.testing.assert_close(found, expected, rtol=0, atol=0.01 * expected.abs().max().item())
    torch.testing.assert_close(pairs[0][0].float(), pairs[0][1], rtol=0, atol=0.01 * pairs[0][1].abs().max().item())


def outputs_and_gradients(
    ours: nn.Module, theirs: nn.Module, size: int, last: torch.memory_format, bf16: bool = False
) -> list[tuple[Tensor, Tensor]]:
    """Outputs, and gradients of the input and each parameter: of a layer, and of PyTorch's with its weights."""
    torch.manual_seed(0)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(10, ours.in_channels, size, size, dtype=ours.weight.dtype).requires_grad_()  # type: ignore[arg-type]
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        first = ours(x.contiguous(memory_format=last))
    outputs = first, theirs(x.contiguous(memory_format=last))
    weights = torch.randn_like(outputs[1])
    both = (
        [out, *torch.autograd.grad((out * weights).sum(), [x, *layer.parameters()])]
        for out, layer in zip(outputs, (ours, theirs), strict=True)
    )
    return list(zip(*both, strict=True))


def test_which_layers_go_by_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the notebook's two the one of 7 x 7 pixels."""
    from elbowroom.vae import fast_cpu

    seen: list[tuple[int, ...]] = []
    original = fast_cpu._by_windows
    monkeypatch.setattr(fast_cpu, "_by_windows", lambda x, gradient: (seen.append(x.shape), original(x, gradient))[1])
    settings = load_study(ROOT / "params.yaml").variant("mnist-z128")
    decoder = VAE(settings, SHAPES["mnist"]).decoder
    decoder(torch.randn(2, 128)).sum().backward()
    assert seen == [(2, 256, 7, 7)]
