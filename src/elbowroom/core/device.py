"""Choose the device to compute on, the CPU or a GPU, and its float precision; name it in results."""

import os
import platform
import re

import torch

from elbowroom.core.errors import StudyError


def choose_device() -> torch.device:
    """Return the device that ELBOWROOM_DEVICE names; without it, a GPU if there is one, else the CPU.

    The device is no setting of a study, so another device makes no result stale. Float32 is computed in full; a
    recipe's `precision` may say otherwise (compute_in).
    """
    name = os.environ.get("ELBOWROOM_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu")
    if not re.fullmatch(r"cpu|cuda(:\d+)?", name):
        raise StudyError(f"ELBOWROOM_DEVICE: found {name!r}, expected cpu, cuda or cuda:N")
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise StudyError(f"ELBOWROOM_DEVICE: found {name!r} ({reason}), expected one of this machine's") from None
    compute_in("highest")
    device = torch.device(name)
    if device.index is not None:
        torch.cuda.set_device(device)  # CUDA graphs are captured on the current device
    return device


def compute_in(precision: str) -> None:
    """From now on, multiply float32 matrices on a GPU in full float32 if precision is "highest", else in TF32."""
    for setting in (torch.backends.cuda.matmul, torch.backends.cudnn.conv):  # type: ignore[attr-defined]
        setting.fp32_precision = "ieee" if precision == "highest" else "tf32"


def hardware(device: torch.device) -> str:
    """Name the device for results, as "x86_64 CPU, 2 threads"."""
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)}, CUDA {torch.version.cuda}"
    threads = torch.get_num_threads()
    return f"{platform.machine()} CPU, {threads} thread{'s' if threads > 1 else ''}"
