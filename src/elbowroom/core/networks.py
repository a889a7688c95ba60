"""Networks as data: the section `networks` of params.yaml, and the sizes that follow from it.

A row [width, kernel, stride] is a convolution: its width times the variant's `channels` are its output channels. Its
padding is (kernel - 1) // 2. With stride 2 it halves the sides of its input, but in the decoder it is transposed and
doubles them. An encoder takes images of any size. A decoder starts small enough to end at least as large as the
image, and is cut to the image's size around the middle.
"""

import math
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import PlainSerializer, PlainValidator, ValidationInfo, field_validator

from elbowroom.core.setting_types import Settings

IMAGE = "image"  # the width that stands for an image's own channels
MOST_WIDTH, MOST_KERNEL = 1024, 31
Width = int | Literal["image"]


class Layer(NamedTuple):
    """A convolution. In the decoder, one of stride 2 is transposed."""

    width: Width
    kernel: int
    stride: int

    @property
    def padding(self) -> int:
        return (self.kernel - 1) // 2


def _width(value: Any) -> Width:
    if value == IMAGE or (type(value) is int and 1 <= value <= MOST_WIDTH):
        return value
    raise ValueError(f"a whole number from 1 to {MOST_WIDTH}, or image")


def _layer(row: Any) -> Layer:
    if not isinstance(row, list | tuple) or len(row) != 3:
        raise ValueError("[width, kernel, stride], as in [2, 4, 2]")
    layer = Layer(*row)
    try:
        _width(layer.width)
    except ValueError as error:
        raise ValueError(f"[width, kernel, stride] whose width is {error}") from None
    if type(layer.kernel) is not int or not 1 <= layer.kernel <= MOST_KERNEL:
        raise ValueError(f"[width, kernel, stride] whose kernel is a whole number from 1 to {MOST_KERNEL}")
    if type(layer.stride) is not int or layer.stride not in (1, 2):
        raise ValueError("[width, kernel, stride] whose stride is 1 or 2")
    return layer


def _encoder_layer(row: Any) -> Layer:
    layer = _layer(row)
    if layer.width == IMAGE:
        raise ValueError("a whole number as its width: only a decoder ends with image")
    return layer


def _decoder_layer(row: Any) -> Layer:
    layer = _layer(row)
    if layer.stride == 1 and layer.kernel % 2 == 0:
        raise ValueError("an odd kernel with stride 1, as 3, which keeps the size")
    if layer.stride == 2 and layer.kernel % 2 == 1:
        raise ValueError("an even kernel with stride 2, as 4, which doubles the size")
    return layer


class Network(Settings):
    """An encoder and a decoder for images of any size. start: the width of what the decoder's first row is given."""

    encoder: list[Annotated[Layer, PlainValidator(_encoder_layer), PlainSerializer(list)]]
    decoder: list[Annotated[Layer, PlainValidator(_decoder_layer), PlainSerializer(list)]]
    start: Annotated[Width, PlainValidator(_width)]

    @field_validator("decoder")
    @classmethod
    def _ends_with_the_image(cls, decoder: list[Layer]) -> list[Layer]:
        if [layer.width == IMAGE for layer in decoder] != [False] * (len(decoder) - 1) + [True] * bool(decoder):
            raise ValueError("image as the width of its last row, and of no other")
        return decoder

    @field_validator("start")
    @classmethod
    def _is_the_image_without_a_decoder(cls, start: Width, info: ValidationInfo) -> Width:
        if "decoder" in info.data and (start == IMAGE) == bool(info.data["decoder"]):
            raise ValueError(
                "a whole number with a decoder that has rows" if start == IMAGE else "image: no row follows"
            )
        return start

    @property
    def linear(self) -> bool:
        """Whether it has no convolutions: one linear layer each way, and the decoder's output is the mean itself."""
        return not self.encoder and not self.decoder

    @property
    def enlargement(self) -> int:
        """How many times larger the decoder's end is than its start."""
        return math.prod(layer.stride for layer in self.decoder)

    @property
    def smallest_side(self) -> int:
        """The least that the sides of an image may be: the encoder leaves one pixel, or the decoder starts with one."""
        side = 1
        for layer in reversed(self.encoder):
            side = (side - 1) * layer.stride + layer.kernel - 2 * layer.padding
        return max(side, self.enlargement)

    def encoded_side(self, side: int) -> int:
        """The side of the encoder's output for a side of an image."""
        for layer in self.encoder:
            side = (side + 2 * layer.padding - layer.kernel) // layer.stride + 1
        return side

    def start_side(self, side: int) -> int:
        """The side of the decoder's start for a side of an image: its end is as large, or a little larger."""
        return -(-side // self.enlargement)
