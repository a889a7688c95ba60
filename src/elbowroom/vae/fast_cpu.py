"""The transposed convolution of torch.nn, rearranged where PyTorch is slow on a CPU.

A bias's gradient takes PyTorch up to half as long as that of the weights, and a product with ones next to nothing. The
gradient of a large transposed convolution's weights is faster as a plain matrix product. A transposed convolution with
few output channels is a convolution with four times as many, which fill a vector register, shuffled into place.
benchmarks/RESULTS.md has what that comes to, layer by layer.
"""

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor, nn

MANY = 2**18  # weights
TOGETHER = 4  # images at a time, whose windows then fit in a core's own cache
LANES = 16  # of a vector register
# Of the kernel's four rows (or columns): what an even and an odd pixel get from before, at and after theirs; 4 is none.
TAPS = [[3, 1, 4], [4, 2, 0]]


class Doubling(nn.ConvTranspose2d):
    """nn.ConvTranspose2d with a 4 x 4 kernel: (B, C, H, W) -> (B, out_channels, 2 H, 2 W)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, 4, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        if x.is_cuda:
            return super().forward(x)
        inputs: tuple[Tensor, ...] = x, *self.parameters()
        if torch.is_autocast_enabled("cpu"):  # which knows nothing of a function of ours
            inputs = tuple(tensor.to(torch.get_autocast_dtype("cpu")) for tensor in inputs)
        return _Doubling.apply(*inputs)


class _Doubling(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        if 4 * len(bias) <= LANES:
            return _shuffled(x, weight, bias)
        return F.conv_transpose2d(x, weight, bias, 2, 1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        windows = weight.numel() >= MANY and x.dtype != torch.bfloat16  # whose few digits are no place to add up in
        to_x, to_weight, _ = torch.ops.aten.convolution_backward(
            gradient, x, weight, None, (2, 2), (1, 1), (1, 1), True, (0, 0), 1, [True, not windows, False]
        )
        pixels = gradient.permute(0, 2, 3, 1).flatten(0, 2)  # (B * H * W, C), no copy where channels are last
        to_bias = pixels.new_ones(1, len(pixels)) @ pixels
        return to_x, _by_windows(x, gradient) if windows else to_weight, to_bias[0]


def _shuffled(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Doubling: each pixel's four by a 3 x 3 convolution."""
    taps = F.pad(weight, (0, 1, 0, 1))[:, :, TAPS][..., TAPS]  # (in, out, 2, 3, 2, 3)
    taps = taps.permute(1, 2, 4, 0, 3, 5).flatten(0, 2).contiguous(memory_format=torch.channels_last)
    return F.pixel_shuffle(F.conv2d(x, taps, bias.repeat_interleave(4), padding=1), 2)


def _by_windows(x: Tensor, gradient: Tensor) -> Tensor:
    """The gradient of Doubling's weights (in, out, 4, 4): each pixel of x times its window of the gradient, summed."""
    (_, inputs, height, width), outputs = x.shape, gradient.shape[1]
    framed = gradient.new_zeros(TOGETHER, 2 * height + 2, 2 * width + 2, outputs)
    found = gradient.new_zeros(16 * outputs, inputs)
    for some, pixels in zip(gradient.split(TOGETHER), x.permute(0, 2, 3, 1).split(TOGETHER), strict=True):
        framed[: len(some), 1:-1, 1:-1] = some.permute(0, 2, 3, 1)
        windows = framed[: len(some)].unfold(1, 4, 2).unfold(2, 4, 2)  # (B, H, W, out, 4, 4)
        found.addmm_(windows.permute(0, 1, 2, 4, 5, 3).reshape(-1, 16 * outputs).T, pixels.reshape(-1, inputs))
    return found.view(4, 4, outputs, inputs).permute(3, 2, 0, 1)
