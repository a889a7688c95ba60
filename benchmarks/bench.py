"""What training costs on this machine, beside other ways to do the same: `make bench`.

Writes benchmarks/results.json, a row for each measurement, and RESULTS.md from it. Rows of another device than this one
stay. What is compared was timed in turn, in one process, so ratios hold where seconds do not. `bench.py SECTION ...`
measures only those sections anew. Lightning and pythae are measured where they can be imported.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset
from torch.utils.flop_counter import FlopCounterMode
from torchvision import transforms
from tqdm import tqdm

from elbowroom import archives, data
from elbowroom.config import DATASETS, Dataset, Recipe, StudyError, Variant, load_study
from elbowroom.model import VAE
from elbowroom.objective import terms
from elbowroom.training import Adam, Run, SideBySide, fit

ROOT = Path(__file__).parent.parent
JSON, PAGE = (Path(__file__).parent / name for name in ("results.json", "RESULTS.md"))
VARIANTS = {"mnist": "mnist-z128", "cifar10": "cifar10-z8-c32"}  # both of the root study
IMAGES = 4096
TURNS = 9
SECONDS = 2.0  # of steps in each turn, about
MATRIX = 2048  # rows and columns
BATCH_SIZES, LATENT_DIMS, CHANNELS = (16, 32, 64, 256, 512), (2, 32, 128, 256), (8, 16, 64, 128)
SEEDS = [1, 2, 3, 5]
EPOCHS = [1, 2, 4, 8]  # on EPOCH_IMAGES
EPOCH_IMAGES = 1024
PEAK_STEPS = 6  # more than are called before a capture
STAGES = ["prepare", "baseline", "judge", "train", "evaluate", "figures", "compare", "report"]
Timed = Callable[[int], float]  # seconds that so many steps take


# --- the contestants -------------------------------------------------------------------------------------------------


class AsPublished(TorchDataset):
    """As torchvision's datasets hand images out: from an array to PIL to a tensor, one at a time."""

    def __init__(self, images: Tensor, pixel_range: list[int]) -> None:
        pixels = images.cpu().permute(0, 2, 3, 1).contiguous().numpy()
        self.images = pixels[..., 0] if pixels.shape[3] == 1 else pixels
        normalize = [transforms.Normalize((0.5,), (0.5,))] if pixel_range == [-1, 1] else []
        self.transform = transforms.Compose([transforms.ToTensor(), *normalize])

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.images[index])), 0


def plain(model: VAE) -> VAE:
    """The same network by PyTorch's own layers, as published."""
    for module in model.modules():
        if isinstance(module, nn.ConvTranspose2d):
            module.__class__ = nn.ConvTranspose2d
        elif isinstance(module, nn.ReLU):
            module.inplace = False
    return model


class Published(nn.Module):
    """The published network, layer by layer, and its loss: sums over the batch, divided by its size."""

    def __init__(self, variant: Variant, images: data.Images) -> None:
        super().__init__()
        self.vae, self.gaussian = plain(VAE(variant, images.shape)), variant.likelihood == "gaussian"

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mu, logvar = self.vae.encode(x)
        z = mu + torch.exp(0.5 * logvar) * torch.randn_like(logvar)
        decoder = self.vae.decoder
        output = decoder.layers(decoder.linear(z))
        if self.gaussian:
            reconstruction = F.mse_loss(torch.tanh(output), x, reduction="sum")
        else:
            reconstruction = F.binary_cross_entropy_with_logits(output, x, reduction="sum")
        kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
        return (reconstruction + kl) / len(x), reconstruction, kl


def _forever(loader: Iterable) -> Iterator:
    while True:
        yield from loader


def notebook(variant: Variant, recipe: Recipe, images: data.Images) -> Timed:
    """The published loop: DataLoader, ToTensor and Normalize for each image, three .item() a step."""
    where = images.train.images.device
    model = Published(variant, images).to(where)
    optimizer = torch.optim.Adam(model.parameters(), lr=recipe.learning_rate)
    loader = DataLoader(AsPublished(images.train.images, variant.pixel_range), recipe.batch_size, shuffle=True)
    batches, sums = _forever(loader), [0.0, 0.0, 0.0]

    def run(steps: int) -> float:
        start = time.perf_counter()
        for _ in range(steps):
            x = next(batches)[0].to(where)
            optimizer.zero_grad()
            losses = model(x)
            losses[0].backward()
            optimizer.step()
            for index, term in enumerate(losses):
                sums[index] += term.item()
        return time.perf_counter() - start

    return run


def lightning(variant: Variant, recipe: Recipe, images: data.Images) -> Timed:
    """A LightningModule with the published dataset, network and loss; its start is not counted."""
    import lightning as L  # noqa: N812

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
            self.ends.append(time.perf_counter())

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.Adam(self.parameters(), lr=recipe.learning_rate)

    loader = DataLoader(AsPublished(images.train.images, variant.pixel_range), recipe.batch_size, shuffle=True)
    module = Module()

    def run(steps: int) -> float:
        module.ends.clear()
        quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
        trainer = L.Trainer(
            max_steps=steps + 1,
            accelerator="gpu" if images.train.images.is_cuda else "cpu",
            devices=1,
            enable_model_summary=False,
            **quiet,
        )
        trainer.fit(module, loader)
        return module.ends[-1] - module.ends[0]

    return run


def pythae(variant: Variant, recipe: Recipe, images: data.Images) -> Timed:
    """pythae's BaseTrainer and VAE with our layers, on tensors scaled beforehand; its start and end are not counted."""
    from pythae.data.datasets import BaseDataset
    from pythae.models import VAE as PythaeVAE  # noqa: N811
    from pythae.models import VAEConfig
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder
    from pythae.trainers import BaseTrainer, BaseTrainerConfig
    from pythae.trainers.training_callbacks import TrainingCallback

    layers = plain(VAE(variant, images.shape))

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
            output = self.layers.layers(self.layers.linear(z))
            link = torch.tanh if variant.likelihood == "gaussian" else torch.sigmoid
            return ModelOutput(reconstruction=link(output))

    class Ends(TrainingCallback):
        def __init__(self) -> None:
            self.times: list[float] = []

        def on_train_step_end(self, *_: Any, **__: Any) -> None:
            self.times.append(time.perf_counter())

    config = VAEConfig(
        input_dim=images.shape,
        latent_dim=variant.latent_dim,
        reconstruction_loss="mse" if variant.likelihood == "gaussian" else "bce",
    )
    model = PythaeVAE(config, encoder=Encoder(), decoder=Decoder())

    def run(steps: int) -> float:
        chosen = images.train.images[: (steps + 1) * recipe.batch_size].cpu().contiguous()
        dataset = BaseDataset(data.scale(chosen, variant.pixel_range), torch.zeros(len(chosen)))
        ends = Ends()
        with tempfile.TemporaryDirectory() as folder:
            training = BaseTrainerConfig(
                output_dir=folder,
                num_epochs=1,
                learning_rate=recipe.learning_rate,
                per_device_train_batch_size=recipe.batch_size,
                no_cuda=not images.train.images.is_cuda,
            )
            BaseTrainer(model, train_dataset=dataset, training_config=training, callbacks=[ends]).train()
        return ends.times[-1] - ends.times[0]

    return run


def ours(variant: Variant, recipe: Recipe, images: data.Images, seeds: int = 1) -> Timed:
    """`training.Run`, as `fit` calls it."""
    where = images.train.images.device
    runs = [Run(variant, recipe, images, seed) for seed in range(seeds)]
    step = SideBySide([partial(run.step, recipe.batch_size) for run in runs], where)
    for run in runs:
        run.begin_epoch()

    def timed(steps: int) -> float:
        for run in runs:
            run.seen.zero_()
        assert steps * recipe.batch_size <= len(images.train.images)  # an epoch at most
        data.compute_in(recipe.precision)
        _finish(where)
        start = time.perf_counter()
        for _ in range(steps):
            step()
        _finish(where)
        data.compute_in("highest")
        return time.perf_counter() - start

    return timed


def _finish(where: torch.device) -> None:
    if where.type == "cuda":
        torch.cuda.synchronize(where)


def compiled(variant: Variant, recipe: Recipe, images: data.Images) -> Timed:
    """Our step with its forward and backward passes by torch.compile."""
    where = images.train.images.device
    model = VAE(variant, images.shape).to(where).to(memory_format=torch.channels_last)
    optimizer = Adam(model.parameters(), recipe.learning_rate)
    compiled_terms = torch.compile(partial(terms, variant, model))
    x = data.scale(images.train.images[: recipe.batch_size], variant.pixel_range)

    def run(steps: int) -> float:
        _finish(where)
        start = time.perf_counter()
        for _ in range(steps):
            measured = compiled_terms(x, torch.randn(len(x), variant.latent_dim, device=where))
            optimizer.step(torch.autograd.grad(measured.loss(variant.beta).mean(), optimizer.parameters))
        _finish(where)
        return time.perf_counter() - start

    return run


def matrices(where: torch.device) -> Timed:
    """Products of large matrices: the machine's own rate."""
    a, b = torch.randn(2, MATRIX, MATRIX, device=where)

    def run(count: int) -> float:
        _finish(where)
        start = time.perf_counter()
        for _ in range(count):
            a @ b
        _finish(where)
        return time.perf_counter() - start

    return run


# --- how they are timed ----------------------------------------------------------------------------------------------


def in_turn(contestants: dict[str, Timed], most: int = IMAGES, seconds: float | None = None) -> dict[str, list[float]]:
    """Seconds a step of each, over TURNS turns; in a turn as many steps as take about so many seconds (SECONDS)."""
    wanted = SECONDS if seconds is None else seconds
    steps = {}
    for name, run in contestants.items():
        run(min(most, 2))  # to warm up
        steps[name] = max(1, min(most, round(wanted / run(1))))
    found: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(TURNS):
        for name, run in contestants.items():
            found[name].append(run(steps[name]) / steps[name])
    return found


def ratios(over: list[float], under: list[float]) -> list[float]:
    """Of what was timed in the same turn."""
    return [a / b for a, b in zip(over, under, strict=True)]


def row(section: str, what: str, values: list[float], unit: str) -> dict[str, Any]:
    """A measurement: its median, and the quartiles as its spread."""
    low, median, high = np.quantile(values, [0.25, 0.5, 0.75])
    numbers = {name: float(f"{value:.4g}") for name, value in (("median", median), ("low", low), ("high", high))}
    return {"section": section, "what": what, **numbers, "unit": unit, "turns": len(values)}


# --- the sections of the page ----------------------------------------------------------------------------------------

Setting = tuple[Variant, Recipe, data.Images]


OTHERS = [notebook, lightning, pythae, compiled]


def steps(settings: dict[str, Setting]) -> Iterator[dict[str, Any]]:
    """A step of training, beside others' and beside the machine's rate."""
    for dataset, (variant, recipe, images) in settings.items():
        contestants = {"ours": ours(variant, recipe, images), "matrices": matrices(images.train.images.device)}
        took = {}
        for maker in OTHERS:
            try:
                contestants[maker.__name__] = run = maker(variant, recipe, images)
            except ImportError as error:
                print(f"{maker.__name__}: not measured ({error})", file=sys.stderr)
                continue
            start = time.perf_counter()
            run(1)
            took[maker.__name__] = time.perf_counter() - start
        found = in_turn(contestants, most=len(images.train.images) // recipe.batch_size - 1)
        size = recipe.batch_size
        yield row("step", f"{dataset}: ours, a step of {size} images", [1e3 * s for s in found["ours"]], "ms")
        for name, label in (
            ("notebook", "the notebook's loop"),
            ("lightning", "Lightning"),
            ("pythae", "pythae's trainer"),
            ("compiled", "our step by torch.compile"),
        ):
            if name in found:
                yield row("step", f"{dataset}: {label} over ours", ratios(found[name], found["ours"]), "x")
        if "compiled" in found:
            yield row("step", f"{dataset}: the first step by torch.compile", [took["compiled"]], "s")
        rate = [2 * MATRIX**3 / seconds for seconds in found["matrices"]]
        products = f"{dataset}: products of {MATRIX} x {MATRIX} matrices"
        yield row("arithmetic", products, [r / 1e9 for r in rate], "GFLOP/s")
        for name in ("ours", "notebook"):
            work = flops(variant, recipe, images, folded=name == "ours")
            shares = [100 * work / seconds / r for seconds, r in zip(found[name], rate, strict=True)]
            yield row("arithmetic", f"{dataset}: {name}, share of that ({work / 1e9:.3g} GFLOP a step)", shares, "%")


def layers(settings: dict[str, Setting]) -> Iterator[dict[str, Any]]:
    """Each transposed convolution, forward and backward, by PyTorch's layer and by ours."""
    for dataset, (variant, recipe, images) in settings.items():
        where = images.train.images.device
        own = VAE(variant, images.shape).to(where).to(memory_format=torch.channels_last)
        theirs = Published(variant, images).to(where).to(memory_format=torch.channels_last)
        inputs: dict[nn.Module, Tensor] = {}
        for module in theirs.modules():
            if isinstance(module, nn.ConvTranspose2d):
                module.register_forward_pre_hook(
                    lambda layer, given, found=inputs: found.update({layer: given[0].detach()})
                )
        theirs(data.scale(images.train.images[: recipe.batch_size], variant.pixel_range))
        for ours_, theirs_ in zip(own.modules(), theirs.vae.modules(), strict=True):
            if (x := inputs.get(theirs_)) is not None:
                found = in_turn({"own": _layer(ours_, x), "theirs": _layer(theirs_, x)}, seconds=SECONDS / 20)
                label = f"{dataset}: of {tuple(x.shape[1:])}, PyTorch's over ours"
                yield row("layers", label, ratios(found["theirs"], found["own"]), "x")


def _layer(layer: nn.Module, x: Tensor) -> Timed:
    x = x.contiguous(memory_format=torch.channels_last).requires_grad_()
    gradient = torch.randn_like(layer(x))
    wanted = [x, *layer.parameters()]

    def run(count: int) -> float:
        _finish(x.device)
        start = time.perf_counter()
        for _ in range(count):
            torch.autograd.grad(layer(x), wanted, gradient)
        _finish(x.device)
        return time.perf_counter() - start

    return run


def flops(variant: Variant, recipe: Recipe, images: data.Images, *, folded: bool) -> float:
    """Floating-point operations of a training step's matrix products and convolutions, counted by PyTorch."""
    where = images.train.images.device
    model = (VAE(variant, images.shape) if folded else Published(variant, images)).to(where)
    for module in model.modules():
        if isinstance(module, nn.ConvTranspose2d):  # not as ours, which does some of it uncounted
            module.forward = partial(nn.ConvTranspose2d.forward, module)  # type: ignore[method-assign]
    x = data.scale(images.train.images[: recipe.batch_size], variant.pixel_range)
    with FlopCounterMode(display=False) as counter:
        if isinstance(model, VAE):
            loss = terms(variant, model, x, torch.randn(len(x), variant.latent_dim, device=where)).loss(1.0).mean()
        else:
            loss = model(x)[0]
        loss.backward()
    return counter.get_total_flops()


def seeds(settings: dict[str, Setting]) -> Iterator[dict[str, Any]]:
    """Seeds side by side."""
    for dataset, setting in settings.items():
        found = in_turn({str(count): ours(*setting, seeds=count) for count in SEEDS}, most=24)
        for count in SEEDS[1:]:
            yield row("seeds", f"{dataset}: {count} seeds over one", ratios(found[str(count)], found["1"]), "x")


def work(settings: dict[str, Setting]) -> Iterator[dict[str, Any]]:
    """Cost against work: one setting changed, an image's time over that in the study's setting."""
    variant, recipe, images = settings["cifar10"]
    changes: dict[str, Setting] = {"as it is": settings["cifar10"]}
    for size in BATCH_SIZES:
        changes[f"batch_size {size}"] = (variant, recipe.model_copy(update={"batch_size": size}), images)
    for latent_dim in LATENT_DIMS:
        changes[f"latent_dim {latent_dim}"] = (variant.model_copy(update={"latent_dim": latent_dim}), recipe, images)
    for channels in CHANNELS:
        changes[f"channels {channels}"] = (variant.model_copy(update={"channels": channels}), recipe, images)
    found = in_turn({name: ours(*setting) for name, setting in changes.items()}, most=8)
    for name, (_, changed, _) in list(changes.items())[1:]:
        scaled = [seconds * recipe.batch_size / changed.batch_size for seconds in found[name]]
        yield row("work", f"cifar10, {name}: an image over one as it is", ratios(scaled, found["as it is"]), "x")


def epochs(settings: dict[str, Setting]) -> Iterator[dict[str, Any]]:
    """`fit`, tests after each epoch included: seconds = flat + epochs * each, by least squares in each turn."""
    for dataset, (variant, recipe, images) in settings.items():
        few = data.Images(
            data.Split(*(part[:EPOCH_IMAGES] for part in images.train)),
            data.Split(*(part[:EPOCH_IMAGES] for part in images.test)),
            images.classes,
        )
        flat, off = [], []
        for _ in range(max(1, TURNS // 3)):
            seconds = []
            for count in EPOCHS:
                start = time.perf_counter()
                list(fit(variant, recipe.model_copy(update={"epochs": count}), few, [0], tqdm(disable=True)))
                seconds.append(time.perf_counter() - start)
            each, constant = np.polyfit(EPOCHS, seconds, 1)
            flat.append(100 * constant / each)
            off.append(100 * float(np.abs(np.polyval([each, constant], EPOCHS) / seconds - 1).max()))
        label = f"{dataset}: what {EPOCHS} epochs of {EPOCH_IMAGES} images take beside, over one epoch"
        yield row("work", label, flat, "%")
        yield row("work", f"{dataset}: farthest that one of these is from linear in epochs", off, "%")


def memory(settings: dict[str, Setting]) -> Iterator[dict[str, Any]]:
    """The most that a process of its own has held, ours and the notebook's, given a few images."""
    for dataset, (*_, images) in settings.items():
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "images.npy"
            np.save(file, images.train.images[:1024].cpu().contiguous().numpy())
            for name in ("ours", "notebook"):
                command = [sys.executable, __file__, "--peak", dataset, name, str(file)]
                done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
                yield row("memory", f"{dataset}: {name}, after {PEAK_STEPS} steps", [float(done.stdout)], "MiB")


def peak(dataset: str, name: str, file: str) -> float:
    """MiB: what was reserved on a card; on the CPU the process took, PyTorch itself included."""
    study, where = load_study(ROOT / "params.yaml"), data.device()
    variant = study.variant(VARIANTS[dataset])
    pixels = torch.from_numpy(np.load(file)).to(where).contiguous(memory_format=torch.channels_last)
    split = data.Split(pixels, torch.zeros(len(pixels), dtype=torch.uint8, device=where))
    {"ours": ours, "notebook": notebook}[name](variant, study.recipes[variant.recipe], data.Images(split, split, []))(
        PEAK_STEPS
    )
    if where.type == "cuda":
        return torch.cuda.max_memory_reserved() / 2**20
    if status := _read("/proc/self/status"):  # ru_maxrss is of the parent too there
        return int(status.partition("VmHWM:")[2].split()[0]) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def waits(settings: dict[str, Setting]) -> Iterator[dict[str, Any]]:
    """What stages take before they begin, and how long data takes to be ready."""
    commands = {name: [f"stages/{name}.py", "--help"] for name in STAGES} | {"torch": ["-c", "import torch"]}
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(max(1, TURNS // 2)):
        for name, command in commands.items():
            start = time.perf_counter()
            subprocess.run([sys.executable, *command], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)  # noqa: S603
            seconds[name].append(time.perf_counter() - start)
    for name in STAGES:
        yield row("waits", f"{name} --help over `import torch`", ratios(seconds[name], seconds["torch"]), "x")
    for dataset in settings:
        facts, taken = DATASETS[dataset], []
        for _ in range(max(1, TURNS // 3)):
            start = time.perf_counter()
            archives.prepare(dataset, Dataset(train_images=facts.train_images, test_images=facts.test_images))
            taken.append(time.perf_counter() - start)
        yield row("waits", f"{dataset}: archives to arrays", taken, "s")


SECTIONS: dict[str, tuple[str, Callable[[dict[str, Setting]], Iterator[dict[str, Any]]]]] = {
    "step": ("A step of training, beside others", steps),
    "arithmetic": ("The share of the machine's own rate", steps),
    "layers": ("Each transposed convolution, by PyTorch's own layer and by ours", layers),
    "seeds": ("Seeds side by side (on a CPU one after another)", seeds),
    "work": ("Cost against work", lambda settings: (r for part in (work, epochs) for r in part(settings))),
    "memory": ("Peak memory", memory),
    "waits": ("What else one waits for", waits),
}


def read_settings(datasets: Iterable[str]) -> dict[str, Setting]:
    """The variant of each, its recipe and the first images."""
    study, where = load_study(ROOT / "params.yaml"), data.device()
    found = {}
    for dataset in datasets:
        arrays, _ = archives.prepare(dataset, Dataset(train_images=IMAGES, test_images=EPOCH_IMAGES))
        tensors = {key: torch.from_numpy(array).to(where) for key, array in arrays.items()}
        train, test = (
            data.Split(
                tensors[f"{split}_images"].contiguous(memory_format=torch.channels_last), tensors[f"{split}_labels"]
            )
            for split in ("train", "test")
        )
        variant = study.variant(VARIANTS[dataset])
        found[dataset] = (variant, study.recipes[variant.recipe], data.Images(train, test, []))
    return found


def page(rows: list[dict[str, Any]]) -> str:
    """RESULTS.md."""
    parts = ["# What training costs\n\n`make bench` measures this and writes the page; benchmarks/bench.py says how. "]
    parts.append("What is divided was timed in turn in one process.\nMedian, and quartiles over turns.\n")
    for device, title in (("cpu", "On a CPU"), ("cuda", "On a card")):
        parts.append(f"\n## {title}\n")
        if not (own := [r for r in rows if r["device"] == device]):
            parts.append("\nNot measured.\n")
        for section, (heading, _) in SECTIONS.items():
            if not (found := [r for r in own if r["section"] == section]):
                continue
            facts = found[0]
            parts.append(f"\n### {heading}\n\n{facts['machine']}; {facts['versions']}; {facts['date']}; ")
            parts.append(f"`{facts['command']}`.\n\n| | median | quartiles | turns |\n|---|--:|--:|--:|\n")
            for r in found:
                spread = f"{r['low']:g} to {r['high']:g}" if r["turns"] > 1 else ""
                parts.append(f"| {r['what']} | {r['median']:g} {r['unit']} | {spread} | {r['turns']} |\n")
    return "".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument("--peak", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peak:
        print(peak(*arguments.peak))
        return
    if unknown := set(arguments.sections) - set(SECTIONS):
        parser.error(f"found {', '.join(sorted(unknown))}, expected sections among {', '.join(SECTIONS)}")
    settings = read_settings(VARIANTS)
    where = data.device()
    cores = f"{_processor()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads"
    facts = {
        "device": where.type,
        "machine": f"{torch.cuda.get_device_name(where)}, {cores}" if where.type == "cuda" else cores,
        "date": date.today().isoformat(),
        "versions": f"Python {platform.python_version()}, PyTorch {torch.__version__}",
        "command": " ".join(["python benchmarks/bench.py", *arguments.sections]),
    }
    chosen = dict.fromkeys(
        measure for name, (_, measure) in SECTIONS.items() if name in (arguments.sections or SECTIONS)
    )
    rows = json.loads(JSON.read_text()) if JSON.is_file() else []
    for measure in chosen:
        fresh = []
        for found in measure(settings):
            print(
                f"{found['what']}: {found['median']:g} {found['unit']} ({found['low']:g} to {found['high']:g})",
                flush=True,
            )
            fresh.append(facts | found)
        replaced = {(r["device"], r["section"]) for r in fresh}
        rows = [r for r in rows if (r["device"], r["section"]) not in replaced] + fresh
        JSON.write_text(json.dumps(rows, indent=1) + "\n")
        PAGE.write_text(page(rows))


def _processor() -> str:
    names = [line for line in _read("/proc/cpuinfo").splitlines() if line.startswith("model name")]
    return names[0].partition(":")[2].strip() if names else platform.machine()


def _read(path: str) -> str:
    return Path(path).read_text() if Path(path).is_file() else ""


if __name__ == "__main__":
    try:
        main()
    except StudyError as error:
        sys.exit(f"error: {error}")
