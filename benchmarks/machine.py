"""Say on what was measured: the machine, the versions, the day."""

import os
import platform
from datetime import date
from importlib import metadata
from pathlib import Path

import torch


def facts(device: torch.device, command: str) -> dict[str, str]:
    """Return what every row of benchmarks/results.json says of its measurement."""
    cores = f"{_processor()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads"
    return {
        "device": device.type,
        "machine": f"{torch.cuda.get_device_name(device)}, {cores}" if device.type == "cuda" else cores,
        "date": date.today().isoformat(),
        "versions": ", ".join(
            [f"Python {platform.python_version()}", *map(_version, ("torch", "lightning", "pythae"))]
        ),
        "command": command,
    }


def _version(package: str) -> str:
    try:
        return f"{package} {metadata.version(package)}"
    except metadata.PackageNotFoundError:
        return f"no {package}"


def _processor() -> str:
    told = Path("/proc/cpuinfo")
    names = [line for line in told.read_text().splitlines() if line.startswith("model name")] if told.is_file() else []
    return names[0].partition(":")[2].strip() if names else platform.machine()
