"""The chart of the answer for the browser; comparison.answer_chart draws the same as a picture."""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from elbowroom.comparison.truncated_curves import answer_view
from elbowroom.figures.colours import BLUE, GREEN, GREY, ORANGE
from elbowroom.report.vega_charts import Spec, to_spec
from elbowroom.results.metrics import NATS
from elbowroom.results.outcomes import State
from elbowroom.results.rows import SizeAnswer, TruncatedPoint


def answer_chart(rows: Sequence[SizeAnswer], truncated: Sequence[TruncatedPoint]) -> Spec:
    """Draw a series of latent sizes, ascending. truncated: the points of any variants."""
    view = answer_view(rows, truncated)
    kept = [row for row in rows if row.state is not State.UNDERTRAINED]
    best, margin = min(row.test_loss for row in kept), rows[0].margin
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
    ticks = sorted({*sizes, *(point.kept for point in view.cut if point.kept.bit_count() == 1)})
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
    line = pd.DataFrame({"latent_dim": sizes, "test_loss": [row.linear_loss for row in rows]}).dropna()
    if len(line):
        layers.append(alt.Chart(line).mark_line(color=GREY, strokeDash=[5, 3]).encode(x=x, y=y))
    if len(view.cut) > 1:
        cut = pd.DataFrame({"latent_dim": point.kept, "test_loss": point.loss} for point in view.cut)
        layers.append(alt.Chart(cut).mark_line(color=ORANGE, strokeWidth=1, clip=True).encode(x=x, y=y))
        dots = alt.Chart(cut[cut.test_loss <= view.high]).mark_point(color=ORANGE, size=12, filled=True, opacity=1)
        layers.append(
            dots.encode(x=x, y=y, tooltip=[alt.Tooltip("latent_dim:Q"), alt.Tooltip("test_loss:Q", format=",.5~g")])
        )
    chart = alt.Chart(table).encode(x=x)
    layers.append(chart.mark_line(color=BLUE, opacity=0.7, strokeWidth=1).encode(y=y))
    bounded = table[table["from"].notna() & table["to"].notna()]
    if len(bounded):
        bars = alt.Chart(bounded).mark_rule(color=BLUE, strokeWidth=2.5)
        layers.append(bars.encode(x=x, y=alt.Y("from:Q", title=f"test loss ({NATS})", scale=scale), y2="to:Q"))
    poor = alt.FieldOneOfPredicate("verdict", [State.UNDERTRAINED, State.UNCLEAR, State.BARELY_TRAINED])
    fill = alt.when(poor).then(alt.value("white")).otherwise(alt.value(BLUE))
    layers.append(chart.mark_point(color=BLUE, size=60, opacity=1).encode(y=y, fill=fill))
    if len(named := table[table.verdict == State.ENOUGH]):
        layers.append(alt.Chart(named).mark_point(color=GREEN, size=260, strokeWidth=2.5).encode(x=x, y=y))
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
