"""Why no size of a series does better than always showing the mean image: too little training, or another cause."""

from dataclasses import dataclass

import numpy as np

from elbowroom.results.outcomes import State

NEGLIGIBLE_RATE = 0.1  # nats per image in all: latents that carry no more tell images hardly apart
NEGLIGIBLE_GAIN = 0.01  # the share of what is lacking to the mean image: to gain no more by twice the epochs is a halt


@dataclass(frozen=True)
class Unexplained:
    """A series whose best test loss is no lower than the mean image's. Each is (sizes,), in nats per image.

    rate: the KL on test. gain: what twice the epochs are predicted to take off the training loss, nan if not known.
    behind: the test loss less the mean image's. ahead: the mean image's training loss less the size's, nan if not
    known.
    """

    rate: np.ndarray
    gain: np.ndarray
    behind: np.ndarray
    ahead: np.ndarray

    @property
    def state(self) -> State:
        """The state of all sizes.

        Overfitted: training images are shown better than by their mean, by more than training is still predicted to
        gain. Collapsed: no latent carries anything, and twice the epochs are not predicted to beat the mean image. A
        collapsed model comes near the mean image from above, so they never are once it is near. Stuck: latents carry
        something, but twice the epochs are predicted to gain next to nothing.
        """
        if ((self.ahead > 0) & (self.ahead >= self.gain)).any():
            return State.OVERFITTED
        if (self.rate <= NEGLIGIBLE_RATE).all() and (self.gain <= self.behind).all():
            return State.COLLAPSED
        return State.STUCK if (self.gain <= NEGLIGIBLE_GAIN * self.behind).all() else State.BARELY_TRAINED
