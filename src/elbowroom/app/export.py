"""`elbowroom export`: a model as ONNX, with a card that says what it is."""

from argparse import Namespace
from pathlib import Path

import torch

from elbowroom.app.arguments import enter
from elbowroom.app.model_card import model_card
from elbowroom.app.onnx_files import BATCHES, onnx_files
from elbowroom.app.outputs import write
from elbowroom.core.errors import StudyError
from elbowroom.core.params import load_study
from elbowroom.report.wording import listed
from elbowroom.vae import trained
from elbowroom.vae.model_files import find_model

FILES = ("encoder.onnx", "decoder.onnx", "README.md")


def run(options: Namespace) -> int:
    """Write encoder.onnx, decoder.onnx and README.md to a folder. Raises StudyError if the model cannot be exported."""
    _check_folder(Path(options.output))
    choice = find_model(options.model, options.study, options.seed)
    model = trained.load_model(choice.path, torch.device("cpu"), choice.variant, choice.seed)
    made = onnx_files(model)
    folder, study = Path(options.output).absolute(), None
    if choice.variant:  # by its name in a study; of a file nobody knows the study
        enter(options.study)
        study = load_study()
    card = model_card(model, study, made.error)
    for name, content in zip(FILES, (made.encoder, made.decoder, card.encode()), strict=True):
        write(folder / name, content)
        print(f"{name}: {len(content):,} bytes")
    print(f"onnxruntime differs by at most {made.error:.0e}, in batches of {listed(BATCHES)}")
    return 0


def _check_folder(folder: Path) -> None:
    """Raise StudyError if there is a README.md that is no export's."""
    *models, card = FILES
    if (folder / card).exists() and not all((folder / name).is_file() for name in models):
        raise StudyError(
            f"--output: found {folder / card}, which is no export's: there is no {' and '.join(models)} beside it; "
            "expected another folder"
        )
