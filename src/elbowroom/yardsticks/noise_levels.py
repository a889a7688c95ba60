"""How many latents pay for their KL at each noise level: what the variance of a Gaussian likelihood decides."""

from collections.abc import Iterator
from itertools import count

from torch import Tensor

from elbowroom.results.used_latents import used_latents
from elbowroom.results.yardstick_rows import NoiseLevel

FINEST = 2.0**-10  # of pixels in [0, 1]: a standard deviation of 8 grey levels
STEP = 2**0.5  # from a level to the next


def noise_levels(dataset: str, spectrum: Tensor, known_from: float = 0.0) -> Iterator[NoiseLevel]:
    """Count the linear VAE's latents from the finest level to the first at which no latent pays for its KL.

    spectrum: the variances of the principal components of pixels in [0, 1], (K,), any order. known_from: the least
    variance of which all larger ones are in the spectrum; finer levels are left out.
    """
    for level in count():
        if (sigma2 := FINEST * STEP**level) < known_from:
            continue
        found = noise_level(dataset, spectrum, sigma2)
        yield found
        if not found.active:
            return


def noise_level(dataset: str, spectrum: Tensor, sigma2: float) -> NoiseLevel:
    """Count the latents of the best linear VAE of variance sigma2.

    A direction of variance lambda is active if lambda > sigma2. Its KL is then 1/2 ln(lambda / sigma2) (Lucas et al.
    2019, arXiv:1911.02469, section 4).
    """
    active = spectrum[spectrum > sigma2]
    kl = (active / sigma2).log() / 2
    used = used_latents(kl.cpu().numpy()) if len(active) else 0
    return NoiseLevel(dataset=dataset, sigma2=sigma2, active=len(active), used=used)
