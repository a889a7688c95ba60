"""Points, paths and planes in latent space."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from elbowroom.core.random_streams import Stream, generator


def prior_samples(count: int, latent_dim: int, seed: int) -> Tensor:
    """Draw z ~ N(0, I): (count, latent_dim), on the CPU.

    A seed gives the same first latents for every latent_dim, so that variants can be compared on the same noise.
    """
    draws = generator(seed, Stream.PRIOR)
    return torch.stack([torch.randn(count, generator=draws) for _ in range(latent_dim)], dim=1)


def interpolate(start: Tensor, end: Tensor, steps: int) -> Tensor:
    """Return the straight path from start to end, both (latent_dim,): (steps, latent_dim), including both ends."""
    weight = torch.linspace(0, 1, steps, device=start.device).unsqueeze(1)
    return torch.lerp(start, end, weight)


def slerp(start: Tensor, end: Tensor, steps: int) -> Tensor:
    """Return the path along the great circle from start to end: (steps, latent_dim), including both ends.

    The angle changes evenly, and so does the length if the ends (latent_dim,) differ in it (White 2016,
    arXiv:1609.04468, section 2.1). The path is straight if an end is zero, or if both point the same or opposite way.
    """
    cosine = torch.nn.functional.cosine_similarity(start.double(), end.double(), dim=0)
    angle = torch.arccos(cosine.clamp(-1, 1))
    if start.norm() == 0 or end.norm() == 0 or angle.sin() < 1e-4:
        return interpolate(start, end, steps)
    weight = torch.linspace(0, 1, steps, dtype=torch.float64, device=start.device).unsqueeze(1)
    path = (torch.sin((1 - weight) * angle) * start + torch.sin(weight * angle) * end) / angle.sin()
    return path.to(start.dtype)


class Plane(NamedTuple):
    """A plane through latent space.

    centre: (latent_dim,). axes: (2, latent_dim), orthonormal; with one latent, the second is zero. share: how much of
    the variance of the points that the plane was fitted to lies in it.
    """

    centre: np.ndarray
    axes: np.ndarray
    share: float

    def project(self, points: np.ndarray) -> np.ndarray:
        """Coordinates in the plane (..., 2) of points (..., latent_dim)."""
        return (points - self.centre) @ self.axes.T

    def lift(self, coordinates: np.ndarray) -> np.ndarray:
        """Points (..., latent_dim) of the plane at coordinates (..., 2)."""
        return self.centre + coordinates @ self.axes


def principal_plane(mu: np.ndarray) -> Plane:
    """Fit the plane of the first two principal components to mu (N, latent_dim).

    Each axis points to where its largest entry is positive.
    """
    mu = np.asarray(mu, np.float64)
    centre = mu.mean(0)
    _, singular, axes = np.linalg.svd(mu - centre, full_matrices=False)
    variance = singular**2
    axes = np.concatenate([axes, np.zeros_like(axes)])[:2]
    largest = axes[range(2), np.abs(axes).argmax(1)]
    axes = axes * np.where(largest < 0, -1, 1)[:, None]
    return Plane(centre, axes, float(variance[:2].sum() / variance.sum()) if variance.sum() > 0 else 0.0)
