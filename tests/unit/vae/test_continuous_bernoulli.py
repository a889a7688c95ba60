"""The continuous Bernoulli is exact at every logit, also near 0 and far from it, in float32."""

import math
from collections.abc import Callable
from decimal import Decimal, localcontext

import pytest
import torch
from torch import Tensor

from elbowroom.vae.continuous_bernoulli import log_normaliser, mean, negative_log_density
from elbowroom.vae.objective import distortion, pixel_mean
from tests.support.settings import cifar_variant

SETTINGS = cifar_variant(likelihood="continuous_bernoulli")
TINY = (0.0, 1e-8, 1e-5, 9.99e-4, 1e-3, 1.001e-3, 0.01, 0.05, 0.3)  # both sides of where the series ends
LOGITS = torch.tensor([*TINY, *(-logit for logit in TINY), *torch.linspace(-50, 50, 101).tolist()])  # float32
GREY = [0.0, 1 / 255, 0.3, 0.5, 1.0]


def exact_loss(logit: Decimal, x: Decimal) -> Decimal:
    """-log p(x), from the definition: the density is proportional to exp(logit x) on [0, 1]."""
    return ((logit.exp() - 1) / logit).ln() - logit * x if logit else Decimal(0)


def exact_mean(logit: Decimal) -> Decimal:
    return 1 / (1 - (-logit).exp()) - 1 / logit if logit else Decimal("0.5")


def exact(function: Callable[..., Decimal], *grids: list[float]) -> Tensor:
    """Compute with 60 digits."""
    with localcontext(prec=60):
        return torch.tensor([float(function(*map(Decimal, values))) for values in zip(*grids, strict=True)])


@pytest.mark.parametrize("x", GREY)
def test_values_and_gradients_are_exact_in_float32(x: float) -> None:
    """Against 60 digits, for logits of -50 to 50: both to 1e-6. The gradient is the mean less x."""
    output = LOGITS.view(-1, 1, 1, 1).clone().requires_grad_()
    pixels = torch.full_like(output, x)
    found = distortion(SETTINGS, pixels, output)
    found.sum().backward()
    grey = pixels.flatten().tolist()
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.detach(), exact(exact_loss, LOGITS.tolist(), grey), rtol=1e-6, atol=1e-7)
    slopes = exact(lambda logit, value: exact_mean(logit) - value, LOGITS.tolist(), grey)
    assert output.grad is not None
    torch.testing.assert_close(output.grad.flatten(), slopes, rtol=0, atol=1e-6)


def test_the_mean_is_exact_and_so_is_the_normaliser() -> None:
    logits = LOGITS.tolist()
    torch.testing.assert_close(mean(LOGITS).float(), exact(exact_mean, logits), rtol=1e-6, atol=0)
    torch.testing.assert_close(pixel_mean(SETTINGS, LOGITS), exact(exact_mean, logits), rtol=1e-6, atol=0)
    assert log_normaliser(torch.zeros(1)).item() == pytest.approx(math.log(2))


def test_a_density_is_finite_and_has_a_gradient_at_any_float32() -> None:
    logit = torch.tensor([-1e30, -1e4, 0.0, 1e-30, 1e4, 1e30], requires_grad=True)
    loss = negative_log_density(logit, torch.full_like(logit, 0.5))
    loss.sum().backward()
    assert loss.isfinite().all()
    assert logit.grad is not None
    torch.testing.assert_close(logit.grad, torch.tensor([-0.5, -0.4999, 0, 0, 0.4999, 0.5]), rtol=0, atol=1e-6)
