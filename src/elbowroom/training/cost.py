"""What training a seed costs: time, memory, device."""

import re
import resource
import sys
from dataclasses import dataclass, field
from pathlib import Path

import torch

from elbowroom.core.device import hardware


@dataclass
class Cost:
    """What the training of one seed has cost so far, all parts of an interrupted training together.

    seconds: while `seeds_together` seeds were trained; saving checkpoints is left out. peak_memory: bytes, the most
    that all of them held on a card, or the whole process on the CPU. devices: the names of the hardware, in turn.
    """

    seconds: float = 0.0
    seeds_together: int = 1
    peak_memory: int = 0
    devices: list[str] = field(default_factory=list)

    def add(self, seconds: float, seeds_together: int, device: torch.device) -> None:
        """Add seconds of training on a device."""
        self.seconds += seconds
        self.seeds_together = max(self.seeds_together, seeds_together)
        self.peak_memory = max(self.peak_memory, peak_memory(device))
        if self.devices[-1:] != [name := hardware(device)]:
            self.devices.append(name)

    def row(self, images: int) -> dict[str, float | str]:
        """Return the cost as columns of cost.csv. images: how many were trained on, each time counted."""
        return {
            "seconds": round(self.seconds, 3),
            "seeds_together": self.seeds_together,
            "images_per_second": round(images / self.seconds, 1),
            "peak_memory_mib": round(self.peak_memory / 2**20, 1),
            "device": ", then ".join(self.devices),
        }


def peak_memory(device: torch.device) -> int:
    """Return bytes: the most that was reserved on the card (graphs keep theirs), or that the whole process held."""
    if device.type == "cuda":
        return torch.cuda.max_memory_reserved(device)
    status = Path("/proc/self/status")
    if status.is_file():  # Linux, where ru_maxrss counts the parent's memory, too
        return 1024 * int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text())[1])  # type: ignore[index]
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def forget_peak_memory(device: torch.device) -> None:
    """On a card, count the peak anew from here on."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
