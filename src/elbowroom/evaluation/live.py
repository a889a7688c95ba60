"""Make of a trained model what the report's page decodes with."""

import numpy as np
from torch import Tensor

from elbowroom.core.pixel_range import SYMMETRIC
from elbowroom.core.settings import ACTIVE_THRESHOLD, Variant
from elbowroom.figures.live_model import LiveModel
from elbowroom.vae import int8
from elbowroom.vae.latent_space import Plane
from elbowroom.vae.trained import TrainedVAE

DRAWN = (1, 28, 28)  # images that can be drawn by hand on the page, and so need the encoder there


def live_model(model: TrainedVAE, plane: Plane, mu: Tensor, amounts: Tensor, ends: int) -> LiveModel:
    """Return the model in int8, with the latents that matter for these images; the others stay at their mean.

    mu: (N, latent_dim). amounts: how much each latent is used, (latent_dim,). ends: how many images to slide between.
    """
    codes, used = mu.double().cpu().numpy(), amounts.double().cpu().numpy()
    is_vae = model.variant.model == "vae"
    order = (-used).argsort(kind="stable")
    latents = order[(used[order] > ACTIVE_THRESHOLD) | (codes.var(0)[order] > ACTIVE_THRESHOLD)] if is_vae else order
    latents = latents if len(latents) else order[:1]
    middle, deviation = (np.zeros(len(latents)), np.ones(len(latents))) if is_vae else _moments(codes[:, latents])
    decoder = int8.decoder_layers(model.network, latents, codes.mean(0))
    encoder = int8.encoder_layers(model.network, model.shape, latents) if model.shape == DRAWN else None
    arrays = {
        "decoder": int8.weights_of(decoder),
        **({} if encoder is None else {"encoder": int8.weights_of(encoder)}),
        "amounts": used[latents],
        "middle": middle,
        "deviation": deviation,
        "centre": plane.centre[latents],
        "axes": plane.axes[:, latents],
        "ends": codes[:ends, latents],
    }
    return LiveModel(
        link(model.variant),
        model.variant.pixel_range,
        latents.tolist(),
        [layer.description for layer in decoder],
        None if encoder is None else [layer.description for layer in encoder],
        {name: array if array.dtype == np.uint8 else array.astype(np.float32) for name, array in arrays.items()},
    )


def link(variant: Variant) -> str:
    """Name the function that turns the decoder's output into the mean of p(x|z); decoder.js has one of each name."""
    if variant.likelihood == "bernoulli":
        return "sigmoid"
    if variant.likelihood == "continuous_bernoulli":
        return "continuous_bernoulli"
    if variant.layers.linear:
        return "identity"
    return "tanh" if variant.pixel_range == SYMMETRIC else "sigmoid"


def _moments(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return codes.mean(0), codes.std(0)
