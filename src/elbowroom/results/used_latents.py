"""How many latents a model uses, by how its KL is shared out among them."""

import numpy as np
import numpy.typing as npt

CARRIED = 0.95


def used_latents(kl: npt.ArrayLike, share: float = CARRIED) -> int:
    """Return the fewest latents whose KL adds up to a share of the whole; 0 if there is no KL.

    kl: the KL of each latent in nats, a mean over test images, in any order. A latent that carries nearly nothing
    counts as active as soon as its mean moves a little, but it does not count here.
    """
    largest_first = np.sort(np.clip(kl, 0, None))[::-1]
    carried = np.cumsum(largest_first)
    if carried[-1] <= 0:
        return 0
    return int(np.searchsorted(carried, share * carried[-1] * (1 - 1e-12))) + 1


def effective_latents(kl: npt.ArrayLike) -> float:
    """Return how many latents of equal KL would share it out as evenly: exp(entropy of the shares); 0 without a KL.

    kl: as in `used_latents`. It needs no threshold: n latents of equal KL count as n, whatever else is nearly 0.
    """
    amounts = np.clip(kl, 0, None)
    if amounts.sum() <= 0:
        return 0.0
    shares = amounts[amounts > 0] / amounts.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))
