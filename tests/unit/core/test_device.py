"""The device is the one that ELBOWROOM_DEVICE names, or a GPU if there is one."""

import pytest
import torch

from elbowroom.core.device import bf16_warning, choose_device
from elbowroom.core.errors import StudyError


def test_the_environment_names_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELBOWROOM_DEVICE", "cpu")
    assert choose_device() == torch.device("cpu")
    for unknown in ("abacus", "mps"):
        monkeypatch.setenv("ELBOWROOM_DEVICE", unknown)
        with pytest.raises(StudyError, match=rf"ELBOWROOM_DEVICE: found '{unknown}', expected cpu, cuda or cuda:N"):
            choose_device()
    monkeypatch.setenv("ELBOWROOM_DEVICE", "cuda:99")
    with pytest.raises(StudyError, match=r"ELBOWROOM_DEVICE: found 'cuda:99' \(.*\), expected one of this machine's"):
        choose_device()


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_a_gpu_is_used_if_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ELBOWROOM_DEVICE", raising=False)
    assert choose_device().type == "cuda"


@pytest.mark.parametrize("name", ["amx_bf16", "avx512_bf16", "bf16", "sve_bf16"])
def test_a_cpu_that_has_to_imitate_bfloat16_is_warned_about(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one line that says by how much it is slower. No card is, nor a recipe in float32."""
    cpu = torch.device("cpu")
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True, name: False}, raising=False)
    warning = bf16_warning("bf16", cpu)
    assert warning
    assert "\n" not in warning
    assert "found bf16 on a CPU without instructions for it" in warning
    assert "2 to 10 times as long" in warning
    assert bf16_warning("high", cpu) is bf16_warning("highest", cpu) is None
    assert bf16_warning("bf16", torch.device("cuda")) is None
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True, name: True}, raising=False)
    assert bf16_warning("bf16", cpu) is None


def test_a_pytorch_that_cannot_tell_what_a_cpu_has_warns_of_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert bf16_warning("bf16", torch.device("cpu")) is None
