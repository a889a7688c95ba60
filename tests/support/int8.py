"""What the layers of vae.int8 mean, computed slowly in NumPy; models for the page, without training."""

import math

import numpy as np
import torch
from torch import nn

from elbowroom.figures.live_model import LiveModel
from elbowroom.vae.int8 import Layer
from elbowroom.vae.trained import TrainedVAE


def compute(layers: list[Layer], image: np.ndarray) -> np.ndarray:
    """Compute a network's output (H, W, C) from its input (H, W, C), by the definition in `Layer`."""
    for layer in layers:
        image = _layer(layer, image.reshape(layer.inputs))
    return image


def _layer(layer: Layer, x: np.ndarray) -> np.ndarray:
    (height, width, _), (down, across), y = x.shape, layer.taps, np.full(layer.outputs, np.nan)
    weights = layer.weight * layer.scale[:, None, None].astype(float)
    for (top, left, below, beside), weight, bias in zip(layer.parts, weights, layer.bias, strict=True):
        for i, j in np.ndindex(*layer.grid):
            total = bias.astype(float)
            for tap, (r, c) in enumerate(np.ndindex(down, across)):
                row, column = i * layer.stride + top + r, j * layer.stride + left + c
                if 0 <= row < height and 0 <= column < width:
                    total = total + x[row, column] @ weight[tap]
            y[i * layer.step + below, j * layer.step + beside] = np.maximum(total, 0) if layer.relu else total
    return y


def live_model(decoder: int, encoder: int = 0) -> LiveModel:
    """A live model of one latent that computes nothing, with so many bytes of weights; 0: without an encoder."""
    one = np.zeros(1, np.float32)
    arrays = dict.fromkeys(("amounts", "middle", "deviation", "centre"), one)
    arrays |= {"axes": np.zeros((2, 1), np.float32), "ends": np.zeros((2, 1), np.float32)}
    arrays |= {"decoder": np.zeros(decoder, np.uint8), "encoder": np.zeros(encoder, np.uint8)}
    return LiveModel("tanh", [-1, 1], [0], [], [] if encoder else None, arrays)


def ternary(model: TrainedVAE) -> TrainedVAE:
    """Give the model random weights that int8 has without an error, -w, 0 and w in each layer, and return it.

    Signals neither fade nor grow through them (He et al. 2015, eq. 10).
    """
    torch.manual_seed(0)
    for layer in model.network.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            fan_in = layer.weight[0].numel()
            if isinstance(layer, nn.ConvTranspose2d):
                fan_in = layer.weight[:, 0].numel() // 4  # of the four pixels that it makes of one, each sees a quarter
            layer.weight.data = torch.randint(-1, 2, layer.weight.shape) * math.sqrt(3 / fan_in)
    return model
