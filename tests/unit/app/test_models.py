"""The API and the command line on a trained model: the same bytes, and one line for what is wrong."""

import csv
import doctest
import io
import os
import shutil
import subprocess
import sys
import zipfile
from argparse import Namespace
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.lib.npyio import NpzFile
from PIL import Image
from tqdm import tqdm

import elbowroom
from elbowroom import api
from elbowroom.__main__ import main
from elbowroom.core import paths
from elbowroom.core.params import load_study
from elbowroom.datasets.images import Images
from elbowroom.datasets.picture import read
from elbowroom.training.loop import train
from elbowroom.vae.trained import TrainedVAE
from tests.support import ROOT
from tests.support.settings import folder as folder_settings
from tests.support.settings import recipe

WHOLE = "expected a whole number"
RANGE, SHAPE = "expected floats from 0 to 1, or uint8", "expected (N, 1, 28, 28)"
FILE = "models/mnist-z6/seed-0.safetensors"
NAMES = ("mnist-z6", "cifar10-ae5")


@pytest.fixture(scope="module")
def folder(small: dict[str, Images], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of two small models, a VAE and an autoencoder, trained for two epochs on 300 images."""
    path = tmp_path_factory.mktemp("study")
    text = (ROOT / "studies/quickstart/params.yaml").read_text()
    for new, old, size in (("mnist-z6", "mnist-z128", 6), ("cifar10-ae5", "cifar10-ae16", 5)):
        head, _, rest = text.partition(f"  {old}:\n")
        rest = rest.replace("channels: 32", "channels: 4", 1)
        rest = rest.replace(f"latent_dim: {'128' if size == 6 else '16'}", f"latent_dim: {size}", 1)
        text = f"{head}  {new}:\n{rest}"
    (path / "params.yaml").write_text(text)
    study = load_study(path / "params.yaml")
    for name in NAMES:
        variant = study.variant(name)
        images = small[variant.dataset]
        (trained,) = train(variant, recipe(), images, [0], tqdm(disable=True))
        TrainedVAE(name, variant, 0, images.shape, trained.model).save(path / paths.model_file(name, 0))
    np.savez(path / "digits.npz", images=small["mnist"].test.images[:16].numpy())
    return path


@pytest.fixture(autouse=True)
def working_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


@pytest.fixture(params=NAMES)
def model(request: pytest.FixtureRequest) -> api.Model:
    return elbowroom.load(request.param)


@pytest.fixture
def images(model: api.Model, small: dict[str, Images]) -> np.ndarray:
    return small[model.variant.dataset].test.images[:12].numpy()


def command(*arguments: str) -> None:
    assert main(arguments) == 0


def arrays(path: str) -> NpzFile:
    return np.load(path, allow_pickle=False)


def save_png(path: str, image: np.ndarray) -> str:
    Image.fromarray(image.transpose(1, 2, 0).squeeze()).save(path)
    return path


def test_examples_of_the_docs_run() -> None:
    """Those of the module and of docs/models.md, in a folder with the model that they load."""
    for failed, tried in (doctest.testmod(api), doctest.testfile(str(ROOT / "docs/models.md"), module_relative=False)):
        assert tried > 5
        assert failed == 0


def test_a_model_gives_what_the_trained_model_gives(model: api.Model, images: np.ndarray) -> None:
    trained, tensor = model.trained, torch.from_numpy(images)
    mu, logvar = trained.encode(tensor)
    assert np.array_equal(model.encode(images).mu, mu.numpy())
    assert np.array_equal(model.encode(images).logvar, logvar.numpy())
    assert np.array_equal(model.reconstruct(images), trained.reconstruct(tensor).numpy())
    assert np.array_equal(model.sample(5, noise=3), trained.sample(5, 3).numpy())


def test_bytes_floats_tensors_and_lists_are_the_same_images(model: api.Model, images: np.ndarray) -> None:
    """All 256 bytes are among the inputs, so that k / 255 is k again for each."""
    images = images.copy()
    images.reshape(-1)[:256] = np.arange(256)
    expected = model.encode(images).mu
    floats = images / np.float32(255)
    for same in (floats, floats.astype(np.float64), torch.from_numpy(images), torch.from_numpy(floats)):
        assert np.array_equal(model.encode(same).mu, expected)
    assert np.array_equal(model.encode(floats.tolist()).mu, expected)
    assert np.array_equal(floats, images / np.float32(255))  # the caller's array is left alone


def test_a_path_goes_from_one_reconstruction_to_the_other(model: api.Model, images: np.ndarray) -> None:
    path = model.interpolate(images[0], images[1], steps=7)
    assert path.shape == (7, *model.shape)
    assert np.allclose(path[[0, -1]], model.reconstruct(images[:2]), atol=1e-5)


@pytest.mark.parametrize(
    ("method", "given", "expected"),
    [
        ("encode", np.zeros((2, 28, 28, 1), np.uint8), f"images: found an array of shape (2, 28, 28, 1), {SHAPE}"),
        ("encode", np.zeros((0, 1, 28, 28), np.uint8), f"images: found an array of shape (0, 1, 28, 28), {SHAPE}"),
        ("encode", np.full((1, 1, 28, 28), 255.0), f"images: found floats from 255 to 255, {RANGE}"),
        ("encode", np.full((1, 1, 28, 28), -0.5), f"images: found floats from -0.5 to -0.5, {RANGE}"),
        ("encode", np.full((1, 1, 28, 28), np.nan), f"images: found floats from nan to nan, {RANGE}"),
        ("encode", np.zeros((1, 1, 28, 28), int), "images: found int64, expected uint8, or floats from 0 to 1"),
        ("encode", [[1], [2, 3]], "images: found what NumPy cannot read (setting an array element"),
        ("decode", np.zeros(6), "z: found an array of shape (6,), expected (N, 6)"),
        ("decode", np.full((1, 6), np.inf), "z: found inf, expected finite numbers of float32"),
        ("decode", np.full((1, 6), 1e300), "z: found 1e+300, expected finite numbers of float32"),
        ("decode", np.full((1, 6), "a"), "z: found text, expected numbers"),
        ("decode", np.full((1, 6), True), "z: found bool, expected numbers"),
        ("encode", np.full((1, 1, 28, 28), "a"), "images: found text, expected uint8, or floats from 0 to 1"),
        *(("sample", bad, f"count: found {bad!r}, {WHOLE}, 1 or more") for bad in (0, 2.5, "3", True, None, 2**31)),
    ],
)  # fmt: skip
def test_a_wrong_array_is_one_line(method: str, given: object, expected: str) -> None:
    with pytest.raises(elbowroom.StudyError) as error:
        getattr(elbowroom.load("mnist-z6"), method)(given)
    assert str(error.value).startswith(expected)
    assert "\n" not in str(error.value)


def test_a_wrong_number_is_one_line() -> None:
    model, image = elbowroom.load("mnist-z6"), np.zeros((1, 28, 28), np.uint8)
    calls = {
        "noise: found -1, expected a whole number, 0": lambda: model.sample(2, noise=-1),
        "noise: found 'a', expected a whole number, 0": lambda: model.sample(2, noise="a"),
        "steps: found 1, expected a whole number, 2": lambda: model.interpolate(image, image, steps=1),
        "steps: found 2.5, expected a whole number, 2": lambda: model.interpolate(image, image, steps=2.5),
        "count: found \\[2, 3\\], expected a whole number, 1": lambda: model.sample(np.array([2, 3])),
        "count: found 2147483647, expected fewer pictures": lambda: model.sample(2**31 - 1),
        "steps: found 2147483647, expected fewer pictures": lambda: model.interpolate(image, image, steps=2**31 - 1),
        "seed: found \\[0, 1\\], expected a whole number, 0": lambda: elbowroom.load("mnist-z6", seed=np.array([0, 1])),
        "seed: found 0.5, expected a whole number, 0": lambda: elbowroom.load("mnist-z6", seed=0.5),
        "model: found 3, expected the name of a variant, or the path": lambda: elbowroom.load(3),
        "study: found 3, expected the path of a study's folder": lambda: elbowroom.load("mnist-z6", study=3),
    }
    for expected, call in calls.items():
        with pytest.raises(elbowroom.StudyError, match=f"^{expected}"):
            call()
    for two in (np.int64(2), np.array(2), torch.tensor(2)):
        assert model.sample(two).shape == (2, 1, 28, 28)


def test_a_wrong_end_of_a_path_is_one_line() -> None:
    image = np.zeros((1, 28, 28), np.uint8)
    with pytest.raises(
        elbowroom.StudyError, match=r"^second: found an array of shape \(28, 28\), expected \(1, 28, 28\)$"
    ):
        elbowroom.load("mnist-z6").interpolate(image, image[0])
    with pytest.raises(elbowroom.StudyError, match=r"^first: found an array of shape \(\), expected \(1, 28, 28\)$"):
        elbowroom.load("mnist-z6").interpolate(None, image)


def test_a_model_is_found_from_any_folder(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    one, other = elbowroom.load("mnist-z6", study=folder), elbowroom.load(folder / paths.model_file("mnist-z6", 0))
    assert one.sample(2).tobytes() == other.sample(2).tobytes()
    for name in ("model", "Model.bin", "mnist-z6"):  # a file of any name; a variant's name means the variant
        shutil.copy(folder / paths.model_file("mnist-z6", 0), name)
        assert elbowroom.load(name).name == "mnist-z6"
    assert main(["info", "model"]) == 0
    assert main(["info", "./model"]) == 0


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["mnist-z7"], "params.yaml: variants: found no 'mnist-z7', expected one of mnist-z6, mnist-z256"),
        (["mnist-z6", ".", 4], "mnist-z6: found no seed 4, expected one of 0"),
        (["mnist-z256"], "models/mnist-z256/seed-0.safetensors: not found, expected from an earlier stage"),
        ([FILE, ".", 4], f"{FILE}: found seed 0, expected seed 4"),
        (["nope.safetensors"], "nope.safetensors: found no such file, expected that of a model, or the name of a var"),
        (["models/mnist-z6"], "models/mnist-z6: found no such file, expected that of a model, or the name of a var"),
        (["mnist-z6", "elsewhere"], "elsewhere/params.yaml: not found in"),
    ],
)  # fmt: skip
def test_a_model_that_is_not_there_is_one_line(arguments: list, expected: str) -> None:
    with pytest.raises(elbowroom.StudyError) as error:
        elbowroom.load(*arguments)
    assert str(error.value).startswith(expected)


def test_a_model_of_other_settings_is_refused_by_its_variants_name(folder: Path, tmp_path: Path) -> None:
    text = (folder / "params.yaml").read_text()
    (tmp_path / "params.yaml").write_text(text.replace("beta: 1.0", "beta: 2.0", 1))
    (tmp_path / "models").symlink_to(folder / "models")
    with pytest.raises(elbowroom.StudyError, match=r"found results of another variant \(beta differ\)"):
        elbowroom.load("mnist-z6", study=tmp_path)
    assert elbowroom.load(tmp_path / "models/mnist-z6/seed-0.safetensors").variant.beta == 1.0


# --- the command line ------------------------------------------------------------------------------------------------


def test_commands_give_the_same_arrays_as_the_api(model: api.Model, images: np.ndarray) -> None:
    np.savez("in.npz", images=images)
    command("sample", model.name, "--count", "5", "--noise", "3", "-o", "out.npz")
    assert arrays("out.npz")["pictures"].tobytes() == model.sample(5, noise=3).tobytes()
    command("reconstruct", model.name, "in.npz", "-o", "out.npz")
    assert arrays("out.npz")["pictures"].tobytes() == model.reconstruct(images).tobytes()
    command("encode", model.name, "in.npz", "-o", "z.npz")
    assert arrays("z.npz")["mu"].tobytes() == model.encode(images).mu.tobytes()
    assert arrays("z.npz")["logvar"].tobytes() == model.encode(images).logvar.tobytes()
    command("decode", model.name, "z.npz", "-o", "out.npz")
    assert arrays("out.npz")["pictures"].tobytes() == model.reconstruct(images).tobytes()


def test_pictures_go_in_and_out(model: api.Model, images: np.ndarray) -> None:
    """A PNG of a path holds the pictures of the API, enlarged three times, side by side."""
    first, second = (save_png(f"{place}.png", images[place]) for place in (0, 1))
    command("interpolate", model.name, first, second, "--steps", "4", "-o", "path.npz")
    expected = model.interpolate(images[0], images[1], 4)
    assert arrays("path.npz")["pictures"].tobytes() == expected.tobytes()
    command("interpolate", model.name, first, second, "--steps", "4", "-o", "path.png")
    shown = np.asarray(Image.open("path.png"))[1:-1, 1:-1].reshape(3 * model.shape[1], -1, model.shape[0])
    side = 3 * model.shape[2]
    for place, picture in enumerate(expected):
        cell = shown[::3, place * (side + 6) : place * (side + 6) + side : 3]
        assert np.array_equal(cell, (picture * 255).round().astype(np.uint8).transpose(1, 2, 0))


def test_reconstructions_stand_below_their_images(model: api.Model, images: np.ndarray) -> None:
    """Twelve images: two rows of each, and white where there are no more."""
    np.savez("in.npz", images=images)
    command("reconstruct", model.name, "in.npz", "-o", "out.png")
    shown = np.asarray(Image.open("out.png"))[1:-1, 1:-1]  # without the line around the outer images
    side = 3 * model.shape[1]
    assert shown.shape[:2] == (4 * side + 3 * 6, 10 * side + 9 * 6)
    row = shown.reshape(*shown.shape[:2], model.shape[0])[2 * (side + 6) :: 3]
    assert np.array_equal(row[: side // 3, side + 6 : 2 * side + 6 : 3], images[11].transpose(1, 2, 0))
    assert (row[:, 2 * (side + 6) :] == 255).all()  # and no lines there: they would look like images


def test_latents_in_a_table_are_the_same_latents(model: api.Model, images: np.ndarray) -> None:
    np.savez("in.npz", images=images)
    command("encode", model.name, "in.npz", save_png("one.png", images[0]), "-o", "z.csv")
    head, *rows = csv.reader(io.StringIO(Path("z.csv").read_text()))
    kinds = ["mu", "logvar"] if model.variant.model == "vae" else ["mu"]
    assert head == ["image", *(f"{kind}_{place}" for kind in kinds for place in range(model.variant.latent_dim))]
    assert [row[0] for row in rows] == [*(f"in.npz[{place}]" for place in range(12)), "one.png"]
    command("decode", model.name, "z.csv", "-o", "out.npz")
    expected = model.reconstruct(np.concatenate([images, images[:1]]))
    assert arrays("out.npz")["pictures"].tobytes() == expected.tobytes()


def test_a_pipe_has_the_same_bytes_as_a_file(small: dict[str, Images]) -> None:
    """In processes of their own, by standard input and output."""
    png = Path(save_png("seven.png", small["mnist"].test.images[0].numpy()))
    elbowroom_ = [sys.executable, "-m", "elbowroom"]
    encoded = subprocess.check_output([*elbowroom_, "encode", "mnist-z6", "-"], input=png.read_bytes())  # noqa: S603
    command("encode", "mnist-z6", "seven.png", "-o", "z.csv")
    assert encoded.replace(b"\n-,", b"\nseven.png,") == Path("z.csv").read_bytes()
    decoded = subprocess.check_output([*elbowroom_, "decode", "mnist-z6", "-", "-o", "-"], input=encoded)  # noqa: S603
    command("decode", "mnist-z6", "z.csv", "-o", "out.png")
    assert decoded == Path("out.png").read_bytes()


def test_a_strange_picture_can_be_fitted() -> None:
    """Black on transparent, 60 x 40: on white, inverted, cropped and scaled, it is white on black as MNIST is."""
    drawn = np.zeros((40, 60, 4), np.uint8)
    drawn[10:30, 25:35, 3] = 255
    Image.fromarray(drawn).save("drawn.png")
    from elbowroom.app.inputs import Adaptation, read_images

    with pytest.raises(elbowroom.StudyError, match=r"drawn\.png: found 60 x 40 pixels, expected 28 x 28 \(--fit"):
        read_images(["drawn.png"], (1, 28, 28), Adaptation(fit=False, invert=True))
    (image,), names = read_images(["drawn.png"], (1, 28, 28), Adaptation(fit=True, invert=True))
    assert (image.dtype, image.shape, names) == (np.uint8, (1, 28, 28), ["drawn.png"])
    assert (image[0, 14, 14], image[0, 0, 0], image[0, 14, 2]) == (255, 0, 0)


@pytest.mark.parametrize("how", [{"fit": "pad"}, {"fit": "stretch", "background": "white"}, {"colour": "rgb"}])
def test_a_picture_is_fitted_as_prepare_does_it(how: dict[str, str]) -> None:
    """To the bit, where the study that has the model says how: a large JPEG, 16 bits, transparency, a palette."""
    from elbowroom.app.inputs import Adaptation, read_images

    settings = folder_settings(size=[24, 20], **how)
    drawn = np.random.default_rng(0).integers(0, 256, (90, 70, 4), np.uint8)
    Image.fromarray(drawn[..., :3]).resize((700, 900)).save("a.jpg")
    Image.fromarray(drawn[..., 0].astype(np.uint16) * 257).save("b.png")
    Image.fromarray(drawn).save("c.png")
    Image.fromarray(drawn[..., :3]).quantize(9).save("d.gif")
    names = ["a.jpg", "b.png", "c.png", "d.gif"]
    images, _ = read_images(names, (settings.channels, 24, 20), Adaptation(fit=True, invert=False, dataset=settings))
    np.testing.assert_array_equal(images, np.stack([read(name.encode(), settings)[0] for name in names]))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("sample mnist-z6 -o out.gif", "--output: found 'out.gif', expected a name that ends in .png or .npz"),
        ("encode mnist-z6 nothing.png", "nothing.png: cannot be read (No such file or directory), expected a file"),
        ("encode mnist-z6 params.yaml", "params.yaml: found no picture (no known format), expected a PNG, JPEG or"),
        ("encode mnist-z6 empty.png", "empty.png: is empty, expected a PNG, JPEG or the like, or NPZ"),
        ("encode mnist-z6 -", "standard input: found no picture (no known format), expected a PNG"),
        ("decode mnist-z6 - -o out.png", "standard input: found columns what is no picture, expected z_0"),
        ("decode mnist-z6 empty.png -o out.png", "empty.png: is empty, expected a CSV of numbers, or NPZ"),
        ("decode mnist-z6 grey.png -o out.png", "grey.png: found no text, expected a CSV of numbers, or NPZ"),
        ("decode mnist-z6 gap.csv -o out.png", "gap.csv: found z_2 and no z_1, expected both"),
        ("decode mnist-z6 short.csv -o out.png", "short.csv: row 2: found 1 cells, expected 2"),
        ("decode mnist-z6 flat.npz -o out.png", "flat.npz: found an array of shape (28, 28), expected (N, 6)"),
        ("decode mnist-z6 wide.csv -o out.png", "wide.csv: found inf, expected finite numbers"),
        (f"info {FILE} --seed 5", f"{FILE}: found seed 0, expected seed 5"),
        (f"sample {FILE} --seed 5 -o out.png", f"{FILE}: found seed 0, expected seed 5"),
        ("encode mnist-z6 broken.npz", "broken.npz: found no array ("),
        ("encode mnist-z6 two.npz", "two.npz: found arrays a, b, expected one called images or pictures"),
        ("encode mnist-z6 flat.npz", f"flat.npz: found an array of shape (28, 28), {SHAPE}"),
        ("decode mnist-z6 params.yaml -o out.png", "params.yaml: found columns "),
        ("decode mnist-z6 words.csv -o out.png", "words.csv: found no table (could not convert string to float: 'x'"),
        ("decode mnist-z6 three.csv -o out.png", "three.csv: found an array of shape (1, 3), expected (N, 6)"),
        ("interpolate mnist-z6 six.npz six.npz -o out.png", "six.npz, six.npz: found 12 images, expected one in each"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_one_line(
    arguments: str, expected: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"what is no picture")))
    Path("empty.png").touch()
    save_png("grey.png", np.zeros((1, 28, 28), np.uint8))
    Path("gap.csv").write_text("z_0,z_2\n1,2\n")
    Path("short.csv").write_text("z_0,z_1\n\n1,2\n3\n")
    Path("wide.csv").write_text(",".join(f"mu_{place}" for place in range(6)) + "\n1,2,3,4,5,inf\n")
    Path("broken.npz").write_bytes(b"PK\x03\x04 and no more")
    np.savez("two.npz", a=np.zeros(1), b=np.zeros(1))
    np.savez("flat.npz", images=np.zeros((28, 28), np.uint8))
    np.savez("six.npz", images=np.zeros((6, 1, 28, 28), np.uint8))
    Path("words.csv").write_text("z_0\nx\n")
    Path("three.csv").write_text("z_0,z_1,z_2\n1,2,3\n")
    assert main(arguments.split()) == 2
    printed = capsys.readouterr()
    (line,) = printed.err.splitlines()
    assert line.startswith(f"error: {expected}")
    assert not Path("out.png").exists() or Path("out.png").stat().st_size


def damaged() -> dict[str, bytes]:
    """Files by their names, of which each made a decoder raise an error of another kind."""
    jpeg, dds, npy, npz = (io.BytesIO() for _ in range(4))
    width, turned = "0100 0002 00000006 00000026", "0112 0003 00000001 00060000"  # the width is the text below
    exif = b"Exif\0\0" + bytes.fromhex(f"4d4d 002a 00000008 0002 {width} {turned} 00000000") + b"hello\0"
    Image.new("RGB", (28, 28)).save(jpeg, "JPEG", exif=exif)
    Image.new("RGB", (28, 28)).save(dds, "DDS")
    np.save(npy, np.zeros(3))
    np.savez_compressed(npz, images=np.zeros((1, 1, 28, 28)))
    zipped = npz.getvalue()
    start = zipped.index(b"images.npy") + len(b"images.npy") + 20
    with zipfile.ZipFile("picture.zip", "w") as archive:
        archive.writestr("a.png", b"a picture")
    return {
        "exif.jpg": jpeg.getvalue(),
        "flags.dds": dds.getvalue()[:80] + bytes(4) + dds.getvalue()[84:],
        "head.npy": npy.getvalue().replace(b"}", b" "),
        "packed.npz": zipped[:start] + b"\xff" * 20 + zipped[start + 20 :],
        "picture.zip": Path("picture.zip").read_bytes(),
    }


def test_a_damaged_file_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever its decoder raises. What was written before stays."""
    Path("out.npz").write_bytes(b"earlier")
    for name, content in damaged().items():
        Path(name).write_bytes(content)
        assert main(["encode", "mnist-z6", name, "-o", "out.npz"]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"error: {name}: found no ")
    assert main(["decode", "mnist-z6", "picture.zip", "-o", "out.npz"]) == 2
    said = "error: picture.zip: found no array (a.png is none), expected an NPZ or NPY\n"
    assert capsys.readouterr().err == said
    assert Path("out.npz").read_bytes() == b"earlier"


def test_info_needs_neither_torch_nor_the_study(folder: Path) -> None:
    path = str(paths.model_file("cifar10-ae5", 0))
    code = f"import sys; from elbowroom.__main__ import main; main(['info', {path!r}]); print(*sys.modules)"
    *lines, modules = subprocess.check_output([sys.executable, "-c", code], text=True).splitlines()  # noqa: S603
    assert not {"torch", "pandas"} & {*modules.split()}
    found = dict(line.split(maxsplit=1) for line in lines)
    numbers = sum(each.numel() for each in elbowroom.load("cifar10-ae5").trained.network.parameters())
    expected = {"file": path, "variant": "cifar10-ae5", "seed": "0", "images": "3 channels, 32 x 32 pixels"}
    assert found.items() >= (expected | {"parameters": f"{numbers:,}", "model": "ae", "latent_dim": "5"}).items()


def test_a_link_and_a_pipe_stay_what_they_are(tmp_path: Path) -> None:
    """What they lead to is written, and a link to nothing makes the file."""
    for name, to in (("link.npz", "file.npz"), ("broken.npz", "new.npz")):
        (tmp_path / name).symlink_to(to)
    (tmp_path / "file.npz").write_bytes(b"earlier")
    os.mkfifo(tmp_path / "pipe.npz")
    command("sample", "mnist-z6", "-o", str(tmp_path / "plain.npz"))
    expected = (tmp_path / "plain.npz").read_bytes()
    for name, file in (("link.npz", "file.npz"), ("broken.npz", "new.npz")):
        command("sample", "mnist-z6", "-o", str(tmp_path / name))
        assert (tmp_path / name).is_symlink()
        assert (tmp_path / file).read_bytes() == expected
    with ThreadPoolExecutor() as pool:
        read = pool.submit((tmp_path / "pipe.npz").read_bytes)
        command("sample", "mnist-z6", "-o", str(tmp_path / "pipe.npz"))
        assert read.result(timeout=60) == expected
    assert (tmp_path / "pipe.npz").is_fifo()


def test_a_full_device_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("found no /dev/full")
    assert main(["sample", "mnist-z6", "-o", "/dev/full", "--format", "npz"]) == 2
    said = "error: /dev/full: cannot be written (No space left on device), expected a writable place\n"
    assert capsys.readouterr().err == said


def test_a_terminal_is_given_no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    from elbowroom.app.outputs import Target

    monkeypatch.setattr(sys, "stdout", Namespace(isatty=lambda: True))
    with pytest.raises(elbowroom.StudyError, match="--output: found a terminal, expected a file or a pipe for png"):
        Target.of("-", None, ("png", "npz")).write(b"")
