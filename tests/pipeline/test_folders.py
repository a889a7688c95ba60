"""The commands of your-own-images.md, on a small folder of mixed pictures; and what a picture runs that is added."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest
from PIL import Image

from elbowroom.core.files import load_arrays
from elbowroom.core.pipeline import DATASET_STAGES, FOLDER_STAGES
from elbowroom.datasets.images import Images
from tests.support import ROOT
from tests.support.checkout import Checkout, Grown, of
from tests.support.settings import EVALUATION

pytestmark = pytest.mark.dvc

NAMES = ("letters-z4", "letters-z8")
OWN = {f"{stage}@letters" for stage in (*DATASET_STAGES, *FOLDER_STAGES)} | of(*NAMES)
PICTURES = 130


class Walked(NamedTuple):
    """The study that the page's commands made, what they printed, and a picture that its folder lacks."""

    study: Checkout
    printed: str
    another: Image.Image


def draw(images: Images, folder: Path) -> Image.Image:
    """Make a folder of pictures of many modes, one of which cannot be read. Return one more."""
    folder.mkdir()
    pictures = [Image.fromarray(image) for image in images.train.images[:PICTURES, 0].numpy()]
    modes = ("L", "RGB", "RGBA", "P", "1", "CMYK")
    for number, picture in enumerate(pictures[:-1]):
        mode = modes[number % len(modes)]
        picture.convert(mode).save(folder / f"{number}.{'tif' if mode == 'CMYK' else 'png'}")
    (folder / "cut.png").write_bytes((folder / "0.png").read_bytes()[:90])
    return pictures[-1]


def shrink(params: dict) -> None:
    """Leave two small variants, without labels or unreadable pictures, and put another dataset beside them."""
    params["datasets"]["letters"].update(size=[20, 36], fit="pad", colour="rgb", labels="none", unreadable="skip")
    params["datasets"]["mnist"] = {"source": "mnist", "train_images": 96, "test_images": 40}
    params["recipes"]["letters"].update(epochs=8, batch_size=4, learning_rate=0.003, warmup_epochs=0, seeds=[0])
    params["variants"] = {name: params["variants"][name] | {"channels": 8, "beta": 0.05} for name in NAMES}
    params["evaluation"] = EVALUATION.model_dump() | {"map_images": 40}
    params["judge"]["epochs"] = 1


@pytest.fixture(scope="module")
def walked(grown: Grown, small: dict[str, Images], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walked]:
    """Tests only look at it, or work in a copy."""
    home = tmp_path_factory.mktemp("walk")
    tiny = grown.checkout.copy(home)
    shutil.copy(ROOT / "dvc.yaml", home / "checkout")
    another = draw(small["mnist"], home / "omniglot")
    page = (ROOT / "docs/your-own-images.md").read_text(encoding="utf-8")
    first, *rest = re.findall(r"^```sh\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    study = tiny._replace(path=home / "checkout/studies/letters")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        tiny._replace(path=home / "checkout").run("sh", "-euxc", ELBOWROOM + first)
        study.edit(shrink)
        yield Walked(study, study.run("sh", "-euxc", ELBOWROOM + "".join(rest)), another)


ELBOWROOM = 'elbowroom() { python -m elbowroom "$@"; }\n'


def test_the_walk_ends_in_an_answer_and_pictures(walked: Walked) -> None:
    counts = re.search(r"^letters,train,(\d+)\nletters,test,(\d+)\nletters,unreadable,1$", walked.printed, re.MULTILINE)
    assert counts
    assert int(counts[1]) + int(counts[2]) == PICTURES - 1
    assert re.search(r"^metrics/letters-z8.json +\d", walked.printed, re.MULTILINE)
    assert "1. recipe letters: 3 seeds instead of 1" in walked.printed
    with Image.open(walked.study.path.parents[2] / "samples.png") as samples:  # at home
        assert samples.width > 36


def test_without_labels_nothing_is_said_of_classes(walked: Walked) -> None:
    measured = json.loads((walked.study.path / f"metrics/{NAMES[0]}.json").read_text())
    assert measured["fcd"] is None
    assert measured["loss"] > 0
    seeds = pd.read_csv(walked.study.path / f"metrics/{NAMES[0]}.csv")
    undefined = ["probe_accuracy", "knn_accuracy", "kid", "fcd_floor", "precision", "train_recall", "path_linear"]
    assert seeds[undefined].isna().all(axis=None)
    assert seeds[["rate_fit", "psnr", "ssim", "used_latents"]].notna().all(axis=None)
    report = (walked.study.path / "report/README.md").read_text()
    assert "20 x 36 pixels, from a folder. Left out: 1 picture that cannot be read." in report
    section, *_ = report.partition("\n## letters\n")[2].partition("\n## ")
    assert not any(word in section for word in ("FCD", "probe", "10-NN", "nan", "images right"))


def split_of(study: Checkout) -> dict[bytes, str]:
    arrays, _ = load_arrays(study.path / "data/letters.safetensors")
    return {image.tobytes(): split for split in ("train", "test") for image in arrays[f"{split}_images"]}


def test_a_picture_added_runs_what_follows_and_moves_no_other(walked: Walked, tmp_path: Path) -> None:
    study = walked.study.copy(tmp_path)
    assert study.repro() == {"listing@letters"}
    before = split_of(study)
    walked.another.save(Path("~/omniglot/another.png").expanduser())
    assert study.planned() - {"prepare@mnist"} == OWN
    after = split_of(study)
    assert len(after) == len(before) + 1
    assert {image: after[image] for image in before} == before


def without_letters(params: dict) -> None:
    del params["datasets"]["letters"], params["folders"]["letters"]
    params["variants"] = {"mnist-z8": params["variants"][NAMES[0]] | {"dataset": "mnist"}}


def test_a_removed_folder_leaves_nothing_behind(walked: Walked, tmp_path: Path) -> None:
    study = walked.study.copy(tmp_path)
    study.edit(without_letters)
    assert "compare" in study.repro("compare")
    assert not (study.path / "listings/letters.json").exists()
