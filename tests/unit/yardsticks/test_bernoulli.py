"""Closed forms of the continuous Bernoulli equal torch's, and give the best constant picture."""

import math

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (its customary name)
from torch import Tensor
from torch.distributions import ContinuousBernoulli

from elbowroom.datasets.images import Images
from elbowroom.yardsticks.bernoulli import (
    CLAMP,
    continuous_bernoulli_logit,
    continuous_bernoulli_mean,
    cross_entropy,
    log_normaliser,
)
from elbowroom.yardsticks.pixel_statistics import pixel_means


def test_continuous_bernoulli_equals_torchs() -> None:
    """Mean and likelihood, to 1e-6: torch cuts its own series near 1/2 off earlier."""
    logit = torch.cat([torch.linspace(-15, 15, 3001), torch.tensor([1e-3, -1e-3, 1e-5, 0])]).double()
    theirs = ContinuousBernoulli(logits=logit)
    torch.testing.assert_close(continuous_bernoulli_mean(logit), theirs.mean, rtol=0, atol=1e-6)
    x = torch.full_like(logit, 0.3)
    ours = F.softplus(logit) - logit * x - log_normaliser(logit)
    torch.testing.assert_close(ours, -theirs.log_prob(x), rtol=0, atol=1e-6)
    assert log_normaliser(torch.zeros(1)).item() == pytest.approx(math.log(2))


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_the_best_constant_of_the_continuous_bernoulli(published: dict[str, Images], name: str) -> None:
    """Its mean by torch is the pixels' mean to 1e-6, except below 0.063, where the clamp holds it. No logit near it has
    less loss, nor has the logit of the mean.
    """
    mean = pixel_means(published[name].train.images[:2000].flatten(1))
    logit = continuous_bernoulli_logit(mean)
    solved = ContinuousBernoulli(logits=logit).mean
    free = mean > 0.0628
    assert free.sum() > 300
    torch.testing.assert_close(solved[free], mean[free], rtol=0, atol=1e-6)
    torch.testing.assert_close(logit[~free].sigmoid(), torch.full_like(logit[~free], CLAMP))

    def loss(logit: Tensor) -> float:
        return cross_entropy(logit, mean) - log_normaliser(logit).sum().item()

    best = loss(logit)
    most = abs(math.log(CLAMP))
    for other in (logit - 0.01, logit + 0.01, logit - 1, logit + 1, mean.logit(eps=CLAMP)):
        assert loss(other.clamp(-most, most)) > best
