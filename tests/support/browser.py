"""Pages opened from disk in a Chromium that reaches no network."""

import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, Route


def opened(
    browser: Browser, path: Path, levels: tuple[str, ...] = ("error", "warning"), **options: Any
) -> tuple[Page, list[str]]:
    """Open a page from disk. Return it and a list of all that goes wrong: requests, errors, console messages.

    levels: the console levels that count as wrong.
    """
    page = browser.new_page(**options)
    page.set_default_timeout(60_000)  # machines can be busy
    wrong: list[str] = []

    def refuse(route: Route) -> None:
        wrong.append(f"request: {route.request.url}")
        route.abort()

    page.route(re.compile("^(?!file:|data:)"), refuse)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type in levels else None)
    page.goto(path.as_uri())
    return page, wrong
