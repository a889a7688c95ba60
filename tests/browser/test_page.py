"""The report's page works in a Chromium without network, with the quickstart's results and pictures of real images."""

import base64
import io
import re
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Locator, Page

from elbowroom.core.params import load_study
from elbowroom.core.settings import Study
from elbowroom.datasets.images import Images
from elbowroom.figures import colours, explorer_sheet
from elbowroom.report.pages import render
from elbowroom.results import tables
from elbowroom.vae import latent_space
from tests.support.browser import opened
from tests.support.page import QUICKSTART, report_inputs

MARKUP = "<script>alert(1)</script><img src=x onerror=alert(1)> & *text*"
LAYOUT = explorer_sheet.SheetLayout(grid=6, images=4, steps=5, latents=3, epochs=3, followed=5)
FEWER = LAYOUT._replace(latents=1, epochs=2)  # for every second variant
SHIFT = 7  # tiles by which a variant of a dataset differs from the one before
FILM = 120  # the first tile of the pictures through training
POINTS = 100
LOSS = '[data-chart="mnist-4"]'  # training curves
Tiles = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def study() -> Study:
    return load_study(QUICKSTART / "params.yaml").model_copy(update={"title": MARKUP})


@pytest.fixture(scope="module")
def tiles(published: dict[str, Images]) -> Tiles:
    """Test images of each dataset, more than a sheet has tiles."""
    return {name: images.test.images[:200].numpy() for name, images in published.items()}


def explored(images: Images, tiles: np.ndarray, number: int = 0) -> explorer_sheet.Explored:
    """The explorer data of one variant: tile i is test image i + number * SHIFT; the map, at each epoch, is the images'
    own principal plane, turned for each variant."""
    layout = FEWER if number % 2 else LAYOUT
    pixels = images.test.images[:POINTS].flatten(1).numpy().astype(float)
    centre, axes, share = latent_space.principal_plane(pixels)
    turn = [[np.cos(number), -np.sin(number)], [np.sin(number), np.cos(number)]]
    points = (pixels - centre) @ axes.T @ turn
    arrays = {
        "tiles": explorer_sheet.sheet(tiles[number * SHIFT :][: layout.starts["end"]]),
        "film": explorer_sheet.sheet(tiles[FILM:][: layout.epochs * layout.followed]),
        "images": explorer_sheet.sheet(images.test.images[:POINTS].numpy()),
        "points": np.stack([points * scale for scale in (0.1, 0.5, 1)[-layout.epochs :]]).astype(np.float32),
        "labels": images.test.labels[:POINTS].numpy(),
        "epochs": np.array([0, 1, 4][-layout.epochs :]),
        "limits": explorer_sheet.frame(points),
        "share": np.array(share),
        "latents": np.array([7, 1, 3])[: layout.latents],
        "amounts": np.array([2.5, 1.25, 0.5])[: layout.latents],
    }
    return explorer_sheet.Explored(layout, images.classes, images.shape[1:], arrays)


@pytest.fixture(scope="module")
def path(study: Study, published: dict[str, Images], tiles: Tiles, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = {}
    for dataset in published:
        own = [name for name, variant in study.variants.items() if variant.dataset == dataset]
        made |= {name: explored(published[dataset], tiles[dataset], number) for number, name in enumerate(own)}
    inputs = report_inputs(study, made, {})
    curves = inputs.comparison.curves
    curves.loc[curves.variant == "mnist-z256", "rate"] = 0.0  # as if it had collapsed
    path = tmp_path_factory.mktemp("page") / "index.html"
    path.write_text(render(study, inputs)["index.html"], encoding="utf-8")
    return path


Open = Callable[..., Page]


@pytest.fixture
def show(browser: Browser, path: Path) -> Iterator[Open]:
    """Open the page and wait until all is drawn; fail if anything went wrong or left the page."""
    all_wrong, pages = [], []

    def show(width: int = 1280, scheme: str = "light") -> Page:
        page, wrong = opened(browser, path, viewport={"width": width, "height": 900}, color_scheme=scheme)
        page.wait_for_function("document.documentElement.dataset.ready === 'yes'")
        all_wrong.append(wrong)
        pages.append(page)
        return page

    yield show
    assert all_wrong == [[]] * len(pages)
    for page in pages:
        page.close()


pytestmark = pytest.mark.browser


def card(page: Page, title: str, dataset: str = "mnist") -> Locator:
    return page.locator(f'[data-explorer="{dataset}"] .card', has_text=title)


def shown(canvas: Locator) -> np.ndarray:
    """Return what a canvas shows, (height, width, 3)."""
    png = canvas.evaluate("canvas => canvas.toDataURL('image/png')").partition(",")[2]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB"), float)


def number_of(canvas: Locator, tiles: np.ndarray) -> int:
    """Return the number of the picture (N, C, H, W) that a canvas shows, as near as WebP keeps it."""
    return int(np.abs(shown(canvas) - tiles.transpose(0, 2, 3, 1)).mean((1, 2, 3)).argmin())


def test_every_chart_is_drawn_and_nothing_leaves_the_page(show: Open, study: Study) -> None:
    page = show()
    places = page.locator("[data-chart]")
    by_dataset = 1 + 4 + 3 + 2  # answer, latents, training, plane and spectrum
    assert places.count() == 2 * by_dataset + 1  # and the noise levels of MNIST, which alone has a Gaussian likelihood
    marks = "g.mark-line path, g.mark-symbol path[opacity='1'], g.mark-area path"
    drawn = places.evaluate_all(f"all => all.map(place => place.querySelectorAll(`{marks}`).length)")
    assert min(drawn) >= 2
    names = places.evaluate_all("all => all.map(place => place.getAttribute('aria-label'))")
    assert len(set(names)) == places.count()  # each has a name of its own
    assert "Loss, mnist, Gaussian likelihood" in names
    for group in study.datasets:
        names = [name for name, variant in study.variants.items() if variant.dataset == group]
        chips = page.locator(f'.chip[data-group="{group}"]')
        assert chips.evaluate_all("all => all.map(chip => chip.dataset.variant)") == names
    rgb = [f"rgb({', '.join(str(int(c[i : i + 2], 16)) for i in (1, 3, 5))})" for c in colours.PALETTE[:3]]
    swatches = page.locator('.chip[data-group="mnist"] .swatch')
    assert swatches.evaluate_all("all => all.map(dot => getComputedStyle(dot).backgroundColor)") == rgb
    lines = page.locator('[data-chart="mnist-4"] g.mark-line path').evaluate_all(
        "all => all.map(p => p.getAttribute('stroke'))"
    )
    assert {line.lower() for line in lines} == {colour.lower() for colour in colours.PALETTE[:3]}


def test_the_contents_say_what_is_read(show: Open) -> None:
    """Also after a jump, and in a narrow window, where the contents are one line that moves along."""
    page, current = show(), "nav [aria-current=true]"
    page.wait_for_selector(f"{current}[href='#answer']")
    for place in ("claims", "imagined-mnist", "room-cifar10", "answer"):
        page.evaluate("place => document.getElementById(place).scrollIntoView()", place)
        page.wait_for_selector(f"{current}[href='#{place}']")
        assert page.locator(current).count() == 1
    page = show(390)
    page.evaluate("document.getElementById('claims').scrollIntoView()")
    page.wait_for_selector(f"{current}[href='#claims']")
    box = page.locator(current).bounding_box()
    assert box is not None
    assert 0 <= box["x"] <= 390 - box["width"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_lines_have_the_colours_of_their_swatches_and_stand_out(show: Open, scheme: str) -> None:
    page = unfolded(show(scheme=scheme))
    of = "all => all.map(each => getComputedStyle(each)[{}])"
    swatches = page.locator('.chip[data-group="mnist"] .swatch').evaluate_all(of.format("'backgroundColor'"))
    lines = page.locator(f"{LOSS} g.mark-line path").evaluate_all(of.format("'stroke'"))
    for line in lines:
        assert any(np.abs(np.subtract(rgb(line), rgb(swatch))).max() <= 1 for swatch in swatches)  # but for rounding
    behind = luminance(
        rgb(page.locator(".charts > figure").first.evaluate("card => getComputedStyle(card).backgroundColor"))
    )
    series = page.locator('[data-chart="mnist-0"] g.mark-line path').first.evaluate(
        "line => line.getAttribute('stroke')"
    )
    for colour in (*map(rgb, lines), tuple(int(series[at : at + 2], 16) for at in (1, 3, 5))):
        light, deep = sorted((luminance(colour), behind), reverse=True)
        assert (light + 0.05) / (deep + 0.05) > 3  # what WCAG asks of graphics


def rgb(text: str) -> tuple[int, ...]:
    """Read rgb(1, 2, 3), or color(srgb 0.1 0.2 0.3), as Chromium writes a mixture."""
    numbers = [float(number) for number in re.findall(r"[\d.]+", text)][:3]
    return tuple(round(number * (255 if text.startswith("color") else 1)) for number in numbers)


def luminance(colour: tuple[int, ...]) -> float:
    """The relative luminance of WCAG 2."""
    parts = [part / 255 for part in colour]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def test_lines_of_the_answer_are_named_where_they_are(show: Open) -> None:
    """No name leaves the chart."""
    for width in (390, 1280):
        page = show(width)
        place = page.locator('[data-chart="answer-mnist-z128"]')
        names = place.locator("g.mark-text.role-mark text")
        assert set(names.all_text_contents()) == {"exact linear VAE", "best model, cut down"}
        whole = place.bounding_box()
        assert whole is not None
        for box in filter(None, (name.bounding_box() for name in names.all())):
            assert whole["x"] <= box["x"] <= whole["x"] + whole["width"] - box["width"]


def unfolded(page: Page) -> Page:
    """Open the training curves, which are drawn only then."""
    page.get_by_text("Training curves").first.click()
    page.locator(f"{LOSS} g.mark-line path").first.wait_for()
    return page


def test_the_pointer_shows_values(show: Open) -> None:
    page = unfolded(show())
    page.locator(f"{LOSS} g.layer_2_marks path").last.hover(force=True)
    tip = page.locator("#vg-tooltip-element.visible")
    tip.wait_for()
    assert re.search(r"variant\s*mnist-ae128", tip.inner_text())
    last = tables.load_table(QUICKSTART / "report/comparison/curves.csv", tables.COMPARISON["curves"], {})
    last = last[(last.variant == "mnist-ae128") & (last.epoch == last[last.variant == "mnist-ae128"].epoch.max())]
    assert any(f"{loss:,.5g}" in tip.inner_text() for loss in last.loss)


def test_a_scale_becomes_logarithmic_and_a_variant_is_hidden(show: Open) -> None:
    page = unfolded(show())
    ticks = page.locator(f"{LOSS} g.role-axis").last
    before = ticks.text_content()
    page.get_by_label("nats on a log scale").first.check()
    page.wait_for_function(
        f"before => [...document.querySelectorAll('{LOSS} g.role-axis')].at(-1)?.textContent !== before", arg=before
    )
    lines = page.locator(f"{LOSS} g.mark-line path")
    page.wait_for_function(f"document.querySelectorAll('{LOSS} g.mark-line path').length === 6")
    page.locator('.chip[data-variant="mnist-z128"]').click()
    page.wait_for_function(f"document.querySelectorAll('{LOSS} g.mark-line path').length === 4")
    assert colours.PALETTE[0] not in lines.evaluate_all("all => all.map(line => line.getAttribute('stroke'))")
    assert page.locator('.chip[data-variant="mnist-z128"]').get_attribute("aria-pressed") == "false"
    opacities = "all => all.every(line => (line.getAttribute('opacity') ?? '1') === '1')"
    assert lines.evaluate_all(opacities)  # a hidden variant fades no other
    page.locator('.chip[data-variant="mnist-z256"]').hover()
    page.wait_for_function(
        f"[...document.querySelectorAll('{LOSS} g.mark-line path')].some(p => p.getAttribute('opacity') < 0.5)"
    )
    rate = page.locator('[data-chart="mnist-6"]')
    assert "linear around 0" in (rate.locator("g.role-axis").last.text_content() or "")
    assert rate.locator("g.mark-line path").count() == 2  # a rate of 0 is drawn, train and test


def test_tables_sort(show: Open) -> None:
    page = show()
    table = page.get_by_label("mnist: variants and baselines").locator("table")
    column = table.locator("thead th").all_inner_texts()
    place = next(number for number, text in enumerate(column) if text.startswith("test loss"))
    head = table.locator("thead th").nth(place)

    def values() -> list[str]:
        return table.locator(f"tbody:first-of-type td:nth-child({place + 1})").all_inner_texts()

    def numbers() -> list[float]:
        return [float(text.replace(",", "")) for text in values()]

    baselines = table.locator("tbody").last.inner_text()
    written = numbers()
    head.locator("button").click()
    assert numbers() == sorted(written)
    assert head.get_attribute("aria-sort") == "ascending"
    head.locator("button").click()
    assert numbers() == sorted(written, reverse=True)
    table.get_by_role("button", name="IWAE bound").click()
    place = next(number for number, text in enumerate(column) if text.startswith("IWAE bound"))
    bounds = values()
    assert all(bound.endswith(" †") for bound in bounds)  # loose, and sorted as numbers all the same
    assert float(bounds[0].removesuffix(" †")) < float(bounds[1].removesuffix(" †"))
    assert table.locator("tbody").last.inner_text() == baselines  # with autoencoders, whose loss is another
    assert "mnist-ae128" in baselines


@pytest.mark.parametrize("dataset", ["mnist", "cifar10"])
def test_the_pointer_shows_the_picture_of_the_nearest_grid_point(
    show: Open, published: dict[str, Images], tiles: Tiles, dataset: str
) -> None:
    page = show()
    place = card(page, "Move over the map", dataset)
    plane, decoded, near = (place.locator("canvas").nth(number) for number in range(3))
    chosen = place.locator("fieldset.bar input:checked").get_attribute("aria-label") or ""
    assert chosen.startswith({"mnist": "mnist-z256 (", "cifar10": "cifar10-z16-c32 ("}[dataset])  # of the lowest loss
    place.locator("fieldset.bar input").first.check()
    plane.scroll_into_view_if_needed()
    box = plane.bounding_box()
    assert box is not None
    made = explored(published[dataset], tiles[dataset]).arrays
    (left, right), (bottom, top) = frame = made["limits"]
    grid = explorer_sheet.lattice(frame, LAYOUT.grid)
    for x, y in [(0.1, 0.2), (0.93, 0.4), (0.56, 0.77)]:
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        at = np.array([left + x * (right - left), top - y * (top - bottom)])
        scale = np.ptp(frame, axis=1)
        cell = np.square((grid - at) / scale).sum(1).argmin()
        image = np.square((made["points"][-1] - at) / scale).sum(1).argmin()
        assert number_of(decoded, tiles[dataset]) == cell
        assert number_of(near, tiles[dataset]) == image
        label = published[dataset].classes[made["labels"][image]]
        assert f"Nearest test image: {label}, number {image}" in place.inner_text()
        for number in range(3):  # each variant, at that image's place in its own map
            own = explored(published[dataset], tiles[dataset], number).arrays
            limits = own["limits"]
            lattice = explorer_sheet.lattice(limits, LAYOUT.grid)
            scaled = np.square((lattice - own["points"][-1][image]) / np.ptp(limits, axis=1))
            expected = scaled.sum(1).argmin() + number * SHIFT
            assert number_of(place.locator(".tiles canvas").nth(number), tiles[dataset]) == expected
    plane.focus()
    before = decoded.get_attribute("data-tile")
    page.keyboard.press("ArrowDown")
    assert int(decoded.get_attribute("data-tile") or 0) == int(before or 0) + LAYOUT.grid


def test_a_picture_appears_within_50_milliseconds(show: Open) -> None:
    plane = card(show(), "Move over the map").locator("canvas").first
    waits = plane.evaluate(
        """async plane => {
          const waits = [], box = plane.getBoundingClientRect();
          for (let step = 0; step < 40; step++) {
            const begun = performance.now();
            const at = {clientX: box.left + box.width * step / 40, clientY: box.top + box.height / 2, bubbles: true};
            plane.dispatchEvent(new PointerEvent("pointermove", at));
            waits.push(performance.now() - begun);
            await new Promise(requestAnimationFrame);
          }
          return waits;
        }"""
    )
    assert np.quantile(waits, 0.9) < 50  # a tenth may be longer on a busy machine


def test_the_slider_moves_between_two_images_along_both_paths(show: Open, tiles: Tiles) -> None:
    place = card(show(), "Slide between two test images")
    first, slider = place.locator(".tiles canvas").first, place.locator("input[type=range]")
    pairs, steps = list(combinations(range(LAYOUT.images), 2)), LAYOUT.steps
    for start, end, curved, step in [(0, 1, 0, 0), (1, 3, 0, 2), (1, 3, 1, 2), (3, 1, 1, 1), (2, 0, 0, 4)]:
        place.locator("fieldset.thumbs").nth(0).locator("input").nth(start).check(force=True)
        place.locator("fieldset.thumbs").nth(1).locator("input").nth(end).check(force=True)
        place.get_by_label("great circle (slerp)" if curved else "straight line").check()
        slider.fill(str(step))
        pair = pairs.index((min(start, end), max(start, end)))
        along = step if start < end else steps - 1 - step
        expected = LAYOUT.starts["paths"] + (2 * pair + curved) * steps + along
        assert first.get_attribute("data-tile") == str(expected)
        assert number_of(first, tiles["mnist"]) == expected
        assert number_of(place.locator(".tiles canvas").nth(1), tiles["mnist"]) == expected + SHIFT
    assert "100 % of the way" in place.inner_text()
    assert slider.get_attribute("aria-valuetext") == "100 % of the way"
    place.locator("fieldset.thumbs").nth(1).locator("input").nth(2).check(
        force=True
    )  # from an image to itself: its reconstruction
    pair = pairs.index((0, 2))
    assert first.get_attribute("data-tile") == str(LAYOUT.starts["paths"] + 2 * pair * steps + steps - 1)


def test_the_slider_walks_along_a_latent(show: Open, tiles: Tiles) -> None:
    place = card(show(), "Walk along one latent")
    place.get_by_label("latent number 2 by its KL").check()
    place.locator("input[type=range]").fill("4")
    expected = LAYOUT.starts["walks"] + LAYOUT.stops + 4
    assert number_of(place.locator(".tiles canvas").first, tiles["mnist"]) == expected
    assert "mnist-z128, latent 1: 1.25 nats" in place.inner_text()
    assert "3.0 standard deviations" in place.inner_text()
    assert "mnist-z256: has 1" in place.inner_text()
    assert shown(place.locator(".tiles canvas").nth(1)).max() == 0


def test_the_animation_plays_pauses_and_slides(show: Open, tiles: Tiles) -> None:
    page = show()
    film = page.locator('[data-film="cifar10"]')
    plane, slider = film.locator("canvas.plane").first, film.locator("input[type=range]")
    assert plane.get_attribute("data-epoch") == "4"
    film.get_by_role("button", name="Play").click()
    film.locator('canvas.plane[data-epoch="0"]').first.wait_for()
    assert "before training" in film.inner_text()
    film.locator('canvas.plane[data-epoch="1"]').first.wait_for()
    film.get_by_role("button", name="Pause").click()
    before = plane.get_attribute("data-epoch")
    page.wait_for_timeout(900)
    assert plane.get_attribute("data-epoch") == before
    slider.fill("1")
    assert "epoch 1" in film.inner_text()
    reconstruction = film.locator("figure").first.locator(".tiles canvas").nth(LAYOUT.followed)
    assert number_of(reconstruction, tiles["cifar10"]) == FILM + LAYOUT.followed
    assert film.locator("canvas.plane").nth(1).get_attribute("data-epoch") == "1"  # which has no epoch 0
    painted = plane.evaluate(
        "plane => plane.getContext('2d').getImageData(0, 0, plane.width, plane.height).data.some(Boolean)"
    )
    assert painted


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_the_page_is_accessible(show: Open, width: int, scheme: str) -> None:
    page = show(width, scheme)
    page.locator("details").evaluate_all("all => all.forEach(part => part.open = true)")
    found = Axe().run(page).response["violations"]
    wrong = [
        (violation["id"], [node["target"] for node in violation["nodes"]][:3])
        for violation in found
        if violation["impact"] != "minor"
    ]
    assert wrong == []


def test_the_page_fits_its_window(show: Open) -> None:
    page = show(320)
    for width in (320, 768, 1280, 2200):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    loaded = page.locator("figure > img").evaluate_all(
        "all => all.map(image => image.complete && image.naturalWidth > 0)"
    )
    assert len(loaded) == 8
    assert all(loaded)


def test_text_from_params_stays_text(show: Open) -> None:
    page = show()
    assert page.title() == MARKUP
    assert page.locator("h1").inner_text() == MARKUP
    assert page.locator("header img, header script").count() == 0


def test_the_page_is_one_file_of_moderate_size(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert path.stat().st_size < 12e6
    page = text[: text.index('<script type="application/json"')]
    assert re.findall(r'(?:src|href)="(?!data:|#)([^"]*)"', page) == []
