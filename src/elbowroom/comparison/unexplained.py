"""Why no size of a series does better than always showing the mean image: too little training, or another cause."""

from dataclasses import dataclass

import numpy as np

from elbowroom.results.outcomes import State

NEGLIGIBLE_RATE = 0.1  # nats per image in all: latents that carry no more tell images hardly apart
NEGLIGIBLE_GAIN = 0.05  # the share of what is lacking to the mean image: to gain no more by twice the epochs is a halt


@dataclass(frozen=True)
class Unexplained:
    """A series whose best test loss is no lower than the mean image's. Each is (sizes,), in nats per image.

    rate: the KL on test. gain: what twice the epochs are predicted to take off the training loss, nan if not known.
    fallen: what the epochs after the first took off it, nan if not known. behind: the test loss less the mean image's.
    ahead: the mean image's training loss less the size's, nan if not known.
    """

    rate: np.ndarray
    gain: np.ndarray
    fallen: np.ndarray
    behind: np.ndarray
    ahead: np.ndarray

    @property
    def state(self) -> State:
        """The state of all sizes.

        Overfitted: training images are shown better than by their mean, by more than training is still predicted to
        gain. Collapsed: no latent carries anything, and every size has halted (twice the epochs are predicted to gain
        next to nothing of what it lacks), or is near the mean image, which a collapsed model never beats: it lacks no
        more than it has gained, and is not predicted to get there. Stuck: latents carry something, and every size has
        halted. Otherwise barely trained.
        """
        if ((self.ahead > 0) & (self.ahead >= self.gain)).any():
            return State.OVERFITTED
        halted = self.gain <= NEGLIGIBLE_GAIN * self.behind
        near = (self.gain <= self.behind) & (self.behind <= self.fallen)
        if (self.rate <= NEGLIGIBLE_RATE).all() and (near | halted).all():
            return State.COLLAPSED
        return State.STUCK if halted.all() else State.BARELY_TRAINED
