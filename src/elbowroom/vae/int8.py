"""An encoder or a decoder as int8 layers, small enough for the report's page, which computes them itself.

Every layer becomes convolutions that a single kernel computes (report/templates/kernel.ts): a linear layer has one for
each pixel of its output, a transposed convolution of stride 2 has one for each of the four pixels that it makes of one.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor, nn

from elbowroom.core.settings import Shape
from elbowroom.vae.model import VAE

MOST = 127  # the largest int8 that has a negative


@dataclass(frozen=True)
class Layer:
    """P convolutions of one input (height, width, I), each for a part of the output (height, width, O).

    inputs, outputs: [height, width, channels]. Convolution p computes a grid [rows, columns] of pixels. The pixel at
    (i, j) is at (i * step + below, j * step + beside) of the output. It sees `taps` [down, across] of the input, the
    first at (i * stride + top, j * stride + left); outside the input there are zeros. parts: [top, left, below, beside]
    of each convolution. relu: whether the output is at least 0.

    weight: (P, down * across, I, O), int8. scale, bias: (P, O), float32; a weight is an int8 times its output
    channel's scale.
    """

    inputs: list[int]
    outputs: list[int]
    grid: list[int]
    taps: list[int]
    stride: int
    step: int
    parts: list[list[int]]
    relu: bool
    weight: np.ndarray
    scale: np.ndarray
    bias: np.ndarray

    @property
    def description(self) -> dict[str, Any]:
        """All but the arrays, for JSON."""
        return {name: value for name, value in vars(self).items() if not isinstance(value, np.ndarray)}


def decoder_layers(model: VAE, latents: np.ndarray, rest: np.ndarray) -> list[Layer]:
    """Return the layers of a decoder that takes these latents only.

    latents: the numbers of those it takes (K,), in the order in which it takes them. rest: the values that the others
    have, (latent_dim,); those of the latents that it takes do not matter.
    """
    decoder = model.decoder
    unflatten, *layers = decoder.layers
    channels, height, width = unflatten.unflattened_size  # type: ignore[misc]
    weight, bias = (
        _array(part).reshape(channels, height, width, -1) for part in (decoder.linear.weight, decoder.linear.bias)
    )
    fixed = np.asarray(rest, np.float64)[np.setdiff1d(np.arange(weight.shape[-1]), latents)]
    others = np.delete(weight, latents, axis=-1) @ fixed  # what the other latents add
    places = [[0, 0, below, beside] for below in range(height) for beside in range(width)]
    found = [
        _layer(
            inputs=[1, 1, len(latents)],
            outputs=[height, width, channels],
            grid=[1, 1],
            taps=[1, 1],
            parts=places,
            weight=weight[..., latents].transpose(1, 2, 3, 0).reshape(height * width, 1, len(latents), channels),
            bias=(bias[..., 0] + others).transpose(1, 2, 0).reshape(height * width, channels),
        )
    ]
    convolutions = [layer for layer in layers if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)]
    for layer in convolutions:
        size, relu = found[-1].outputs, layer is not convolutions[-1]
        if isinstance(layer, nn.ConvTranspose2d):
            found.append(_transposed(layer, size, relu))
        else:
            found.append(_convolution(layer, size, relu))
    return found


def encoder_layers(model: VAE, shape: Shape, latents: np.ndarray) -> list[Layer]:
    """Return the layers of an encoder of images (C, H, W) that gives mu of these latents only (K,), in their order."""
    encoder, (colours, height, width) = model.encoder, shape
    size, found = [height, width, colours], []
    for layer in encoder.layers:
        if isinstance(layer, nn.Conv2d):
            found.append(_convolution(layer, size, relu=True))
            size = found[-1].outputs
    down, across, channels = size
    weight = _array(encoder.mu.weight)[latents].reshape(len(latents), channels, down, across)
    mu = _layer(
        inputs=size,
        outputs=[1, 1, len(latents)],
        grid=[1, 1],
        taps=[down, across],
        weight=weight.transpose(2, 3, 1, 0).reshape(1, down * across, channels, -1),
        bias=_array(encoder.mu.bias)[None, latents],
    )
    return [*found, mu]


def weights_of(layers: list[Layer]) -> np.ndarray:
    """Return the scales and biases of all layers as little-endian float32, then all weights as int8: (B,) uint8."""
    floats = [array.astype("<f4").ravel() for layer in layers for array in (layer.scale, layer.bias)]
    ints = [layer.weight.ravel() for layer in layers]
    return np.concatenate([np.concatenate(floats).view(np.uint8), np.concatenate(ints).view(np.uint8)])


def _convolution(layer: nn.Conv2d, inputs: list[int], relu: bool) -> Layer:
    kernel, stride, pad = layer.kernel_size[0], layer.stride[0], int(layer.padding[0])
    height, width = ((side + 2 * pad - kernel) // stride + 1 for side in inputs[:2])
    weight = _array(layer.weight).transpose(2, 3, 1, 0)  # (kernel, kernel, I, O)
    return _layer(
        inputs=inputs,
        outputs=[height, width, layer.out_channels],
        grid=[height, width],
        taps=[kernel, kernel],
        stride=stride,
        parts=[[-pad, -pad, 0, 0]],
        relu=relu,
        weight=weight.reshape(1, kernel**2, *weight.shape[2:]),
        bias=_bias(layer, 1),
    )


def _transposed(layer: nn.ConvTranspose2d, inputs: list[int], relu: bool) -> Layer:
    """Split a transposed convolution of stride 2 and an even kernel into four convolutions of half the kernel."""
    kernel, pad = layer.kernel_size[0], int(layer.padding[0])
    weight = _array(layer.weight).transpose(2, 3, 0, 1)  # (kernel, kernel, I, O)
    # At output pixel 2 i + odd, tap `first - 2 t` of the kernel sees input pixel i + nearest + t.
    firsts = [kernel - 1 - (kernel - 1 - odd - pad) % 2 for odd in (0, 1)]
    nearest = [(odd + pad - first) // 2 for odd, first in zip((0, 1), firsts, strict=True)]
    parts, weights = [], []
    for below in (0, 1):
        for beside in (0, 1):
            parts.append([nearest[below], nearest[beside], below, beside])
            seen = weight[firsts[below] :: -2][:, firsts[beside] :: -2]
            weights.append(seen.reshape(-1, *seen.shape[2:]))
    return _layer(
        inputs=inputs,
        outputs=[2 * inputs[0], 2 * inputs[1], layer.out_channels],
        grid=inputs[:2],
        taps=[kernel // 2, kernel // 2],
        step=2,
        parts=parts,
        relu=relu,
        weight=np.stack(weights),
        bias=_bias(layer, 4),
    )


def _layer(
    *,
    inputs: list[int],
    outputs: list[int],
    grid: list[int],
    taps: list[int],
    weight: np.ndarray,
    bias: np.ndarray,
    stride: int = 1,
    step: int = 1,
    parts: list[list[int]] | None = None,
    relu: bool = False,
) -> Layer:
    """Round the weights to int8, by one scale for each output channel of each part."""
    scale = np.maximum(np.abs(weight).max((1, 2)) / MOST, np.finfo(np.float32).tiny).astype(np.float32)
    rounded = np.clip(np.rint(weight / scale[:, None, None]), -MOST, MOST).astype(np.int8)
    where = parts or [[0, 0, 0, 0]]
    return Layer(inputs, outputs, grid, taps, stride, step, where, relu, rounded, scale, bias.astype(np.float32))


def _bias(layer: nn.Conv2d | nn.ConvTranspose2d, parts: int) -> np.ndarray:
    assert layer.bias is not None
    return np.tile(_array(layer.bias), (parts, 1))


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().cpu().double().numpy()
