"""Training steps, ours against the published notebook's loop: in turn, in one process, on the same images and network.

Prints the ratio of their times for each dataset, median and range over rounds. Seconds of another machine or another
run are not comparable; ratios are.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset
from torchvision import transforms

from elbowroom import data
from elbowroom.config import Dataset, Variant, load_study
from elbowroom.model import VAE
from elbowroom.training import Adam, train_step

ROOT = Path(__file__).parent.parent
ROUNDS, STEPS = 7, 8  # rounds of each, and steps in a round
IMAGES = 4096


class AsPublished(TorchDataset):
    """Images the way torchvision's datasets hand them out: a PIL image, transformed one at a time."""

    def __init__(self, images: Tensor, pixel_range: list[int]) -> None:
        self.images = images
        normalize = [transforms.Normalize((0.5,), (0.5,))] if pixel_range == [-1, 1] else []
        self.transform = transforms.Compose([transforms.ToPILImage(), transforms.ToTensor(), *normalize])

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        return self.transform(self.images[index])


def notebook_loop(variant: Variant, images: data.Images, batch_size: int) -> Callable[[], None]:
    """The published loop, a round of it: DataLoader, loss written out, three .item() a step."""
    where = images.train.images.device
    model = VAE(variant, images.shape).to(where)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    dataset = AsPublished(images.train.images.cpu(), variant.pixel_range)
    loader = DataLoader(dataset, batch_size, shuffle=True)
    sums = [0.0, 0.0, 0.0]

    def forever() -> Iterator[Tensor]:
        while True:
            yield from loader

    batches = forever()

    def run() -> None:
        for _ in range(STEPS):
            x = next(batches).to(where)
            optimizer.zero_grad()
            mu, logvar = model.encode(x)
            output = model.decode(mu + torch.exp(0.5 * logvar) * torch.randn_like(logvar))
            if variant.likelihood == "gaussian":
                reconstruction = F.mse_loss(torch.tanh(output), x, reduction="sum")
            else:
                reconstruction = F.binary_cross_entropy_with_logits(output, x, reduction="sum")
            kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
            loss = (reconstruction + kl) / len(x)
            loss.backward()
            optimizer.step()
            for index, term in enumerate((loss, reconstruction, kl)):
                sums[index] += term.item()

    return run


def our_loop(variant: Variant, images: data.Images, batch_size: int) -> Callable[[], None]:
    """Ours, a round of it."""
    train, where = images.train.images, images.train.images.device
    model = VAE(variant, images.shape).to(where).to(memory_format=torch.channels_last)
    optimizer = Adam(model.parameters(), 1e-3)

    def forever() -> Iterator[Tensor | slice]:
        while True:
            yield from data.batches(len(train), batch_size, torch.randperm(len(train), device=where))

    batches = forever()

    def run() -> None:
        for _ in range(STEPS):
            x = data.scale(train[next(batches)], variant.pixel_range)
            measured = train_step(
                model, optimizer, variant, x, torch.randn(len(x), variant.latent_dim, device=where), variant.beta
            )
        measured.loss(variant.beta).sum().item()

    return run


def measure(variant: Variant, images: data.Images, batch_size: int) -> dict[str, float]:
    """The notebook's time over ours, rounds taken in turn: median, least and most; and our median seconds a step."""
    loops = {"notebook": notebook_loop(variant, images, batch_size), "ours": our_loop(variant, images, batch_size)}
    seconds: dict[str, list[float]] = {name: [] for name in loops}
    for turn in range(ROUNDS + 1):
        for name, loop in loops.items():
            start = time.perf_counter()
            loop()
            if turn:  # the first is to warm up
                seconds[name].append((time.perf_counter() - start) / STEPS)
    ratios = [theirs / ours for theirs, ours in zip(seconds["notebook"], seconds["ours"], strict=True)]
    return {
        "seconds_a_step": statistics.median(seconds["ours"]),
        "ratio": statistics.median(ratios),
        "ratio_least": min(ratios),
        "ratio_most": max(ratios),
    }


def main() -> None:
    study = load_study(ROOT / "params.yaml")
    where = data.device()
    device = torch.cuda.get_device_name(where) if where.type == "cuda" else f"cpu, {torch.get_num_threads()} threads"
    print(f"{device}; PyTorch {torch.__version__}; {ROUNDS} rounds of {STEPS} steps of each loop, in turn")
    for name in ("mnist-z128", "cifar10-z8-c32"):
        variant = study.variant(name)
        arrays, _ = data.prepare(variant.dataset, Dataset(train_images=IMAGES, test_images=2))
        train, test = (
            data.Split(*(torch.from_numpy(arrays[f"{split}_{part}"]).to(where) for part in ("images", "labels")))
            for split in ("train", "test")
        )
        images = data.Images(train, test, [])
        row = measure(variant, images, study.recipes[variant.recipe].batch_size)
        spread = f"{row['ratio_least']:.2f} to {row['ratio_most']:.2f}"
        print(f"{name}: {row['ratio']:.2f}x the notebook's loop ({spread}), {row['seconds_a_step']:.3f} s a step")


if __name__ == "__main__":
    main()
