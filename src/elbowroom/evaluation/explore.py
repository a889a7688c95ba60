"""Decode the pictures of a model's latent space that the report's page lets readers explore."""

from itertools import combinations

import numpy as np
import torch
from torch import Tensor

from elbowroom.core.files import Arrays
from elbowroom.core.settings import Figures
from elbowroom.datasets.images import Images, to_bytes
from elbowroom.evaluation.live import live_model
from elbowroom.figures import explorer_sheet
from elbowroom.figures.explorer_sheet import Explored, SheetLayout
from elbowroom.figures.live_model import LiveModel
from elbowroom.vae.latent_space import interpolate, principal_plane, slerp
from elbowroom.vae.objective import kl
from elbowroom.vae.trained import TrainedVAE

WALKED = 8  # latents


def explore(model: TrainedVAE, evolution: Arrays, images: Images, settings: Figures) -> tuple[Explored, LiveModel]:
    """Decode a grid of the map of mu, paths between test images, and walks along the most used latents.

    Return these pictures, and what the page decodes others with. evolution: the model's snapshots through training; the
    map shows mu of the test images that these followed.
    """
    plane = principal_plane(evolution["mu"][-1])
    points = plane.project(evolution["mu"])
    limits = explorer_sheet.frame(points[-1])
    grid = plane.lift(explorer_sheet.lattice(limits, settings.explorer_grid))

    shown = images.test.images[: points.shape[1]]
    mu, logvar = model.encode(shown)
    ends, steps = mu[: settings.explorer_images], settings.interpolation_steps
    between = [path(a, b, steps) for a, b in combinations(ends, 2) for path in (interpolate, slerp)]

    is_vae = model.variant.model == "vae"
    amounts = kl(mu, logvar).mean(0) if is_vae else mu.var(0)
    latents = amounts.argsort(descending=True)[:WALKED]
    followed = evolution["reconstructions"]
    layout = SheetLayout(settings.explorer_grid, len(ends), steps, len(latents), *followed.shape[:2])
    walks = _walks(mu, latents, layout.stops, of_prior=is_vae)

    decoded = to_bytes(model.decode(torch.cat([torch.from_numpy(grid).to(mu), *between, walks])))
    arrays = {
        "tiles": explorer_sheet.sheet(decoded),
        "film": explorer_sheet.sheet(followed.reshape(-1, *images.shape)),
        "images": explorer_sheet.sheet(shown.cpu().numpy()),
        "points": points.astype(np.float16),
        "epochs": evolution["epochs"],
        "limits": limits,
        "share": np.array(plane.share),
        "latents": latents.cpu().numpy(),
        "amounts": amounts[latents].cpu().numpy(),
    }
    if (labels := images.first_labels(len(shown))) is not None:
        arrays["labels"] = labels
    explored = Explored(layout, images.classes, images.shape[1:], arrays)
    return explored, live_model(model, plane, mu, amounts, len(ends))


def _walks(mu: Tensor, latents: Tensor, stops: int, *, of_prior: bool) -> Tensor:
    """Walk from the first mu along each of these latents: (len(latents) * stops, latent_dim).

    Each walk is three standard deviations long on either side of the mean: those of the prior, or else those of mu
    (N, latent_dim).
    """
    walks = mu[:1].repeat(len(latents), stops, 1)
    for walk, latent in zip(walks, latents, strict=True):
        middle, deviation = (0, 1) if of_prior else (mu[:, latent].mean(), mu[:, latent].std())
        span = torch.linspace(-explorer_sheet.SPAN, explorer_sheet.SPAN, stops, device=mu.device)
        walk[:, latent] = middle + deviation * span
    return walks.flatten(0, 1)
