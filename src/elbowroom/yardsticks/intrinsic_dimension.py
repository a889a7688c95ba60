"""In how many directions do a dataset's images vary? Two estimates from distances to nearest neighbours, no training.

A sanity check beside the latents that a VAE uses. Both estimates are biased low, the more so the more directions there
are: for 5,000 points of a Gaussian with 10 or 20 directions TwoNN finds 9.8 and 17.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from elbowroom.results.yardstick_rows import Dimension, Estimator
from elbowroom.yardsticks.pixel_statistics import signed_parts

MOST_IMAGES = 10_000  # images, the first of the training split
NEIGHBOURS = 20  # of Levina and Bickel's estimate
ROWS = 500  # images at once, whose distances to all others are held in memory


def dimensions(dataset: str, train: Tensor) -> Iterator[Dimension]:
    """Estimate the intrinsic dimension of training images, bytes (N, D). It is nan for fewer than three images."""
    images = distinct(train[:MOST_IMAGES])
    neighbours = min(NEIGHBOURS, len(images) - 1)
    distances = nearest_distances(images, neighbours) if neighbours >= 2 else images.new_empty(0, 2).double()
    for estimator, estimate, used in (
        (Estimator.TWO_NN, two_nn(distances), 2),
        (Estimator.LEVINA_BICKEL, levina_bickel(distances), distances.shape[1]),
    ):
        yield Dimension(dataset=dataset, estimator=estimator, neighbours=used, images=len(images), dimension=estimate)


def distinct(images: Tensor) -> Tensor:
    """Return the images, bytes (N, D), without repetitions, whose distance 0 has no logarithm."""
    first = {image.tobytes(): place for place, image in reversed([*enumerate(images.cpu().numpy())])}
    return images[sorted(first.values())]


def nearest_distances(images: Tensor, neighbours: int) -> Tensor:
    """Compute each image's distances to its nearest other images, ascending: (N, neighbours), float64, exact.

    images: bytes (N, D). Squared distances are whole numbers; float32 adds up the products of EXACT pixels exactly.
    """
    squares = torch.stack([part.square().sum(1).double() for part in signed_parts(images)]).sum(0)
    found = []
    for rows in torch.arange(len(images), device=images.device).split(ROWS):
        squared = squares[rows].unsqueeze(1) + squares
        for part in signed_parts(images):
            squared -= 2 * (part[rows] @ part.T).double()
        squared[torch.arange(len(rows), device=rows.device), rows] = torch.inf  # the image itself
        found.append(squared.topk(neighbours, largest=False).values.sqrt())
    return torch.cat(found)


def two_nn(distances: Tensor) -> float:
    """Estimate by the ratio of the two nearest distances (Facco et al. 2017, doi:10.1038/s41598-017-11873-y).

    distances: (N, 2 or more), ascending. If the density is even that far, ln(r2 / r1) has the mean 1 / dimension; the
    maximum of the likelihood, (N - 1) / sum ln(r2 / r1), is without bias.
    """
    total = (distances[:, 1] / distances[:, 0]).log().sum().item()
    return (len(distances) - 1) / total if total else math.nan


def levina_bickel(distances: Tensor) -> float:
    """Estimate by the distances to k neighbours (Levina and Bickel 2004), inverses averaged over images.

    distances: (N, k), ascending. MacKay and Ghahramani (2005) average the inverses, since a mean of the estimates
    themselves is dominated by few images: 1 / mean of ln(r_k / r_j) over images and j < k.
    """
    mean = (distances[:, -1:] / distances[:, :-1]).log().mean().item()
    return 1 / mean if mean else math.nan
