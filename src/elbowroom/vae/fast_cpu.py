"""The same networks in less time: `accelerate` swaps in rearranged layers that share the model's parameters.

Three rearrangements, mostly for a CPU (benchmarks/RESULTS.md has what each saves):

- Nothing stands between the decoder's linear layer and its first transposed convolution, so the two are one linear map.
  Its matrix is built and applied if that takes fewer multiplications than the two layers ("folded").
- In the backward pass of a transposed convolution, the gradient of the bias is a product with ones, and that of a large
  weight a matrix product of the input with windows of the output's gradient.
- A transposed convolution with few output channels is a convolution with four times as many, which fill a vector
  register, and whose outputs are shuffled into place.
"""

import copy
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor, nn

from elbowroom.vae import fast_bf16
from elbowroom.vae.model import VAE, Decoder

LARGE = 2**18  # elements of a weight whose gradient is faster as a matrix product
TOGETHER = 4  # images at a time in that product: their windows fit into a core's own cache
LANES = 16  # of a vector register
# A kernel has four rows (or columns). Which of them an even, and an odd, output pixel gets from the input pixel before
# it, at it and after it; 4 stands for none.
TAPS = [[3, 1, 4], [4, 2, 0]]


def accelerate(model: VAE) -> VAE:
    """Return a model that computes the same, up to rounding, in less time, and shares this one's parameters.

    Move the model to its device first: buffers are not shared with a model that is moved afterwards.
    """
    shared = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    fast = copy.deepcopy(model, shared)  # which copies no tensor in this dictionary
    fast.encoder.layers = _fast_layers(model.encoder.layers)
    fast.decoder = FastDecoder(model.decoder)  # type: ignore[assignment]
    return fast


def bf16_copy(model: VAE) -> VAE:
    """Return an accelerated copy that computes in bfloat16, with weights of its own, for training on a CPU.

    It takes float32 and gives bfloat16. Its parameters are in the model's order and memory layout.
    """
    low = copy.deepcopy(model)
    for part in (low.encoder, low.decoder):
        part.to(torch.bfloat16)
    fast = accelerate(low)
    fast.encoder.layers = nn.Sequential(fast_bf16.ToBf16(), *map(_bf16_layer, fast.encoder.layers))
    return fast


def decoder_for(model: VAE, count: int) -> Callable[[Tensor], Tensor]:
    """Return what decodes `count` z in all, batch by batch, with the fewest multiplications.

    What it precomputes from the weights is computed here, once.
    """
    return FastDecoder(model.decoder).for_many(count)


def _fast_layers(layers: nn.Sequential) -> nn.Sequential:
    return nn.Sequential(*map(_fast_layer, layers))


def _fast_layer(layer: nn.Module) -> nn.Module:
    if isinstance(layer, nn.ConvTranspose2d) and layer.kernel_size == (4, 4):
        return FastConvTranspose2d(layer)
    return nn.ReLU(inplace=True) if isinstance(layer, nn.ReLU) else layer


def _bf16_layer(layer: nn.Module) -> nn.Module:
    return fast_bf16.Bf16Conv2d(layer) if isinstance(layer, nn.Conv2d) else layer


class FastDecoder(nn.Module):
    """A decoder that folds its first two layers into one if that takes fewer multiplications."""

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.layers = _fast_layers(decoder.layers)
        self.linear = decoder.linear

    def forward(self, z: Tensor) -> Tensor:
        return self.for_many(len(z))(z.to(self.linear.weight.dtype))

    def for_many(self, count: int) -> Callable[[Tensor], Tensor]:
        """Return the cheaper of two equivalent decoders for `count` z: layer by layer, or folded if it is foldable."""
        if (first := self.foldable) is not None:  # its output has four times as many pixels as its input
            latent_dim, features = self.linear.in_features, self.linear.out_features
            in_channels, out_channels = first.weight.shape[:2]
            pixels = features // in_channels
            convolution = pixels * first.weight.numel()
            apart = count * (latent_dim * features + convolution)
            together = (latent_dim + 1) * convolution + count * latent_dim * 4 * pixels * out_channels
            if together < apart:
                return self.folded()
        return self.layer_by_layer

    @property
    def foldable(self) -> "FastConvTranspose2d | None":
        """The first convolution if it is of the kind that can be folded: one that doubles, with a 4 x 4 kernel."""
        first = self.layers[1] if len(self.layers) > 1 else None
        return first if isinstance(first, FastConvTranspose2d) else None

    def layer_by_layer(self, z: Tensor) -> Tensor:
        return self.layers(self.linear(z))

    def folded(self) -> Callable[[Tensor], Tensor]:
        """Return a decoder whose linear layer and first transposed convolution are one matrix, computed here."""
        unflatten, first, *rest = self.layers
        assert isinstance(first, FastConvTranspose2d)
        rectified = bool(rest) and isinstance(rest[0], nn.ReLU)
        rows = torch.cat([self.linear.weight.T, self.linear.bias.unsqueeze(0)])
        rows = F.conv_transpose2d(unflatten(rows), first.weight, None, (2, 2), (1, 1))
        _, channels, height, width = rows.shape
        rows = rows.permute(0, 2, 3, 1).flatten(1)  # (latent_dim + 1, H * W * C): channels last
        matrix, constant = rows[:-1], rows[-1] + first.bias.repeat(height * width)

        def decode(z: Tensor) -> Tensor:
            x = torch.addmm(constant, z, matrix)
            if rectified:
                x = x.relu_()  # before the view, which in place would be copied twice
            x = x.view(-1, height, width, channels).permute(0, 3, 1, 2)
            for layer in rest[rectified:]:
                x = layer(x)
            return x

        return decode


class FastConvTranspose2d(nn.Module):
    """A transposed convolution that doubles height and width: a kernel of 4 x 4, stride 2, padding 1."""

    def __init__(self, layer: nn.ConvTranspose2d) -> None:
        super().__init__()
        assert layer.bias is not None
        assert (layer.kernel_size, layer.stride, layer.padding) == ((4, 4), (2, 2), (1, 1))
        self.weight, self.bias = layer.weight, layer.bias

    def forward(self, x: Tensor) -> Tensor:
        if x.is_cuda:
            return F.conv_transpose2d(x, self.weight, self.bias, 2, 1)
        return _ConvTranspose2d.apply(x, self.weight, self.bias)


class _ConvTranspose2d(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        if 4 * len(bias) <= LANES:
            return _shuffled(x, weight, bias)
        return F.conv_transpose2d(x, weight, bias, 2, 1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        to_bias = fast_bf16.sum_of(fast_bf16.rows(gradient))
        windows = weight.numel() >= LARGE
        if windows and x.dtype == torch.bfloat16:  # whose sums must not be added up in parts
            return *fast_bf16.transposed_backward(x, weight, gradient), to_bias
        to_x, to_weight, _ = torch.ops.aten.convolution_backward(
            gradient, x, weight, None, (2, 2), (1, 1), (1, 1), True, (0, 0), 1, [True, not windows, False]
        )
        return to_x, _by_windows(x, gradient) if windows else to_weight, to_bias


def _shuffled(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Compute the transposed convolution as one with a 3 x 3 kernel and four output pixels for each pixel of x."""
    taps = F.pad(weight, (0, 1, 0, 1))[:, :, TAPS][..., TAPS]  # (in, out, 2, 3, 2, 3)
    taps = taps.permute(1, 2, 4, 0, 3, 5).flatten(0, 2).contiguous(memory_format=torch.channels_last)
    return F.pixel_shuffle(F.conv2d(x, taps, bias.repeat_interleave(4), padding=1), 2)


def _by_windows(x: Tensor, gradient: Tensor) -> Tensor:
    """Compute the weight's gradient (in, out, 4, 4): each pixel of x times its window of `gradient`, summed."""
    (_, inputs, height, width), outputs = x.shape, gradient.shape[1]
    framed = gradient.new_zeros(TOGETHER, 2 * height + 2, 2 * width + 2, outputs)
    found = gradient.new_zeros(16 * outputs, inputs)
    for some, pixels in zip(gradient.split(TOGETHER), x.permute(0, 2, 3, 1).split(TOGETHER), strict=True):
        framed[: len(some), 1:-1, 1:-1] = some.permute(0, 2, 3, 1)
        windows = framed[: len(some)].unfold(1, 4, 2).unfold(2, 4, 2)  # (B, H, W, out, 4, 4)
        found.addmm_(windows.permute(0, 1, 2, 4, 5, 3).reshape(-1, 16 * outputs).T, pixels.reshape(-1, inputs))
    return found.view(4, 4, outputs, inputs).permute(3, 2, 0, 1)
