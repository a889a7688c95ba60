"""What the page decodes with is the model, in fewer latents and bits."""

from itertools import product

import numpy as np
import pytest
import torch

from elbowroom.core.settings import Variant
from elbowroom.datasets.images import Images, scale, to_bytes
from elbowroom.evaluation.live import link, live_model
from elbowroom.vae import continuous_bernoulli, objective
from elbowroom.vae.fast_cpu import accelerate
from elbowroom.vae.int8 import decoder_layers
from elbowroom.vae.latent_space import principal_plane
from elbowroom.vae.model import VAE
from elbowroom.vae.trained import TrainedVAE
from tests.support.int8 import compute
from tests.support.settings import variant

LINKS = {
    "identity": lambda output: output,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "continuous_bernoulli": continuous_bernoulli.mean,
}
LIKELIHOODS = ("gaussian", "gaussian_optimal", "bernoulli", "continuous_bernoulli")


@pytest.mark.parametrize(("likelihood", "network"), [*product(LIKELIHOODS, ("notebook", "linear"))])
@pytest.mark.parametrize("pixel_range", [[0, 1], [-1, 1]], ids=str)
def test_the_link_is_that_of_the_likelihood(likelihood: str, network: str, pixel_range: list[int]) -> None:
    settings = variant(likelihood=likelihood, network=network, pixel_range=pixel_range)
    output, (low, high) = torch.linspace(-3, 3, 7).view(1, 1, 1, 7), pixel_range
    found = (LINKS[link(settings)](output) - low) / (high - low)
    torch.testing.assert_close(found.float(), objective.pixel_mean(settings, output))


def trained(images: Images, settings: Variant) -> TrainedVAE:
    """A VAE after 100 steps: its pictures are of digits."""
    torch.manual_seed(0)
    network = VAE(settings, images.shape)
    fast, optimizer = accelerate(network), torch.optim.Adam(network.parameters(), 0.005)
    for step in range(100):
        x = scale(images.train.images[64 * step % 4096 :][:64], settings.pixel_range)
        loss = objective.terms(settings, fast, x, torch.randn(len(x), settings.latent_dim)).loss(1.0).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return TrainedVAE("v", settings, 0, images.shape, network.eval())


def test_a_trained_decoder_is_off_by_at_most_2_of_255(published: dict[str, Images]) -> None:
    settings = variant(channels=8, latent_dim=8)
    model = trained(published["mnist"], settings)
    codes, _ = model.encode(published["mnist"].test.images[:4])
    layers = decoder_layers(model.network, np.arange(8), np.zeros(8))
    output = np.stack([compute(layers, z.double().numpy())[..., 0] for z in codes])
    found = to_bytes(objective.pixel_mean(settings, torch.from_numpy(output)[:, None])).astype(int)
    expected = to_bytes(model.decode(codes)).astype(int)
    assert expected.std() > 30  # digits
    assert 0 < np.abs(found - expected).max() <= 2


def test_latents_that_carry_nothing_stay_at_their_mean(published: dict[str, Images]) -> None:
    settings = variant()
    model = TrainedVAE("v", settings, 0, (1, 28, 28), VAE(settings, (1, 28, 28)))
    mu = torch.zeros(10, 6)
    mu[:, 1] = torch.linspace(-2, 2, 10)  # varies
    mu[:, 4] = 0.5
    plane = principal_plane(mu.numpy())
    amounts = torch.tensor([0.009, 0.001, 0.0, 3.0, 0.0, 0.02])  # 3 and 5 have a KL
    live = live_model(model, plane, mu, amounts, 3)
    assert live.latents == [3, 5, 1]
    assert live.decoder[0]["inputs"] == [1, 1, 3]
    np.testing.assert_allclose(live.arrays["ends"], mu[:3, [3, 5, 1]])
    assert live.arrays["middle"].tolist() == [0, 0, 0]
    collapsed = live_model(model, plane, torch.zeros(10, 6), torch.zeros(6), 3)
    assert len(collapsed.latents) == 1  # a slider that changes nothing is better than no page
    autoencoder = TrainedVAE("v", variant(model="ae", beta=0.0), 0, (1, 28, 28), model.network)
    all_kept = live_model(autoencoder, plane, mu, mu.var(0), 3)
    assert sorted(all_kept.latents) == list(range(6))
    assert all_kept.latents[0] == 1
    np.testing.assert_allclose(all_kept.arrays["deviation"][0], mu[:, 1].std(correction=0))
    assert all_kept.encoder is not None
