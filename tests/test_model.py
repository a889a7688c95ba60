"""The networks are the published ones."""

import pytest
import torch
from conftest import CPU, ROOT, cifar_variant, variant

from elbowroom.config import DATASETS, StudyError, load_study
from elbowroom.data import Images
from elbowroom.model import VAE, load_model, parameters, reparameterize, save_model

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


def test_a_saved_model_is_the_same_model(tmp_path, small: dict[str, Images]) -> None:
    settings = cifar_variant()
    model = VAE(settings, SHAPES["cifar10"]).to(memory_format=torch.channels_last)
    save_model(tmp_path / "m", model, settings, seed=3)
    read = load_model(tmp_path / "m", settings, SHAPES["cifar10"], CPU)
    assert not read.training
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, read.state_dict()[name])


def test_another_variants_weights_are_refused(tmp_path) -> None:
    settings = variant()
    save_model(tmp_path / "m", VAE(settings, SHAPES["mnist"]), settings, seed=0)
    with pytest.raises(StudyError, match=r"m: found weights of another variant \(latent_dim, beta differ\)"):
        load_model(tmp_path / "m", variant(latent_dim=7, beta=2.0), SHAPES["mnist"], CPU)
