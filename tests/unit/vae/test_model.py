"""The networks are the published ones."""

import pytest
import torch

from elbowroom.core.params import load_study
from elbowroom.core.published_sets import PUBLISHED
from elbowroom.vae.model import VAE, parameters, reparameterize
from tests.support import ROOT
from tests.support.settings import cifar_variant, variant

SHAPES = {name: PUBLISHED[name].shape for name in ("mnist", "cifar10")}
PUBLISHED = {
    "mnist-z128": 3_342_305,
    "mnist-z256": 5_538_017,
    "cifar10-z4-c32": 285_355,
    "cifar10-z8-c32": 309_939,
    "cifar10-z16-c32": 359_107,
    "cifar10-z8-c64": 1_131_859,
}


@pytest.mark.parametrize(("name", "count"), PUBLISHED.items())
def test_the_number_of_parameters_is_the_published_one(name: str, count: int) -> None:
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


def test_reparameterize_gives_the_mean_and_variance_it_should() -> None:
    torch.manual_seed(0)
    mu, logvar = torch.tensor([[1.0, -2.0]]), torch.tensor([[0.0, -3.0]])
    z = reparameterize(mu, logvar, torch.randn(200_000, 2))
    torch.testing.assert_close(z.mean(0), mu[0], atol=0.01, rtol=0)
    torch.testing.assert_close(z.var(0), logvar[0].exp(), atol=0.01, rtol=0.01)


def test_the_code_of_an_autoencoder_is_exactly_mu() -> None:
    model = VAE(variant(model="ae", beta=0.0), SHAPES["mnist"])
    mu, logvar = model.encode(torch.rand(3, 1, 28, 28))
    assert torch.equal(reparameterize(mu, logvar, torch.randn_like(mu)), mu)
