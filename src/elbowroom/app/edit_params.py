"""Write edits into params.yaml, and leave its comments and layout as they are."""

import io
from collections.abc import Iterable
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from elbowroom.comparison.suggestions import Edit, MoreEpochs, MoreSeeds, NewVariant
from elbowroom.core import files
from elbowroom.core.errors import StudyError
from elbowroom.core.params import load_study
from elbowroom.core.paths import PARAMS

AFTER = 2  # where ruamel keeps the comment after a value


def round_trip_parser() -> YAML:
    """Return what reads and writes YAML with its comments, its quotes and its long lines."""
    parser = YAML()
    parser.preserve_quotes = True
    parser.width = 2**20  # no line is broken
    return parser


def edit_params(edits: Iterable[Edit], path: Path = PARAMS) -> None:
    """Make edits in a params.yaml.

    Raises StudyError, and leaves the file as it was, if the new text would not describe the edited study.
    """
    parser = round_trip_parser()
    document, expected = parser.load(path.read_text(encoding="utf-8")), load_study(path)
    for edit in edits:
        expected = edit.applied(expected)
        match edit:
            case NewVariant():
                _add_variant(document["variants"], edit)
            case MoreSeeds():
                recipe = document["recipes"][edit.recipe]
                seeds = deepcopy(recipe["seeds"])  # in the layout that it has
                seeds.extend(edit.seeds[len(seeds) :])
                recipe["seeds"] = seeds
            case MoreEpochs():
                document["recipes"][edit.recipe]["epochs"] = edit.epochs
    text = io.StringIO()
    parser.dump(document, text)
    with TemporaryDirectory() as folder:
        candidate = Path(folder) / path.name
        files.write(candidate, text.getvalue())
        if load_study(candidate) != expected:
            raise StudyError(f"{path}: found anchors that an edit changes for others, too, expected none there")
    files.write(path.resolve() if path.is_symlink() else path, text.getvalue())


def _add_variant(variants: CommentedMap, edit: NewVariant) -> None:
    """Put a variant beside the one that it is like: before it if it is smaller, else after it."""
    like = variants[edit.like]
    new = deepcopy(like)
    new.anchor.value = None
    place = list(variants).index(edit.like)
    if edit.latent_dim > like["latent_dim"]:
        place += 1
    new["latent_dim"] = edit.latent_dim
    variants.insert(place, edit.name, new)
    # what follows the variants stays after the second of the two
    drop_end(variants, edit.like if edit.latent_dim > like["latent_dim"] else edit.name)


def drop_end(parent: CommentedMap, key: Any) -> None:
    """Drop the blank lines and the comments that follow an entry of a map, on lines of their own."""
    while isinstance(entry := parent[key], CommentedMap) and entry and not entry.fa.flow_style():
        parent, key = entry, list(entry)[-1]
    tokens: Any = parent.ca.items.get(key)
    if tokens and tokens[AFTER]:
        same_line, _, _ = tokens[AFTER].value.partition("\n")
        tokens[AFTER].value = f"{same_line}\n"
