"""Turn a network's weights into named arrays, and back."""

from pathlib import Path

import torch
from torch import nn

from elbowroom.core.files import Arrays, check_arrays


def weights(network: nn.Module) -> Arrays:
    """Return parameters and buffers by name."""
    return {name: tensor.detach().cpu().contiguous().numpy() for name, tensor in network.state_dict().items()}


def set_weights(network: nn.Module, arrays: Arrays, path: Path) -> None:
    """Put arrays into the network. Raise StudyError, naming path, if names, types or shapes are not the network's."""
    check_arrays(path, arrays, {name: (str(own.dtype), own.shape) for name, own in weights(network).items()})
    network.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
