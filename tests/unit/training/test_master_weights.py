"""Float32 weights are updated by the gradients of bfloat16 copies."""

import torch
from torch import nn

from elbowroom.training.adam import Adam
from elbowroom.training.master_weights import MasterWeights


def test_weights_are_adams_from_the_copies_gradients_to_the_bit() -> None:
    """And the copies are the weights, rounded, after each step. Gradients lie in memory as the weights do."""
    torch.manual_seed(0)
    layer, reference = (nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last) for _ in range(2))
    reference.load_state_dict(layer.state_dict())
    copies = [parameter.detach().bfloat16().requires_grad_() for parameter in layer.parameters()]
    masters = MasterWeights(Adam(layer.parameters(), 0.01), copies)
    adam = torch.optim.Adam(reference.parameters(), lr=0.01, fused=True)
    for _ in range(5):
        gradients = [torch.randn_like(parameter).bfloat16() for parameter in copies]
        masters.zero_grad()
        sum((parameter * g).sum() for parameter, g in zip(copies, gradients, strict=True)).backward()
        masters.step()
        for parameter, g in zip(reference.parameters(), gradients, strict=True):
            parameter.grad = g.float()
        adam.step()
        for ours, theirs, copied in zip(layer.parameters(), reference.parameters(), copies, strict=True):
            assert torch.equal(ours, theirs)
            assert torch.equal(copied, ours.bfloat16())


def test_updates_too_small_for_bfloat16_add_up() -> None:
    """1 + 0.001 is 1 in bfloat16. Ten of them are not."""
    weight, copied = torch.ones(3), torch.ones(3, dtype=torch.bfloat16, requires_grad=True)
    masters = MasterWeights(Adam([weight], 0.001), [copied])
    seen = []
    for _ in range(10):
        masters.zero_grad()
        (-copied).sum().backward()
        masters.step()
        seen.append(copied[0].item())
    assert seen[0] == 1
    assert seen[-1] > 1.005
    torch.testing.assert_close(weight, torch.full((3,), 1.01))


def test_copies_follow_weights_that_were_restored() -> None:
    weight, copied = torch.ones(3), torch.ones(3, dtype=torch.bfloat16, requires_grad=True)
    masters = MasterWeights(Adam([weight], 0.001), [copied])
    weight.fill_(2)
    masters.refresh()
    assert copied.tolist() == [2, 2, 2]
