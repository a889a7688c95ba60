"""Charts of a comparison for the browser, as Vega-Lite specifications made by Altair. Nothing is measured here.

Each chart is as wide as its place on the page. Its parameter `hidden` lists variants that are not shown; `lit` names
one that stands out. A missing number is left out.
"""

from typing import Any, Literal

import altair as alt
import pandas as pd

from elbowroom.comparison.latent_curves import CURVES, FAR
from elbowroom.core.settings import ACTIVE_THRESHOLD, Study
from elbowroom.figures.colours import GREY, SERIES
from elbowroom.figures.curves import TERM_LABELS
from elbowroom.figures.labels import Box, legible, most_telling_first
from elbowroom.results.metrics import METRICS, NATS
from elbowroom.results.outcomes import Bend
from elbowroom.results.rows import Baseline

Spec = dict[str, Any]
HEIGHT = 260
HOLLOW = "#ffffff"  # of a point: the page draws it as what is behind the chart
PLANE, LETTER = (250, 220), 6  # pixels: of the plane on a phone, and of a letter of its labels across
LEAST = 1e-4  # nats: a latent with less is not used, and would squash the others


def curves_charts(history: pd.DataFrame, colours: dict[str, str], study: Study) -> dict[str, Spec]:
    """Draw training curves, a chart for each term, by title.

    history: variant, split, epoch and the terms, means over seeds.
    """
    specs = {}
    for term, label in TERM_LABELS.items():
        rows = history[["variant", "split", "epoch", term]]
        if term == "rate":  # an autoencoder has none
            rows = rows[[study.variants[name].model == "vae" for name in rows.variant]]
        if rows.empty:
            continue
        epochs = sorted(rows.epoch.unique().tolist())
        axis = alt.Axis(values=epochs) if len(epochs) <= 10 else alt.Axis(tickMinStep=1)
        chart = _chart(rows).encode(
            x=alt.X("epoch:Q", title="epoch", scale=alt.Scale(zero=False), axis=axis),
            y=alt.Y(f"{term}:Q", title=NATS, scale=alt.Scale(zero=False)),
            color=_colour(colours, rows.variant),
            detail="split:N",
        )
        scale = alt.Scale(domain=["test", "train"], range=[[1, 0], [5, 4]])
        line = chart.mark_line(strokeWidth=2).encode(
            strokeDash=alt.StrokeDash("split:N", title=None, scale=scale), opacity=_lit()
        )
        point = chart.mark_point(filled=True, size=14).encode(opacity=_lit())
        specs[_title(label)] = to_spec(line + point + _hover(chart, ["variant", "split", "epoch", term]))
    return specs


def plane_chart(variants: pd.DataFrame, baselines: pd.DataFrame, colours: dict[str, str]) -> Spec:
    """Draw the rate-distortion plane of a family on test: its VAEs, and the linear VAE among its baselines."""
    linear = baselines[baselines.baseline == Baseline.LINEAR_VAE][
        ["baseline", "latent_dim", "test_rate", "test_distortion"]
    ]
    table = variants[["variant", "series", "latent_dim", "test_rate", "test_distortion", "test_loss"]]
    table = _label_sizes(most_telling_first(table), pd.concat([table, linear]))
    scale = alt.Scale(zero=False, padding=16)
    x = alt.X("test_rate:Q", title=f"rate: KL on test ({NATS})", scale=scale)
    y = alt.Y("test_distortion:Q", title=f"distortion on test ({NATS})", scale=scale)
    chart = _chart(table).encode(x=x, y=y)
    joined = chart.mark_line(color=GREY, strokeWidth=1).encode(detail="series:N", order="latent_dim:Q")
    legend = alt.Legend(columns=2, symbolFillColor=GREY, symbolOpacity=1) if table.series.nunique() > 1 else None
    shape = alt.Shape("series:N", title=None, sort=None, legend=legend)
    points = chart.mark_point(filled=True, size=90).encode(color=_colour(colours, table.variant), shape=shape)
    points = points.encode(opacity=_lit())
    above = chart.mark_text(dx=7, dy=-7, align="left", fontSize=10).encode(text="above:N")
    below = chart.mark_text(dx=-7, dy=9, align="right", fontSize=10).encode(text="below:N")
    hover = _hover(chart, ["variant", "latent_dim", "test_rate", "test_distortion", "test_loss"])
    line = alt.Chart(linear).encode(x=x, y=y, order="latent_dim:Q")
    drawn = line.mark_line(color=GREY, strokeDash=[5, 3], point={"color": GREY, "size": 16})
    named = alt.Chart(linear[:1]).encode(x=x, y=y, text="baseline:N").mark_text(dx=8, dy=-4, align="left", fontSize=10)
    of_linear = _hover(line, ["baseline", "latent_dim", "test_rate", "test_distortion"])
    behind = joined + drawn + named + of_linear if len(linear) else joined
    return to_spec(behind + points + above + below + hover)


def _label_sizes(table: pd.DataFrame, drawn: pd.DataFrame) -> pd.DataFrame:
    """Add the columns above and below: the latent size of each point of the plane, in one of them, if there is room.

    drawn: all points of the plane. Every second label is on the other side, to overlap no neighbour.
    """
    terms = ["test_rate", "test_distortion"]
    low, high = drawn[terms].min(), drawn[terms].max()
    places = ((table[terms] - low) / (high - low).replace(0, 1)).to_numpy() * PLANE
    texts = table.latent_dim.astype(str)
    is_above = table.groupby("series").test_distortion.rank(ascending=False) % 2 == 1
    boxes = [
        Box(x + 7, x + 7 + LETTER * len(text), y + 2, y + 12)
        if above
        else Box(x - 7 - LETTER * len(text), x - 7, y - 14, y - 4)
        for (x, y), text, above in zip(places, texts, is_above, strict=True)
    ]
    marks = [Box(x - 4, x + 4, y - 4, y + 4) for x, y in places]
    has_room = pd.Series(legible(boxes, marks), table.index)
    return table.assign(above=texts.where(is_above & has_room, ""), below=texts.where(~is_above & has_room, ""))


def spectrum_chart(table: pd.DataFrame, colours: dict[str, str]) -> Spec:
    """Draw the KL of each latent, largest first, down to LEAST. table: variant, rank, kl in nats, means over seeds."""
    rows = table[table.kl >= LEAST][["variant", "rank", "kl"]]
    chart = _chart(rows).encode(
        x=alt.X("rank:Q", title="latent, ordered by its KL", scale=alt.Scale(type="log", nice=False), axis=_log_axis()),
        y=alt.Y("kl:Q", title="KL on test (nats)", scale=alt.Scale(type="log"), axis=_log_axis()),
        color=_colour(colours, rows.variant),
    )
    threshold = (
        alt.Chart(alt.Data(values=[{"kl": ACTIVE_THRESHOLD}])).mark_rule(color=GREY, strokeDash=[2, 3]).encode(y="kl:Q")
    )
    points = chart.mark_point(filled=True, size=14).encode(opacity=_lit())
    return to_spec(
        chart.mark_line(strokeWidth=2).encode(opacity=_lit())
        + points
        + threshold
        + _hover(chart, ["variant", "rank", "kl"])
    )


def _log_axis() -> alt.Axis:
    """Return an axis with a line at 1, 2 and 5 of each power of ten."""
    values = [digit * 10.0**power for power in range(-3, 4) for digit in (1, 2, 5)]
    return alt.Axis(values=values, format="~g", labelOverlap=True)


def latents_charts(points: pd.DataFrame, elbows: pd.DataFrame, ours: set[str]) -> dict[str, Spec]:
    """Draw what more latents buy, a chart for each metric, by title.

    points: rows of LatentPoint. elbows: rows of SeriesElbow. ours: the series of variants; the others are baselines and
    grey, and those of FAR are left out unless they are near the others.
    """
    specs = {}
    for metric in CURVES:
        rows = points[points.metric == metric].drop(columns="metric")
        if rows.empty:
            continue
        near = rows[~rows.series.isin(FAR)]
        low, high = near.low.min(), near.high.max()
        is_near = rows.value.between(low - (high - low) / 2, high + (high - low) / 2)
        rows = rows[is_near | ~rows.series.isin(FAR)]
        unit = METRICS[metric].unit
        sizes = sorted(rows.latent_dim.unique().tolist())
        axis = alt.Axis(values=sizes, format="d", labelOverlap=True)
        size = alt.X("latent_dim:Q", title="latent size", scale=alt.Scale(type="log", base=2, nice=False), axis=axis)
        value = alt.Y("value:Q", title=unit, scale=alt.Scale(zero=False))
        own = rows[rows.series.isin(ours)]
        legend = alt.Legend(columns=2, symbolOpacity=1) if own.series.nunique() > 1 else None
        colour = alt.Color("series:N", title=None, sort=None, scale=alt.Scale(range=SERIES), legend=legend)
        lines = alt.Chart(own).encode(x=size)
        layers: list[Any] = [
            lines.mark_area(opacity=0.2).encode(y=alt.Y("low:Q", title=unit), y2="high:Q", color=colour),
            lines.mark_line(strokeWidth=2, point=True).encode(y=value, color=colour),
        ]
        tips = ["series", "latent_dim", "value", "low", "high"]
        if len(others := rows[~rows.series.isin(ours)]):
            grey = alt.Chart(others).encode(x=size, y=value, detail="series:N")
            layers += [
                grey.mark_line(color=GREY, strokeWidth=1.2, strokeDash=[5, 3]),
                *_names(others, rows, size, value),
                _hover(grey, tips[:3]),
            ]
        found = elbows[(elbows.metric == metric) & (elbows.bend == Bend.FOUND)][["series", "latent_dim", "low", "high"]]
        if len(found):
            shaded = found.assign(low=found.low.clip(sizes[0]), high=found.high.clip(upper=sizes[-1]))
            band = (
                alt.Chart(shaded)
                .mark_rect(opacity=0.12)
                .encode(x=alt.X("low:Q", title="latent size"), x2="high:Q", color=colour)
            )
            layers += [band, alt.Chart(found).mark_rule().encode(x=size, color=colour)]
        specs[_title(METRICS[metric].label)] = to_spec(alt.layer(*layers, _hover(lines.encode(y=value), tips)))
    return specs


def _names(lines: pd.DataFrame, drawn: pd.DataFrame, x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """Write the name of each series above one of its points, on the side where its line does not go.

    drawn: all points, those of lines included. The point is the outermost with enough room below the next line, or the
    one with the most.
    """
    values = drawn.pivot_table(index="latent_dim", columns="series", values="value")
    enough = (drawn.value.max() - drawn.value.min()) / 8
    named: dict[bool, list[pd.DataFrame]] = {True: [], False: []}
    for series, points in lines.sort_values("latent_dim").groupby("series"):
        own = values[str(series)].loc[points.latent_dim]
        falls = bool(own.iloc[0] > own.iloc[-1])
        above = values.loc[own.index].sub(own, axis=0)
        room = above.where(above > 0).min(axis=1).fillna(enough).clip(upper=enough)
        inwards = room if falls else room.iloc[::-1]
        place = inwards.iloc[: max(1, len(own) - 2)].idxmax()  # beyond it, there is no room for a name
        named[falls] += [points[points.latent_dim == place]]
    charts = []
    for falls, rows in named.items():
        if rows:
            names = alt.Chart(pd.concat(rows)).encode(x=x, y=y, text="series:N")
            align: Literal["left", "right"] = "left" if falls else "right"
            charts.append(names.mark_text(align=align, baseline="bottom", dx=4 if falls else -2, dy=-3, fontSize=10))
    return charts


def _title(label: str) -> str:
    return label[0].upper() + label[1:]


def _colour(colours: dict[str, str], shown: "pd.Series[str]") -> alt.Color:
    names = [name for name in colours if name in set(shown)]
    scale = alt.Scale(domain=names, range=[colours[name] for name in names])
    return alt.Color("variant:N", scale=scale, legend=None)  # the page has one for all charts


def _lit() -> Any:
    """Return full opacity for every variant, or only for the one that the page's parameter `lit` names."""
    return alt.when("lit === '' || lit === datum.variant").then(alt.value(1)).otherwise(alt.value(0.12))


def _hover(chart: alt.Chart, fields: list[str]) -> alt.Chart:
    """Return invisible points that show their numbers under the pointer."""
    texts = ("variant", "split", "series", "baseline")
    tips = [
        alt.Tooltip(f"{name}:N", title=name)
        if name in texts
        else alt.Tooltip(
            f"{name}:Q", title=name.replace("_", " "), format="~" if name in ("epoch", "rank") else ",.5~g"
        )
        for name in fields
    ]
    return chart.mark_point(filled=True, size=500, opacity=0).encode(tooltip=tips)  # large, for fingers, too


def _chart(table: pd.DataFrame) -> alt.Chart:
    return alt.Chart(table).transform_filter("indexof(hidden, datum.variant) < 0")


def to_spec(chart: Any) -> Spec:
    """Return a chart as wide as its place on the page, with the page's two parameters.

    Altair has checked its parts. To check the whole, too, would take a quarter of the time.
    """
    params = alt.param(name="hidden", value=[]), alt.param(name="lit", value="")
    return chart.properties(width="container", height=HEIGHT).add_params(*params).to_dict(validate=False)
