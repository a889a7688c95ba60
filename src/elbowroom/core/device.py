"""Choose the device to compute on, the CPU or a GPU, and its float precision; name it in results."""

import os
import platform
import re

import torch

from elbowroom.core.errors import StudyError

# As PyTorch names the instructions that multiply in bfloat16: Intel's matrix unit, Intel's and AMD's vectors, ARM's.
BF16_INSTRUCTIONS = ("amx_bf16", "avx512_bf16", "bf16", "sve_bf16")


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


def bf16_warning(precision: str, device: torch.device) -> str | None:
    """Return one line if layers are to compute in bfloat16 on a CPU that must imitate it; else None.

    The line's numbers: a CIFAR-10 step over one in float32, with oneDNN kept to AVX512 (2.2) and AVX2 (10). PyTorch
    before 2.11 cannot tell what a CPU has, and then there is no warning.
    """
    if precision != "bf16" or device.type != "cpu" or not hasattr(torch.cpu, "get_capabilities"):
        return None
    found = torch.cpu.get_capabilities()
    if any(found.get(name) for name in BF16_INSTRUCTIONS):
        return None
    return (
        "warning: precision: found bf16 on a CPU without instructions for it (AMX or AVX512-bf16), where a step takes "
        "2 to 10 times as long as in float32; expected high"
    )


def hardware(device: torch.device) -> str:
    """Name the device for results, as "x86_64 CPU, 2 threads"."""
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)}, CUDA {torch.version.cuda}"
    threads = torch.get_num_threads()
    return f"{platform.machine()} CPU, {threads} thread{'s' if threads > 1 else ''}"
