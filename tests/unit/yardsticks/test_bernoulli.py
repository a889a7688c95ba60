"""Closed forms of the continuous Bernoulli give the best constant picture."""

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import ContinuousBernoulli

from elbowroom.datasets.images import Images
from elbowroom.vae.continuous_bernoulli import log_normaliser
from elbowroom.yardsticks.bernoulli import CLAMP, continuous_bernoulli_logit, cross_entropy
from elbowroom.yardsticks.pixel_statistics import pixel_means


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
