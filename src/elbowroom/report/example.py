"""A variant that a reader may add to the study, as params.yaml would have it."""

import pandas as pd
import yaml

from elbowroom.core.settings import Study
from elbowroom.results.outcomes import Step
from elbowroom.results.rows import SizeAnswer
from elbowroom.results.schema import to_rows


def example(study: Study, answers: pd.DataFrame) -> str:
    """Return an entry of `variants`: of the size that the answer asks for next, else a first VAE of twice its size."""
    vaes = {name: variant for name, variant in study.variants.items() if variant.model == "vae"}
    name, variant = next(iter((vaes or study.variants).items()))
    size = 2 * variant.latent_dim
    for row in to_rows(SizeAnswer, answers):
        if row.step in (Step.SMALLER, Step.LARGER, Step.BETWEEN):
            name, size = row.variant, int(row.step_sizes.split()[-1])
            break
    settings = study.variants[name].model_dump() | {"latent_dim": size}
    old = f"z{study.variants[name].latent_dim}"
    new = name.replace(old, f"z{size}") if old in name else f"{settings['dataset']}-z{size}"
    entry = {new if new not in study.variants else f"{new}-new": settings}
    return yaml.safe_dump(entry, sort_keys=False, default_flow_style=None, width=1000)
