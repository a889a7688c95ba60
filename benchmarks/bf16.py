"""Measure what a recipe's `precision: bf16` gains on a CPU, and what each part of it is worth.

Each contestant is a process of its own, with threads and memory of its own, and takes a step when it is its turn.
"""

import multiprocessing
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

import torch

from benchmarks import settings
from benchmarks.contestants import matrices, notebook, ours
from benchmarks.settings import Setting
from benchmarks.steps import flops
from benchmarks.timing import Timed, clocked, computing_in, in_turn, ratios, row
from elbowroom.core.device import bf16_warning
from elbowroom.core.settings import Recipe, Variant
from elbowroom.datasets.images import Images
from elbowroom.training.allocator import keep_freed_memory
from elbowroom.training.seed_run import SeedRun
from elbowroom.vae import fast_bf16, fast_cpu

Maker = Callable[[Variant, Recipe, Images], Timed]
KEPT, AS_IT_IS = True, False  # whether a process keeps the memory that it frees


def own_gradients(variant: Variant, recipe: Recipe, images: Images) -> Timed:
    """Time our steps with PyTorch's own gradients of the first transposed convolution."""
    fast_cpu.LARGE = 2**62
    return ours(variant, recipe, images)


def own_small_gradients(variant: Variant, recipe: Recipe, images: Images) -> Timed:
    """Time our steps with PyTorch's own gradients of convolutions with a small output."""
    fast_bf16.SMALL = 0
    return ours(variant, recipe, images)


def autocast(variant: Variant, recipe: Recipe, images: Images) -> Timed:
    """Time our steps as autocast takes them: it casts each weight where it is used."""
    run = SeedRun(variant, recipe, images, 0)
    run.trained, run.masters = run.network, None
    for layer in run.network.modules():
        if isinstance(layer, fast_cpu.FastConvTranspose2d):  # a function of our own, whose inputs are not cast
            layer.forward = partial(_cast_and_apply, layer)  # type: ignore[method-assign]
    run.begin_epoch()
    return computing_in(recipe.precision, clocked(run.order.device, partial(run.step, recipe.batch_size)))


def _cast_and_apply(layer: fast_cpu.FastConvTranspose2d, x: torch.Tensor) -> torch.Tensor:
    inputs = (tensor.to(torch.bfloat16) for tensor in (x, layer.weight, layer.bias))
    return fast_cpu._ConvTranspose2d.apply(*inputs)


TRICKS: dict[str, tuple[Maker, bool]] = {  # ours without one part
    "freed memory kept": (ours, AS_IT_IS),
    "copies of the weights (with autocast)": (autocast, KEPT),
    "windows in the first transposed convolution": (own_gradients, KEPT),
    "windows in convolutions of small outputs": (own_small_gradients, KEPT),
}


def low_precision(chosen: dict[str, Setting]) -> Iterator[dict[str, Any]]:
    """Compare our step in bfloat16 with the notebook's, with ours in float32, and with itself less one part.

    It yields nothing where bfloat16 is not for use: on a CPU without instructions for it.
    """
    for dataset, (variant, recipe, images) in chosen.items():
        if images.train.images.is_cuda or bf16_warning("bf16", images.train.images.device):
            return  # a card has a section of its own; a CPU that imitates bfloat16 takes up to a minute a step
        low = recipe.model_copy(update={"precision": "bf16"})
        for threads in [count for count in settings.THREADS if count <= (os.cpu_count() or 1)]:
            makers: dict[str, tuple[Maker, Recipe, bool]] = {
                "ours": (ours, low, KEPT),
                "notebook": (notebook, recipe, AS_IT_IS),
                "float32": (ours, recipe, KEPT),
                "matrices": (_matrices, low, AS_IT_IS),
            }
            if threads == settings.THREADS[0]:
                makers |= {what: (maker, low, kept) for what, (maker, kept) in TRICKS.items()}
            with ExitStack() as stack:
                contestants = {
                    name: stack.enter_context(apart(maker, (variant, plan, images), threads, kept))
                    for name, (maker, plan, kept) in makers.items()
                }
                found = in_turn(contestants, 0.5, len(images.train.images) // recipe.batch_size - 1)
            label = f"{dataset}, {threads} thread{'s' if threads > 1 else ''}"
            yield row("bf16", f"{label}: ours in bfloat16, a step", [1e3 * s for s in found["ours"]], "ms")
            faster = ratios(found["float32"], found["ours"])
            yield row("bf16", f"{label}: ours in float32 over ours in bfloat16", faster, "x")
            for name, precision in (("ours", "bfloat16"), ("float32", "float32")):
                what, faster = f"the notebook's loop over ours in {precision}", ratios(found["notebook"], found[name])
                about = f"{label}: {what}"
                yield row("bf16", about, faster, "x", dataset=dataset, threads=threads, gain=precision)
            work = flops(variant, recipe, images, folded=True)
            rate = [2 * settings.MATRIX["cpu"] ** 3 / seconds for seconds in found["matrices"]]
            shares = [100 * work / seconds / r for seconds, r in zip(found["ours"], rate, strict=True)]
            yield row("bf16", f"{label}: products of matrices in bfloat16", [r / 1e9 for r in rate], "GFLOP/s")
            yield row("bf16", f"{label}: ours in bfloat16, share of that", shares, "%")
            for what in [name for name in TRICKS if name in makers]:
                yield row("bf16", f"{label}: without {what}, over with", ratios(found[what], found["ours"]), "x")


def _matrices(_: Variant, recipe: Recipe, images: Images) -> Timed:
    return matrices(recipe, images.train.images.device)


@contextmanager
def apart(maker: Maker, setting: Setting, threads: int, kept: bool) -> Iterator[Timed]:
    """Yield a contestant that is made and timed in a process of its own, which ends with the context."""
    context = multiprocessing.get_context("forkserver")  # which imports once, and starts no threads
    context.set_forkserver_preload([__name__])
    ours_end, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, maker, setting, threads, kept), daemon=True)
    process.start()
    theirs.close()

    def run(steps: int) -> float:
        ours_end.send(steps)
        return ours_end.recv()

    try:
        yield run
    finally:
        ours_end.close()
        process.join()


def _serve(asked: Connection, maker: Maker, setting: Setting, threads: int, kept: bool) -> None:
    """Take as many steps as asked, answer with their seconds, until the other end is closed."""
    if kept:
        keep_freed_memory()
    torch.set_num_threads(threads)
    run = maker(*setting)
    while True:
        try:
            steps = asked.recv()
        except EOFError:
            return
        asked.send(run(steps))
