"""How many latents a model uses: the fewest that carry nearly all of its KL."""

from collections.abc import Sequence

import numpy as np

SHARE = 0.95


def used_latents(kl: Sequence[float], share: float = SHARE) -> int:
    """Return the fewest latents whose KL adds up to a share of the whole; 0 if there is no KL.

    kl: the KL of each latent in nats, a mean over test images, in any order. A latent that carries nearly nothing
    counts as active as soon as its mean moves a little, but it does not count here.
    """
    largest_first = np.sort(np.clip(kl, 0, None))[::-1]
    carried = np.cumsum(largest_first)
    if carried[-1] <= 0:
        return 0
    return int(np.searchsorted(carried, share * carried[-1] * (1 - 1e-12))) + 1
