"""Make the pictures that people share: `make pictures`.

docs/pictures/explorer.gif: the root study's page, moving over the map of latent space. docs/pictures/card.png, 1200 x
630 pixels, for links on social sites: the question, and what the sweep of latent sizes answers. Needs a Chromium
(CHROMIUM, or the first on PATH).
"""

import base64
import io
import math
import os
import shutil
import sys
from collections.abc import Iterator
from html import escape
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from elbowroom.core.params import load_study
from elbowroom.report.answer import answer
from elbowroom.results import tables

ROOT = Path(__file__).parents[1]
EXPLORED = ROOT / "report/index.html"
SWEEP = ROOT / "studies/room"
CHART = SWEEP / "report/comparison/pictures/mnist-gaussian-pm1-answer.png"
CARD = (1200, 630)  # pixels, as social sites have it
FRAMES, MILLISECONDS, COLOURS = 24, 150, 128  # of the GIF
CHROMIUM = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
STYLE = """
body { margin: 0; display: grid; grid-template-columns: 1fr 560px; gap: 40px; align-items: center;
  width: 1120px; height: 550px; padding: 40px; background: #f6f7f8; color: #1c1e21;
  font-family: system-ui, sans-serif; }
h1 { font-size: 44px; line-height: 1.15; margin: 0 0 26px; } p { font-size: 25px; line-height: 1.3; margin: 0 0 18px; }
small { display: block; font-size: 19px; color: #5a6169; }
.name { color: #0a5a9c; font-weight: 600; } img { width: 560px; border-radius: 8px; }
"""


def main() -> None:
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUM)), None)
    if not path:
        sys.exit("error: found no Chromium, expected one on PATH, or its path in CHROMIUM")
    folder = ROOT / "docs/pictures"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        frames = list(explored(browser))
        frames[0].save(folder / "explorer.gif", save_all=True, append_images=frames[1:], duration=MILLISECONDS, loop=0)
        page = browser.new_page(viewport={"width": CARD[0], "height": CARD[1]}, color_scheme="light")
        page.set_content(card())
        page.screenshot(path=folder / "card.png")
        browser.close()


def explored(browser: Browser) -> Iterator[Image.Image]:
    """Yield the map of the first dataset while the pointer goes round in it, once."""
    page = browser.new_page(viewport={"width": 1000, "height": 900}, color_scheme="light")
    page.goto(EXPLORED.as_uri())
    shown = page.locator(".explorer .card").first
    shown.scroll_into_view_if_needed()
    plane = shown.locator("canvas.plane").bounding_box()
    assert plane
    page.mouse.move(plane["x"] + 0.8 * plane["width"], plane["y"] + 0.5 * plane["height"])
    page.wait_for_timeout(1000)  # until the card's colour has changed
    for frame in range(FRAMES):
        angle = 2 * math.pi * frame / FRAMES
        across, down = (0.5 + 0.3 * turn(angle) for turn in (math.cos, math.sin))
        page.mouse.move(plane["x"] + across * plane["width"], plane["y"] + down * plane["height"])
        page.wait_for_timeout(80)
        picture = Image.open(io.BytesIO(shown.screenshot())).convert("RGB")
        small = picture.resize((640, round(640 * picture.height / picture.width)), Image.Resampling.LANCZOS)
        yield small.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)


def card() -> str:
    """Return the card as HTML. It has the first answer for each dataset."""
    os.chdir(SWEEP)
    study = load_study()
    answers = {}
    for each in answer(study, tables.comparison(study)):
        if each.headline:
            answers.setdefault(study.variants[each.variant].dataset if each.variant else each.subject, each)
    said = "".join(f"<p><small>{escape(a.question)}</small>{escape(a.headline)}</p>" for a in answers.values())
    chart = base64.b64encode(CHART.read_bytes()).decode()
    words = f'<h1>How much room does a VAE need?</h1>{said}<p class="name">elbowroom</p>'
    return f'<style>{STYLE}</style><div>{words}</div><img src="data:image/png;base64,{chart}">'


if __name__ == "__main__":
    main()
