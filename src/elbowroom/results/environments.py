"""On what each seed was trained: the device and the version of PyTorch. DVC reruns nothing for another of these."""

from collections.abc import Mapping

import pandas as pd


def environments(costs: Mapping[str, pd.DataFrame]) -> dict[str, list[str]]:
    """Return the variants trained in each environment, such as "x86_64 CPU, 2 threads, PyTorch 2.15.0".

    costs: cost.csv of each variant. A variant of several environments is listed in each, with its seeds there.
    """
    found: dict[str, list[str]] = {}
    for variant, table in costs.items():
        seeds: dict[str, list[str]] = {}
        for row in table.itertuples():
            seeds.setdefault(f"{row.device}, PyTorch {row.torch}", []).append(str(row.seed))
        for name, own in seeds.items():
            part = f" (seed{'s' if len(own) > 1 else ''} {', '.join(own)})" if len(seeds) > 1 else ""
            found.setdefault(name, []).append(variant + part)
    return found


def mixture(costs: Mapping[str, pd.DataFrame]) -> str | None:
    """Say who was trained on what, in one line, if not all were trained on the same; else return None."""
    found = environments(costs)
    if len(found) < 2:
        return None
    return "; ".join(f"{', '.join(variants)} on {name}" for name, variants in found.items())
