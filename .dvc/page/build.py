"""Vega for pages that need no network, as vl-convert bundles it:

- source.html with it -> .dvc/plots/page.html, the page that `dvc plots` fills (plots.html_template);
- by itself -> src/elbowroom/report/templates/vega.js, which the report's page holds.
"""

from pathlib import Path

import vl_convert

HERE = Path(__file__).parent
PAGE = HERE.parent / "plots/page.html"
SCRIPT = HERE.parents[1] / "src/elbowroom/report/templates/vega.js"


def script() -> str:
    return vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")


def page() -> str:
    return (HERE / "source.html").read_text(encoding="utf-8").replace("/* vega */", script())


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    SCRIPT.write_text(script(), encoding="utf-8")
