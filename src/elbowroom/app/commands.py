"""The grammar of the command `elbowroom`. Only a subcommand that runs imports what it needs, so that --help is fast."""

import argparse
import os
from collections.abc import Callable, Sequence
from typing import Any

from elbowroom.core.errors import StudyError

Options = argparse.Namespace
Run = Callable[[Options], int]
MODEL = "a variant of the study, or the file of a model"


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line. What it parses has `run`, the function to call with it."""
    root = argparse.ArgumentParser(
        prog="elbowroom",
        description="Use trained VAEs, and find out how many latents one needs.",
        epilog="`elbowroom COMMAND --help` has examples.",
    )
    add = root.add_subparsers(metavar="COMMAND", required=True).add_parser
    for define in (_sample, _reconstruct, _interpolate, _encode, _decode, _info, _compare, _check):
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
    _takes_model(command)
    command.add_argument("--count", type=_count, default=16, metavar="N", help="how many (16)")
    command.add_argument("--noise", type=_seed, default=0, metavar="SEED", help="the seed of the noise (0)")
    _gives_pictures(command)


def _reconstruct(add: Any) -> None:
    command = _command(
        add, "reconstruct", "Encode images and decode them again.", _run_reconstruct,
        ["mnist-z128 seven.png --output again.png", "mnist-z128 photo.jpg --fit --invert --output again.png",
         "mnist-z128 images.npz --output again.npz"],
    )  # fmt: skip
    _takes_model(command)
    _takes_images(command)
    _gives_pictures(command)


def _interpolate(add: Any) -> None:
    command = _command(
        add, "interpolate", "Decode a straight path in latent space from one image to another.", _run_interpolate,
        ["mnist-z128 three.png eight.png --output path.png", "mnist-z128 a.png b.png --steps 50 --output path.npz"],
    )  # fmt: skip
    _takes_model(command)
    command.add_argument("first", metavar="FIRST", help="the image that the path begins at")
    command.add_argument("second", metavar="SECOND", help="the image that it ends at")
    _adapts_images(command)
    command.add_argument("--steps", type=_count, default=10, metavar="N", help="pictures, both ends included (10)")
    _gives_pictures(command)


def _encode(add: Any) -> None:
    command = _command(
        add, "encode", "Encode images: mu and logvar of q(z|x) for each.", _run_encode,
        ["mnist-z128 seven.png", "mnist-z128 *.png --output latents.csv",
         "mnist-z128 - --output latents.npz < seven.png"],
    )  # fmt: skip
    _takes_model(command)
    _takes_images(command)
    _gives(command, ("csv", "npz"), "-")


def _decode(add: Any) -> None:
    command = _command(
        add, "decode", "Decode latents, as `encode` writes them or your own.", _run_decode,
        ["mnist-z128 latents.csv --output pictures.png",
         "mnist-z128 z.npz --output pictures.npz", "mnist-z128 - --output - < latents.csv > pictures.png"],
    )  # fmt: skip
    _takes_model(command)
    command.add_argument(
        "latents",
        metavar="LATENTS",
        help="a CSV with columns z_0, z_1, ... or mu_0, ..., or an NPZ with an array z or mu",
    )
    _gives_pictures(command)


def _info(add: Any) -> None:
    command = _command(
        add, "info", "Say what a model is: its settings, seed, image shape and number of parameters.", _run_info,
        ["mnist-z128", "models/mnist-z128/seed-0.safetensors"],
    )  # fmt: skip
    _takes_model(command)


def _compare(add: Any) -> None:
    command = _command(
        add, "compare", "Set two variants beside each other: settings that differ, and every metric.", _run_compare,
        ["mnist-z128 mnist-z256", "mnist-z128 mnist-z256 --study studies/quickstart"],
    )  # fmt: skip
    command.add_argument("first", metavar="A", help="a variant of the study")
    command.add_argument("second", metavar="B", help="another one")
    _in_study(command)


def _check(add: Any) -> None:
    command = _command(
        add, "check", "Check all of params.yaml, and say in one line what is wrong.", _run_check,
        ["", "--study studies/quickstart"],
    )  # fmt: skip
    _in_study(command)


# --- arguments that several have -------------------------------------------------------------------------------------


def _takes_model(command: argparse.ArgumentParser) -> None:
    command.add_argument("model", metavar="MODEL", help=MODEL)
    command.add_argument("--study", default=".", metavar="FOLDER", help="the study that has the variant (.)")
    command.add_argument("--seed", type=_seed, metavar="N", help="which of a variant's models (its first seed)")


def _takes_images(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "images", nargs="+", metavar="IMAGE",
        help="a picture, or an NPZ or NPY of (N, C, H, W), uint8 or floats from 0 to 1; - is standard input",
    )  # fmt: skip
    _adapts_images(command)


def _adapts_images(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--fit", action="store_true", help="crop pictures around the middle, and scale them to the model's size"
    )
    command.add_argument("--invert", action="store_true", help="swap dark and light in pictures")


def _gives_pictures(command: argparse.ArgumentParser) -> None:
    _gives(command, ("png", "npz"), None)


def _gives(command: argparse.ArgumentParser, formats: Sequence[str], default: str | None) -> None:
    """Let the user say where the result goes. formats: what it can be; the first if FILE is standard output."""
    either = " or ".join(f".{name}" for name in formats)
    command.add_argument(
        "--output", "-o", required=default is None, default=default, metavar="FILE",
        help=f"where the result goes: {either}; - is standard output" + (f" ({default})" if default else ""),
    )  # fmt: skip
    command.add_argument("--format", choices=formats, help=f"if FILE's name does not say it ({formats[0]})")


def _in_study(command: argparse.ArgumentParser) -> None:
    command.add_argument("--study", default=".", metavar="FOLDER", help="the study's folder (.)")


def _whole(text: str, least: int) -> int:
    if not text.isdecimal() or not least <= int(text) < 2**31:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a whole number, {least} or more")
    return int(text)


def _count(text: str) -> int:
    return _whole(text, 1)


def _seed(text: str) -> int:
    return _whole(text, 0)


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
    _enter(options.study)
    from elbowroom.app import compare

    return compare.run(options)


def _run_check(options: Options) -> int:
    _enter(options.study)
    from elbowroom.app import check

    return check.run()


def _enter(study: str) -> None:
    """Work in the study's folder."""
    try:
        os.chdir(study)
    except OSError as error:
        raise StudyError(f"--study: found {study!r} ({error.strerror}), expected a study's folder") from None
