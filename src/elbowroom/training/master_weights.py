"""Float32 weights for a network that computes in bfloat16: copies take the steps' gradients, Adam updates the weights.

Micikevicius et al. 2018, section 3.1. bfloat16 has 8 bits, so an update of less than 1/256 of a weight would be lost.
Unlike autocast, which casts each weight anew where it is used, this casts all of them once a step, to the same place.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

from elbowroom.training.adam import Adam


class MasterWeights:
    """An optimizer for `copies` in bfloat16 of the parameters that `adam` updates, in the same order."""

    def __init__(self, adam: Adam, copies: Iterable[Tensor]) -> None:
        self.adam, self.copies = adam, list(copies)
        self.gradients = [torch.zeros_like(parameter) for parameter in adam.parameters]  # laid out as the parameters

    def zero_grad(self) -> None:
        for copied in self.copies:
            copied.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Update the float32 parameters by the copies' gradients, then the copies."""
        torch._foreach_copy_(self.gradients, [copied.grad for copied in self.copies])  # type: ignore[misc]
        for parameter, gradient in zip(self.adam.parameters, self.gradients, strict=True):
            parameter.grad = gradient
        self.adam.step()
        self.refresh()

    @torch.no_grad()
    def refresh(self) -> None:
        """Make the copies those of the parameters as they are now."""
        torch._foreach_copy_(self.copies, self.adam.parameters)
