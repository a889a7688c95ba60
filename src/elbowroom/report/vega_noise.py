"""The chart of the noise levels for the browser; comparison.noise_chart draws the same as a picture."""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from elbowroom.comparison.noise_chart import TRAINED, trained_points
from elbowroom.figures.colours import BLUE, GREY
from elbowroom.report.vega_charts import HOLLOW, Spec, to_spec
from elbowroom.results.yardstick_rows import NoisePoint

COUNTS = {"active": "linear VAE, every active latent", "used": "linear VAE, 95 % of the KL"}


def noise_chart(points: Sequence[NoisePoint]) -> Spec:
    """Draw a dataset's VAEs beside the exact linear VAE."""
    linear = pd.DataFrame(
        {"sigma2": point.sigma2, "latents": getattr(point, column), "line": label}
        for point in points
        for column, label in COUNTS.items()
        if not point.variant and getattr(point, column)
    )
    trained = pd.DataFrame(
        {
            "variant": point.variant,
            "latent_dim": point.latent_dim,
            "sigma2": point.sigma2,
            "latents": point.used,
            "verdict": str(point.verdict),
            "trained": [*TRAINED][int(bool(point.open))],
        }
        for point in trained_points(points)
    )
    scale = alt.Scale(type="log", base=2, nice=False, padding=8)
    x = alt.X(
        "sigma2:Q", title="variance of the likelihood, pixels in [0, 1]", scale=scale, axis=alt.Axis(format=".2~g")
    )
    y = alt.Y("latents:Q", title="latents", scale=scale)
    legend = alt.Legend(columns=1, labelLimit=0, symbolStrokeColor=GREY)
    dash = alt.StrokeDash("line:N", title=None, sort=None, scale=alt.Scale(range=[[1, 0], [5, 3]]), legend=legend)
    layers = [alt.Chart(linear).mark_line(color=GREY).encode(x=x, y=y, strokeDash=dash)]
    if len(trained):
        fills = alt.Scale(domain=[*TRAINED], range=[BLUE, HOLLOW])
        legend = alt.Legend(columns=1, labelLimit=0, symbolType="circle", symbolSize=60, symbolStrokeColor=BLUE)
        fill = alt.Fill("trained:N", title=None, scale=fills, legend=legend)
        chart = alt.Chart(trained).encode(x=x, y=y)
        layers.append(chart.mark_point(color=BLUE, size=60, opacity=1).encode(fill=fill))
        numbers = [alt.Tooltip(f"{name}:Q", format=",.4~g") for name in ("latent_dim", "sigma2", "latents")]
        layers.append(
            chart.mark_point(filled=True, size=500, opacity=0).encode(
                tooltip=[alt.Tooltip("variant:N"), alt.Tooltip("verdict:N"), *numbers]
            )
        )
    return to_spec(alt.layer(*layers))
