"""What became of a VAE's latent space in training."""

import pandas as pd

from elbowroom.comparison.intervals import outcome, paired_interval
from elbowroom.results.outcomes import Outcome, Verdict


def verdict(
    latent_dim: int,
    active_units: pd.Series,
    test_loss: pd.Series,
    mean_image_loss: float,
    smaller_loss: pd.Series | None = None,
) -> Verdict:
    """Judge the latent space of a VAE; SEEDS_DIFFER unless every seed says the same.

    COLLAPSED: no latent is active, or the loss is no better than that of always showing the mean image. More latents
    will not help; another beta or longer training might.
    STARVED: every latent is active, so a larger latent space might lower the loss.
    SATURATED: some latents are not active, or the loss is not measured to be better than with the next smaller size.

    active_units, test_loss: a value for each seed, seeds in the index. mean_image_loss: nats per image, in the same
    loss family. smaller_loss: the test loss by seed of the next smaller variant of the series, if there is one; from
    one seed it says nothing. Raises ValueError if there is no seed or a number is missing.
    """
    both = pd.DataFrame({"active": active_units, "loss": test_loss})
    if both.empty or both.isna().to_numpy().any():
        raise ValueError(f"found {both.to_dict('list')}, expected both numbers for every seed, and a seed")

    def of_seed(active: float, loss: float) -> Verdict:
        if active == 0 or loss >= mean_image_loss:
            return Verdict.COLLAPSED
        return Verdict.SATURATED if active < latent_dim else Verdict.STARVED

    found = {of_seed(active, loss) for active, loss in zip(both.active, both.loss, strict=True)}
    if found == {Verdict.STARVED} and smaller_loss is not None:
        gain = paired_interval(test_loss, smaller_loss)
        if gain.seeds > 1 and outcome(gain) is not Outcome.BETTER:
            return Verdict.SATURATED
    return found.pop() if len(found) == 1 else Verdict.SEEDS_DIFFER
