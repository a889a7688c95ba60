"""The ranges that pixels may be scaled to for a network, and what a range does to squared errors."""

PixelRange = list[int]  # the lowest and the highest value of a pixel, as in params.yaml; tables have its str()

UNIT: PixelRange = [0, 1]  # of a decoder that ends in a sigmoid; pictures are always in this range
SYMMETRIC: PixelRange = [-1, 1]  # of a decoder that ends in a tanh
PIXEL_RANGES = (UNIT, SYMMETRIC)


def error_factor(pixel_range: PixelRange) -> int:
    """Return what squared errors in this range are, as a multiple of those of the same pixels in [0, 1]."""
    low, high = pixel_range
    return (high - low) ** 2
