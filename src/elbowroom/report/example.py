"""A variant that a reader may add to the study, as params.yaml would have it."""

import pandas as pd
import yaml

from elbowroom.comparison.suggestions import NewVariant, edits, new_variant
from elbowroom.core.settings import Study
from elbowroom.results.rows import SizeAnswer
from elbowroom.results.schema import to_rows


def example(study: Study, answers: pd.DataFrame) -> str:
    """Return an entry of `variants`: the largest that an answer asks for next, else the first VAE at twice its size."""
    wanted = edits(study, to_rows(SizeAnswer, answers)).items()
    if asked := [(edit, of) for edit, of in wanted if isinstance(edit, NewVariant)]:
        new = [edit for edit, of in asked if of == asked[0][1]][-1]
    else:
        vaes = [name for name, variant in study.variants.items() if variant.model == "vae"]
        like = (vaes or [*study.variants])[0]
        new = new_variant(study, like, 2 * study.variants[like].latent_dim)
    entry = {new.name: new.applied(study).variants[new.name].model_dump()}
    return yaml.safe_dump(entry, sort_keys=False, default_flow_style=None, width=1000)
