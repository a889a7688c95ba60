"""A folder of pictures goes through the whole pipeline, unlabelled, and DVC sees a picture that is added."""

import json
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from elbowroom.core.files import load_arrays
from elbowroom.core.pipeline import DATASET_STAGES, FOLDER_STAGES
from elbowroom.datasets.images import Images
from tests.support.checkout import Checkout, of
from tests.support.settings import folder

pytestmark = pytest.mark.dvc


def split_of(study: Checkout) -> dict[bytes, str]:
    arrays, _ = load_arrays(study.path / "data/letters.safetensors")
    return {image.tobytes(): split for split in ("train", "test") for image in arrays[f"{split}_images"]}


def test_a_folder_of_unlabelled_pictures(tiny: Checkout, tmp_path: Path, small: dict[str, Images]) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    images = small["mnist"].train.images[:130, 0].numpy()
    for number, image in enumerate(images[:-1]):
        Image.fromarray(image).save(pictures / f"{number}.png")
    (pictures / "cut.png").write_bytes((pictures / "0.png").read_bytes()[:90])

    def settings(params: dict) -> None:
        letters = folder(size=[20, 36], fit="pad", colour="rgb", unreadable="skip")
        params["datasets"]["letters"] = letters.model_dump()
        params["folders"] = {"letters": str(pictures)}
        params["variants"]["letters-z4"] = params["variants"]["mnist-z128"] | {"dataset": "letters", "latent_dim": 4}

    tiny.edit(settings)
    own = {f"{stage}@letters" for stage in (*DATASET_STAGES, *FOLDER_STAGES)} | of("letters-z4")
    first = tiny.repro()
    assert own <= first
    assert first - own <= {"prepare@mnist", "prepare@cifar10", "code"}  # listings is a folder for all
    measured = json.loads((tiny.path / "metrics/letters-z4.json").read_text())
    assert measured["fcd"] is None
    assert measured["loss"] > 0
    seeds = pd.read_csv(tiny.path / "metrics/letters-z4.csv")
    undefined = ["probe_accuracy", "knn_accuracy", "kid", "fcd_floor", "precision", "train_recall", "path_linear"]
    assert seeds[undefined].isna().all(axis=None)
    assert seeds[["rate_fit", "psnr", "ssim", "used_latents"]].notna().all(axis=None)
    report = (tiny.path / "report/README.md").read_text()
    assert "20 x 36 pixels, from a folder. Left out: 1 picture that cannot be read." in report
    section, *_ = report.partition("\n## letters\n")[2].partition("\n## ")
    assert not any(word in section for word in ("FCD", "probe", "10-NN", "nan", "images right"))
    assert tiny.repro() == {"listing@letters"}

    before = split_of(tiny)
    Image.fromarray(images[-1]).save(pictures / "another.png")
    assert tiny.planned() - {"prepare@mnist", "prepare@cifar10"} == own
    after = split_of(tiny)
    assert len(after) == len(before) + 1
    assert {image: after[image] for image in before} == before
    tiny.edit(lambda p: [p[section].pop(name) for section, name in REMOVED])
    assert "compare" in tiny.repro("compare")
    assert not (tiny.path / "listings/letters.json").exists()


REMOVED = [("datasets", "letters"), ("variants", "letters-z4"), ("folders", "letters")]
