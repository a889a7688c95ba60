"""What became of a VAE's latent space, in a word."""

import pandas as pd

from elbowroom.comparison.intervals import paired_interval, wording


def verdict(
    latent_dim: int,
    active_units: pd.Series,
    test_loss: pd.Series,
    mean_image_loss: float,
    smaller_loss: pd.Series | None = None,
) -> str:
    """What became of a VAE's latent space, where every seed says the same; otherwise "seeds differ".

    collapsed: it learned nothing of the single image: no latent is active, or the loss is no better than that of always
    showing the mean image. More latents will not help; another beta or longer training might.
    starved: every latent is active, so a larger latent space might lower the loss.
    saturated: the last latents bought nothing: some are not active, or the loss is not measured to be better than with
    the next smaller latent space.

    active_units, test_loss: a value for each seed, seeds in the index. mean_image_loss: nats per image, of the same
    likelihood and pixel range. smaller_loss: the test loss of the variant that differs in having fewer latents, the
    most of such, by seed, where the study has one; from one seed it says nothing. Raises ValueError where there is no
    seed or a number is missing.
    """
    both = pd.concat({"active": active_units, "loss": test_loss}, axis=1)
    if both.empty or both.isna().to_numpy().any():
        raise ValueError(f"found {both.to_dict('list')}, expected both numbers for every seed, and a seed")

    def of_seed(active: float, loss: float) -> str:
        if active == 0 or loss >= mean_image_loss:
            return "collapsed"
        return "saturated" if active < latent_dim else "starved"

    said = {of_seed(active, loss) for active, loss in both.itertuples(index=False)}
    if said == {"starved"} and smaller_loss is not None:
        gain = paired_interval(test_loss, smaller_loss)
        if gain.seeds > 1 and wording(gain) != "better":
            return "saturated"
    return said.pop() if len(said) == 1 else "seeds differ"
