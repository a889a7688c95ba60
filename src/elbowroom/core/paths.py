"""The paths of a study's files, relative to its folder."""

import re
from pathlib import Path

PARAMS = Path("params.yaml")
DIGESTS = Path("code")  # of what each stage's code does, STAGE.json
CHECKPOINTS = Path(".checkpoints")  # a folder for each training; safe to delete
NOTES = Path(".dvc/tmp/stages")  # of stages, on this machine only


def note_file(stage: str, kind: str) -> Path:
    """A note about a stage, such as train@mnist-z128. kind: lock; seconds (of its last run); error (that ended it)."""
    name = re.sub(r"[^\w@-]", "_", stage)
    return NOTES / f"{name}.{kind}"


def data_file(dataset: str) -> Path:
    """The prepared images of a dataset."""
    return Path("data") / f"{dataset}.safetensors"


def listing_file(dataset: str) -> Path:
    """Which files a dataset's folder has: a digest, which changes if a picture is added, changed or removed."""
    return Path("listings") / f"{dataset}.json"


def images_file(dataset: str) -> Path:
    """How many images of a dataset are used, and how many files are not."""
    return Path("metrics") / "datasets" / f"{dataset}.csv"


def model_file(variant: str, seed: int) -> Path:
    """The trained weights of one seed."""
    return Path("models") / variant / f"seed-{seed}.safetensors"


def evolution_file(variant: str) -> Path:
    """Snapshots of the first seed's latent space, taken while it trained."""
    return Path("models") / variant / "evolution.safetensors"


def explorer_file(variant: str) -> Path:
    """The pictures of the page's latent-space explorer."""
    return Path("explorer") / f"{variant}.safetensors"


def live_file(variant: str) -> Path:
    """The decoder that the page has of a variant."""
    return Path("models") / "explorer" / f"{variant}.safetensors"


def metrics_file(variant: str) -> Path:
    """The main metrics of a variant, means over seeds: what `dvc metrics show` prints."""
    return Path("metrics") / f"{variant}.json"


def seeds_file(variant: str) -> Path:
    """Every metric of a variant, one row per seed."""
    return Path("metrics") / f"{variant}.csv"


def plot_file(variant: str, name: str) -> Path:
    """A curve or a picture of a variant."""
    return Path("plots") / variant / name


def animation_file(variant: str) -> Path:
    """The latent space through training, moving."""
    return Path("animations") / f"{variant}.gif"


def baselines_file(dataset: str) -> Path:
    """The baselines of a dataset."""
    return Path("metrics") / "baselines" / f"{dataset}.csv"


def dimension_file(dataset: str) -> Path:
    """The intrinsic dimension of a dataset's images."""
    return Path("metrics") / "baselines" / f"{dataset}-dimension.csv"


def noise_file(dataset: str) -> Path:
    """How many latents the linear VAE of a dataset uses at each noise level."""
    return Path("metrics") / "baselines" / f"{dataset}-noise.csv"


def judge_file(dataset: str) -> Path:
    """The weights of a dataset's frozen classifier."""
    return Path("models") / "judge" / f"{dataset}.safetensors"


def judge_history_file(dataset: str) -> Path:
    """How that classifier learned, one row per epoch."""
    return Path("metrics") / "judge" / f"{dataset}.csv"


def comparison_file(name: str) -> Path:
    """A table or a picture of all variants together."""
    return Path("report") / "comparison" / name
