"""Decode one picture file, and make it an image of a dataset: every decision about a picture is here."""

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from elbowroom.core.dataset_settings import FolderDataset
from elbowroom.core.errors import short
from elbowroom.datasets.folder_files import FORMATS

RESAMPLING = Image.Resampling.BILINEAR  # over all pixels that fall into a new one, so that nothing flickers or rings
MOST_PIXELS = 2**26  # of a picture: 200 MB in RGB


class UnreadableError(Exception):
    """A file that is no picture that can be used. Its message says what was found, without the file's name."""


def read(path: bytes, settings: FolderDataset) -> tuple[np.ndarray, bool]:
    """Read a picture as an image (C, H, W) uint8 of the dataset; also return whether the file has several frames.

    Of several frames (an animation, the pages of a TIFF) the first counts. A picture is turned as its EXIF orientation
    says. Transparent pixels show the background. 16 bits are scaled to 8. Colour profiles are ignored. Raises
    UnreadableError.
    """
    try:
        return _read(path, settings)
    except (UnreadableError, MemoryError):
        raise
    except Image.DecompressionBombError:
        raise UnreadableError(f"more than {MOST_PIXELS // 10**6} million pixels") from None
    except UnidentifiedImageError:
        raise UnreadableError(f"no image of the formats {', '.join(FORMATS)}") from None
    except FileNotFoundError:
        raise UnreadableError("a link to nothing") from None
    except Exception as error:  # decoders raise anything for damaged files, and one file must not end the stage
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise UnreadableError(f"a damaged image ({short(reason)})") from None


def _read(path: bytes, settings: FolderDataset) -> tuple[np.ndarray, bool]:
    with open(path, "rb") as file:  # noqa: PTH123 (bytes)
        if not file.read(1):
            raise UnreadableError("an empty file")
        file.seek(0)
        with Image.open(file, formats=list(FORMATS)) as image:
            if image.width * image.height > MOST_PIXELS:
                raise UnreadableError(
                    f"{image.width} x {image.height} pixels, more than {MOST_PIXELS // 10**6} million"
                )
            image.draft(_mode(settings), (2 * max(settings.sides), 2 * max(settings.sides)))  # a large JPEG, faster
            image.load()
            made = fitted(flat(upright(image), settings), settings)
            several = bool(getattr(image, "is_animated", False))
    pixels = np.asarray(made)
    return (pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)), several


def _mode(settings: FolderDataset) -> str:
    return "L" if settings.colour == "grey" else "RGB"


def upright(image: Image.Image) -> Image.Image:
    """Turn a picture as its EXIF orientation says."""
    return ImageOps.exif_transpose(image) if image.getexif().get(0x0112, 1) != 1 else image


def flat(image: Image.Image, settings: FolderDataset) -> Image.Image:
    """Return a picture of any mode in grey (L) or RGB, 8 bits, on the background. Raises UnreadableError."""
    mode = _mode(settings)
    if image.mode == "F":
        raise UnreadableError("pixels of floating-point numbers, whose range is unknown")
    if image.mode.startswith("I"):
        return _eight_bits(image).convert(mode)
    if image.has_transparency_data:
        canvas = Image.new("RGBA", image.size, settings.background)
        canvas.alpha_composite(image.convert("RGBA"))
        image = canvas
    return image if image.mode == mode else image.convert(mode)


def _eight_bits(image: Image.Image) -> Image.Image:
    """Scale 16 bits of grey to 8. Pillow's own conversion would clip them to white."""
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise UnreadableError("pixels of 32 bits, whose range is unknown")
    return Image.fromarray(((values * 255 + 32767) // 65535).astype(np.uint8))


def fitted(image: Image.Image, settings: FolderDataset) -> Image.Image:
    """Resize a picture to the dataset's size: cut off what is too much (crop), add margins (pad), or distort it."""
    height, width = settings.sides
    if settings.fit == "stretch" or image.size == (width, height):
        return _resized(image, (width, height), (0, 0, *image.size))
    if settings.fit == "crop":
        scale = min(image.width / width, image.height / height)
        left = max(0.0, (image.width - scale * width) / 2)  # rounding takes one of both just below 0
        top = max(0.0, (image.height - scale * height) / 2)
        return _resized(image, (width, height), (left, top, image.width - left, image.height - top))
    scale = max(image.width / width, image.height / height)
    inner = max(1, round(image.width / scale)), max(1, round(image.height / scale))
    place = round((width - inner[0]) / 2), round((height - inner[1]) / 2)
    canvas = Image.new(image.mode, (width, height), settings.background)
    canvas.paste(_resized(image, inner, (0, 0, *image.size)), place)
    return canvas


def _resized(image: Image.Image, size: tuple[int, int], box: tuple[float, float, float, float]) -> Image.Image:
    if image.size == size and box == (0, 0, *size):
        return image
    return image.resize(size, RESAMPLING, box)
