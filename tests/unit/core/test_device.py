"""The device is the one that ELBOWROOM_DEVICE names, or a GPU if there is one."""

import pytest
import torch

from elbowroom.core.device import choose_device
from elbowroom.core.errors import StudyError


def test_the_environment_names_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELBOWROOM_DEVICE", "cpu")
    assert choose_device() == torch.device("cpu")
    monkeypatch.setenv("ELBOWROOM_DEVICE", "abacus")
    with pytest.raises(StudyError, match=r"ELBOWROOM_DEVICE: found 'abacus', expected cpu, cuda or cuda:N"):
        choose_device()
    monkeypatch.setenv("ELBOWROOM_DEVICE", "cuda:99")
    with pytest.raises(StudyError, match=r"ELBOWROOM_DEVICE: found 'cuda:99' \(.*\), expected one of this machine's"):
        choose_device()


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_a_gpu_is_used_if_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ELBOWROOM_DEVICE", raising=False)
    assert choose_device().type == "cuda"
