"""How every figure looks: resolution, type and grid. Importing this module sets matplotlib's defaults."""

import matplotlib

DPI = 110

matplotlib.rcParams.update(
    {
        "font.size": 9,
        "axes.titlesize": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.color": "#e6e6e6",
        "grid.linewidth": 0.6,
        "axes.axisbelow": True,
        "legend.frameon": False,
    }
)


def plain_text(name: str) -> str:
    """Escape a name, so that matplotlib does not read $ as the start of a formula."""
    return name.replace("$", r"\$")
