"""Every metric, once: its column, label, unit, digits and direction. Tables, charts and pages read them here.

A metric is added by measuring it in evaluation.evaluate and describing it here; report.text_tables says in which table
of the report it stands.
"""

from dataclasses import dataclass
from enum import StrEnum

from elbowroom.core.settings import ACTIVE_THRESHOLD
from elbowroom.results.schema import MAYBE, NUMBER, Column

NATS, LATENTS, DECIBELS, PERCENT = "nats per image", "latents", "dB", "%"

# The keys of metrics/<variant>.json, and the column that each is the mean of. It is not made from METRICS: evaluate
# depends on it, and an edited label must not evaluate every variant again.
HEADLINE = {
    "loss": "test_loss",
    "distortion": "test_distortion",
    "rate": "test_rate",
    "train_loss": "train_loss",
    "iwae_nll": "iwae_nll",
    "used": "used_latents",
    "fcd": "fcd",
    "parameters": "parameters",
}

FEWEST_EFFECTIVE = 10  # effective samples; with fewer, one or two of them decide the IWAE bound, and tables mark it

COUNT = Column("whole", low=0, high=2**53)
MAYBE_COUNT = Column("whole", low=0, high=2**53, empty=True)
MAYBE_SHARE = Column(low=0, high=1, empty=True)  # no labels, or of a single class: nothing to tell apart


class Direction(StrEnum):
    """Which values of a metric are better."""

    LOWER = "lower"
    HIGHER = "higher"


@dataclass(frozen=True)
class Metric:
    """A metric of a trained seed.

    column: its name in metrics/<variant>.csv.
    label: its name in tables and charts; short: the same in tables whose caption says the rest.
    digits: decimals in tables. A count has 0, or 1 if its mean is not whole.
    better: None if neither direction is better.
    cells: what its column may hold. vae_only: the cell of an autoencoder is empty.
    includes_beta: it includes beta x rate, so it measures something else at another beta.
    yardstick: another metric is read against it; tables give its mean without a deviation.
    """

    column: str
    label: str
    unit: str = ""
    digits: int = 2
    better: Direction | None = None
    short: str = ""
    cells: Column = NUMBER
    vae_only: bool = False
    includes_beta: bool = False
    yardstick: bool = False


LOWER, HIGHER = Direction.LOWER, Direction.HIGHER

METRICS = {
    metric.column: metric
    for metric in (
        Metric("test_loss", "test loss", NATS, better=LOWER, includes_beta=True),
        Metric("test_distortion", "test distortion", NATS, better=LOWER, short="distortion"),
        Metric("test_rate", "test rate", NATS, short="rate"),
        Metric("train_loss", "train loss", NATS, better=LOWER, includes_beta=True),
        Metric("train_distortion", "train distortion", NATS, better=LOWER),
        Metric("train_rate", "train rate", NATS),
        Metric("iwae_nll", "IWAE bound", NATS, better=LOWER, vae_only=True),
        Metric("effective_samples", "effective samples", digits=1, better=HIGHER, vae_only=True),
        Metric("active_units", "active latents", LATENTS, digits=0, cells=COUNT),
        Metric("active_units_kl", f"KL > {ACTIVE_THRESHOLD}", LATENTS, digits=0, vae_only=True),
        Metric("used_latents", "used latents", LATENTS, digits=0, cells=MAYBE_COUNT, vae_only=True),
        Metric("effective_latents", "effective latents", LATENTS, digits=1, cells=MAYBE, vae_only=True),
        Metric("psnr", "PSNR", DECIBELS, better=HIGHER),
        Metric("ssim", "SSIM", digits=3, better=HIGHER),
        Metric("probe_accuracy", "probe", PERCENT, better=HIGHER, cells=MAYBE_SHARE),
        Metric("knn_accuracy", "10-NN", PERCENT, better=HIGHER, cells=MAYBE_SHARE),
        Metric("fcd", "FCD", better=LOWER, cells=MAYBE, vae_only=True),
        Metric("kid", "KID", digits=3, better=LOWER, cells=MAYBE, vae_only=True),
        Metric("fcd_second", "FCD, second judge", better=LOWER, cells=MAYBE, vae_only=True),
        Metric("precision", "precision", PERCENT, better=HIGHER, cells=MAYBE_SHARE, vae_only=True),
        Metric("recall", "recall", PERCENT, better=HIGHER, cells=MAYBE_SHARE, vae_only=True),
        Metric("rate_fit", "rate, fitted prior", NATS, better=LOWER, cells=MAYBE, vae_only=True),
        Metric("fcd_fit", "FCD, fitted prior", better=LOWER, cells=MAYBE, vae_only=True),
        Metric("fcd_recon_sampled", "FCD of sampled reconstructions", better=LOWER, cells=MAYBE, vae_only=True),
        Metric("fcd_recon", "FCD of reconstructions", better=LOWER, cells=MAYBE),
        Metric("fcd_floor", "FCD floor", cells=MAYBE, yardstick=True),
        Metric("kid_floor", "KID floor", digits=3, cells=MAYBE, yardstick=True),
        Metric("train_precision", "precision of training images", PERCENT, cells=MAYBE_SHARE, yardstick=True),
        Metric("train_recall", "recall of training images", PERCENT, cells=MAYBE_SHARE, yardstick=True),
        Metric("pca_2d", "variance of mu in two components", PERCENT, short="PCA 2-D", cells=MAYBE),
        Metric("path_linear", "linear path", better=LOWER, cells=MAYBE),
        Metric("step_linear", "linear step", better=LOWER, cells=MAYBE),
        Metric("path_slerp", "slerp path", better=LOWER, cells=MAYBE),
        Metric("step_slerp", "slerp step", better=LOWER, cells=MAYBE),
        Metric("path_blend", "cross-fade path", cells=MAYBE, yardstick=True),
        Metric("step_blend", "cross-fade step", cells=MAYBE, yardstick=True),
        Metric("sigma2", "sigma^2", cells=MAYBE),
        Metric("effective_beta", "effective beta", cells=MAYBE),
        Metric("parameters", "parameters", digits=0, cells=Column("whole", low=1, high=2**53)),
    )
}
ABOVE_FLOOR = Metric("above_floor", "above the floor", NATS, better=LOWER, yardstick=True)  # compare works it out


def label_of(column: str) -> str:
    """Return the label of a metric, or of whatever else a column holds (latent_dim)."""
    return METRICS[column].label if column in METRICS else column.replace("_", " ")
