"""Where the arithmetic is done: the CPU or a CUDA card, with which precision, and its name in results."""

import os
import platform
import re

import torch

from elbowroom.core.errors import StudyError


def choose_device() -> torch.device:
    """CUDA if there is a card, else the CPU, unless ELBOWROOM_DEVICE names one. No parameter: invalidates nothing.

    Stages compute in full float32, but where a recipe's precision says otherwise.
    """
    wanted = os.environ.get("ELBOWROOM_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu")
    if not re.fullmatch(r"cpu|cuda(:\d+)?", wanted):
        raise StudyError(f"ELBOWROOM_DEVICE: found {wanted!r}, expected cpu, cuda or cuda:N")
    try:
        torch.empty(0, device=wanted)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise StudyError(f"ELBOWROOM_DEVICE: found {wanted!r} ({reason}), expected a device that is here") from None
    compute_in("highest")
    where = torch.device(wanted)
    if where.index is not None:
        torch.cuda.set_device(where)  # graphs are captured on the current one
    return where


def compute_in(precision: str) -> None:
    """On a card, from now on: float32 products in TF32, unless precision is "highest"."""
    for setting in (torch.backends.cuda.matmul, torch.backends.cudnn.conv):  # type: ignore[attr-defined]
        setting.fp32_precision = "ieee" if precision == "highest" else "tf32"


def hardware(where: torch.device) -> str:
    """What a device is called in results."""
    if where.type == "cuda":
        return f"{torch.cuda.get_device_name(where)}, CUDA {torch.version.cuda}"
    threads = torch.get_num_threads()
    return f"{platform.machine()} CPU, {threads} thread{'s' if threads > 1 else ''}"
