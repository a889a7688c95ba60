"""Measure what a training step costs: beside other ways, by layers, by seeds, and by the work in it."""

import sys
from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import settings
from benchmarks.contestants import Published, compiled, lightning, matrices, notebook, ours, pythae
from benchmarks.settings import Setting
from benchmarks.timing import Timed, clocked, computing_in, in_turn, ratios, row
from elbowroom.core.settings import Recipe, Variant
from elbowroom.datasets.images import Images, scale
from elbowroom.vae.fast_cpu import FastConvTranspose2d, accelerate
from elbowroom.vae.model import VAE
from elbowroom.vae.objective import terms

OTHERS = {
    notebook: "the notebook's loop",
    lightning: "Lightning",
    pythae: "pythae's trainer",
    compiled: "our step by torch.compile",
}


def steps(chosen: dict[str, Setting]) -> Iterator[dict[str, Any]]:
    """Compare our training step with others, and with the machine's own rate."""
    for dataset, (variant, recipe, images) in chosen.items():
        device = images.train.images.device
        contestants = {"ours": ours(variant, recipe, images), "matrices": matrices(recipe, device)}
        for maker in OTHERS:
            try:
                contestants[maker.__name__] = maker(variant, recipe, images)
            except ImportError as error:
                print(f"{maker.__name__}: not measured ({error})", file=sys.stderr)
        first = None
        try:
            first = contestants["compiled"](1) if "compiled" in contestants else None
        except RuntimeError as error:  # no C++ compiler
            print(f"compiled: not measured ({str(error).splitlines()[0]})", file=sys.stderr)
            del contestants["compiled"]
        found = in_turn(contestants, most=len(images.train.images) // recipe.batch_size - 1)
        size = recipe.batch_size
        yield row("step", f"{dataset}: ours, a step of {size} images", [1e3 * s for s in found["ours"]], "ms")
        for maker, label in OTHERS.items():
            if maker.__name__ in found:
                yield row("step", f"{dataset}: {label} over ours", ratios(found[maker.__name__], found["ours"]), "x")
        if first:
            yield row("step", f"{dataset}: the first step by torch.compile, taken once", [first], "s")
        side = settings.MATRIX[device.type]
        rate = [2 * side**3 / seconds for seconds in found["matrices"]]
        products = f"{dataset}: products of {side} x {side} matrices"
        yield row("arithmetic", products, [r / 1e9 for r in rate], "GFLOP/s")
        for name in ("ours", "notebook"):
            if name not in found:
                continue
            work = flops(variant, recipe, images, folded=name == "ours")
            shares = [100 * work / seconds / r for seconds, r in zip(found[name], rate, strict=True)]
            yield row("arithmetic", f"{dataset}: {name}, share of that ({work / 1e9:.3g} GFLOP a step)", shares, "%")


def layers(chosen: dict[str, Setting]) -> Iterator[dict[str, Any]]:
    """Compare PyTorch's layer and ours for each transposed convolution, forward and backward."""
    for dataset, (variant, recipe, images) in chosen.items():
        device = images.train.images.device
        theirs = Published(variant, images).to(device).to(memory_format=torch.channels_last)
        inputs: dict[nn.ConvTranspose2d, Tensor] = {}
        for module in theirs.modules():
            if isinstance(module, nn.ConvTranspose2d):
                module.register_forward_pre_hook(
                    lambda layer, given, found=inputs: found.update({layer: given[0].detach()})
                )
        theirs(scale(images.train.images[: recipe.batch_size], variant.pixel_range))
        for layer, x in inputs.items():
            pair = {"own": FastConvTranspose2d(layer), "theirs": layer}
            found = in_turn(
                {name: computing_in(recipe.precision, _layer(layer, x)) for name, layer in pair.items()}, share=0.05
            )
            label = f"{dataset}: of {tuple(x.shape[1:])}, PyTorch's over ours"
            yield row("layers", label, ratios(found["theirs"], found["own"]), "x")


def _layer(layer: nn.Module, x: Tensor) -> Timed:
    x = x.contiguous(memory_format=torch.channels_last).requires_grad_()
    gradient = torch.randn_like(layer(x))
    wanted = [x, *layer.parameters()]
    return clocked(x.device, lambda: torch.autograd.grad(layer(x), wanted, gradient))


def flops(variant: Variant, recipe: Recipe, images: Images, *, folded: bool) -> float:
    """Count the floating-point operations of a training step's matrix products and convolutions, by PyTorch."""
    device = images.train.images.device
    model = (accelerate(VAE(variant, images.shape)) if folded else Published(variant, images)).to(device)
    for layer in model.modules():
        if isinstance(layer, FastConvTranspose2d):  # some of whose operations PyTorch would not count
            plain = partial(F.conv_transpose2d, weight=layer.weight, bias=layer.bias, stride=2, padding=1)
            layer.forward = plain  # type: ignore[method-assign]
    x = scale(images.train.images[: recipe.batch_size], variant.pixel_range)
    with FlopCounterMode(display=False) as counter:
        if isinstance(model, VAE):
            loss = terms(variant, model, x, torch.randn(len(x), variant.latent_dim, device=device)).loss(1.0).mean()
        else:
            loss = model(x)[0]
        loss.backward()
    return counter.get_total_flops()


def seeds(chosen: dict[str, Setting]) -> Iterator[dict[str, Any]]:
    """Compare several seeds side by side with one."""
    for dataset, setting in chosen.items():
        found = in_turn({str(count): ours(*setting, seeds=count) for count in settings.SEEDS})
        for count in settings.SEEDS[1:]:
            yield row("seeds", f"{dataset}: {count} seeds over one", ratios(found[str(count)], found["1"]), "x")


def work(chosen: dict[str, Setting]) -> Iterator[dict[str, Any]]:
    """Change one setting, and compare the time per image with that in the study's own setting."""
    dataset = settings.VARIED
    variant, recipe, images = chosen[dataset]
    changes: dict[str, Setting] = {"as it is": chosen[dataset]}
    for size in settings.BATCH_SIZES:
        changes[f"batch_size {size}"] = (variant, recipe.model_copy(update={"batch_size": size}), images)
    for latent_dim in settings.LATENT_DIMS:
        changes[f"latent_dim {latent_dim}"] = (variant.model_copy(update={"latent_dim": latent_dim}), recipe, images)
    for channels in settings.CHANNELS:
        changes[f"channels {channels}"] = (variant.model_copy(update={"channels": channels}), recipe, images)
    found = in_turn({name: ours(*setting) for name, setting in changes.items()}, share=0.25)
    for name, (_, changed, _) in list(changes.items())[1:]:
        scaled = [seconds * recipe.batch_size / changed.batch_size for seconds in found[name]]
        yield row("work", f"{dataset}, {name}: an image over one as it is", ratios(scaled, found["as it is"]), "x")
