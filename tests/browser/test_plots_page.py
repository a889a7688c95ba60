"""The page that `dvc plots` writes, in a clone of the quickstart and drawn by a Chromium that reaches no network."""

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest
import yaml
from PIL import Image, ImageOps
from playwright.sync_api import Browser, Page

from elbowroom.comparison.latent_curves import EVERY_LATENT
from elbowroom.figures.colours import distinct_colours
from elbowroom.results.outcomes import Bend, State
from elbowroom.results.rows import Baseline
from tests.support import ROOT
from tests.support.browser import opened

BASELINES = (*Baseline, EVERY_LATENT)
CURVES = "report/comparison/curves.csv"
Plots = Callable[..., Path]


class Drawn(NamedTuple):
    page: Page
    charts: list[str]  # the ids of DVC's blocks
    revisions: list[str]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The quickstart in a fresh clone, without data, models and cache, after an edit of curves and of a picture."""
    origin, clone = tmp_path_factory.mktemp("origin"), tmp_path_factory.mktemp("clone")
    ignored = shutil.ignore_patterns("data", "models", "dvc_plots", "cache", "tmp")
    for name in (".dvc", "studies/quickstart"):
        shutil.copytree(ROOT / name, origin / name, symlinks=True, ignore=ignored)
    for name in (".gitignore", ".dvcignore"):
        shutil.copy(ROOT / name, origin)
    identity = ["-c", "user.name=t", "-c", "user.email=t@t"]
    for command in (["init", "-q"], ["add", "-A"], [*identity, "commit", "-qm", "one"], ["clone", "-q", ".", clone]):
        subprocess.run(["git", *command], cwd=origin, check=True)  # noqa: S603, S607
    return clone / "studies/quickstart"


@pytest.fixture(scope="module")
def plots(study: Path, tmp_path_factory: pytest.TempPathFactory) -> Plots:
    """Run `dvc plots` with these arguments; return its page."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}

    def run(*arguments: str) -> Path:
        out = tmp_path_factory.mktemp("plots")
        command = ["dvc", "plots", *arguments, "-o", str(out)]
        done = subprocess.run(command, cwd=study, env=environment, capture_output=True, text=True)  # noqa: S603
        assert done.returncode == 0, done.stdout + done.stderr
        assert "failed" not in done.stdout + done.stderr
        return out / "index.html"

    return run


def draw(browser: Browser, path: Path) -> tuple[Page, list[str]]:
    """Open the page from disk, unfold it and wait for its charts; nothing may go out, nothing may go wrong."""
    specs = re.findall(r"var spec = (.*);\s+vegaEmbed\('#(.+?)', spec\)", path.read_text(encoding="utf-8"))
    charts = [chart for spec, chart in specs if spec != "{}"]  # DVC writes {} for a table without rows
    page, wrong = opened(browser, path, ("error",), viewport={"width": 1400, "height": 1000})
    page.locator("main > details").evaluate_all("all => all.forEach(section => section.open = true)")
    for chart in charts:
        page.locator(f'[id="{chart}"] svg.marks').wait_for()
    page.wait_for_load_state("load")
    assert wrong == []
    return page, charts


@pytest.fixture(scope="module", params=["show", "diff"])
def drawn(request: pytest.FixtureRequest, browser: Browser, study: Path, plots: Plots) -> Drawn:
    """All plots: as committed, and beside an edit of curves and pictures."""
    if request.param == "show":
        return Drawn(*draw(browser, plots("show")), ["workspace"])
    for table in (study / CURVES, *study.glob("plots/*/history.csv")):
        values = pd.read_csv(table)
        numbers = values.select_dtypes("float").columns
        values.assign(**{name: values[name] * 1.1 for name in numbers}).to_csv(table, index=False)
    for picture in study.glob("plots/*/samples.png"):
        ImageOps.invert(Image.open(picture).convert("RGB")).save(picture)
    return Drawn(*draw(browser, plots("diff", "HEAD")), ["workspace", "HEAD"])


def variants(study: Path) -> list[str]:
    return list(yaml.safe_load((study / "params.yaml").read_text())["variants"])


def test_the_committed_page_is_what_its_source_and_vega_give() -> None:
    """`make page` after an edit of .dvc/page/source.html, and after `make lock`."""
    build = runpy.run_path(str(ROOT / ".dvc/page/build.py"))
    committed = (ROOT / ".dvc/plots/page.html").read_text(encoding="utf-8")
    assert committed == build["page"]()
    script = (ROOT / "src/elbowroom/report/templates/vega.js").read_text(encoding="utf-8")
    assert script == build["script"]()
    assert not any(special in script for special in ("</script", "<!--"))
    source = (ROOT / ".dvc/page/source.html").read_text(encoding="utf-8")
    for special in ("</script", "<!--", "{plot_divs}", "{scripts}", "{refresh_tag}"):  # the last three DVC replaces
        assert committed.count(special) == source.count(special)


@pytest.mark.browser
def test_every_chart_is_drawn(drawn: Drawn) -> None:
    assert drawn.charts
    extent = "all => Math.max(...all.map(path => path.getBoundingClientRect()).map(box => box.width + box.height))"
    for chart in drawn.charts:
        assert (
            drawn.page.locator(f'[id="{chart}"] svg.marks g.role-mark :is(path, line, text)').evaluate_all(extent) > 0
        ), chart


@pytest.mark.browser
def test_curves_have_a_line_for_each_variant(drawn: Drawn, study: Path) -> None:
    """In each panel as many as there are variants of its dataset, times revisions; a legend names them all."""
    chart = drawn.page.locator("#report_comparison_curves_csv")
    panels = chart.locator("svg.marks").evaluate(
        """svg => [...svg.querySelectorAll('g.cell > g')].map(panel =>
             [...panel.querySelectorAll('[aria-roledescription="line mark"]')].map(line => line.ariaLabel))"""
    )
    shown = [sorted(re.findall(r"variant: ([^;]+)", "; ".join(lines))) for lines in panels]
    by_dataset = pd.read_csv(study / CURVES).groupby("dataset").variant.unique()
    expected = [sorted([*names] * len(drawn.revisions)) for names in by_dataset]
    assert len(shown) >= len(expected)
    assert {tuple(names) for names in shown} == {tuple(names) for names in expected}
    assert set(variants(study)) <= set(chart.locator("g.role-legend-label text").all_text_contents())


AXES = {  # what a chart's id contains, first match -> the titles of its axes
    "comparison_answer_csv": {"latent size", "test loss (nats per image)"},
    "comparison_widths_csv": {"gain (nats per image), up to its bound"},
    "comparison_baselines_csv": {"latent size", "test loss (nats per image)"},
    "comparison_claims_csv": set(),
    "metrics_datasets": {"images", "kind"},
    "comparison_curves_csv": {"epoch", "nats per image"},
    "comparison_differences_csv": {"difference"},  # its unit stands above each panel
    "comparison_elbows_csv": {"bend (latents), 95 % interval"},
    "comparison_latents_csv": {"latent size"},  # of the other axis, what and which unit stands above each panel
    "comparison_noise_csv": {"variance of the likelihood, pixels in [0, 1]", "latents that carry 95 % of the KL"},
    "comparison_published_csv": {"difference from the published value (%)"},
    "comparison_spectrum_csv": {"latent, ordered by its KL (rank)", "KL, mean over test images (nats)"},
    "comparison_truncated_csv": {"latents kept, those of the largest KL", "test loss (nats per image)"},
    "comparison_variants_csv": {"rate: KL on test (nats per image)", "distortion on test (nats per image)"},
    "_history_csv": {"epoch", "nats per image"},
    "_spectrum_csv": {"latent, ordered by its KL (rank)", "KL, mean over test images (nats)"},
    "_truncated_csv": {"latents kept, those of the largest KL", "test loss (nats per image)"},
    "_map_csv": {"first principal component of mu", "second principal component of mu"},
    "_cost_csv": {"seconds to train", "seed"},
    "-dimension_csv": {"directions", "estimator"},
    "-noise_csv": {"variance of the likelihood, pixels in [0, 1]", "latents"},
    "metrics_baselines_": {"latent size", "test loss (nats per image)"},
    "metrics_judge_": {"epoch", "test accuracy"},
    "metrics_": {"test loss (nats per image)", "seed"},
}


@pytest.mark.browser
def test_axes_name_what_they_show_and_its_unit(drawn: Drawn) -> None:
    for chart in drawn.charts:
        titles = set(drawn.page.locator(f'[id="{chart}"] g.role-axis-title text').all_text_contents())
        assert titles == next(AXES[part] for part in AXES if part in chart), chart


def marks(page: Page, table: str, kind: str) -> int:
    """How many marks of a kind the chart of a table of the comparison has, those that only a pointer feels left out."""
    shown = "all => all.filter(mark => getComputedStyle(mark).opacity > 0).length"
    chart = page.locator(f"#report_comparison_{table}_csv svg.marks")
    return int(chart.locator(f"g.role-mark.mark-{kind} > :is(path, line, text)").evaluate_all(shown))


@pytest.mark.browser
def test_every_row_is_shown(drawn: Drawn, study: Path) -> None:
    """A claim as often as it is tested, its words once; a difference also without interval; a point of each series."""
    tables = {
        name: pd.read_csv(study / f"report/comparison/{name}.csv") for name in ("claims", "differences", "latents")
    }
    revisions, page = len(drawn.revisions), drawn.page
    assert marks(page, "claims", "symbol") == len(tables["claims"]) * revisions
    assert marks(page, "claims", "text") == len(tables["claims"])
    differences = tables["differences"].dropna(subset="difference")
    assert marks(page, "differences", "symbol") == len(differences) * revisions
    baseline = tables["latents"].series.isin(BASELINES)
    assert marks(page, "latents", "symbol") == sum(~baseline) * revisions
    lines = tables["latents"].drop_duplicates(["dataset", "likelihood", "pixel_range", "metric", "series"])
    assert marks(page, "latents", "line") == len(lines) * revisions
    assert marks(page, "latents", "text") == sum(lines.series.isin(BASELINES)) * revisions


@pytest.mark.browser
def test_a_table_without_rows_is_said_to_have_none(drawn: Drawn, study: Path) -> None:
    """Such as the elbows of a study that has no series of four sizes."""
    block = drawn.page.locator("#report_comparison_elbows_csv")
    if pd.read_csv(study / "report/comparison/elbows.csv").empty:
        assert "no series of four sizes" in block.inner_text()
    else:
        assert block.locator("svg.marks").count() == 1


def filled(folder: Path, **tables: list[dict[str, object]]) -> Path:
    """The page as DVC fills it with tables of the comparison, of one revision; a table without rows is {}."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    declared = {Path(path).stem: plot for plots in stages["compare"]["plots"] for path, plot in plots.items()}
    blocks = []
    for name, rows in tables.items():
        plot = declared[name]
        spec = (ROOT / f".dvc/plots/{plot['template']}.json").read_text(encoding="utf-8")
        for anchor in ("x", "y", "title"):
            spec = spec.replace(f"<DVC_METRIC_{anchor.upper()}>", plot[anchor])
        texts = [{key: str(value) for key, value in row.items()} | {"rev": "workspace"} for row in rows]
        spec = spec.replace('"<DVC_METRIC_DATA>"', json.dumps(texts)) if rows else "{}"
        chart = f"report_comparison_{name}_csv"
        script = f"var spec = {json.dumps(json.loads(spec))};\n vegaEmbed('#{chart}', spec);"
        blocks.append(f'<div id="{chart}"><script>{script}</script></div>')
    page = (ROOT / ".dvc/plots/page.html").read_text(encoding="utf-8")
    (folder / "index.html").write_text(page.replace("{plot_divs}", "\n".join(blocks)), encoding="utf-8")
    return folder / "index.html"


@pytest.mark.browser
def test_the_answer_has_its_points_bounds_margin_and_ring(browser: Browser, tmp_path: Path) -> None:
    family = {"dataset": "mnist", "likelihood": "gaussian", "pixel_range": "[-1, 1]", "series": "width 32"}
    rows = [
        family
        | {"variant": f"z{size}", "latent_dim": size, "state": state, "test_loss": loss, "linear_loss": linear}
        | {"excess": excess, "excess_low": low, "excess_high": high, "margin": 1.5}
        for size, state, loss, linear, excess, low, high in (
            (8, State.TOO_FEW, 80.0, 110.0, 20.0, 18.0, 22.0),
            (16, State.ENOUGH, 60.2, 95.0, 0.2, -0.5, 0.9),
            (32, State.ROOMY, 60.0, "", "", "", ""),
            (64, State.UNDERTRAINED, 70.0, "", "", "", ""),
        )
    ]
    page, _ = draw(browser, filled(tmp_path, answer=rows))
    assert marks(page, "answer", "rect") == 1  # the margin
    assert marks(page, "answer", "rule") == 2  # the bounds
    assert marks(page, "answer", "line") == 2  # the series and the linear VAE
    assert marks(page, "answer", "symbol") == 4 + 1  # sizes, one with a ring
    assert page.locator("#report_comparison_answer_csv g.role-mark.mark-text").all_text_contents() == ["enough"]
    legend = page.locator("#report_comparison_answer_csv g.role-legend-label").all_text_contents()
    for mark in ("within the margin of the best", "excess over larger sizes", "trained too little, or unclear"):
        assert mark in legend


@pytest.mark.browser
def test_elbows_are_shown_and_where_there_is_none_it_says_why(browser: Browser, tmp_path: Path) -> None:
    family = {"dataset": "mnist", "likelihood": "gaussian", "pixel_range": "[-1, 1]", "seeds": 3}
    slopes = {"slope_before": -9.5, "slope_after": ""}
    rows = [
        family | slopes | {"series": series, "metric": "test_loss", "latent_dim": at, "low": low, "high": high}
        | {"bend": bend, "result": result}
        for series, at, low, high, bend, result in (
            ("width 32", 12.5, 9.0, 17.0, Bend.FOUND, "elbow at 12.5 latents (9 to 17, 3 seeds)"),
            ("width 64", 11.2, 0.3, 4000.0, Bend.FOUND, "the interval exceeds the sizes tried"),
            ("width 16", 11.2, "", "", Bend.FOUND, "elbow at 11.2 latents (one seed, no interval)"),
            ("width 8", "", "", "", Bend.AT_THE_END, "no elbow within the sizes tried"),
        )
    ]  # fmt: skip
    page, _ = draw(browser, filled(tmp_path, elbows=rows))
    assert (marks(page, "elbows", "symbol"), marks(page, "elbows", "rule")) == (3, 2)
    assert "no elbow (in some seed" in (page.locator("g.role-mark.mark-text").text_content() or "")
    page, _ = draw(browser, filled(tmp_path, elbows=rows[-1:], differences=[], claims=[]))
    assert marks(page, "elbows", "text") == 1
    assert "no two variants" in page.locator("#report_comparison_differences_csv").inner_text()
    assert "nothing to show" in page.locator("#report_comparison_claims_csv").inner_text()


@pytest.mark.browser
def test_more_variants_than_the_palette_have_a_ramp(browser: Browser, tmp_path: Path) -> None:
    """The colours of the report's charts, to the rounding of two tables of viridis."""
    names = [f"mnist-z{2**power}" for power in range(10)]
    rows = [
        {"dataset": "mnist", "variant": name, "test_rate": i, "test_distortion": -i} for i, name in enumerate(names)
    ]
    page, _ = draw(browser, filled(tmp_path, variants=rows))
    found = {name: used for name, *used in legend(page, "report_comparison_variants_csv")}
    assert list(found) == names
    for name, colour in distinct_colours(names).items():
        channels = [[int(text) for text in re.findall(r"\d+", used)] for used in found[name]]
        assert any(near(colour, rgb) for rgb in channels), (name, colour, found[name])


def near(colour: str, rgb: list[int]) -> bool:
    return len(rgb) == 3 and all(abs(int(colour[i : i + 2], 16) - x) <= 4 for i, x in zip((1, 3, 5), rgb, strict=True))


def legend(page: Page, chart: str) -> list[list[str]]:
    """The entries of a chart's first legend: name, stroke, fill."""
    return page.locator(f'[id="{chart}"] g.role-legend-entry').first.evaluate(
        """legend => {
          const symbols = [...legend.querySelectorAll('g.role-legend-symbol path')].map(getComputedStyle);
          const names = [...legend.querySelectorAll('g.role-legend-label text')].map(text => text.textContent);
          return names.map((name, i) => [name, symbols[i].stroke, symbols[i].fill]);
        }"""
    )


@pytest.mark.browser
def test_a_variant_has_one_colour(drawn: Drawn, study: Path) -> None:
    """In every chart of the comparison, also in those that lack some of them."""
    colours = distinct_colours(variants(study))
    for table in ("curves", "published", "spectrum", "variants"):
        chart = f"report_comparison_{table}_csv"
        entries = legend(drawn.page, chart)
        assert entries, chart
        for name, *used in entries:
            rgb = f"rgb({', '.join(str(int(colours[name][i : i + 2], 16)) for i in (1, 3, 5))})"
            assert rgb in used, (chart, name)


@pytest.mark.browser
def test_pictures_are_there_with_their_captions(drawn: Drawn, study: Path) -> None:
    files = [path for folder in ("plots", "report/comparison/pictures") for path in (study / folder).rglob("*.*")]
    pictures = {str(path.relative_to(study)) for path in files if path.suffix == ".png"}
    assert set(drawn.page.locator("main figcaption code").all_text_contents()) == pictures
    drawn.page.wait_for_function("[...document.images].every(image => image.complete)")
    images = drawn.page.locator("main img").evaluate_all("all => all.map(image => [image.naturalWidth, image.alt])")
    assert len(images) == len(pictures) * len(drawn.revisions)
    assert all(width > 0 and alt for width, alt in images)
    labels = drawn.page.locator("main figure p").all_text_contents()
    assert labels == (drawn.revisions * len(pictures) if len(drawn.revisions) > 1 else [])


@pytest.mark.browser
def test_sections_are_the_comparison_datasets_and_variants(drawn: Drawn, study: Path) -> None:
    page = drawn.page
    assert page.title()
    headings = page.locator("main h2").all_text_contents()
    assert headings[:2] == ["Comparison", "Datasets"]
    assert sorted(headings[2:]) == sorted(variants(study))
    tables = {"_".join(path.with_suffix("").parts[-3:]) + "_csv" for path in study.glob("metrics/*/*.csv")}
    assert set(page.locator("#section-Datasets figure > div").evaluate_all("all => all.map(x => x.id)")) == tables
    assert page.locator("nav a").all_text_contents() == headings
    assert page.locator("main > details").count() == len(headings) - 1
    for name in variants(study):
        section = page.locator(f'[id="section-{name}"]')
        paths = section.locator("figcaption code").all_text_contents()
        assert paths
        assert all(path.startswith(f"plots/{name}/") for path in paths)
        assert section.locator(f'[id="plots_{name}_history_csv"]').count() == 1
    section.locator("summary h2").click()
    assert section.get_attribute("open") is None
    page.locator("nav a").last.click()
    assert section.get_attribute("open") is not None


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1400])
def test_the_page_does_not_scroll_sideways(drawn: Drawn, width: int) -> None:
    drawn.page.set_viewport_size({"width": width, "height": 1000})
    assert drawn.page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.browser
def test_plots_it_does_not_know_are_shown_too(browser: Browser, study: Path, plots: Plots) -> None:
    (study / "own").mkdir()
    (study / "own/table.csv").write_text("x,y\n1,2\n2,3\n")
    shutil.copy(next(study.glob("plots/*/samples.png")), study / "own/picture.png")
    page, charts = draw(browser, plots("show", "own/table.csv", "own/picture.png", "-x", "x", "-y", "y"))
    assert charts == ["own_table_csv"]
    assert page.locator("main h2").all_text_contents() == ["Other"]
    assert page.locator("main figure").count() == 2
