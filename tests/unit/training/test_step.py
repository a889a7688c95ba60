"""Training steps are those of the published studies."""

import math
from collections.abc import Iterator

import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from elbowroom.core.random_streams import Stream
from elbowroom.core.settings import Variant
from elbowroom.datasets.images import Images, scale
from elbowroom.evaluation.latents import active_units
from elbowroom.training.adam import Adam
from elbowroom.training.step import train_step, warmed_up
from elbowroom.vae.fast_cpu import accelerate
from elbowroom.vae.model import VAE
from elbowroom.vae.objective import split_means, split_noise
from elbowroom.vae.trained import TrainedVAE
from tests.support.images import CPU
from tests.support.settings import cifar_variant, variant

SETTINGS = [variant(), cifar_variant(channels=16), variant(model="ae", beta=0.0), variant(beta=3.0)]


@pytest.mark.parametrize(("real", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
@pytest.mark.parametrize("settings", SETTINGS)
def test_steps_are_the_published_steps(
    settings: Variant, real: torch.dtype, tolerance: float, small: dict[str, Images]
) -> None:
    """Compare the losses of twenty steps with the studies' own formulas, the plain network and torch.optim.Adam.

    The accelerated decoder folds its first two layers: for 64 z they are cheaper as one matrix. In float32, wide
    networks drift apart by more, because any difference in rounding moves units across a ReLU's kink.
    """
    torch.manual_seed(0)
    images = small[settings.dataset]
    ours = VAE(settings, images.shape).to(real).to(memory_format=torch.channels_last)
    theirs = VAE(settings, images.shape).to(real)
    theirs.load_state_dict(ours.state_dict())
    optimizer, fast = Adam(ours.parameters(), 1e-3), accelerate(ours)
    reference = torch.optim.Adam(theirs.parameters(), lr=1e-3)
    assert fast.decoder.for_many(64).__name__ == "decode"
    for _ in range(20):
        x = scale(images.train.images[torch.randint(300, (64,))], settings.pixel_range).to(real)
        noise = torch.randn(64, settings.latent_dim, dtype=real)
        measured = train_step(fast, optimizer, settings, x, noise, settings.beta)
        mu, logvar = theirs.encode(x)
        if settings.model == "ae":
            z, kld = mu, torch.tensor(0.0)
        else:
            z = mu + (logvar / 2).exp() * noise
            kld = -0.5 * torch.sum(1 + logvar - mu**2 - logvar.exp())
        out = theirs.decode(z)
        if settings.likelihood == "gaussian":
            reconstruction = F.mse_loss(torch.tanh(out), x, reduction="sum")
        else:
            reconstruction = F.binary_cross_entropy_with_logits(out, x, reduction="sum")
        loss = (reconstruction + settings.beta * kld) / len(x)
        reference.zero_grad()
        loss.backward()
        reference.step()
        assert measured.loss(settings.beta).mean().item() == pytest.approx(loss.item(), rel=tolerance)


@pytest.fixture
def flushed() -> Iterator[None]:
    """Take denormal numbers for 0: moments of weights without a gradient end there, and cost four times the time."""
    torch.set_flush_denormal(True)
    yield
    torch.set_flush_denormal(False)


@pytest.mark.usefixtures("flushed")
def test_a_linear_vae_reaches_its_closed_form_and_saturates(published: dict[str, Images]) -> None:
    """Its train loss ends within 0.5 % of the optimum (Lucas et al. 2019), and it gives up latents it cannot use.

    The learning rate falls to 0: at a constant one, the noise of z keeps the loss about 2 % above the optimum.
    """
    split, settings = (
        published["mnist"].train,
        variant(network="linear", channels=1, latent_dim=32, pixel_range=[0, 1]),
    )
    images, steps = split.images[:1000], 2000
    x = images.float() / 255
    torch.manual_seed(0)
    model = VAE(settings, (1, 28, 28))
    optimizer = Adam(model.parameters(), 0.01)
    for step in range(steps):
        optimizer.learning_rate = 0.01 * (1 + math.cos(math.pi * step / steps)) / 2
        batch = torch.randint(1000, (200,))
        train_step(model, optimizer, settings, x[batch], torch.randn(200, 32), 1.0)
    loss = split_means(settings, model, images, split_noise(1000, 32, 0, Stream.TRAIN_NOISE, CPU), 500).loss(1).item()
    eigenvalues = torch.linalg.eigvalsh(torch.cov(x.double().flatten(1).T, correction=0))
    used = eigenvalues[eigenvalues > 0.5]
    least = (0.5 * (1 + (2 * used).log())).sum() + eigenvalues[eigenvalues <= 0.5].sum()
    assert least < loss < 1.005 * least
    active = active_units(TrainedVAE("linear", settings, 0, (1, 28, 28), model).encode(images, 500)[0])
    assert active == pytest.approx(len(used), abs=3)
    assert 0 < active < 32


def test_beta_rises_linearly_during_warm_up() -> None:
    epochs = torch.tensor([0.0, 0.5, 1.0, 2.0, 3.0])
    assert warmed_up(3.0, epochs, 2).tolist() == [0, 0.75, 1.5, 3, 3]
    assert warmed_up(3.0, epochs, 0).tolist() == [3] * 5
