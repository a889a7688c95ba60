"""What every group of metrics is measured with."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor
from tqdm import tqdm

from elbowroom.core.settings import Evaluation
from elbowroom.datasets.images import Images
from elbowroom.vae.trained import TrainedVAE
from elbowroom.yardsticks.judge import Judge

UNDEFINED = math.nan  # the variant has no such quantity, as an autoencoder has no likelihood: an empty cell

Metrics = dict[str, float]  # by column of metrics/<variant>.csv


@dataclass(frozen=True)
class Setup:
    """A trained seed, and what it is measured with. progress counts the pictures decoded."""

    model: TrainedVAE
    judge: Judge
    images: Images
    settings: Evaluation
    progress: tqdm

    def decode(self, z: Tensor) -> Iterator[Tensor]:
        """Decode z (N, latent_dim) batch by batch: the means of p(x|z) as pictures (B, C, H, W) in [0, 1]."""
        for made in self.model.decode_batches(z, self.settings.batch_size):
            yield made
            self.progress.update(len(made))
