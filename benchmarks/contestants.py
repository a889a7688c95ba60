"""Train the same network in several ways: the published notebook's loop, Lightning, pythae, torch.compile, and ours.

Each is made for a variant, a recipe and images, and then timed. Ours has the recipe's precision, as has torch.compile
(but for bf16); the others have PyTorch's own. Lightning and pythae are no requirements of ours.
"""

import tempfile
import time
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from benchmarks import settings
from benchmarks.timing import Timed, clocked, computing_in, finish
from elbowroom.core.pixel_range import SYMMETRIC, PixelRange
from elbowroom.core.settings import Recipe, Variant
from elbowroom.datasets.images import Images, scale
from elbowroom.training.adam import Adam
from elbowroom.training.cuda_graph import side_by_side
from elbowroom.training.seed_run import SeedRun
from elbowroom.vae.fast_cpu import accelerate
from elbowroom.vae.model import VAE
from elbowroom.vae.objective import terms


class AsPublished(TorchDataset):
    """Images as torchvision's datasets return them: from an array to PIL to a tensor, one at a time."""

    def __init__(self, images: Tensor, pixel_range: PixelRange) -> None:
        from PIL import Image  # a bare machine with a card has no need of them
        from torchvision import transforms

        pixels = images.cpu().permute(0, 2, 3, 1).contiguous().numpy()
        self.images = pixels[..., 0] if pixels.shape[3] == 1 else pixels
        normalize = [transforms.Normalize((0.5,), (0.5,))] if pixel_range == SYMMETRIC else []
        self.transform = transforms.Compose([Image.fromarray, transforms.ToTensor(), *normalize])

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(self.images[index]), 0


class Published(nn.Module):
    """The published network in plain PyTorch, and its loss: sums over the batch, divided by its size."""

    def __init__(self, variant: Variant, images: Images) -> None:
        super().__init__()
        self.vae, self.gaussian = VAE(variant, images.shape), variant.likelihood == "gaussian"

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mu, logvar = self.vae.encode(x)
        z = mu + torch.exp(0.5 * logvar) * torch.randn_like(logvar)
        output = self.vae.decode(z)
        if self.gaussian:
            reconstruction = F.mse_loss(torch.tanh(output), x, reduction="sum")
        else:
            reconstruction = F.binary_cross_entropy_with_logits(output, x, reduction="sum")
        kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
        return (reconstruction + kl) / len(x), reconstruction, kl


def _forever(loader: Iterable) -> Iterator:
    while True:
        yield from loader


def notebook(variant: Variant, recipe: Recipe, images: Images) -> Timed:
    """Time the published loop: DataLoader, ToTensor and Normalize for each image, three .item() a step."""
    device = images.train.images.device
    model = Published(variant, images).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=recipe.learning_rate)
    loader = DataLoader(AsPublished(images.train.images, variant.pixel_range), recipe.batch_size, shuffle=True)
    batches, sums = _forever(loader), [0.0, 0.0, 0.0]

    def step() -> None:
        x = next(batches)[0].to(device)
        optimizer.zero_grad()
        losses = model(x)
        losses[0].backward()
        optimizer.step()
        for index, term in enumerate(losses):
            sums[index] += term.item()

    return computing_in(None, clocked(device, step))


def lightning(variant: Variant, recipe: Recipe, images: Images) -> Timed:
    """Time a LightningModule with the published dataset, network and loss. Its start is not counted."""
    import lightning as L  # noqa: N812

    device = images.train.images.device

    class Module(L.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.model = Published(variant, images)
            self.ends: list[float] = []

        def training_step(self, batch: list[Tensor], _: int) -> Tensor:
            loss, reconstruction, kl = self.model(batch[0])
            self.log_dict({"loss": loss, "reconstruction": reconstruction, "kl": kl})
            return loss

        def on_train_batch_end(self, *_: Any) -> None:
            if self.trainer.global_step in (1, self.trainer.max_steps):
                finish(device)
                self.ends.append(time.perf_counter())

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.Adam(self.parameters(), lr=recipe.learning_rate)

    loader = DataLoader(AsPublished(images.train.images, variant.pixel_range), recipe.batch_size, shuffle=True)
    module = Module()

    def run(steps: int) -> float:
        module.ends.clear()
        trainer = L.Trainer(
            max_steps=steps + 1,
            accelerator="gpu" if device.type == "cuda" else "cpu",
            devices=1 if device.index is None else [device.index],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(module, loader)
        first, last = module.ends
        return last - first

    return computing_in(None, run)


def pythae(variant: Variant, recipe: Recipe, images: Images) -> Timed:
    """Time pythae's BaseTrainer and VAE with our layers, on tensors scaled before. Start and end are not counted."""
    from pythae.data.datasets import BaseDataset
    from pythae.models import VAE as PythaeVAE  # noqa: N811
    from pythae.models import VAEConfig
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder
    from pythae.trainers import BaseTrainer, BaseTrainerConfig
    from pythae.trainers.training_callbacks import TrainingCallback

    device = images.train.images.device
    layers = VAE(variant, images.shape)

    class Encoder(BaseEncoder):
        def __init__(self) -> None:
            super().__init__()
            self.layers = layers.encoder

        def forward(self, x: Tensor) -> ModelOutput:
            mu, logvar = self.layers(x)
            return ModelOutput(embedding=mu, log_covariance=logvar)

    class Decoder(BaseDecoder):
        def __init__(self) -> None:
            super().__init__()
            self.layers = layers.decoder

        def forward(self, z: Tensor) -> ModelOutput:
            output = self.layers(z)
            link = torch.tanh if variant.likelihood == "gaussian" else torch.sigmoid
            return ModelOutput(reconstruction=link(output))

    class Ends(TrainingCallback):
        def __init__(self) -> None:
            self.times: list[float] = []

        def on_train_step_end(self, *_: Any, **__: Any) -> None:
            finish(device)  # the loss was read just before
            self.times.append(time.perf_counter())

    config = VAEConfig(
        input_dim=images.shape,
        latent_dim=variant.latent_dim,
        reconstruction_loss="mse" if variant.likelihood == "gaussian" else "bce",
    )
    model = PythaeVAE(config, encoder=Encoder(), decoder=Decoder())

    def run(steps: int) -> float:
        chosen = images.train.images[: (steps + 1) * recipe.batch_size].cpu().contiguous()
        dataset = BaseDataset(scale(chosen, variant.pixel_range), torch.zeros(len(chosen)))
        ends = Ends()
        with tempfile.TemporaryDirectory() as folder:
            training = BaseTrainerConfig(
                output_dir=folder,
                num_epochs=1,
                learning_rate=recipe.learning_rate,
                per_device_train_batch_size=recipe.batch_size,
                no_cuda=device.type != "cuda",
            )
            BaseTrainer(model, train_dataset=dataset, training_config=training, callbacks=[ends]).train()
        return ends.times[-1] - ends.times[0]

    return computing_in(None, run)


def ours(variant: Variant, recipe: Recipe, images: Images, seeds: int = 1) -> Timed:
    """Time our steps as training takes them, through one epoch again and again."""
    device = images.train.images.device
    assert len(images.train.images) % recipe.batch_size == 0  # no smaller batch at its end
    runs = [SeedRun(variant, recipe, images, seed) for seed in range(seeds)]
    for run in runs:
        run.begin_epoch()
    step = side_by_side([partial(run.step, recipe.batch_size) for run in runs], device)
    return computing_in(recipe.precision, clocked(device, step))


def compiled(variant: Variant, recipe: Recipe, images: Images) -> Timed:
    """Time our step with torch.compile doing its forward and backward passes."""
    device = images.train.images.device
    model = VAE(variant, images.shape).to(device).to(memory_format=torch.channels_last)
    optimizer = Adam(model.parameters(), recipe.learning_rate)
    compiled_terms = torch.compile(partial(terms, variant, accelerate(model)))
    x = scale(images.train.images[: recipe.batch_size], variant.pixel_range)

    def step() -> None:
        measured = compiled_terms(x, torch.randn(len(x), variant.latent_dim, device=device))
        optimizer.zero_grad()
        measured.loss(variant.beta).mean().backward()
        optimizer.step()

    return computing_in(recipe.precision, clocked(device, side_by_side([step], device)))


def matrices(recipe: Recipe, device: torch.device) -> Timed:
    """Time products of large matrices in the recipe's precision, which gives the machine's own rate."""
    size = settings.MATRIX[device.type]
    a, b = torch.randn(2, size, size, device=device, dtype=torch.bfloat16 if recipe.precision == "bf16" else None)
    return computing_in(recipe.precision, clocked(device, lambda: a @ b))
