"""source.html, with Vega put into it -> .dvc/plots/page.html, the page that `dvc plots` fills (plots.html_template)"""

from pathlib import Path

import vl_convert

HERE = Path(__file__).parent
PAGE = HERE.parent / "plots/page.html"


def page() -> str:
    bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return (HERE / "source.html").read_text(encoding="utf-8").replace("/* vega */", bundle)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
