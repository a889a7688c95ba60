"""The grammar of the command `elbowroom`."""

import argparse

from elbowroom.app import model_commands, study_commands


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line. What it parses has `run`, the function to call with it."""
    root = argparse.ArgumentParser(
        prog="elbowroom",
        description="Use trained VAEs, and find out how many latents one needs.",
        epilog="`elbowroom COMMAND --help` has examples.",
    )
    add = root.add_subparsers(metavar="COMMAND", required=True).add_parser
    for define in (*study_commands.DEFINITIONS, *model_commands.DEFINITIONS):
        define(add)
    return root
