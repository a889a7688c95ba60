"""explore@<variant>: data/<dataset>, models/<variant>/ -> models/explorer/<variant>"""

from itertools import combinations

import numpy as np
import torch

from elbowroom.core import paths
from elbowroom.core.device import choose_device
from elbowroom.core.params import load_study
from elbowroom.core.stage import run
from elbowroom.datasets.images import load_images, scale, to_bytes
from elbowroom.figures import explorer_sheet
from elbowroom.vae.latent_space import interpolate, principal_plane, slerp
from elbowroom.vae.model import load_evolution, load_model
from elbowroom.vae.objective import kl, pixel_mean

WALKED = 8  # latents


@torch.no_grad()
def main(name: str) -> None:
    study = load_study()
    variant, settings = study.variant(name), study.figures
    where = choose_device()
    images = load_images(variant.dataset, where)
    seed = study.recipes[variant.recipe].seeds[0]
    model = load_model(paths.model_file(name, seed), variant, seed, images.shape, where)
    evolution = load_evolution(paths.evolution_file(name), variant, seed)

    def decode(z: torch.Tensor) -> np.ndarray:
        return np.concatenate([to_bytes(pixel_mean(variant, model.decode(part))) for part in z.split(256)])

    centre, axes, share = principal_plane(evolution["mu"][-1])
    points = (evolution["mu"] - centre) @ axes.T
    limits = explorer_sheet.frame(points[-1])
    plane = centre + explorer_sheet.lattice(limits, settings.explorer_grid) @ axes

    shown = images.test.images[: points.shape[1]]
    mu, logvar = model.encode(scale(shown, variant.pixel_range))
    ends, steps = mu[: settings.explorer_images], settings.interpolation_steps
    between = [path(a, b, steps) for a, b in combinations(ends, 2) for path in (interpolate, slerp)]

    amounts = kl(mu, logvar).mean(0) if variant.model == "vae" else mu.var(0)
    latents = amounts.argsort(descending=True)[:WALKED]
    followed = evolution["reconstructions"]
    layout = explorer_sheet.Layout(settings.explorer_grid, len(ends), steps, len(latents), *followed.shape[:2])
    walks = ends[:1].repeat(len(latents), layout.stops, 1)
    for walk, latent in zip(walks, latents, strict=True):
        middle, deviation = (0, 1) if variant.model == "vae" else (mu[:, latent].mean(), mu[:, latent].std())
        walk[:, latent] = middle + deviation * torch.linspace(
            -explorer_sheet.SPAN, explorer_sheet.SPAN, layout.stops, device=where
        )

    decoded = [decode(z) for z in (torch.from_numpy(plane).to(mu), torch.cat(between), walks.flatten(0, 1))]
    arrays = {
        "tiles": explorer_sheet.sheet(np.concatenate([*decoded, *followed])),
        "images": explorer_sheet.sheet(shown.cpu().numpy()),
        "points": points.astype(np.float32),
        "labels": images.test.labels[: len(shown)].cpu().numpy(),
        "epochs": evolution["epochs"],
        "limits": limits,
        "share": np.array(share),
        "latents": latents.cpu().numpy(),
        "amounts": amounts[latents].cpu().numpy(),
    }
    explorer_sheet.save(name, variant, seed, explorer_sheet.Explored(layout, images.classes, arrays))


if __name__ == "__main__":
    run(main, "variant")
