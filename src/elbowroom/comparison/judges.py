"""Do two judges that differ in their seed alone rank the variants of a dataset alike?"""

from dataclasses import dataclass
from itertools import combinations

import pandas as pd


@dataclass(frozen=True)
class Swap:
    """Two VAEs that the judges rank differently: `nearer` has the smaller FCD by the first, `other` by the second."""

    nearer: str
    other: str


@dataclass(frozen=True)
class Agreement:
    """How many VAEs both judges measured, and which of all their pairs they rank differently by FCD."""

    ranked: int
    swaps: list[Swap]

    @property
    def pairs(self) -> int:
        return self.ranked * (self.ranked - 1) // 2


def agreement(variants: pd.DataFrame) -> Agreement:
    """Compare the ranking by fcd with that by fcd_second. variants: those of a dataset, means over seeds."""
    measured = variants.dropna(subset=["fcd", "fcd_second"]).sort_values("fcd", kind="stable").to_dict("records")
    swaps = [
        Swap(nearer["variant"], other["variant"])
        for nearer, other in combinations(measured, 2)
        if nearer["fcd"] < other["fcd"] and nearer["fcd_second"] > other["fcd_second"]
    ]
    return Agreement(len(measured), swaps)
