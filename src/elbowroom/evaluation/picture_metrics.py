"""Measure the pictures that a model decodes: reconstructions and paths between images."""

import torch
from torch import Tensor

from elbowroom.core.pixel_range import UNIT
from elbowroom.datasets.images import batches, scale
from elbowroom.evaluation.image_metrics import peak_signal_noise_ratio, structural_similarity
from elbowroom.evaluation.latents import evenness
from elbowroom.evaluation.setup import UNDEFINED, Metrics, Setup
from elbowroom.vae.latent_space import interpolate, slerp


def reconstruction(setup: Setup, mu: Tensor) -> tuple[Metrics, Tensor]:
    """psnr (dB) and ssim of test images against their reconstructions from mu (N, latent_dim): means over images.

    Also returns the reconstructions' judge features (N, D); without judges (N, 0).
    """
    images, size = setup.images.test.images, setup.settings.batch_size
    total = torch.zeros(2, dtype=torch.float64, device=images.device)
    features = []
    for batch, made in zip(batches(len(images), size), setup.decode(mu), strict=True):
        real = scale(images[batch], UNIT)
        psnr, ssim = peak_signal_noise_ratio(made, real), structural_similarity(made, real)
        total += torch.stack([psnr, ssim]).double().sum(1)
        features.append(setup.judge.features(made) if setup.judges else made.new_empty(len(made), 0))
    mean_psnr, mean_ssim = (total / len(images)).tolist()
    return {"psnr": mean_psnr, "ssim": mean_ssim}, torch.cat(features)


def smoothness(setup: Setup, mu: Tensor) -> Metrics:
    """path_* and step_*: how evenly pictures change on paths between test images, in judge features (`evenness`).

    linear, slerp: paths between the mu (N, latent_dim) of images 0 and 1, 2 and 3, and so on. blend: to compare with,
    a cross-fade of the pixels of a path's two end pictures. All are UNDEFINED without judges.
    """
    if not setup.judges:
        return {f"{what}_{way}": UNDEFINED for way in ("linear", "slerp", "blend") for what in ("path", "step")}
    settings, judge = setup.settings, setup.judge
    steps = settings.path_steps
    pairs = mu[: 2 * min(settings.path_pairs, len(mu) // 2)].unflatten(0, (-1, 2))
    found: Metrics = {}
    for name, path in (("linear", interpolate), ("slerp", slerp)):
        z = torch.cat([path(start, end, steps) for start, end in pairs])
        made = torch.cat(list(setup.decode(z))).unflatten(0, (-1, steps))
        features = torch.stack([judge.features(pictures) for pictures in made])
        found[f"path_{name}"], found[f"step_{name}"] = evenness(features)
    blends = []
    for start, end in made[:, [0, -1]]:
        blend = interpolate(start.flatten(), end.flatten(), steps).unflatten(1, start.shape)
        blends.append(judge.features(blend))
    found["path_blend"], found["step_blend"] = evenness(torch.stack(blends))
    return found
