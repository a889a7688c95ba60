"""A picture of any mode and form becomes the image that its settings say, and what is no picture is named."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from elbowroom.core.dataset_settings import FolderDataset
from elbowroom.datasets.picture import RESAMPLING, UnreadableError, read
from tests.support.settings import folder

GREY, RGB = folder(size=16), folder(size=16, colour="rgb")
NOISE = np.random.default_rng(0)


def written(path: Path, image: Image.Image, name: str = "a.png", **options: object) -> bytes:
    image.save(path / name, **options)
    return str(path / name).encode()


def made(path: bytes, settings: FolderDataset = GREY) -> np.ndarray:
    return read(path, settings)[0]


def plain(mode: str, colour: object, size: tuple[int, int] = (16, 16)) -> Image.Image:
    return Image.new(mode, size, colour)  # type: ignore[arg-type]


def one_colour(image: np.ndarray) -> list[int]:
    """The value of each channel of an image, all of whose pixels are the same."""
    assert (image == image[:, :1, :1]).all()
    return image[:, 0, 0].tolist()


def palette(transparent: bool) -> Image.Image:
    image = plain("P", 1)
    image.putpalette([0, 0, 0, 200, 100, 50])
    if transparent:
        image.info["transparency"] = 1
    return image


BROWN = 124  # the grey of (200, 100, 50), by ITU-R 601-2


@pytest.mark.parametrize(
    ("image", "grey", "rgb"),
    [
        (plain("1", 1), 255, [255] * 3),
        (plain("L", 77), 77, [77] * 3),
        (plain("LA", (200, 51)), 40, [40] * 3),  # 51 of 255 opaque, on black
        (plain("RGB", (200, 100, 50)), BROWN, [200, 100, 50]),
        (plain("RGBA", (200, 100, 50, 255)), BROWN, [200, 100, 50]),
        (plain("RGBA", (200, 100, 50, 0)), 0, [0, 0, 0]),
        (palette(transparent=False), BROWN, [200, 100, 50]),
        (palette(transparent=True), 0, [0, 0, 0]),
        (Image.fromarray(np.full((16, 16), 65535, np.uint16)), 255, [255] * 3),
        (Image.fromarray(np.full((16, 16), 257 * 40, np.uint16)), 40, [40] * 3),  # scaled, not clipped to white
    ],
    ids=lambda value: value.mode if isinstance(value, Image.Image) else "",
)
def test_every_mode_of_a_png(tmp_path: Path, image: Image.Image, grey: int, rgb: list[int]) -> None:
    path = written(tmp_path, image)
    assert one_colour(made(path)) == [grey]
    assert one_colour(made(path, RGB)) == rgb


def test_transparent_pixels_show_the_background(tmp_path: Path) -> None:
    image = plain("RGBA", (10, 20, 30, 0))
    image.paste((10, 20, 30, 255), (0, 0, 8, 16))
    pixels = made(written(tmp_path, image), folder(size=16, colour="rgb", background="white"))
    assert one_colour(pixels[:, :, :8]) == [10, 20, 30]
    assert one_colour(pixels[:, :, 8:]) == [255, 255, 255]


def test_cmyk(tmp_path: Path) -> None:
    path = written(tmp_path, plain("CMYK", (0, 255, 255, 0)), "red.jpg", quality=95)
    with Image.open(path.decode()) as image:
        assert image.mode == "CMYK"
    red, green, blue = one_colour(made(path, RGB))
    assert red > 250
    assert max(green, blue) < 5


@pytest.mark.parametrize("dtype", ["uint16", ">u2"])
def test_16_bits_of_a_tiff_keep_their_order(tmp_path: Path, dtype: str) -> None:
    ramp = np.arange(256, dtype=np.uint16).reshape(16, 16) * 257
    path = written(tmp_path, Image.fromarray(ramp.astype(dtype)), "ramp.tif")
    np.testing.assert_array_equal(made(path)[0], np.arange(256).reshape(16, 16))


def test_an_image_of_the_right_size_is_kept_to_the_bit(tmp_path: Path) -> None:
    pixels = NOISE.integers(0, 256, (24, 40, 3), np.uint8)
    path = written(tmp_path, Image.fromarray(pixels))
    for fit in ("crop", "pad", "stretch"):
        found = made(path, folder(size=[24, 40], colour="rgb", fit=fit))
        np.testing.assert_array_equal(found, pixels.transpose(2, 0, 1))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_as_its_exif_says(tmp_path: Path, orientation: int) -> None:
    pixels = NOISE.integers(0, 256, (16, 24), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = Image.fromarray(pixels)
    path = written(tmp_path, upright, exif=exif)
    upright.getexif()[0x0112] = orientation
    expected = np.asarray(ImageOps.exif_transpose(upright))
    found = made(path, folder(size=list(expected.shape)))
    np.testing.assert_array_equal(found[0], expected)


@pytest.mark.parametrize("size", [(50, 20), (20, 50), (33, 33), (16, 17), (400, 3)])
def test_pictures_of_other_shapes_are_fitted_as_pillow_does(tmp_path: Path, size: tuple[int, int]) -> None:
    image = Image.fromarray(NOISE.integers(0, 256, size, np.uint8))
    path = written(tmp_path, image)
    crop, stretch, pad = (
        made(path, folder(size=[16, 24], fit=fit))[0].astype(int) for fit in ("crop", "stretch", "pad")
    )
    assert np.abs(crop - ImageOps.fit(image, (24, 16), RESAMPLING)).max() <= 1
    assert np.abs(stretch - image.resize((24, 16), RESAMPLING)).max() <= 1
    if min(size) > 3:  # Pillow fails for oblong ones
        assert np.abs(pad - ImageOps.pad(image, (24, 16), RESAMPLING, "black")).max() <= 1
    assert pad.shape == (16, 24)


@pytest.mark.parametrize(("shape", "size"), [((250, 250), 60), ((28, 28), 25), ((480, 640), 29), ((218, 178), 22)])
def test_a_cut_that_rounds_to_less_than_nothing_is_none(tmp_path: Path, shape: tuple[int, int], size: int) -> None:
    image = Image.fromarray(NOISE.integers(0, 256, shape, np.uint8))
    crop = made(written(tmp_path, image), folder(size=size))[0].astype(int)
    assert np.abs(crop - ImageOps.fit(image, (size, size), RESAMPLING)).max() <= 1


@pytest.mark.parametrize("suffix", ["gif", "webp", "tif", "png"])
def test_of_several_frames_the_first_counts(tmp_path: Path, suffix: str) -> None:
    frames = [plain("L", value) for value in (60, 200)]
    path = written(tmp_path, frames[0], f"a.{suffix}", save_all=True, append_images=frames[1:])
    image, several = read(path, GREY)
    assert several
    assert abs(image.astype(int) - 60).max() <= 1
    assert not read(written(tmp_path, frames[0], f"b.{suffix}"), GREY)[1]


@pytest.mark.parametrize("name", ["a.JPG", "a.webp", "a.bmp", "a.tif", "a.GIF", "a.pgm", "wrong.png"])
def test_formats_are_told_by_their_content(tmp_path: Path, name: str) -> None:
    kind = {"JPG": "jpeg", "GIF": "gif", "pgm": "ppm", "png": "jpeg", "tif": "tiff"}.get(name[2:].split(".")[-1])
    path = written(tmp_path, plain("L", 60), name, format=kind or name[2:])
    assert abs(made(path).astype(int) - 60).max() <= 1


def bomb() -> bytes:
    """A PNG of 20,000 x 20,000 pixels by its header."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 20_000, 20_000, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header)) + b"\0\0\0\0IDAT"
    )


def png() -> bytes:
    file = io.BytesIO()
    Image.fromarray(NOISE.integers(0, 256, (64, 64, 3), np.uint8)).save(file, "png")
    return file.getvalue()


def jpeg() -> bytes:
    file = io.BytesIO()
    Image.fromarray(NOISE.integers(0, 256, (64, 64, 3), np.uint8)).save(file, "jpeg")
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.png", b"", "an empty file"),
        ("text.jpg", b"not an image", "no image of the formats BMP, GIF, JPEG"),
        ("page.png", b"<html>404</html>", "no image of the formats"),
        ("script.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "no image of the formats"),  # never run
        ("cut.png", png()[:4000], "a damaged image ("),
        ("cut.jpg", jpeg()[:1500], "a damaged image (image file is truncated"),
        ("header.gif", b"GIF89a", "no image of the formats"),
        ("bomb.png", bomb(), "more than 67 million pixels"),
    ],
)
def test_what_is_no_picture_is_said(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableError) as error:
        read(str(tmp_path / name).encode(), GREY)
    assert str(error.value).startswith(said)


def test_pixels_without_a_known_range_are_refused(tmp_path: Path) -> None:
    for values in (np.full((16, 16), 0.5, np.float32), np.full((16, 16), 70_000, np.int32)):
        with pytest.raises(UnreadableError, match="whose range is unknown"):
            read(written(tmp_path, Image.fromarray(values), "a.tif"), GREY)


def test_a_link_to_nothing_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.png").symlink_to("gone.png")
    with pytest.raises(UnreadableError, match="a link to nothing"):
        read(str(tmp_path / "a.png").encode(), GREY)


def test_damaged_bytes_never_end_in_another_error(tmp_path: Path) -> None:
    """Bytes of real files are changed at random."""
    generator = np.random.default_rng(1)
    for number, content in enumerate([png(), jpeg()] * 40):
        damaged = bytearray(content)
        for place in generator.integers(0, len(damaged), 5):
            damaged[place] = generator.integers(0, 256)
        path = tmp_path / f"{number}.png"
        path.write_bytes(damaged)
        try:
            assert made(str(path).encode()).shape == (1, 16, 16)
        except UnreadableError as error:
            assert str(error)  # noqa: PT017 (either is fine)
