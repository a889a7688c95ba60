"""Convolutions in bfloat16 on a CPU, whose gradients are products of two matrices.

A matrix unit (AMX, AVX512-bf16) multiplies large matrices fastest, and PyTorch's own gradients of layers with many
channels and few pixels keep it waiting. Here the windows that the kernel sees are copied into one matrix, a row for
each pixel. A single product adds in float32 and rounds once, so nothing is lost beside PyTorch's own.
"""

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor, nn

SMALL = 4  # pixels on a side of an output, at most, whose weight's gradient is faster as a product


class ToBf16(nn.Module):
    """Casts what goes into a network to bfloat16."""

    def forward(self, x: Tensor) -> Tensor:
        return x.to(torch.bfloat16)


class Bf16Conv2d(nn.Module):
    """A convolution in bfloat16 whose weight's gradient is a product if its output is small."""

    def __init__(self, layer: nn.Conv2d) -> None:
        super().__init__()
        self.weight, self.bias, self.stride, self.padding = layer.weight, layer.bias, layer.stride, layer.padding

    def forward(self, x: Tensor) -> Tensor:
        return _Conv2d.apply(x, self.weight, self.bias, self.stride, self.padding)


class _Conv2d(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, stride: tuple[int, int], padding: tuple[int, int]
    ) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        return F.conv2d(x, weight, bias, stride, padding)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor, Tensor, None, None]:
        x, weight = ctx.saved_tensors
        small, pixels = max(gradient.shape[2:]) <= SMALL, rows(gradient)
        wanted = [ctx.needs_input_grad[0], not small, False]
        to_x, to_weight, _ = torch.ops.aten.convolution_backward(
            gradient, x, weight, None, ctx.stride, ctx.padding, (1, 1), False, (0, 0), 1, wanted
        )
        if small:
            windows = windows_of(x, weight.shape[2:], ctx.stride, ctx.padding)  # (B * H' * W', kernel * in)
            to_weight = pixels.T.contiguous() @ windows
            to_weight = to_weight.view(len(weight), *weight.shape[2:], -1).permute(0, 3, 1, 2)
        return to_x, to_weight, sum_of(pixels), None, None


def transposed_backward(x: Tensor, weight: Tensor, gradient: Tensor) -> tuple[Tensor, Tensor]:
    """Compute the gradients of the input and the weight of a transposed convolution (4 x 4, stride 2, padding 1).

    x: (B, in, H, W). weight: (in, out, 4, 4). gradient: (B, out, 2 H, 2 W).
    """
    batch, inputs, height, width = x.shape
    windows = windows_of(gradient, (4, 4), (2, 2), (1, 1))  # (B * H * W, 16 * out)
    to_x = windows @ weight.permute(2, 3, 1, 0).reshape(-1, inputs)
    to_weight = rows(x).T.contiguous() @ windows
    return (
        to_x.view(batch, height, width, inputs).permute(0, 3, 1, 2),
        to_weight.view(inputs, 4, 4, -1).permute(0, 3, 1, 2),
    )


def windows_of(x: Tensor, kernel: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int]) -> Tensor:
    """Copy the windows of x (B, C, H, W) that a kernel sees: (B * pixels, kernel * C), channels last."""
    (vertical, horizontal), (down, right) = padding, stride
    framed = F.pad(x.permute(0, 2, 3, 1), (0, 0, horizontal, horizontal, vertical, vertical))
    windows = framed.unfold(1, kernel[0], down).unfold(2, kernel[1], right)  # (B, H', W', C, kernel)
    return windows.permute(0, 1, 2, 4, 5, 3).reshape(-1, kernel[0] * kernel[1] * x.shape[1])


def rows(x: Tensor) -> Tensor:
    """Return x (B, C, H, W) as (B * H * W, C): no copy if channels are last."""
    return x.permute(0, 2, 3, 1).flatten(0, 2)


def sum_of(pixels: Tensor) -> Tensor:
    """Add rows (N, C) by a product with ones: (C,)."""
    return (pixels.new_ones(1, len(pixels)) @ pixels)[0]
