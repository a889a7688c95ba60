"""Measure what else a user waits for: the start of stages, archives, evaluation, pictures."""

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from benchmarks import settings
from benchmarks.processes import python
from benchmarks.settings import Setting
from benchmarks.timing import clocked, few_turns, ratios, row
from elbowroom.core import files, paths
from elbowroom.core.dataset_settings import PublishedDataset
from elbowroom.core.params import load_study
from elbowroom.core.published_sets import PUBLISHED
from elbowroom.datasets.prepare import prepare
from elbowroom.evaluation.evaluate import evaluate
from elbowroom.evaluation.iwae import log_weights
from elbowroom.training.snapshots import FOLLOWED, MAP_IMAGES, is_snapshot_epoch
from elbowroom.vae.model import VAE
from elbowroom.vae.trained import TrainedVAE, save_evolution
from elbowroom.yardsticks.judge import Judge, Judges

Rows = Iterator[dict[str, Any]]


def waits(chosen: dict[str, Setting]) -> Rows:
    """Measure the start of stages, archives and evaluation."""
    yield from beginnings()
    for dataset, setting in chosen.items():
        yield from archives(dataset)
        yield from evaluations(dataset, setting)


def slowest(chosen: dict[str, Setting]) -> Rows:
    """Find the slowest picture of each stage that draws."""
    for dataset in chosen:
        yield drawn(dataset)
    yield from compared()


def beginnings() -> Rows:
    """Measure how long stages take before they begin."""
    commands = {name: ["-m", f"stages.{name}", "--help"] for name in settings.STAGES} | {
        "torch": ["-c", "import torch"]
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in few_turns():
        for name, command in commands.items():
            start = time.perf_counter()
            python(*command)
            seconds[name].append(time.perf_counter() - start)
    for name in settings.STAGES:
        yield row("waits", f"{name} --help over `import torch`", ratios(seconds[name], seconds["torch"]), "x")


def archives(dataset: str) -> Rows:
    """Measure how long data takes to be ready."""
    facts = PUBLISHED[dataset]
    whole = PublishedDataset(source=dataset, train_images=facts.train_images, test_images=facts.test_images)
    taken = _turns(torch.device("cpu"), lambda: prepare(dataset, whole))
    yield row("waits", f"{dataset}: archives to arrays", taken, "s")


def evaluations(dataset: str, setting: Setting) -> Rows:
    """Measure the evaluation of one seed; the bound of log p(x) apart, because its cost depends on its samples."""
    variant, _, images = setting
    device, count = images.test.images.device, settings.EVALUATED
    few = settings.first(images, count)
    study = load_study(settings.PARAMS).evaluation
    pairs = max(1, study.path_pairs * count // PUBLISHED[dataset].test_images)
    one = study.model_copy(update={"iwae_images": 1, "iwae_samples": [1], "path_pairs": pairs})
    network = VAE(variant, images.shape).to(device).to(memory_format=torch.channels_last)
    model = TrainedVAE(settings.VARIANTS[dataset], variant, 0, images.shape, network)
    judge = Judge(images.shape, len(images.classes)).to(device).to(memory_format=torch.channels_last).eval()
    taken = _turns(device, lambda: evaluate(model, Judges(judge, judge), few, one, tqdm(disable=True)))
    label = f"{dataset}: evaluation on {count} images of each split, without IWAE, for 1000 of each"
    yield row("waits", label, [1000 * seconds / count for seconds in taken], "s")
    weighed, samples = few.test.images[: settings.WEIGHED], settings.SAMPLES
    taken = _turns(device, lambda: log_weights(model, weighed, samples, study.batch_size))
    label = f"{dataset}: IWAE of {len(weighed)} images by {samples} samples, for one of one"
    yield row("waits", label, [1e6 * seconds / len(weighed) / samples for seconds in taken], "µs")


def drawn(dataset: str) -> dict[str, Any]:
    """Find the slowest picture of the figures stage, with untrained weights."""
    with tempfile.TemporaryDirectory() as folder:
        _untrained(Path(folder), dataset)
        return _slowest(f"{dataset}: figures", Path(folder), "figures", settings.VARIANTS[dataset])


def compared() -> Rows:
    """Find the slowest picture of the compare stage, in a study whose results are in git."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("metrics", "plots"):
            shutil.copytree(settings.COMPARED / name, Path(folder) / name)
        shutil.copy(settings.COMPARED / "params.yaml", folder)
        yield _slowest("compare", Path(folder), "compare")


def _untrained(folder: Path, dataset: str) -> None:
    """Write what the figures stage reads, in the size that it has after training."""
    study, name = load_study(settings.PARAMS), settings.VARIANTS[dataset]
    variant = study.variant(name)
    recipe = study.recipes[variant.recipe]
    seed = recipe.seeds[0]
    arrays, header, _ = prepare(dataset, study.dataset(dataset))
    images = arrays["test_images"]
    epochs = [epoch for epoch in range(recipe.epochs + 1) if is_snapshot_epoch(epoch) or epoch == recipe.epochs]
    files.save_arrays(folder / paths.data_file(dataset), arrays, header)
    shape = PUBLISHED[dataset].shape
    TrainedVAE(name, variant, seed, shape, VAE(variant, shape)).save(folder / paths.model_file(name, seed))
    mu = np.random.default_rng(0).normal(size=(len(epochs), min(MAP_IMAGES, len(images)), variant.latent_dim))
    made = np.stack([images[:FOLLOWED]] * len(epochs))
    evolution: files.Arrays = {"epochs": np.array(epochs), "mu": mu.astype(np.float16), "reconstructions": made}
    save_evolution(folder / paths.evolution_file(name), evolution, variant, seed)
    rows = pd.DataFrame(product(recipe.seeds, range(1, recipe.epochs + 1), ("train", "test")))
    rows.columns = ["seed", "epoch", "split"]
    losses = rows.assign(loss=1 / rows.epoch, distortion=1 / rows.epoch, rate=0.0, variant=name)
    files.save_csv(folder / paths.plot_file(name, "history.csv"), losses)
    shutil.copy(settings.PARAMS, folder / "params.yaml")


def _slowest(what: str, folder: Path, *stage: str) -> dict[str, Any]:
    turns = [json.loads(python("-m", "benchmarks.pictures", str(folder), *stage)) for _ in few_turns()]
    seconds = {picture: [turn[picture] for turn in turns] for picture in turns[0]}
    picture, taken = max(seconds.items(), key=lambda item: float(np.median(item[1])))
    return row("pictures", f"{what}, the slowest of {len(seconds)} pictures ({Path(picture).name})", taken, "s")


def _turns(device: torch.device, call: Callable[[], object]) -> list[float]:
    run = clocked(device, call)
    run(1)  # to warm up
    return [run(1) for _ in few_turns()]
