"""Where the files of a study are, from its folder."""

from pathlib import Path

PARAMS = Path("params.yaml")
NOTES = Path(".dvc/tmp/stages")  # of a checkout: a lock for each stage, and the seconds that it last took


def data_file(dataset: str) -> Path:
    return Path("data") / f"{dataset}.safetensors"


def model_file(variant: str, seed: int) -> Path:
    return Path("models") / variant / f"seed-{seed}.safetensors"


def evolution_file(variant: str) -> Path:
    return Path("models") / variant / "evolution.safetensors"


def explorer_file(variant: str) -> Path:
    """What the page's explorer of latent space shows of a variant."""
    return Path("models") / "explorer" / f"{variant}.safetensors"


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
