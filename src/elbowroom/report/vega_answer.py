"""The chart of the answer for the browser; comparison.answer_chart draws the same as a picture."""

import math
from collections.abc import Iterator, Sequence

import altair as alt
import pandas as pd

from elbowroom.comparison.truncated_curves import AnswerView, answer_view
from elbowroom.figures.colours import BLUE, GREEN, GREY, ORANGE
from elbowroom.report.label_place import place_of
from elbowroom.report.vega_charts import HOLLOW, Spec, to_spec
from elbowroom.results.metrics import NATS
from elbowroom.results.outcomes import State
from elbowroom.results.rows import SizeAnswer, TruncatedPoint

CUT_DOWN, LINEAR_VAE = "best model, cut down", "exact linear VAE"
DARK_ORANGE = "#a64900"  # of a text: it has enough contrast


def answer_chart(rows: Sequence[SizeAnswer], truncated: Sequence[TruncatedPoint]) -> Spec:
    """Draw a series of latent sizes, ascending. truncated: the points of any variants."""
    view = answer_view(rows, truncated)
    best, margin = view.best, rows[0].margin
    table = pd.DataFrame(
        {
            "variant": row.variant,
            "latent_dim": row.latent_dim,
            "test_loss": row.test_loss,
            "verdict": str(row.state),
            "from": best + row.excess_low,
            "to": best + row.excess_high,
            "used": row.used,
        }
        for row in rows
    )
    sizes = table.latent_dim.tolist()
    cuts = [*(point for point in view.cut if point.kept.bit_count() == 1), *view.does]
    ticks = sorted({*sizes, *(point.kept for point in cuts)})
    axis = alt.Axis(values=ticks, format="d", labelOverlap=True)
    x = alt.X(
        "latent_dim:Q", title="latent size", scale=alt.Scale(type="log", base=2, nice=False, padding=12), axis=axis
    )
    scale = alt.Scale(domain=[view.low, view.high], nice=False, zero=False)
    y = alt.Y("test_loss:Q", title=f"test loss ({NATS})", scale=scale)
    ribbon = alt.Chart(pd.DataFrame({"low": [best], "high": [best + max(margin, 0)]})).mark_rect(
        color=GREEN, opacity=0.35
    )
    layers: list[alt.Chart] = [ribbon.encode(y=alt.Y("low:Q", title=f"test loss ({NATS})", scale=scale), y2="high:Q")]
    layers += [
        *_linear_vae(rows, view, x, y),
        *_cut_down(rows, view, x, y),
    ]
    chart = alt.Chart(table).encode(x=x)
    layers.append(chart.mark_line(color=BLUE, opacity=0.7, strokeWidth=1).encode(y=y))
    if view.bars:
        bounded = table[table.variant.isin([row.variant for row in view.bars])]
        bars = alt.Chart(bounded).mark_rule(color=BLUE, strokeWidth=2.5)
        layers.append(bars.encode(x=x, y=alt.Y("from:Q", title=f"test loss ({NATS})", scale=scale), y2="to:Q"))
    poor = alt.FieldOneOfPredicate("verdict", [State.UNDERTRAINED, State.UNCLEAR, State.BARELY_TRAINED])
    fill = alt.when(poor).then(alt.value(HOLLOW)).otherwise(alt.value(BLUE))
    layers.append(chart.mark_point(color=BLUE, size=60, opacity=1).encode(y=y, fill=fill))
    if len(named := table[table.verdict == State.ENOUGH]):
        layers.append(alt.Chart(named).mark_point(color=GREEN, size=260, strokeWidth=2.5).encode(x=x, y=y))
    does = pd.DataFrame({"latent_dim": point.kept, "test_loss": point.loss} for point in view.does)
    if len(does):  # within the ring of the answer, if both are there
        layers.append(alt.Chart(does).mark_point(color=ORANGE, size=110, strokeWidth=1.8).encode(x=x, y=y))
    titles = {
        "latent_dim": "latents",
        "test_loss": "test loss",
        "from": "bar from",
        "to": "bar to",
        "used": "used latents",
    }
    numbers = [alt.Tooltip(f"{name}:Q", title=title, format=",.5~g") for name, title in titles.items()]
    tips = [alt.Tooltip("variant:N"), alt.Tooltip("verdict:N"), *numbers]
    layers.append(chart.mark_point(filled=True, size=500, opacity=0).encode(y=y, tooltip=tips))
    return to_spec(alt.layer(*layers))


def _linear_vae(rows: Sequence[SizeAnswer], view: AnswerView, x: alt.X, y: alt.Y) -> Iterator[alt.Chart]:
    """Draw the exact linear VAE of each size as far as it is in the frame, and name it where there is room."""
    if not view.linear:
        return
    table = pd.DataFrame({"latent_dim": row.latent_dim, "test_loss": row.linear_loss} for row in view.linear)
    yield alt.Chart(table).mark_line(color=GREY, strokeDash=[5, 3], clip=True).encode(x=x, y=y)
    seen = table[table.test_loss.between(view.low, view.high)]
    yield _named(LINEAR_VAE, seen, rows, view).encode(x=x, y=y, text="name:N")


def _cut_down(rows: Sequence[SizeAnswer], view: AnswerView, x: alt.X, y: alt.Y) -> Iterator[alt.Chart]:
    """Draw the best model with fewer and fewer of its latents, and name it where there is room."""
    table = pd.DataFrame({"latent_dim": point.kept, "test_loss": point.loss} for point in view.cut)
    if len(table) < 2 or (seen := table[table.test_loss <= view.high]).empty:
        return
    yield alt.Chart(table).mark_line(color=ORANGE, strokeWidth=1.5, clip=True).encode(x=x, y=y)
    tips = [alt.Tooltip("latent_dim:Q"), alt.Tooltip("test_loss:Q", format=",.5~g")]
    yield alt.Chart(seen).mark_point(color=ORANGE, size=14, filled=True, opacity=1).encode(x=x, y=y, tooltip=tips)
    yield _named(CUT_DOWN, seen, rows, view).encode(x=x, y=y, text="name:N", color=alt.value(DARK_ORANGE))


def _named(name: str, line: pd.DataFrame, rows: Sequence[SizeAnswer], view: AnswerView) -> alt.Chart:
    """Write a line's name beside one of its points. line: latent_dim and test_loss of those in the frame."""
    drawn = [*(row.latent_dim for row in rows), *(point.kept for point in view.cut)]
    first, last = math.log(min(drawn)), math.log(max(drawn))

    def at(size: float, loss: float) -> tuple[float, float]:
        return (math.log(size) - first) / (last - first or 1), (view.high - loss) / (view.high - view.low)

    trained = [at(row.latent_dim, row.test_loss) for row in rows]
    linear = [at(row.latent_dim, row.linear_loss) for row in view.linear]
    cut = [at(point.kept, point.loss) for point in view.cut]
    ends = (view.best, view.best + rows[0].margin)
    band = [[at(size, loss) for size in (min(drawn), max(drawn))] for loss in ends]
    own = [at(size, loss) for size, loss in zip(line.latent_dim, line.test_loss, strict=True)]
    place = place_of(name, own, [trained, linear, cut, *band], trained)
    named = alt.Chart(line.iloc[[place.point]].assign(name=name))
    return named.mark_text(align=place.align, baseline="middle", dx=place.dx, dy=place.dy)
