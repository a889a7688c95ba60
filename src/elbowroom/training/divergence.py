"""Notice when training diverges, without making a card wait, and say where."""

import torch
from torch import Tensor

from elbowroom.core.errors import StudyError

EXPLODED = 1000  # nats for each value of an image: no model, however bad, is so far off


class DivergenceWatch:
    """Watches the loss of every step of one seed, by tensors that stay on the device.

    losses: (2,), the loss of the last sound step, and that of the step after it. It goes into checkpoints.
    """

    def __init__(self, seed: int, recipe: str, values: int, device: torch.device) -> None:
        """seed, recipe: what messages name. values: how many an image has, C * H * W."""
        self.seed, self.recipe, self.values = seed, recipe, values
        self.losses = torch.full((2,), torch.nan, dtype=torch.float64, device=device)
        self.sound = torch.ones((), dtype=torch.bool, device=device)  # every step so far
        self.sound_steps = torch.zeros((), dtype=torch.int64, device=device)  # in this epoch

    def begin_epoch(self) -> None:
        """Count steps anew."""
        self.sound_steps.zero_()

    def observe(self, total: Tensor, loss: Tensor, size: int) -> None:
        """Look at a step. total: (2,), distortion and rate summed over its `size` images; loss: (), nats per image."""
        self.losses[1].copy_(torch.where(self.sound, loss, self.losses[1]))
        self.sound &= total.sum().abs() < EXPLODED * size * self.values  # false for nan, too
        self.losses[0].copy_(torch.where(self.sound, loss, self.losses[0]))
        self.sound_steps += self.sound

    def check(self, epoch: int) -> None:
        """Raise StudyError if a step's loss was not finite, or exploded. Waits for the device."""
        if not self.sound:
            raise self.error(f"epoch {epoch}, step {int(self.sound_steps) + 1}", self.losses[1].item())

    def error(self, when: str, found: float) -> StudyError:
        """Return an error that says which loss was found, and which was the last sound one."""
        return StudyError(
            f"training diverged: seed {self.seed}, {when}: found loss {found:g} after {self.losses[0]:g}, expected a "
            f"finite one below {EXPLODED * self.values:,} nats (a lower learning_rate in recipes.{self.recipe} may "
            "help, or warmup_epochs)"
        )
