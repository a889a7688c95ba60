"""The grammar of the command `elbowroom`. Only a subcommand that runs imports what it needs, so that --help is fast."""

import argparse
from collections.abc import Callable, Sequence
from typing import Any

from elbowroom.app.arguments import (
    adapts_images,
    count,
    enter,
    gives,
    gives_pictures,
    hours,
    in_study,
    seed,
    takes_images,
    takes_model,
)

Options = argparse.Namespace
Run = Callable[[Options], int]


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line. What it parses has `run`, the function to call with it."""
    root = argparse.ArgumentParser(
        prog="elbowroom",
        description="Use trained VAEs, and find out how many latents one needs.",
        epilog="`elbowroom COMMAND --help` has examples.",
    )
    add = root.add_subparsers(metavar="COMMAND", required=True).add_parser
    for define in (_sample, _reconstruct, _interpolate, _encode, _decode, _info, _compare, _check, _suggest):
        define(add)
    return root


def _command(add: Any, name: str, purpose: str, run: Run, examples: Sequence[str]) -> argparse.ArgumentParser:
    """Add a subcommand. purpose: one sentence. examples: commands that work."""
    command: argparse.ArgumentParser = add(
        name,
        help=purpose,
        description=purpose,
        epilog="\n".join(["examples:", *(f"  elbowroom {name} {example}" for example in examples)]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=run)
    return command


def _sample(add: Any) -> None:
    command = _command(
        add, "sample", "Decode points of the prior: new pictures.", _run_sample,
        ["mnist-z128 --output samples.png", "mnist-z128 --count 100 --noise 7 --output samples.npz",
         "models/mnist-z128/seed-0.safetensors --output - | display"],
    )  # fmt: skip
    takes_model(command)
    command.add_argument("--count", type=count, default=16, metavar="N", help="how many (16)")
    command.add_argument("--noise", type=seed, default=0, metavar="SEED", help="the seed of the noise (0)")
    gives_pictures(command)


def _reconstruct(add: Any) -> None:
    command = _command(
        add, "reconstruct", "Encode images and decode them again.", _run_reconstruct,
        ["mnist-z128 seven.png --output again.png", "mnist-z128 photo.jpg --fit --invert --output again.png",
         "mnist-z128 images.npz --output again.npz"],
    )  # fmt: skip
    takes_model(command)
    takes_images(command)
    gives_pictures(command)


def _interpolate(add: Any) -> None:
    command = _command(
        add, "interpolate", "Decode a straight path in latent space from one image to another.", _run_interpolate,
        ["mnist-z128 three.png eight.png --output path.png", "mnist-z128 a.png b.png --steps 50 --output path.npz"],
    )  # fmt: skip
    takes_model(command)
    command.add_argument("first", metavar="FIRST", help="the image that the path begins at")
    command.add_argument("second", metavar="SECOND", help="the image that it ends at")
    adapts_images(command)
    command.add_argument("--steps", type=count, default=10, metavar="N", help="pictures, both ends included (10)")
    gives_pictures(command)


def _encode(add: Any) -> None:
    command = _command(
        add, "encode", "Encode images: mu and logvar of q(z|x) for each.", _run_encode,
        ["mnist-z128 seven.png", "mnist-z128 *.png --output latents.csv",
         "mnist-z128 - --output latents.npz < seven.png"],
    )  # fmt: skip
    takes_model(command)
    takes_images(command)
    gives(command, ("csv", "npz"), "-")


def _decode(add: Any) -> None:
    command = _command(
        add, "decode", "Decode latents, as `encode` writes them or your own.", _run_decode,
        ["mnist-z128 latents.csv --output pictures.png",
         "mnist-z128 z.npz --output pictures.npz", "mnist-z128 - --output - < latents.csv > pictures.png"],
    )  # fmt: skip
    takes_model(command)
    command.add_argument(
        "latents",
        metavar="LATENTS",
        help="a CSV with columns z_0, z_1, ... or mu_0, ..., or an NPZ with an array z or mu",
    )
    gives_pictures(command)


def _info(add: Any) -> None:
    command = _command(
        add, "info", "Say what a model is: its settings, seed, image shape and number of parameters.", _run_info,
        ["mnist-z128", "models/mnist-z128/seed-0.safetensors"],
    )  # fmt: skip
    takes_model(command)


def _compare(add: Any) -> None:
    command = _command(
        add, "compare", "Set two variants beside each other: settings that differ, and every metric.", _run_compare,
        ["mnist-z128 mnist-z256", "mnist-z128 mnist-z256 --study studies/quickstart"],
    )  # fmt: skip
    command.add_argument("first", metavar="A", help="a variant of the study")
    command.add_argument("second", metavar="B", help="another one")
    in_study(command)


def _check(add: Any) -> None:
    command = _command(
        add, "check", "Check all of params.yaml, and say in one line what is wrong.", _run_check,
        ["", "--study studies/quickstart"],
    )  # fmt: skip
    in_study(command)


def _suggest(add: Any) -> None:
    command = _command(
        add, "suggest", "Name the training that would decide how many latents are enough.", _run_suggest,
        ["--study studies/quickstart", "--hours 10", "--apply && dvc repro"],
    )  # fmt: skip
    command.description = (
        "Name the training that would decide how many latents are enough, cheapest first, with its cost.\n"
        "The exit status is 1 if there is nothing to train, or nothing that --hours allows."
    )
    command.add_argument("--apply", action="store_true", help="write it into params.yaml, whose comments stay")
    command.add_argument(
        "--hours", type=hours, metavar="H", help="the most that all training may take, with what it took so far"
    )
    in_study(command)


# --- what each does --------------------------------------------------------------------------------------------------


def _run_sample(options: Options) -> int:
    from elbowroom.app import models

    return models.sample(options)


def _run_reconstruct(options: Options) -> int:
    from elbowroom.app import models

    return models.reconstruct(options)


def _run_interpolate(options: Options) -> int:
    from elbowroom.app import models

    return models.interpolate(options)


def _run_encode(options: Options) -> int:
    from elbowroom.app import models

    return models.encode(options)


def _run_decode(options: Options) -> int:
    from elbowroom.app import models

    return models.decode(options)


def _run_info(options: Options) -> int:
    from elbowroom.app import info

    return info.run(options)


def _run_compare(options: Options) -> int:
    enter(options.study)
    from elbowroom.app import compare

    return compare.run(options)


def _run_check(options: Options) -> int:
    enter(options.study)
    from elbowroom.app import check

    return check.run()


def _run_suggest(options: Options) -> int:
    enter(options.study)
    from elbowroom.app import suggest

    return suggest.run(options)
