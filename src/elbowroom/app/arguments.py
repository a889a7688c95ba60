"""What the definitions of subcommands share: the shape of one, and arguments that several have."""

import argparse
import os
from collections.abc import Callable, Sequence
from typing import Any

from elbowroom.core.errors import StudyError

Options = argparse.Namespace
Run = Callable[[Options], int]


def command(add: Any, name: str, purpose: str, run: Run, examples: Sequence[str]) -> argparse.ArgumentParser:
    """Add a subcommand. purpose: one sentence. examples: commands that work."""
    defined: argparse.ArgumentParser = add(
        name,
        help=purpose,
        description=purpose,
        epilog="\n".join(["examples:", *(f"  elbowroom {name} {example}".rstrip() for example in examples)]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    defined.set_defaults(run=run)
    return defined


def takes_model(command: argparse.ArgumentParser) -> None:
    command.add_argument("model", metavar="MODEL", help="a variant of the study, or the file of a model")
    command.add_argument("--study", default=".", metavar="FOLDER", help="the study that has the variant (.)")
    command.add_argument("--seed", type=seed, metavar="N", help="which of a variant's models (its first seed)")


def takes_images(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "images", nargs="+", metavar="IMAGE",
        help="a picture, or an NPZ or NPY of (N, C, H, W), uint8 or floats from 0 to 1; - is standard input",
    )  # fmt: skip
    adapts_images(command)


def adapts_images(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--fit",
        action="store_true",
        help="give pictures the model's size, as those of its study got it; without a study, crop and scale them",
    )
    command.add_argument("--invert", action="store_true", help="swap dark and light in pictures")


def gives_pictures(command: argparse.ArgumentParser) -> None:
    gives(command, ("png", "npz"), None)


def gives(command: argparse.ArgumentParser, formats: Sequence[str], default: str | None) -> None:
    """Let the user say where the result goes. formats: what it can be; the first if FILE is standard output."""
    either = " or ".join(f".{name}" for name in formats)
    command.add_argument(
        "--output", "-o", required=default is None, default=default, metavar="FILE",
        help=f"where the result goes: {either}; - is standard output" + (f" ({default})" if default else ""),
    )  # fmt: skip
    command.add_argument("--format", choices=formats, help=f"if FILE's name does not say it ({formats[0]})")


def in_study(command: argparse.ArgumentParser) -> None:
    command.add_argument("--study", default=".", metavar="FOLDER", help="the study's folder (.)")


def _whole(text: str, least: int) -> int:
    if not text.isdecimal() or not least <= int(text) < 2**31:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a whole number, {least} or more")
    return int(text)


def count(text: str) -> int:
    return _whole(text, 1)


def seed(text: str) -> int:
    return _whole(text, 0)


def sizes(text: str) -> list[int]:
    """Read latent sizes, as 4,8,16: each once, in ascending order."""
    return sorted({count(part.strip()) for part in text.split(",")})


def hours(text: str) -> float:
    try:
        hours = float(text)
    except ValueError:
        hours = -1.0
    if not 0 <= hours < float("inf"):
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a number of hours, 0 or more")
    return hours


def enter(study: str) -> None:
    """Work in the study's folder."""
    try:
        os.chdir(study)
    except OSError as error:
        raise StudyError(f"--study: found {study!r} ({error.strerror}), expected a study's folder") from None
