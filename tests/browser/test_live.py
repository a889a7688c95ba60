"""The page decodes and encodes as PyTorch does, in time, and its controls set the z that they say."""

import base64
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Locator, Page

from elbowroom.core.params import load_study
from elbowroom.core.settings import Study, Variant
from elbowroom.datasets.images import Images, to_bytes
from elbowroom.evaluation.live import live_model
from elbowroom.figures import explorer_sheet
from elbowroom.figures.live_model import LiveModel
from elbowroom.report import live_data
from elbowroom.report.pages import render
from elbowroom.vae.latent_space import principal_plane, slerp
from elbowroom.vae.model import VAE
from elbowroom.vae.trained import TrainedVAE
from tests.support.browser import opened
from tests.support.int8 import ternary
from tests.support.page import QUICKSTART, report_inputs
from tests.support.settings import NETWORKS, cifar_variant, variant

USED, ENDS, POINTS = 20, 4, 64  # latents that are used, test images to slide between, points of a map
LAYOUT = explorer_sheet.SheetLayout(grid=4, images=ENDS, steps=5, latents=3, epochs=2, followed=5)
STORED = "mnist-z256"  # the variant whose decoder the page lacks

pytestmark = pytest.mark.browser


class Shown:
    """A variant on the page: its model, and what the page has of it."""

    def __init__(self, name: str, settings: Variant, images: Images) -> None:
        self.images = images
        self.model = ternary(TrainedVAE(name, settings, 0, images.shape, VAE(settings, images.shape).eval()))
        draws = torch.Generator().manual_seed(1)
        self.mu = torch.randn(POINTS, settings.latent_dim, generator=draws)
        self.amounts = torch.linspace(2, 1, settings.latent_dim)
        if settings.model == "vae":
            self.mu[:, USED:] = 0.25
            self.amounts[USED:] = 0
        self.plane = principal_plane(self.mu.numpy())
        self.live = live_model(self.model, self.plane, self.mu, self.amounts, ENDS)

    def picture(self, z: np.ndarray) -> np.ndarray:
        """Decode z (K,), of the latents that the page has, with PyTorch: (H, W, C), 0 to 255."""
        full = self.mu.mean(0)
        full[self.live.latents] = torch.from_numpy(np.asarray(z, np.float32))
        return to_bytes(self.model.decode(full[None]))[0].transpose(1, 2, 0).astype(int)

    def explored(self) -> explorer_sheet.Explored:
        points = self.plane.project(self.mu.numpy())
        tiles = self.images.test.images[:200].numpy()
        latents = np.arange(LAYOUT.latents)
        arrays = {
            "tiles": explorer_sheet.sheet(tiles[: LAYOUT.starts["end"]]),
            "film": explorer_sheet.sheet(tiles[: LAYOUT.epochs * LAYOUT.followed]),
            "images": explorer_sheet.sheet(tiles[:POINTS]),
            "points": np.stack([points, points]).astype(np.float32),
            "labels": self.images.test.labels[:POINTS].numpy(),
            **{"epochs": np.array([0, 1]), "limits": explorer_sheet.frame(points), "share": np.array(0.5)},
            **{"latents": latents, "amounts": self.amounts[latents].numpy()},
        }
        layout = LAYOUT._replace(latents=len(latents))
        return explorer_sheet.Explored(layout, self.images.classes, self.images.shape[1:], arrays)


@pytest.fixture(scope="module")
def study() -> Study:
    return load_study(QUICKSTART / "params.yaml")


@pytest.fixture(scope="module")
def shown(study: Study, published: dict[str, Images]) -> dict[str, Shown]:
    """Every variant of the root study."""
    return {name: Shown(name, study.variant(name), published[entry.dataset]) for name, entry in study.variants.items()}


@pytest.fixture(scope="module")
def path(study: Study, shown: dict[str, Shown], tmp_path_factory: pytest.TempPathFactory) -> Path:
    explored = {name: one.explored() for name, one in shown.items()}
    live = {name: one.live for name, one in shown.items() if name != STORED}
    path = tmp_path_factory.mktemp("live") / "index.html"
    path.write_text(render(study, report_inputs(study, explored, live))["index.html"], encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def page(browser: Browser, path: Path) -> Iterator[Page]:
    """The page, for all tests, on a narrow screen that can be touched; nothing may go wrong or leave it."""
    page, wrong = opened(browser, path, viewport={"width": 390, "height": 900}, has_touch=True)
    page.wait_for_function("document.documentElement.dataset.ready === 'yes'")
    yield page
    assert wrong == []
    page.close()


def pixels(canvas: Locator) -> np.ndarray:
    """Return what a canvas shows once nothing waits to be decoded: (H, W, 3), 0 to 255."""
    canvas.page.wait_for_function("waiting.size === 0")
    png = canvas.evaluate("canvas => canvas.toDataURL('image/png')").partition(",")[2]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB"), int)


def card(page: Page, title: str, dataset: str = "mnist") -> Locator:
    return page.locator(f'[data-explorer="{dataset}"] .card', has_text=title)


def tile(place: Locator, name: str) -> Locator:
    """The picture of a variant in a card."""
    return place.locator(".tiles figure", has_text=name).locator("canvas")


def assert_same(found: np.ndarray, expected: np.ndarray) -> None:
    assert np.abs(found - expected).max() <= 2


OTHERS = {  # what the root study does not have: links, cropping, an encoder with every stride
    "a linear network": (variant(network="linear", channels=1), "mnist"),
    "oblong, continuous Bernoulli": (
        cifar_variant(layers=NETWORKS["deep"], channels=3, likelihood="continuous_bernoulli"),
        "oblong",
    ),
}


def for_page(live: LiveModel) -> dict[str, object]:
    """What live.js reads of a model, its encoder included."""
    return json.loads(live_data.choose({"v": live}, {"v": 0}, b"", 10**8).text)["models"]["v"]


@pytest.mark.parametrize("kernel", [True, False], ids=["kernel", "plain JavaScript"])
def test_pictures_and_mu_are_those_of_pytorch(
    page: Page, shown: dict[str, Shown], small: dict[str, Images], kernel: bool
) -> None:
    """With weights that int8 has exactly."""
    images = small["cifar10"]
    oblong = images.test._replace(images=images.test.images[..., :30, :19].contiguous())
    sets = small | {"oblong": replace(images, train=oblong, test=oblong)}
    cases = {name: Shown(name, settings, sets[dataset]) for name, (settings, dataset) in OTHERS.items()}
    if kernel:
        cases |= shown
    for name, one in cases.items():
        draws = np.random.default_rng(0)
        z = [*one.live.arrays["ends"][:1], *(draws.normal(size=(2, len(one.live.latents))))]
        found = page.evaluate(
            """async ([data, size, z, kernelUsed]) => {
              const model = new LiveModel(data, size, kernelUsed ? await kernel : null);
              return z.map(each => [...model.picture(each).data]);
            }""",
            [for_page(one.live), one.images.shape[1:], [each.tolist() for each in z], kernel],
        )
        height, width = one.images.shape[1:]
        for each, picture in zip(z, found, strict=True):
            expected = one.picture(each)
            assert expected.std() > 10, name  # it shows something
            assert_same(np.reshape(picture, (height, width, 4))[..., :3], expected)
    one = cases["a linear network"] if not kernel else shown["mnist-z128"]
    image = one.images.test.images[:1]
    mu = page.evaluate(
        """async ([data, image, kernelUsed]) =>
          new LiveModel(data, [28, 28], kernelUsed ? await kernel : null).encode(image)""",
        [for_page(one.live), (image / 255).flatten().tolist(), kernel],
    )
    np.testing.assert_allclose(mu, one.model.encode(image)[0][0, one.live.latents], rtol=1e-3, atol=1e-3)


def test_a_picture_takes_at_most_16_milliseconds(page: Page, shown: dict[str, Shown]) -> None:
    """Every variant of the root study, by a decoder of all of its latents; the fastest of 40, as others may run."""
    for name, one in shown.items():
        all_used = live_model(one.model, one.plane, torch.randn(POINTS, one.mu.shape[1]), one.amounts, ENDS)
        assert len(all_used.latents) == one.mu.shape[1]
        times = page.evaluate(
            """async ([data, size]) => {
              const model = new LiveModel(data, size, await kernel);
              return Array.from({ length: 40 }, () => {
                const z = model.ends[0].map(() => 2 * Math.random() - 1), begun = performance.now();
                model.picture(z);
                return performance.now() - begun;
              });
            }""",
            [for_page(all_used), one.images.shape[1:]],
        )
        assert min(times) < 16, name


def test_the_map_decodes_the_point_itself(page: Page, shown: dict[str, Shown]) -> None:
    one, place = shown["mnist-z128"], card(page, "Move over the map")
    place.locator("fieldset.bar input").first.check()
    plane = place.locator("canvas.plane")
    plane.evaluate(
        """plane => {
          const box = plane.getBoundingClientRect(), [x, y] = [0.3, 0.8];
          const at = { clientX: box.left + x * box.width, clientY: box.top + (1 - y) * box.height, bubbles: true };
          plane.dispatchEvent(new PointerEvent("pointermove", at));
        }"""
    )
    limits = one.explored().arrays["limits"]
    at = limits[:, 0] + [0.3, 0.8] * np.ptp(limits, axis=1)
    z = one.plane.lift(at)[one.live.latents]
    assert_same(pixels(place.locator("canvas").nth(1)), one.picture(z))
    assert tile(place, STORED).get_attribute("data-tile") is not None  # a stored picture


def test_sliders_go_between_the_stored_pictures(page: Page, shown: dict[str, Shown]) -> None:
    one = shown["cifar10-z8-c64"]
    a, b = (torch.from_numpy(end) for end in one.live.arrays["ends"][:2])
    place = card(page, "Slide between two test images", "cifar10")
    place.get_by_label("great circle (slerp)").check()
    place.locator("input[type=range]").fill("1.2")
    assert_same(pixels(tile(place, one.model.name)), one.picture(slerp(a, b, 41)[12].numpy()))
    place = card(page, "Walk along one latent", "cifar10")
    place.get_by_label("latent number 2 by its KL").check()
    place.locator("input[type=range]").fill("3.5")  # of 0 to 4, from -3 to 3
    z = one.live.arrays["ends"][0].copy()
    z[1] = 2.25
    assert_same(pixels(tile(place, one.model.name)), one.picture(z))


def test_every_used_latent_has_a_slider(page: Page, shown: dict[str, Shown]) -> None:
    one, place = shown["mnist-z128"], card(page, "Set the latents yourself")
    assert place.locator("input[type=range]").count() == USED
    assert place.locator("details summary").inner_text() == f"{USED - 8} more latents"
    picture, z = place.locator("canvas.tile").last, one.live.arrays["ends"][0].copy()
    assert_same(pixels(picture), one.picture(z))
    z[2] = -1.5
    slider = place.get_by_label("Latent 2 ")
    slider.fill("-1.5")
    assert_same(pixels(picture), one.picture(z))
    slider.focus()
    page.keyboard.press("ArrowRight")
    z[2] = -1.45
    assert slider.get_attribute("aria-valuetext") == "-1.45"
    assert_same(pixels(picture), one.picture(z))
    before = pixels(picture)
    place.get_by_role("button", name="Surprise me").click()
    drawn = place.locator("input[type=range]").evaluate_all("all => all.map(input => +input.value)")
    assert len(set(drawn)) > USED // 2
    assert np.abs(pixels(picture) - before).max() > 20
    place.get_by_role("button", name="All in the middle").click()
    assert_same(pixels(picture), one.picture(np.zeros(USED)))
    place.locator("fieldset.thumbs input").first.click(force=True)  # it is the chosen one already
    assert_same(pixels(picture), one.picture(one.live.arrays["ends"][0]))
    assert f"Not here: {STORED}" in place.inner_text()
    page.set_viewport_size({"width": 320, "height": 900})
    assert slider.evaluate("input => input.clientWidth") >= 200
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.set_viewport_size({"width": 390, "height": 900})


def test_an_autoencoder_has_the_range_of_its_mu(page: Page, shown: dict[str, Shown]) -> None:
    one, place = shown["mnist-ae128"], card(page, "Set the latents yourself")
    place.get_by_label(one.model.name).check()
    assert place.locator("input[type=range]").count() == 128
    place.get_by_label("Latent 0 ").fill("3")
    z = one.live.arrays["ends"][0].copy()
    z[0] = one.mu[:, 0].mean() + 3 * one.mu[:, 0].std(correction=0)
    assert_same(pixels(place.locator("canvas.tile").last), one.picture(z))


def test_images_are_added_and_subtracted(page: Page, shown: dict[str, Shown]) -> None:
    place = card(page, "Add and subtract test images")
    for row, index in enumerate((3, 1, 2)):
        place.locator("fieldset.thumbs").nth(row).locator("input").nth(index).check(force=True)
    for name in ("mnist-z128", "mnist-ae128"):
        a, b, c = shown[name].live.arrays["ends"][[3, 1, 2]]
        assert_same(pixels(tile(place, name)), shown[name].picture(a - b + c))
    assert tile(place, STORED).count() == 0
    assert f"Not here: {STORED}, since the page does not have the decoder." in place.inner_text()


def test_a_drawing_is_encoded_and_decoded(page: Page, shown: dict[str, Shown]) -> None:
    """By finger, then by keys: centred as MNIST's digits are, encoded, decoded."""
    one, place = shown["mnist-z128"], card(page, "Draw one yourself")
    pad, given = place.locator("canvas.pad"), place.get_by_label("what the encoder is given")

    def assert_encoded() -> np.ndarray:
        image = pixels(given)[..., 0]
        mu = one.model.encode(torch.from_numpy(image).to(torch.uint8)[None, None])[0][0, one.live.latents]
        assert_same(pixels(tile(place, one.model.name)), one.picture(mu.numpy()))
        number = int(mu.abs().argmax())
        assert f"Farthest from 0: latent {one.live.latents[number]}: {mu[number]:.2f}" in place.inner_text()
        assert "3 standard deviations of the prior to either side" in place.inner_text()
        return image

    assert_encoded()  # of the first test image
    place.get_by_role("button", name="Clear").click()
    assert pixels(given).max() == 0
    place.locator("fieldset.thumbs input").first.click(force=True)  # it is the chosen one already
    assert pixels(given).max() > 200
    place.get_by_role("button", name="Clear").click()
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    assert box is not None
    page.touchscreen.tap(box["x"] + 0.2 * box["width"], box["y"] + 0.3 * box["height"])
    image = assert_encoded()
    assert image[4:24, 4:24].max() == 255
    assert image[:3].max() == image[:, -3:].max() == 0
    place.get_by_role("button", name="Clear").click()
    pad.focus()
    for key in ("ArrowLeft", " ", *["ArrowDown"] * 8, " ", "ArrowRight"):
        page.keyboard.press(key)
    image = assert_encoded()
    rows, columns = np.nonzero(image > 100)
    assert (np.ptp(rows), np.ptp(columns) < 8) == (19, True)  # a vertical line, 20 pixels long
    weights = image / image.sum()
    assert np.allclose([(weights.sum(1) @ np.arange(28)), weights.sum(0) @ np.arange(28)], 13.5, atol=0.5)


def test_the_page_fits_a_phone_and_is_accessible(page: Page) -> None:
    page.locator(".explorer details").evaluate_all("all => all.forEach(part => part.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    found = Axe().run(page, context=".explorer").response["violations"]
    serious = [(each["id"], each["nodes"][0]["target"]) for each in found if each["impact"] in ("serious", "critical")]
    assert serious == []


def test_the_page_stays_below_12_megabytes(path: Path) -> None:
    assert 6e6 < path.stat().st_size < 12e6
