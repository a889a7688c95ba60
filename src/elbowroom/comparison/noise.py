"""How many latents VAEs use at the variance of their likelihood, beside the exact linear VAE at every variance."""

from collections.abc import Iterable, Iterator

import pandas as pd

from elbowroom.core.settings import Study
from elbowroom.results.outcomes import State
from elbowroom.results.rows import SizeAnswer
from elbowroom.results.schema import to_rows
from elbowroom.results.yardstick_rows import NoiseLevel, NoisePoint

FULL = 0.9  # of its latents: a VAE that uses so many may use no more because it has no more


def noise_points(
    study: Study, seeds: pd.DataFrame, levels: pd.DataFrame, answers: Iterable[SizeAnswer]
) -> Iterator[NoisePoint]:
    """Return the points of each dataset that has a VAE with a Gaussian likelihood; the linear VAE's come first.

    seeds: variant, seed and metrics, a row for each trained seed. levels: rows of NoiseLevel. Without these for a
    dataset, it has no points. answers: what is known of each VAE.

    Squared error + beta KL is the loss of a Gaussian of variance beta / 2, in units in which the effective beta is that
    for pixels in [0, 1] (vae.objective.effective_beta).
    """
    known = {row.variant: row for row in answers}
    for dataset in study.datasets:
        linear = to_rows(NoiseLevel, levels[levels.dataset == dataset])
        trained = [
            NoisePoint(
                dataset=dataset,
                variant=name,
                latent_dim=variant.latent_dim,
                sigma2=float(own.effective_beta.mean()) / 2,
                active=float(own.active_units.mean()),
                used=(used := float(own.used_latents.mean())),
                verdict=known[name].state,
                open=int(used >= FULL * variant.latent_dim or _is_open(known[name])),
            )
            for name, variant in study.variants.items()
            if variant.dataset == dataset and name in known and variant.beta > 0
            if len(own := seeds[(seeds.variant == name) & seeds.effective_beta.notna()])
        ]
        if linear and trained:
            for level in linear:
                yield NoisePoint(dataset=dataset, sigma2=level.sigma2, active=level.active, used=level.used)
            yield from trained


def _is_open(row: SizeAnswer) -> bool:
    """Whether another training might end with another number of used latents."""
    poor = row.state in (State.UNDERTRAINED, State.UNCLEAR, State.ONE_SEED, State.BARELY_TRAINED, State.STUCK)
    return poor or row.unfinished or row.test_loss > row.linear_loss
