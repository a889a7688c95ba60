"""Derive from a seed a separate stream of random numbers for each purpose, so that no two share their draws.

The seed itself draws the initial weights, as anyone would draw them who calls torch.manual_seed(seed).
"""

from enum import IntEnum

import numpy as np
import torch


class Stream(IntEnum):
    """What random numbers are drawn for. A new purpose gets a new number, so that the others stay as they are."""

    ORDER = 0  # of the training images
    TRAINING_NOISE = 1  # of z in training steps
    TEST_NOISE = 2  # of z, when losses of the test split are measured
    TRAIN_NOISE = 3  # of z, when losses of the train split are measured
    IMPORTANCE = 4  # of z, in the importance-sampled bounds
    PRIOR = 5  # samples from N(0, I)


def stream_seed(seed: int, stream: Stream) -> int:
    """Hash a seed (0 to 2^31 - 1) and a purpose into 2^31 to 2^32 - 1, which no seed of a study is.

    By NumPy's SeedSequence, whose hash is documented and fixed. A generator on the CPU takes 32 bits and no more.
    """
    (word,) = np.random.SeedSequence(seed, spawn_key=(stream,)).generate_state(1, np.uint32)
    return int(word) | 2**31


def generator(seed: int, stream: Stream, device: torch.device | str = "cpu") -> torch.Generator:
    """Return the generator of a stream on a device. A CPU and a GPU draw other numbers from the same stream."""
    return torch.Generator(device).manual_seed(stream_seed(seed, stream))
