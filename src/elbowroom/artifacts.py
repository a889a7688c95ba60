"""Where files are, and how they are written: whole or not at all, the same bytes for the same content, no pickle."""

import contextlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from elbowroom.config import StudyError

if TYPE_CHECKING:
    from pandas import DataFrame

Arrays = dict[str, np.ndarray]
TEXTS = [  # columns of tables that hold no numbers
    *("study", "dataset", "variant", "against", "quantity", "split", "label", "device", "torch"),
    *("baseline", "likelihood", "pixel_range", "metric", "result", "verdict", "claim", "numbers", "series"),
]


def data_file(dataset: str) -> Path:
    return Path("data") / f"{dataset}.safetensors"


def model_file(variant: str, seed: int) -> Path:
    return Path("models") / variant / f"seed-{seed}.safetensors"


def evolution_file(variant: str) -> Path:
    return Path("models") / variant / "evolution.safetensors"


def metrics_file(variant: str) -> Path:
    """What to read first, means over seeds."""
    return Path("metrics") / f"{variant}.json"


def seeds_file(variant: str) -> Path:
    """Every metric, a row for each seed."""
    return Path("metrics") / f"{variant}.csv"


def plot_file(variant: str, name: str) -> Path:
    return Path("plots") / variant / name


def baselines_file(dataset: str) -> Path:
    return Path("metrics") / "baselines" / f"{dataset}.csv"


def judge_file(dataset: str) -> Path:
    """The weights of the dataset's classifier."""
    return Path("models") / "judge" / f"{dataset}.safetensors"


def judge_history_file(dataset: str) -> Path:
    return Path("metrics") / "judge" / f"{dataset}.csv"


def comparison_file(name: str) -> Path:
    return Path("report") / "comparison" / name


def write(path: Path, content: bytes | str) -> None:
    """Write a file atomically: readers see the old content or the new, never a part."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise StudyError(f"{path}: cannot be written ({error.strerror}), expected a writable place") from None
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def save_json(path: Path, content: Any) -> None:
    write(path, json.dumps(content, indent=2) + "\n")


def save_csv(path: Path, table: "DataFrame") -> None:
    write(path, table.to_csv(index=False, lineterminator="\n"))


def load_csv(path: Path) -> "DataFrame":
    """A table. A name stays a name, be it `nan`; an empty cell is a missing number, or no text."""
    import pandas as pd

    try:
        table = pd.read_csv(path, dtype=dict.fromkeys(TEXTS, str), keep_default_na=False, na_values=[""])
    except FileNotFoundError:
        raise _missing(path) from None
    except ValueError as error:
        raise StudyError(f"{path}: not a table ({error}), expected what the pipeline wrote there") from None
    texts = table.columns.intersection(TEXTS)
    table[texts] = table[texts].fillna("")
    return table


def save_arrays(path: Path, arrays: Arrays, header: dict[str, Any]) -> None:
    """Write arrays and a header as safetensors.

    The header goes in as one JSON text: safetensors does not keep the order of several entries, and with it the bytes.
    """
    contiguous = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    write(path, save(contiguous, metadata={"elbowroom": json.dumps(header, sort_keys=True)}))


def load_arrays(path: Path) -> tuple[Arrays, dict[str, Any]]:
    """Read what save_arrays wrote: the arrays and the header."""
    try:
        with safe_open(path, framework="numpy") as file:
            header = json.loads((file.metadata() or {})["elbowroom"])
            return {name: file.get_tensor(name) for name in file.keys()}, header  # noqa: SIM118 (not a dict)
    except FileNotFoundError:
        raise _missing(path) from None
    except (SafetensorError, KeyError, ValueError) as error:
        raise StudyError(f"{path}: damaged ({error}), expected a safetensors file written by this pipeline") from None


def _missing(path: Path) -> StudyError:
    return StudyError(
        f"{path}: not found, expected from an earlier stage (`dvc repro` makes it, or `dvc pull` brings it)"
    )
