"""A network's weights as arrays, and back."""

from pathlib import Path

import torch
from torch import nn

from elbowroom.core.files import Arrays, check_arrays


def weights(network: nn.Module) -> Arrays:
    """Parameters and buffers, by name."""
    return {name: tensor.detach().cpu().contiguous().numpy() for name, tensor in network.state_dict().items()}


def set_weights(network: nn.Module, arrays: Arrays, path: Path) -> None:
    """Put arrays, read from path, into the network. Raises StudyError where names, types or shapes are not its own."""
    check_arrays(path, arrays, {name: (str(own.dtype), own.shape) for name, own in weights(network).items()})
    network.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
