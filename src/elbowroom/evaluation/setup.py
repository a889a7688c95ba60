"""What every group of metrics needs: the trained model, the judges, the images and the settings."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor
from tqdm import tqdm

from elbowroom.core.random_streams import Stream
from elbowroom.core.settings import Evaluation
from elbowroom.datasets.images import Images
from elbowroom.vae.model import reparameterize
from elbowroom.vae.objective import kl, split_noise
from elbowroom.vae.trained import TrainedVAE
from elbowroom.yardsticks.judge import Judge, Judges

UNDEFINED = math.nan  # the variant has no such quantity, as an autoencoder has no likelihood: an empty cell

Metrics = dict[str, float]  # by column of metrics/<variant>.csv


@dataclass(frozen=True)
class Codes:
    """q(z|x) of N images.

    mu: (N, latent_dim). z: a sample of each, for an autoencoder mu itself. spectrum: the KL of each latent
    (latent_dim,), nats, mean over images; for an autoencoder 0.
    """

    mu: Tensor
    z: Tensor
    spectrum: Tensor


@dataclass(frozen=True)
class Setup:
    """A trained seed, and what it is measured with. progress counts the pictures decoded.

    judges: None if the dataset has no classes; what they compare is then UNDEFINED.
    """

    model: TrainedVAE
    judges: Judges | None
    images: Images
    settings: Evaluation
    progress: tqdm

    @property
    def judge(self) -> Judge:
        """The first judge, which compares pictures."""
        assert self.judges is not None
        return self.judges.first

    def encode(self, images: Tensor, stream: Stream) -> Codes:
        """Encode images (N, C, H, W) uint8; z is sampled with the noise of a stream."""
        mu, logvar = self.model.encode(images, self.settings.batch_size)
        if self.model.variant.model == "ae":
            return Codes(mu, mu, mu.new_zeros(mu.shape[1]))
        noise = split_noise(len(mu), mu.shape[1], self.model.seed, stream, mu.device)
        return Codes(mu, reparameterize(mu, logvar, noise), kl(mu.double(), logvar.double()).mean(0))

    def decode(self, z: Tensor) -> Iterator[Tensor]:
        """Decode z (N, latent_dim) batch by batch: the means of p(x|z) as pictures (B, C, H, W) in [0, 1]."""
        for made in self.model.decode_batches(z, self.settings.batch_size):
            yield made
            self.progress.update(len(made))
