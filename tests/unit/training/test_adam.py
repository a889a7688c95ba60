"""Our Adam is torch.optim.Adam, without the import of torch's compiler."""

import os
import subprocess
import sys

import torch
from torch import nn

from elbowroom.training.adam import Adam
from tests.support import ROOT


def test_adam_is_torchs_to_the_bit() -> None:
    torch.manual_seed(0)
    ours, theirs = (nn.Linear(5, 3) for _ in range(2))
    theirs.load_state_dict(ours.state_dict())
    optimizer = Adam(ours.parameters(), 0.01)
    reference = torch.optim.Adam(theirs.parameters(), lr=0.01, fused=True)
    for x in torch.randn(20, 8, 5):
        for model, adam in ((ours, optimizer), (theirs, reference)):
            adam.zero_grad()
            model(x).square().mean().backward()
            adam.step()
    for name, tensor in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[name], tensor)


def test_a_gradient_may_lie_in_memory_otherwise_than_its_parameter() -> None:
    """The fused update reads both element after element; backward() lays gradients out as parameters are."""
    torch.manual_seed(0)
    ours, theirs = (nn.Conv2d(3, 4, 3) for _ in range(2))
    theirs.load_state_dict(ours.state_dict())
    ours.to(memory_format=torch.channels_last)
    optimizer, reference = Adam([ours.weight], 0.01), torch.optim.Adam([theirs.weight], lr=0.01)
    for gradient in torch.randn(3, 4, 3, 3, 3):  # contiguous, where the weight has channels last
        for layer, adam in ((ours, optimizer), (theirs, reference)):
            adam.zero_grad()
            (layer.weight * gradient).sum().backward()
            adam.step()
        assert ours.weight.grad.stride() == ours.weight.stride() != gradient.stride()
        torch.testing.assert_close(ours.weight, theirs.weight)


def test_training_does_not_import_torchs_compiler() -> None:
    """It takes longer to import than torch itself, and a stage does not need it."""
    code = """
import sys, torch
import elbowroom.training.loop
from elbowroom.training.adam import Adam
weight = torch.ones(2, requires_grad=True)
optimizer = Adam([weight], 0.1)
weight.sum().backward()
optimizer.step()
sys.exit("torch._dynamo" in sys.modules)"""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    assert subprocess.run([sys.executable, "-c", code], env=environment).returncode == 0  # noqa: S603
