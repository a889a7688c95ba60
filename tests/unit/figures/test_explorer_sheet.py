"""The explorer's sheet holds every picture where its layout says. The page itself: test_page.py."""

import io
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from elbowroom.core import paths
from elbowroom.core.errors import StudyError
from elbowroom.datasets.images import Images, scale
from elbowroom.figures import explorer_sheet
from elbowroom.vae import latent_space
from elbowroom.vae.model import VAE
from elbowroom.vae.trained import TrainedVAE, save_evolution
from stages import explore
from tests.support import ROOT
from tests.support.settings import cifar_variant, variant

LAYOUT = explorer_sheet.SheetLayout(grid=3, images=4, steps=5, latents=2, epochs=2, followed=3)


def test_kinds_of_tiles_follow_each_other() -> None:
    pairs = len(list(combinations(range(4), 2)))
    assert LAYOUT.starts == {
        "grid": 0,
        "paths": 9,
        "walks": 9 + pairs * 2 * 5,
        "end": 9 + pairs * 2 * 5 + 2 * 5,
    }


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
@pytest.mark.parametrize("count", [5, 70])
def test_a_sheet_has_every_picture_at_its_place(published: dict[str, Images], name: str, count: int) -> None:
    tiles = published[name].test.images[:count].numpy()
    _, _, height, width = tiles.shape
    with Image.open(io.BytesIO(explorer_sheet.sheet(tiles).tobytes())) as image:
        pixels = np.asarray(image.convert("RGB"), float)
    assert pixels.shape == (-(-count // 32) * 32, min(count, 32) * 32, 3)  # 28 is padded to 32
    for index, tile in enumerate(tiles):
        row, column = divmod(index, 32)
        found = pixels[row * 32 :, column * 32 :][:height, :width]
        differences = np.abs(found[None] - tiles.transpose(0, 2, 3, 1)).mean((1, 2, 3))
        assert differences.argmin() == index
        assert differences[index] < 12, tile


def test_the_lattice_has_the_centres_of_cells_from_the_upper_left() -> None:
    points = explorer_sheet.lattice(np.array([[0.0, 4.0], [10.0, 12.0]]), 2)
    assert points.tolist() == [[1.0, 11.5], [3.0, 11.5], [1.0, 10.5], [3.0, 10.5]]


def test_the_frame_holds_all_points_but_outliers() -> None:
    points = np.random.default_rng(0).normal(size=(1000, 2)) * [1, 5]
    points[0] = 1e6
    (left, right), (bottom, top) = explorer_sheet.frame(points)
    inside = (points > [left, bottom]) & (points < [right, top])
    assert 0.98 < inside.all(1).mean() < 1
    (low, high), _ = explorer_sheet.frame(np.zeros((5, 2)))  # also if all points are the same
    assert low < 0 < high


def made() -> explorer_sheet.Explored:
    sheet = explorer_sheet.sheet(np.zeros((2, 1, 28, 28), np.uint8))
    arrays = {
        "tiles": sheet,
        "images": sheet,
        "points": np.array([[[0.0, 0.0], [9.0, 5.0]]], np.float32),
        "labels": np.array([1, 0]),
        "epochs": np.array([3]),
        "limits": np.array([[-1.0, 1.0], [0.0, 10.0]]),
        "share": np.array(0.25),
        "latents": np.array([4, 2]),
        "amounts": np.array([1.23456, 0.5]),
    }
    return explorer_sheet.Explored(LAYOUT, ["a", "b"], (28, 28), arrays)


def test_an_explored_variant_comes_back_from_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    explorer_sheet.save("v", variant(), 0, made())
    found = explorer_sheet.load("v", variant(), 0)
    assert found[:3] == made()[:3]
    assert all(np.array_equal(found.arrays[name], array) for name, array in made().arrays.items())
    for other, seed in ((variant(beta=2.0), 0), (variant(), 1), (cifar_variant(), 0)):
        with pytest.raises(StudyError, match=r"explorer/v.safetensors: found results of another variant or seed"):
            explorer_sheet.load("v", other, seed)


def test_what_is_decoded_is_the_grid_the_paths_and_the_walks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: dict[str, Images]
) -> None:
    """The decoder shows z itself: every tile is grey, and as bright as a weighted sum of z."""
    settings = variant(latent_dim=3, network="linear", channels=1, pixel_range=[0, 1])
    images = small["mnist"]
    model = VAE(settings, (1, 28, 28)).eval()
    weight = torch.tensor([0.05, 0.02, 0.01])
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        encoder = [part for part in model.encoder.modules() if isinstance(part, torch.nn.Linear)]
        decoder = [part for part in model.decoder.modules() if isinstance(part, torch.nn.Linear)]
        encoder[0].weight.copy_(torch.randn(3, 784, generator=torch.Generator().manual_seed(0)) / 10)
        decoder[-1].weight.copy_(weight.expand(784, 3))
        decoder[-1].bias.fill_(0.5)
        mu = model.encode(scale(images.test.images, [0, 1]))[0]
    evolution = {
        "epochs": np.array([1]),
        "mu": mu.half().numpy()[None],
        "reconstructions": images.test.images[None, :2].numpy(),
    }
    for folder in ("data", "models"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path)
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["variants"] = {"v": settings.model_dump(exclude={"layers"})}
    params["figures"] |= {"explorer_grid": 4, "explorer_images": 3, "interpolation_steps": 4}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    TrainedVAE("v", settings, 0, images.shape, model).save(paths.model_file("v", 0))
    save_evolution(paths.evolution_file("v"), evolution, settings, 0)
    monkeypatch.setattr(explore, "load_images", lambda name, device: images)
    sheets: list[np.ndarray] = []
    monkeypatch.setattr(explorer_sheet, "sheet", lambda tiles: sheets.append(tiles) or np.zeros(1, np.uint8))
    explore.main("v")

    found = explorer_sheet.load("v", settings, 0)
    layout, arrays = found.layout, found.arrays
    assert layout == explorer_sheet.SheetLayout(grid=4, images=3, steps=4, latents=3, epochs=1, followed=2)
    bright = sheets[0][:, 0].reshape(len(sheets[0]), -1).mean(1) / 255
    assert len(bright) == layout.starts["end"]

    def expected(z: np.ndarray) -> np.ndarray:
        return np.clip(0.5 + z @ weight.numpy(), 0, 1)

    centre, axes, _ = latent_space.principal_plane(evolution["mu"][-1])
    grid = centre + explorer_sheet.lattice(arrays["limits"], 4) @ axes
    np.testing.assert_allclose(bright[:16], expected(grid), atol=1 / 255)
    pairs = list(combinations(mu[:3], 2))
    walked = torch.cat(
        [path(a, b, 4) for a, b in pairs for path in (latent_space.interpolate, latent_space.slerp)]
    ).numpy()
    np.testing.assert_allclose(bright[16 : layout.starts["walks"]], expected(walked), atol=1 / 255)
    assert layout.stops == 5
    for rank, which in enumerate(arrays["latents"]):
        z = mu[:1].repeat(5, 1).numpy()
        z[:, which] = [-3, -1.5, 0, 1.5, 3]  # standard deviations of the prior
        start = layout.starts["walks"] + 5 * rank
        np.testing.assert_allclose(bright[start : start + 5], expected(z), atol=1 / 255)
    amounts = (mu.square() / 2).mean(0)  # the KL if logvar is 0
    np.testing.assert_allclose(arrays["amounts"], amounts.sort(descending=True).values, rtol=1e-4)
