"""A made-up study of eight latent sizes, its seeds and its baselines."""

import numpy as np
import pandas as pd
import pytest

from elbowroom.core.params import load_study
from elbowroom.core.settings import Study
from elbowroom.results.rows import BaselineRow
from elbowroom.results.schema import columns
from tests.support import ROOT

SIZES = [2, 4, 8, 16, 32, 64, 128, 256]


@pytest.fixture
def study() -> Study:
    """MNIST at eight latent sizes, one of them also with beta 1000, and an autoencoder."""
    root = load_study(ROOT / "params.yaml")
    base = root.variants["mnist-z128"]
    variants = {f"mnist-z{size}": base.model_copy(update={"latent_dim": size}) for size in SIZES}
    variants["collapsed"] = base.model_copy(update={"latent_dim": 16, "beta": 1000.0})
    variants["mnist-ae128"] = root.variants["mnist-ae128"]
    return root.model_copy(update={"variants": variants})


@pytest.fixture
def seeds(study: Study) -> pd.DataFrame:
    """The loss falls by 30 nats with each doubling up to 16 latents, then stays; at most 14 latents are used."""
    rows = []
    for name, variant in study.variants.items():
        for seed in (0, 1, 2):
            loss = 60 + 30 * max(0.0, np.log2(16 / variant.latent_dim)) + seed + 0.1 * len(name)
            row = {"test_loss": loss, "used_latents": float(min(variant.latent_dim, 14)), "iwae_nll": loss - 5}
            if variant.beta == 1000:
                row |= {"test_loss": 215.0, "used_latents": 0.0}
            if variant.model == "ae":
                row["iwae_nll"] = row["used_latents"] = float("nan")
            rate = 0.0 if variant.model == "ae" or variant.beta == 1000 else 20.0
            row |= {
                "train_loss": row["test_loss"] - 1,
                "test_rate": rate,
                "test_distortion": row["test_loss"] - rate,
                "parameters": 1000,
            }
            rows.append({"dataset": "mnist", "variant": name, "seed": seed, **row})
    return pd.DataFrame(rows)


@pytest.fixture
def baselines() -> pd.DataFrame:
    """The baselines of three loss families, only one of which the study has."""
    rows = []
    for likelihood, pixel_range in (("gaussian", "[-1, 1]"), ("gaussian", "[0, 1]"), ("bernoulli", "[0, 1]")):
        family = {"dataset": "mnist", "likelihood": likelihood, "pixel_range": pixel_range}
        rows.append(
            {**family, "baseline": "mean image", "test_loss": 211.6, "test_distortion": 211.6, "test_rate": 0.0}
        )
        for size in range(1, 300):
            rows.append(
                {
                    **family,
                    "baseline": "PCA",
                    "latent_dim": size,
                    "test_loss": 200 / size,
                    "test_distortion": 200 / size,
                }
            )
            active = min(size, 62)
            linear = {"test_loss": 220 - active, "test_rate": active, "test_distortion": 220.0 - 2 * active}
            linear |= {"active_units": active, "used_latents": min(size, 59)}
            rows.append({**family, "baseline": "linear VAE", "latent_dim": size, **linear})
    return pd.DataFrame(rows, columns=list(columns(BaselineRow)))
