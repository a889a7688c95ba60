"""The judge: a small classifier, trained once per dataset and then frozen, in whose features pictures are compared.

Its features are not Inception's, so distances between them are not FIDs and compare with no published ones. A second
judge, trained in the same way from another seed, tells whether a ranking is the models' or the judge's.
"""

import math
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor, nn
from tqdm import tqdm

from elbowroom.core import files
from elbowroom.core.errors import StudyError, shown
from elbowroom.core.pixel_range import UNIT
from elbowroom.core.settings import JudgeTraining, Shape
from elbowroom.core.weights import set_weights, weights
from elbowroom.datasets.images import Images, batches, scale

SEEDS = (0, 1)  # of the first and the second judge: the same for every dataset and variant


class Judge(nn.Module):
    """A convolutional network from pictures (N, C, H, W) in [0, 1] to logits (N, classes).

    It takes at most 10 million multiplications per picture of 32 x 32, and in proportion for larger ones.
    """

    num_features = 64

    def __init__(self, shape: Shape, classes: int) -> None:
        super().__init__()
        self.shape = shape
        self.classes = classes
        self.layers = nn.Sequential(  # sides: 32-16-8-8-8 or 28-14-7-7-7
            *_block(shape[0], 32, nn.MaxPool2d(2)),
            *_block(32, 64, nn.MaxPool2d(2)),
            *_block(64, 64),
            *_block(64, self.num_features),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        self.head = nn.Linear(self.num_features, classes)

    def features(self, x: Tensor) -> Tensor:
        """The last convolution's channels, averaged over each picture: (N, 64) for pictures (N, C, H, W) in [0, 1]."""
        return self.layers(x)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))


class Judges(NamedTuple):
    """A dataset's two judges, which differ in their seed alone. Pictures are compared by the first."""

    first: Judge
    second: Judge


def _block(channels_in: int, channels_out: int, *pool: nn.Module) -> list[nn.Module]:
    """A convolution, pooled before it is normalised: nearly the same as after, and faster."""
    convolution = nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False)
    return [convolution, *pool, nn.BatchNorm2d(channels_out), nn.ReLU()]


def train_judge(
    images: Images, settings: JudgeTraining, seed: int, progress: tqdm
) -> tuple[Judge, list[dict[str, float]]]:
    """Train the classifier on the train split's labels; return it frozen, with a row of history for each epoch.

    A row holds the epoch, the train_loss (mean cross-entropy during the epoch, nats) and the test_accuracy after it, on
    the whole split. Adam, with a learning rate that rises to the one in settings and falls again. On a CPU, every run
    gives the same bits. progress counts training images. Raises StudyError if the loss is not finite.
    """
    train, device = images.train, images.train.images.device
    assert train.labels is not None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        judge = Judge(images.shape, len(images.classes)).to(device).to(memory_format=torch.channels_last)
    # Batches of equal size, at most batch_size: a small last one would spoil BatchNorm's running statistics.
    steps = math.ceil(len(train.images) / settings.batch_size)
    optimizer = torch.optim.Adam(judge.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.learning_rate, total_steps=settings.epochs * steps
    )
    order = torch.Generator(device).manual_seed(seed)
    history: list[dict[str, float]] = []
    for epoch in range(1, settings.epochs + 1):
        judge.train()
        total = torch.zeros((), dtype=torch.float64, device=device)
        for batch in torch.randperm(len(train.images), generator=order, device=device).tensor_split(steps):
            x, labels = scale(train.images[batch], UNIT), train.labels[batch].long()
            loss = F.cross_entropy(judge(x), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.detach().double() * len(x)
            progress.update(len(x))
        train_loss = total.item() / len(train.images)
        if not math.isfinite(train_loss):
            raise StudyError(
                f"training the judge diverged: epoch {epoch}: found loss {train_loss}, expected a finite one (a lower "
                "learning_rate in judge may help)"
            )
        test_accuracy = accuracy(judge.eval(), images, settings.batch_size)
        history.append({"epoch": epoch, "train_loss": train_loss, "test_accuracy": test_accuracy})
    return judge.eval().requires_grad_(False), history


@torch.no_grad()
def accuracy(judge: Judge, images: Images, batch_size: int) -> float:
    """The share of test images whose class a judge in evaluation mode predicts."""
    test = images.test
    assert test.labels is not None
    right = sum(
        (judge(scale(test.images[batch], UNIT)).argmax(1) == test.labels[batch]).sum()
        for batch in batches(len(test.images), batch_size)
    )
    return int(right) / len(test.images)


def save_no_judges(path: Path) -> None:
    """Write that there are no judges: the dataset has no classes that they could learn to tell apart."""
    files.save_arrays(path, {}, {"judges": None})


def save_judges(path: Path, judges: Judges, settings: JudgeTraining) -> None:
    """Write the weights, with the shape of images, the number of classes and the settings in the header."""
    header = {"judges": settings.model_dump(), "shape": judges.first.shape, "classes": judges.first.classes}
    files.save_arrays(path, weights(nn.ModuleDict(judges._asdict())), header)


def load_judges(path: Path, shape: Shape, device: torch.device) -> Judges | None:
    """Read the frozen judges of images of this shape (C, H, W); None if the dataset has none.

    Raises StudyError if the file does not hold them.
    """
    arrays, header = files.load_arrays(path)
    if header == {"judges": None}:
        return None
    found, classes = header.get("shape"), header.get("classes", 0)
    if "judges" not in header or not isinstance(found, list) or classes not in range(1, 257):  # labels are bytes
        raise StudyError(f"{path}: found no judges' weights, expected two judges of images {shape}, run `dvc repro`")
    if found != list(shape):
        said = shown(tuple(found))
        raise StudyError(f"{path}: found judges of images {said}, expected ones of images {shape}, run `dvc repro`")
    judges = Judges(Judge(shape, classes), Judge(shape, classes))
    both = nn.ModuleDict(judges._asdict())
    set_weights(both, arrays, path)
    both.to(device).to(memory_format=torch.channels_last).eval().requires_grad_(False)
    return judges


@torch.no_grad()
def extract(judge: Judge, images: Tensor, batch_size: int) -> Tensor:
    """The features (N, 64) of a split's images (N, C, H, W), uint8; `judge.features` takes pictures in [0, 1]."""
    parts = [judge.features(scale(images[batch], UNIT)) for batch in batches(len(images), batch_size)]
    return torch.cat(parts)
