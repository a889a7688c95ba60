"""Losses as other codes write them have the gradients of ours, up to a factor, with the beta that is stated."""

import doctest
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (its customary name)
from torch import Tensor
from torch.distributions import Normal

from elbowroom.core.pixel_range import PixelRange
from elbowroom.vae.loss_scale import Term, equivalent_beta, equivalent_sigma2
from elbowroom.vae.objective import kl
from tests.support import ROOT

B, C, H, W, L = 5, 3, 4, 2, 7
D = C * H * W
PAGE = ROOT / "docs/loss-scales.md"
Loss = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]  # of output, x, mu, logvar


def gradient(loss: Loss, span: float = 1.0) -> Tensor:
    """The gradient of a loss by a batch's outputs, means and variances. span: x and output are in [0, span]."""
    generator = torch.Generator().manual_seed(0)
    x, output = torch.rand(2, B, C, H, W, generator=generator, dtype=torch.float64)
    mu, logvar = torch.randn(2, B, L, generator=generator, dtype=torch.float64)
    leaves = [part.requires_grad_() for part in (output, mu, logvar)]
    loss(leaves[0] * span, x * span, *leaves[1:]).backward()
    return torch.cat([leaf.grad.flatten() for leaf in leaves])  # type: ignore[union-attr]


def ours(beta: float, error: Callable[..., Tensor] = F.mse_loss) -> Loss:
    """What `training` minimises: errors summed over pixels, KL over latents, the mean over images."""
    return lambda output, x, mu, logvar: (
        error(output, x, reduction="none").flatten(1).sum(1) + beta * kl(mu, logvar).sum(1)
    ).mean()


def assert_same_direction(one: Tensor, other: Tensor) -> None:
    torch.testing.assert_close(one / one.norm(), other / other.norm())


def pytorch_examples(output: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """`loss_function` of pytorch/examples, vae/main.py."""
    bce = F.binary_cross_entropy(output.view(-1, D), x.view(-1, D), reduction="sum")
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return bce + kld


def pytorch_vae(output: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """`loss_function` of PyTorch-VAE, models/vanilla_vae.py, with the weight of its configurations."""
    recons_loss = F.mse_loss(output, x)
    kld_loss = torch.mean(-0.5 * torch.sum(1 + logvar - mu**2 - logvar.exp(), dim=1), dim=0)
    return recons_loss + 0.00025 * kld_loss


def beta_vae_normalised(output: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """Higgins et al. 2017: beta KL with beta = beta_norm x pixels / latents; here beta_norm = 0.01."""
    return (output - x).square().sum() + 0.01 * D / L * kl(mu, logvar).sum()


def density(output: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """The negative ELBO of a Gaussian of standard deviation 0.3."""
    return (-Normal(output, 0.3).log_prob(x).flatten(1).sum(1) + kl(mu, logvar).sum(1)).mean()


def divided_by_batch_and_pixels(output: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """pytorch/examples before 2018 (its issue 234): both are means over pixels."""
    return F.mse_loss(output, x) + kl(mu, logvar).sum() / (B * D)


def means_of_everything(output: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    return F.mse_loss(output, x) + 0.1 * kl(mu, logvar).mean()


def kl_summed_over_the_batch(output: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    return F.mse_loss(output, x) + 0.1 * kl(mu, logvar).sum()


def half_the_error(output: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    return 0.5 * (output - x).square().sum() + kl(mu, logvar).sum()


def divided_by_batch(output: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    return (F.mse_loss(output, x, reduction="sum") + kl(mu, logvar).sum()) / B


def beta_vae(output: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """Higgins et al. 2017, eq. 4, with beta = 4."""
    return (output - x).square().sum() + 4 * kl(mu, logvar).sum()


CONVENTIONS: list[tuple[Loss, str, dict[str, float], Callable[..., Tensor]]] = [
    (pytorch_examples, "sums over everything, as pytorch/examples", {}, F.binary_cross_entropy),
    (divided_by_batch, "sums, divided by the batch", {}, F.mse_loss),
    (beta_vae, "beta-VAE (Higgins et al. 2017), weight b", {"b": 4.0}, F.mse_loss),
    (beta_vae_normalised, "the same, stated as beta_norm = b L / D", {"b_norm": 0.01}, F.mse_loss),
    (half_the_error, "half the squared error", {}, F.mse_loss),
    (density, "Gaussian of standard deviation s", {"s": 0.3}, F.mse_loss),
    (pytorch_vae, "mean squared error, weight w, as PyTorch-VAE", {"w": 0.00025}, F.mse_loss),
    (means_of_everything, "the same, KL a mean over latents as well", {"w": 0.1}, F.mse_loss),
    (kl_summed_over_the_batch, "mean squared error, KL summed over the batch", {"w": 0.1}, F.mse_loss),
    (divided_by_batch_and_pixels, "KL divided by B D, error a mean", {}, F.mse_loss),
]


def table() -> dict[str, list[str]]:
    """The rows of the page's table: error, KL and beta by the loss's description."""
    rows = re.findall(r"^\| (.+) \|$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {cells[0]: cells[1:] for cells in (row.split(" | ") for row in rows)}


def beta_of(row: str, weights: dict[str, float]) -> float:
    """Run a row of the page's table as an example; return the beta of its terms, which is the one that it states."""
    error, kl_term, stated = (cell.strip("`") for cell in table()[row])
    source = f">>> beta = equivalent_beta({error}, {kl_term}, sizes)\n>>> abs(beta / ({stated}) - 1) < 1e-12\nTrue\n"
    names: dict[str, Any] = {"sizes": {"batch": B, "pixels": D, "latents": L}, "B": B, "D": D, "L": L} | weights
    names |= {"Term": Term, "equivalent_beta": equivalent_beta}
    example = doctest.DocTestParser().get_doctest(source, names, row, str(PAGE), 0)
    assert doctest.DocTestRunner().run(example, clear_globs=False) == (0, 2)
    return float(example.globs["beta"])


@pytest.mark.parametrize(("loss", "row", "weights", "error"), CONVENTIONS, ids=lambda it: getattr(it, "__name__", ""))
def test_a_loss_of_another_code_has_our_gradient_with_the_stated_beta(
    loss: Loss, row: str, weights: dict[str, float], error: Callable[..., Tensor]
) -> None:
    assert_same_direction(gradient(loss), gradient(ours(beta_of(row, weights), error)))


def test_every_convention_of_the_page_is_tested() -> None:
    head = "the other loss"
    assert [row for row in table() if row != head] == [row for _, row, _, _ in CONVENTIONS]


@pytest.mark.parametrize("span", [2.0, 1 / 0.3081, 255.0])
@pytest.mark.parametrize("pixel_range", [[0, 1], [-1, 1]])
def test_pixels_of_another_scale(span: float, pixel_range: PixelRange) -> None:
    """A shift of pixels leaves their differences, so [0, 2] stands for [-1, 1] on both sides."""
    low, high = pixel_range
    sizes: Any = {"pixels": D}
    theirs = Term(mean_over=("batch", "pixels")), Term(0.00025, ("batch",))
    beta = equivalent_beta(*theirs, sizes | {"batch": B}, span=span, pixel_range=pixel_range)
    assert_same_direction(gradient(pytorch_vae, span), gradient(ours(beta), high - low))


@pytest.mark.parametrize("pixel_range", [[0, 1], [-1, 1]])
def test_the_stated_variance_makes_the_loss_an_elbo(pixel_range: PixelRange) -> None:
    sigma = equivalent_sigma2(3.0, pixel_range) ** 0.5
    low, high = pixel_range

    def elbo(output: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
        return (-Normal(output, sigma).log_prob(x).flatten(1).sum(1) + kl(mu, logvar).sum(1)).mean()

    assert_same_direction(gradient(elbo), gradient(ours(3.0), high - low))


def test_the_examples_of_the_page_run() -> None:
    failed, tried = doctest.testfile(str(PAGE), module_relative=False)
    assert (failed, tried > 5) == (0, True)


def test_what_has_no_equivalent_is_an_error() -> None:
    with pytest.raises(KeyError, match="latents"):
        equivalent_beta(Term(), Term(mean_over=("latents",)), {"batch": B})
    with pytest.raises(ZeroDivisionError):
        equivalent_beta(Term(0.0), Term(), {})
