"""Subcommands that make a study, run it, look at it or change it.

Only one that runs imports what it needs, so that --help is fast.
"""

from pathlib import Path
from typing import Any

from elbowroom.app.arguments import (
    Options,
    command,
    count,
    enter,
    hours,
    in_study,
    sizes,
)


def _new_study(add: Any) -> None:
    defined = command(
        add, "new-study", "Make a study: a folder with its settings and the pipeline, ready for DVC.", _run_new_study,
        ["~/letters --images ~/pictures", "~/digits --dataset mnist --latent 2,4,8,16",
         "letters --images ~/pictures --size 64"],
    )  # fmt: skip
    defined.description = (
        "Make a study: a folder with its settings and the pipeline, ready for DVC.\n"
        "It says what it chose by a look at the pictures. All settings are in params.yaml, to be edited.\n"
        "In a clone of elbowroom a name alone means studies/NAME there, and its code is the clone's."
    )
    defined.add_argument("folder", metavar="FOLDER", help="the study's folder, new or empty")
    source = defined.add_mutually_exclusive_group(required=True)
    source.add_argument("--images", metavar="FOLDER", help="your own pictures, in this folder and those below it")
    source.add_argument("--dataset", metavar="NAME", help="a published set, as mnist or fashion-mnist")
    defined.add_argument(
        "--latent", type=sizes, default=[4, 8, 16, 32], metavar="N,N,...", help="the latent sizes to try (4,8,16,32)"
    )
    defined.add_argument(
        "--size", type=count, metavar="PIXELS", help="the sides of the images that your pictures become"
    )


def _compare(add: Any) -> None:
    defined = command(
        add, "compare", "Set two variants beside each other: settings that differ, and every metric.", _run_compare,
        ["mnist-z128 mnist-z256", "mnist-z128 mnist-z256 --study studies/quickstart"],
    )  # fmt: skip
    defined.add_argument("first", metavar="A", help="a variant of the study")
    defined.add_argument("second", metavar="B", help="another one")
    in_study(defined)


def _check(add: Any) -> None:
    defined = command(
        add, "check", "Check all of params.yaml, and say in one line what is wrong.", _run_check,
        ["", "--study studies/quickstart"],
    )  # fmt: skip
    in_study(defined)


def _repro(add: Any) -> None:
    defined = command(
        add, "repro", "Run what is not up to date, independent stages side by side.", _run_repro,
        ["", "--jobs 4", "--study studies/quickstart"],
    )  # fmt: skip
    defined.description = "Check params.yaml, then do what `dvc repro` does, several independent stages at a time."
    defined.add_argument("--jobs", type=count, default=2, metavar="N", help="how many at a time (2)")
    in_study(defined)


def _answer(add: Any) -> None:
    defined = command(
        add, "answer", "Print the answer of a study's report.", _run_answer,
        ["", "--study studies/quickstart"],
    )  # fmt: skip
    in_study(defined)


def _suggest(add: Any) -> None:
    defined = command(
        add, "suggest", "Name the training that would decide how many latents are enough.", _run_suggest,
        ["--study studies/quickstart", "--hours 10", "--apply && elbowroom repro"],
    )  # fmt: skip
    defined.description = (
        "Name the training that would decide how many latents are enough, cheapest first, with its cost.\n"
        "The exit status is 1 if there is nothing to train, or nothing that --hours allows."
    )
    defined.add_argument("--apply", action="store_true", help="write it into params.yaml, whose comments stay")
    defined.add_argument(
        "--hours", type=hours, metavar="H", help="the most that all training may take, with what it took so far"
    )
    in_study(defined)


def _upgrade_study(add: Any) -> None:
    defined = command(
        add, "upgrade-study", "Bring a study the pipeline of this version of elbowroom.", _run_upgrade_study,
        ["", "--study ~/letters"],
    )  # fmt: skip
    defined.description = (
        "Bring a study the pipeline of this version of elbowroom: dvc.yaml and what goes with it.\n"
        "params.yaml and results stay; `dvc repro` then runs what changed. `git diff` shows the new pipeline."
    )
    in_study(defined)


def _merge(add: Any) -> None:
    defined = command(
        add, "merge", "Merge a file of a study that two branches changed, as git's merge driver.", _run_merge,
        ["%O %A %B %P"],
    )  # fmt: skip
    defined.description = (
        "Merge a file of a study that two branches changed. git runs it, once it was told to:\n"
        "git config merge.elbowroom.driver \"'$(command -v elbowroom)' merge %O %A %B %P\""
    )
    for name, meaning in MERGED.items():
        defined.add_argument(name, metavar=name.upper(), help=meaning)


MERGED = {
    "base": "the file that both began from",
    "ours": "the file of this branch, which becomes the merged one",
    "theirs": "the file of the other branch",
    "path": "where the file is in the repository",
}


DEFINITIONS = (_new_study, _check, _repro, _answer, _suggest, _compare, _upgrade_study, _merge)


# --- what each does --------------------------------------------------------------------------------------------------


def _run_new_study(options: Options) -> int:
    from elbowroom.app import new_study

    return new_study.run(options)


def _run_compare(options: Options) -> int:
    enter(options.study)
    from elbowroom.app import compare

    return compare.run(options)


def _run_check(options: Options) -> int:
    enter(options.study)
    from elbowroom.app import check

    return check.run()


def _run_repro(options: Options) -> int:
    enter(options.study)
    from elbowroom.app import repro

    return repro.run(options.jobs)


def _run_answer(options: Options) -> int:
    enter(options.study)
    from elbowroom.app import answer

    return answer.run()


def _run_upgrade_study(options: Options) -> int:
    enter(options.study)
    from elbowroom.app import upgrade_study

    return upgrade_study.run()


def _run_suggest(options: Options) -> int:
    enter(options.study)
    from elbowroom.app import suggest

    return suggest.run(options)


def _run_merge(options: Options) -> int:
    from elbowroom.app import merge

    return merge.run(Path(options.base), Path(options.ours), Path(options.theirs), options.path)
