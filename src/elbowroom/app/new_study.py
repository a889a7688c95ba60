"""`elbowroom new-study`: make the folder of a study, with settings that suit its images."""

import json
import os
import re
from argparse import Namespace
from pathlib import Path

import jinja2

from elbowroom.app import study_files
from elbowroom.app.look import look
from elbowroom.core import files, paths
from elbowroom.core.dataset_settings import FOLDER
from elbowroom.core.errors import StudyError
from elbowroom.core.published_sets import PUBLISHED
from elbowroom.core.settings import RESERVED
from elbowroom.core.text import counted

DEEP = 48  # the sides of an image from which on the network `deep` is used
TRAIN_IMAGES, TEST_IMAGES = 5000, 1000  # at most: a study of minutes, not hours
IMAGES_SEEN = 100_000  # by each training, in all its epochs
EPOCHS = (10, 100)  # the fewest and the most
BATCH_SIZE = 64
FEWEST_STEPS = 20  # of an epoch: with fewer, batches are smaller


def run(options: Namespace) -> int:
    """Make a study and say what was chosen. Raises StudyError if its folder has something, or there are no images."""
    with study_files.writable(options.folder):
        home = study_files.Home.of(options.folder)
        _check_utf8("FOLDER", str(home.folder))
        of_pictures = options.images is not None
        name = _name(home.folder.name if of_pictures else options.dataset)
        settings = _folder(options, name) if of_pictures else _published(options)
        home.write()
        files.write(home.folder / paths.PARAMS, params(name, settings, options.latent))
    print(f"Made {os.path.relpath(home.folder)}, which trains {counted(len(options.latent), 'latent size')}")
    print(f"Its settings are in {paths.PARAMS}. Next:")
    print(f"  cd {os.path.relpath(home.folder)}\n  elbowroom repro")
    return 0


def params(name: str, settings: dict[str, object], latents: list[int]) -> str:
    """Return the text of a params.yaml. name: of the dataset, and what the names of variants begin with."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(study_files.TEMPLATES),
        autoescape=False,  # noqa: S701 (YAML)
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("params.yaml.j2").render(settings, name=name, latents=latents)


def _folder(options: Namespace, name: str) -> dict[str, object]:
    """Choose the settings of a study of pictures in a folder, and say why."""
    path = _lasting(options.images)
    seen = look(path, options.size)
    print(f"{path}: {seen.count:,} pictures", *seen.reasons, sep="\n  ")
    size = seen.settings["size"]
    side = min(size) if isinstance(size, list) else size
    images = min(TRAIN_IMAGES, round(0.9 * seen.count))
    return (
        {"source": FOLDER, "title": f"the pictures of {name}", "path": _quoted(path)}
        | _training(images, side)
        | seen.settings
    )


def _lasting(images: str) -> str:
    """Return the path of pictures as it is kept: it means the same from any folder and, if it can, on any machine.

    Raises StudyError if it is empty or not UTF-8.
    """
    if not images:
        raise StudyError("--images: found an empty name, expected a folder of pictures")
    expanded = os.path.expanduser(os.path.expandvars(images))  # noqa: PTH111 (as what reads the pictures does)
    if not (images.startswith(("~", "$")) and os.path.isabs(expanded)):  # noqa: PTH117
        images = os.path.abspath(images)  # noqa: PTH100 (keep links)
        images = re.sub(rf"^{re.escape(str(Path.home()))}(?=/|$)", "~", images)
    _check_utf8("--images", images)
    return re.sub(r"\$\{(\w+)\}(?!\w)", r"$\1", images)


def _check_utf8(argument: str, path: str) -> None:
    """Raise StudyError unless a path is UTF-8, as params.yaml is and what DVC writes."""
    try:
        path.encode()
    except UnicodeEncodeError:
        raise StudyError(f"{argument}: found {path}, which is not UTF-8, expected a path that is") from None


def _quoted(path: str) -> str:
    """Return a path as YAML, of the characters that YAML takes as they are."""
    text = json.dumps(path, ensure_ascii=False)
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def _published(options: Namespace) -> dict[str, object]:
    source = options.dataset
    if options.size is not None:
        raise StudyError(f"--size: found {options.size} for {source}, expected it with --images alone")
    if source not in PUBLISHED:
        raise StudyError(f"--dataset: found {source!r}, expected one of {', '.join(PUBLISHED)}")
    published = PUBLISHED[source]
    return {"source": source, "title": f"the images of {published.title}"} | _training(
        TRAIN_IMAGES, min(published.shape[1:])
    )


def _training(images: int, side: int) -> dict[str, object]:
    """Choose a network and a budget. images: to train on. side: the smaller one of an image."""
    fewest, most = EPOCHS
    epochs = max(fewest, min(most, IMAGES_SEEN // max(1, images)))
    return {
        "network": "deep" if side >= DEEP else "report",
        "train_images": TRAIN_IMAGES,
        "test_images": TEST_IMAGES,
        "epochs": epochs,
        "warmup_epochs": epochs // 5,
        "batch_size": max(2, min(BATCH_SIZE, images // FEWEST_STEPS)),
    }


def _name(text: str) -> str:
    """Make a name for a dataset: of lower-case letters, digits, - and _, a letter first."""
    name = re.sub(r"[^a-z0-9_-]+", "-", text.lower()).strip("-_")[:40]
    if not re.match("[a-z]", name):
        name = f"images-{name}".rstrip("-")
    return f"{name}-images" if name in RESERVED else name
