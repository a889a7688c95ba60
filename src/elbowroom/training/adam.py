"""torch.optim.Adam by the function that it calls: the class imports torch's compiler, which takes longer than torch."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor
from torch.optim.adam import adam


class Adam:
    """torch.optim.Adam, fused, with its other settings as they are.

    A captured step keeps the learning rate that it was captured with.
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

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor]) -> None:
        """Update the parameters by their gradients, which may lie in memory otherwise than these do.

        Not to the fused function, which takes both as they lie, element after element.
        """
        pairs = list(zip(self.parameters, gradients, strict=True))
        adam(
            self.parameters,
            [g if g.stride() == p.stride() else torch.empty_like(p).copy_(g) for p, g in pairs],
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
