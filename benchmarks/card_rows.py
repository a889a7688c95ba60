"""Measure what a card does in TF32 and in bfloat16: an epoch, seeds side by side, the share of its matrix rate."""

from collections.abc import Iterator
from typing import Any

from benchmarks import settings
from benchmarks.contestants import matrices, ours
from benchmarks.epochs import epoch_seconds
from benchmarks.settings import Setting
from benchmarks.steps import flops
from benchmarks.timing import in_turn, ratios, row
from elbowroom.core.params import load_study

PRECISIONS = {"cuda": {"high": "TF32", "bf16": "bfloat16"}, "cpu": {"high": "float32", "bf16": "bfloat16"}}  # named


def card(chosen: dict[str, Setting]) -> Iterator[dict[str, Any]]:
    """Measure each dataset in each precision. Steps are of the chosen images, epochs of all that the study uses."""
    sizes = load_study(settings.PARAMS).datasets
    for dataset, (variant, recipe, images) in chosen.items():
        whole = settings.read(dataset, sizes[dataset].train_images, sizes[dataset].test_images)
        device = images.train.images.device
        for precision, name in PRECISIONS[device.type].items():
            plan, label = recipe.model_copy(update={"precision": precision}), f"{dataset}, {name}"
            contestants = {str(count): ours(variant, plan, images, seeds=count) for count in settings.SEEDS}
            found = in_turn(contestants | {"matrices": matrices(plan, device)})
            yield row("card", f"{label}: a step of {plan.batch_size} images", [1e3 * s for s in found["1"]], "ms")
            for count in settings.SEEDS[1:]:
                yield row(
                    "card", f"{label}: a step of {count} seeds over one", ratios(found[str(count)], found["1"]), "x"
                )
            side = settings.MATRIX[device.type]
            rate = [2 * side**3 / seconds for seconds in found["matrices"]]
            products = f"{label}: products of {side} x {side} matrices"
            yield row("card", products, [r / 1e9 for r in rate], "GFLOP/s")
            work = flops(variant, plan, images, folded=True)
            shares = [100 * work / seconds / r for seconds, r in zip(found["1"], rate, strict=True)]
            yield row("card", f"{label}: one seed's share of that ({work / 1e9:.3g} GFLOP a step)", shares, "%")
            most = settings.SEEDS[-1]
            shares = [100 * most * work / seconds / r for seconds, r in zip(found[str(most)], rate, strict=True)]
            yield row("card", f"{label}: the share of {most} seeds side by side", shares, "%")
            one, several = (epoch_seconds((variant, plan, whole[-1]), seeds) for seeds in (1, most))
            count = sizes[dataset].train_images
            yield row("card", f"{label}: an epoch of {count} images and its test, one seed", one, "s")
            yield row("card", f"{label}: the same of {most} seeds, over one", ratios(several, one), "x")
