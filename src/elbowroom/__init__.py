"""How much latent space, and how much network, does a VAE need?

`elbowroom.load` gives a trained model to use from Python. Importing the package imports neither torch nor pandas.
"""

import os
from typing import TYPE_CHECKING

from elbowroom.core.errors import StudyError

if TYPE_CHECKING:
    from pathlib import Path

    from elbowroom.api import Model

__all__ = ["StudyError", "load"]


def load(model: "str | Path", study: "str | Path" = ".", seed: int | None = None) -> "Model":
    """Load a trained model: a variant of a study by its name, or a file by its path.

    model: the name of a variant in params.yaml, or the path of a file as `models/mnist-z128/seed-0.safetensors`.
    study: the folder of the study, for a name. seed: which of the variant's models; its first one unless given. The
    model computes on a GPU if there is one, else on the CPU; the environment variable ELBOWROOM_DEVICE may say which.

    Raises StudyError, in one line, if there is no such variant, seed or file, or if the settings of the variant in
    params.yaml are others than those that the model was trained with.
    """
    from elbowroom.api import load_model

    return load_model(model, study, seed)


# Here, and not in stages/__init__.py, since the digests of stages leave this file out (docs/adr/0011-code-digests.md):
# where a stage runs is no part of what it computes.
if "ELBOWROOM_CLUSTER" in os.environ and "DVC_STAGE" in os.environ:
    from elbowroom.cluster.client import send_stage

    send_stage()
