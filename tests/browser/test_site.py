"""The site of `make docs`: it builds without a warning, links lead somewhere, and nothing is fetched."""

import io
import subprocess
import sys
from html.parser import HTMLParser
from inspect import isroutine
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser

import elbowroom
from elbowroom.api import Model
from elbowroom.vae.trained import TrainedVAE
from tests.support import ROOT
from tests.support.browser import opened


class Links(HTMLParser):
    """What a page links to, what it loads, and the places in it that can be linked to."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.linked: list[str] = []
        self.loaded: list[str] = []
        self.places: set[str] = {""}
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.places |= {found.get("id") or "", found.get("name") or ""}
        if tag == "a":
            self.linked += [found["href"]] if found.get("href") else []
        else:
            self.loaded += [found[key] or "" for key in ("src", "href", "srcset", "data") if key in found]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8")
    options = recipe.partition("sphinx-build ")[2].partition("\n")[0].removesuffix(" . site").split()
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "sphinx", *options, ".", str(folder)], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Links]:
    return {page: Links(page) for page in site.rglob("*.html") if "_downloads" not in page.parts}


def test_every_link_leads_somewhere(site: Path, pages: dict[Path, Links]) -> None:
    wrong = []
    for page, found in pages.items():
        for link in found.linked + found.loaded:
            address = urlsplit(unquote(link))
            file = (page.parent / address.path).resolve() if address.path else page
            leads = file.is_file() and file.is_relative_to(site)
            if not address.scheme and not (leads and (file not in pages or address.fragment in pages[file].places)):
                wrong.append(f"{page.relative_to(site)}: {link}")
    assert len(pages) > 30
    assert wrong == []


def test_the_api_has_what_a_user_calls(site: Path) -> None:
    page = (site / "docs/api.html").read_text(encoding="utf-8")
    methods = [
        f"elbowroom.{where}.{name}"
        for where, kind in (("api.Model", Model), ("vae.trained.TrainedVAE", TrainedVAE))
        for name, method in vars(kind).items()
        if not name.startswith("_") and isroutine(method)
    ]
    assert len(methods) > 10
    places = [*(f"elbowroom.{name}" for name in elbowroom.__all__), *methods]
    assert [place for place in places if f'id="{place}"' not in page] == []
    assert "_NestedSequence" not in page  # what NumPy means by ArrayLike, in full


def test_no_page_loads_anything_from_elsewhere(pages: dict[Path, Links]) -> None:
    loaded = [link for found in pages.values() for link in found.loaded]
    assert [link for link in loaded if urlsplit(link).scheme not in ("", "data") or link.startswith("//")] == []


def test_the_search_works_from_disk(site: Path, browser: Browser) -> None:
    page, wrong = opened(browser, site / "docs/start.html")
    page.fill("input[name=q]", "recall")
    page.press("input[name=q]", "Enter")
    page.click("#search-results a:has-text('Read the report')")
    page.wait_for_load_state()
    assert page.title().startswith("Read the report")
    assert wrong == []
    page.close()


def test_code_that_goes_on_is_shaded_where_it_is_cut(site: Path, browser: Browser) -> None:
    """Of those blocks alone that can be scrolled the right side is darker than the middle."""
    page, wrong = opened(browser, site / "docs/models.html", viewport={"width": 390, "height": 900})
    blocks = page.locator(".highlight pre")
    wide = blocks.evaluate_all("all => all.map(block => block.scrollWidth > block.clientWidth + 1)")
    assert {True, False} == set(wide)
    for block, cut in zip(blocks.all(), wide, strict=True):
        shades = np.asarray(Image.open(io.BytesIO(block.screenshot())).convert("L"), int)[3]  # above the text
        assert (shades[-2] < shades[len(shades) // 2] - 20) == cut
    assert wrong == []
    page.close()
