"""Time contestants in turn, in one process, so that their ratios hold on a machine whose seconds do not."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from benchmarks import settings
from elbowroom.core.device import compute_in
from elbowroom.training.cuda_graph import WARM_UP

Timed = Callable[[int], float]  # seconds that so many steps take
FLOAT32 = (torch.backends.cuda.matmul, torch.backends.cudnn.conv)  # type: ignore[attr-defined]
PYTORCHS = [setting.fp32_precision for setting in FLOAT32]  # before choose_device() sets them


def finish(device: torch.device) -> None:
    """Wait for the device."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def clocked(device: torch.device, step: Callable[[], object]) -> Timed:
    """Return a function that times a number of calls of `step`, until the device has done them."""

    def run(steps: int) -> float:
        finish(device)
        start = time.perf_counter()
        for _ in range(steps):
            step()
        finish(device)
        return time.perf_counter() - start

    return run


def computing_in(precision: str | None, run: Timed) -> Timed:
    """Have `run` compute in a recipe's precision; None: in PyTorch's own, with convolutions in TF32 and no others."""

    def timed(steps: int) -> float:
        if precision is None:
            for setting, own in zip(FLOAT32, PYTORCHS, strict=True):
                setting.fp32_precision = own
        else:
            compute_in(precision)
        try:
            return run(steps)
        finally:
            compute_in("highest")

    return timed


def in_turn(contestants: dict[str, Timed], share: float = 1.0, most: int = 10**9) -> dict[str, list[float]]:
    """Return the seconds per step of each contestant in each of TURNS turns.

    A turn has as many steps as take about this share of SECONDS, at most `most`.

    Each is warmed up beyond the call in which a card captures its steps.
    """
    steps = {}
    for name, run in contestants.items():
        run(WARM_UP + 2)
        steps[name] = max(1, min(most, round(share * settings.SECONDS / run(1))))
    found: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(settings.TURNS):
        for name, run in contestants.items():
            found[name].append(run(steps[name]) / steps[name])
    return found


def few_turns() -> range:
    """Return the turns for what takes longer than a step."""
    return range(max(1, settings.TURNS // 3))


def ratios(over: list[float], under: list[float]) -> list[float]:
    """Return the ratios of times measured in the same turn."""
    return [a / b for a, b in zip(over, under, strict=True)]


def row(section: str, what: str, values: list[float], unit: str, **facts: str | int) -> dict[str, Any]:
    """Return a measurement as a row: its median, and the quartiles as its spread. facts: more to find it by."""
    low, median, high = np.quantile(values, [0.25, 0.5, 0.75])
    numbers = {name: float(f"{value:.4g}") for name, value in (("median", median), ("low", low), ("high", high))}
    return {"section": section, "what": what, **numbers, "unit": unit, "turns": len(values), **facts}
