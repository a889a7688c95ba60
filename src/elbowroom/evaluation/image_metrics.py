"""Compare pictures: PSNR and SSIM of pairs, Fréchet and kernel distance between two sets of features.

torchmetrics has all four, and tests hold these to its results bit for bit. It is not imported here, since that takes
three times as long as importing torch, each time a variant is evaluated.
"""

import math

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor

WINDOW_DEVIATION = 1.5  # of SSIM's Gaussian window, pixels
WINDOW_RADIUS = 5  # where the window ends: 11 pixels wide
KERNEL_SUBSETS = 100  # this and the size as in Binkowski et al. 2018
KERNEL_SUBSET_SIZE = 1000


def peak_signal_noise_ratio(made: Tensor, real: Tensor) -> Tensor:
    """10 log10(1 / MSE) of each pair of pictures (N, C, H, W) in [0, 1]: (N,), dB."""
    return (made - real).square().mean((1, 2, 3)).log() * (-10 / math.log(10))


def structural_similarity(made: Tensor, real: Tensor) -> Tensor:
    """SSIM of each pair of pictures (N, C, H, W) in [0, 1]: (N,), 1 for equal ones.

    The mean over pixels and channels, in a Gaussian window, with pictures mirrored at their edges. Wang et al. 2004,
    equation 13, with its constants.
    """
    c1, c2 = 0.01**2, 0.03**2
    offsets = torch.arange(-WINDOW_RADIUS, WINDOW_RADIUS + 1, dtype=made.dtype, device=made.device)
    bell = torch.exp(-((offsets / WINDOW_DEVIATION).square()) / 2)
    bell = bell / bell.sum()
    channels = made.shape[1]
    window = torch.outer(bell, bell).expand(channels, 1, -1, -1)
    a, b = (F.pad(pictures, [WINDOW_RADIUS] * 4, mode="reflect") for pictures in (made, real))
    smoothed = F.conv2d(torch.cat([a, b, a * a, b * b, a * b]), window, groups=channels)
    mean_a, mean_b, square_a, square_b, product = smoothed.chunk(5)
    variance_a = (square_a - mean_a.square()).clamp(min=0)  # rounding may leave it below
    variance_b = (square_b - mean_b.square()).clamp(min=0)
    covariance = product - mean_a * mean_b
    similarity = ((2 * (mean_a * mean_b) + c1) * (2 * covariance + c2)) / (
        (mean_a.square() + mean_b.square() + c1) * (variance_a + variance_b + c2)
    )
    return similarity.flatten(1).mean(1)


def frechet_distance(real: Tensor, made: Tensor) -> float:
    """The squared Fréchet distance of two Gaussians, fitted to features (N, D) and (M, D); N and M at least 2.

    |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)), computed in float64; Heusel et al. 2017, arXiv:1706.08500, equation 6.
    Biased upwards, the more the fewer pictures, most of all for fewer than D, whose covariance is singular. So compare
    values of the same N and M only. For samples the floor is the distance between test and training images; for
    reconstructions of the real images it is 0.
    """
    (mean_real, cov_real), (mean_made, cov_made) = (_mean_and_covariance(part.cpu().double()) for part in (real, made))
    roots = torch.linalg.eigvals(cov_real @ cov_made).sqrt().real.sum()
    distance = (mean_real - mean_made).square().sum() + (cov_real.trace() + cov_made.trace()) - 2 * roots
    return max(0.0, distance.item())  # rounding may leave it just below


def _mean_and_covariance(features: Tensor) -> tuple[Tensor, Tensor]:
    """The mean (D,) and the unbiased covariance (D, D) of features (N, D)."""
    count = len(features)
    mean = features.sum(0) / count
    return mean, (features.T @ features - count * torch.outer(mean, mean)) / (count - 1)


def kernel_distance(real: Tensor, made: Tensor, seed: int = 0) -> float:
    """The squared maximum mean discrepancy of features (N, D) and (M, D) with a cubic kernel; N and M at least 2.

    The mean over random subsets, which depend on the seed alone, computed in float64; Binkowski et al. 2018,
    arXiv:1801.01401. Unbiased, so that it falls below 0 as often as above if the sets do not differ.
    """
    real, made = real.cpu().double(), made.cpu().double()
    size = min(KERNEL_SUBSET_SIZE, len(real), len(made))
    subsets = 1 if size == len(real) == len(made) else KERNEL_SUBSETS  # all subsets would be the same
    generator = torch.Generator().manual_seed(seed)
    distances = []
    for _ in range(subsets):
        real_subset, made_subset = (
            part[torch.randperm(len(part), generator=generator)[:size]] for part in (real, made)
        )
        distances.append(_squared_discrepancy(real_subset, made_subset))
    return torch.stack(distances).mean().item()


def _squared_discrepancy(real: Tensor, made: Tensor) -> Tensor:
    """The unbiased estimate from features (M, D) and (M, D), in which no feature meets itself."""
    count = len(real)
    within = [kernel.sum(1) - kernel.diagonal() for kernel in (_cubic_kernel(real, real), _cubic_kernel(made, made))]
    between = _cubic_kernel(real, made).sum(0)
    return (within[0].sum() + within[1].sum()) / (count * (count - 1)) - 2 * between.sum() / count**2


def _cubic_kernel(a: Tensor, b: Tensor) -> Tensor:
    return (a @ b.T * (1 / a.shape[1]) + 1) ** 3
