"""Adam, without the class torch.optim.Adam, whose import is slow.

This calls the function that the class calls. Constructing the class imports torch's compiler, which takes every stage
that trains as much processor time again as its other imports (docs/adr/0008-training.md has the numbers). A test holds
the two to the same bits.
"""

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.optim.adam import adam


class Adam:
    """torch.optim.Adam(parameters, lr=learning_rate, fused=True).

    A step that a CUDA graph captures keeps the learning rate of that moment. `state` is made here, not at the first
    step, so that a checkpoint can be restored into it before that.
    """

    def __init__(self, parameters: Iterable[Tensor], learning_rate: float) -> None:
        self.parameters = list(parameters)
        self.learning_rate = learning_rate
        self.means = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.squares = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.steps = [torch.zeros((), device=parameter.device) for parameter in self.parameters]

    @property
    def state(self) -> list[Tensor]:
        return [*self.means, *self.squares, *self.steps]

    def zero_grad(self) -> None:
        """Forget the gradients, so that the next backward pass makes new ones instead of adding to these."""
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Update the parameters by their gradients, which backward() lays out in memory as the parameters are."""
        adam(
            self.parameters,
            [parameter.grad for parameter in self.parameters],  # type: ignore[misc]
            self.means,
            self.squares,
            [],
            self.steps,
            fused=True,
            capturable=self.parameters[0].is_cuda,
            amsgrad=False,
            beta1=0.9,
            beta2=0.999,
            lr=self.learning_rate,
            weight_decay=0.0,
            eps=1e-8,
            maximize=False,
        )
