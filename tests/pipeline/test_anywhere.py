"""A study outside of a clone runs the installed package: made, run, and run again by another version of the wheel."""

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from PIL import Image

from elbowroom.core.pipeline import DATASET_STAGES
from tests.support import ROOT
from tests.support.checkout import Checkout, of
from tests.support.images import CPU
from tests.support.settings import EVALUATION

pytestmark = pytest.mark.dvc
ALWAYS = {"code", "listing@digits"}


class Installed(NamedTuple):
    """The wheel, unpacked into the folder `site`, and a study that was made and run by it. ran: the stages that ran."""

    site: Path
    study: Checkout
    ran: set[str]

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.site / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))


def elbowroom(*arguments: str) -> tuple[str, ...]:
    return ("python", "-m", "elbowroom", *arguments)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, python: Path, published: dict) -> Iterator[Installed]:
    folder = tmp_path_factory.mktemp("anywhere")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True)  # noqa: S603
    (wheel,) = folder.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "site")
    (folder / "pictures").mkdir()
    for number, image in enumerate(published["mnist"].train.images[:130, 0].to(CPU).numpy()):
        Image.fromarray(image).save(folder / "pictures" / f"{number}.png")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder / "site"))
        outside = Checkout(folder, python)
        outside.run(*elbowroom("new-study", "digits", "--images", "pictures", "--latent", "3"))
        study = outside._replace(path=folder / "digits")
        study.edit(tiny)
        yield Installed(folder / "site", study, study.repro())


def tiny(params: dict) -> None:
    params["recipes"]["digits"].update(epochs=1, batch_size=32, warmup_epochs=0, seeds=[0])
    params["variants"]["digits-z3"].update(channels=4)
    params["judge"]["epochs"] = 1
    params["figures"].update(images=4, sample_rows=2, interpolation_steps=4, explorer_grid=4, explorer_images=3)
    params["evaluation"] = EVALUATION.model_dump() | {"map_images": 10}


def test_a_study_is_made_and_run_without_a_clone(installed: Installed) -> None:
    study = installed.study
    assert installed.ran == ALWAYS | {f"{stage}@digits" for stage in DATASET_STAGES} | of("digits-z3")
    assert "28 x 28 pixels, from a folder" in (study.path / "report/README.md").read_text()
    study.run("dvc", "plots", "show")
    study.commit()
    assert study.changes() == ""
    kept = study.run("git", "ls-files", "code", "listings", "report").split()
    assert {f"code/{path.name}" for path in (ROOT / "code").iterdir()} < {*kept}
    assert not {"listings/digits.json", "report/index.html"} & {*kept}


def test_another_version_brings_its_pipeline_and_runs_nothing_for_a_comment(installed: Installed) -> None:
    study = installed.study
    assert "The pipeline is that of this version already" in study.run(*elbowroom("upgrade-study"))
    installed.edit("elbowroom/study_files/dvc.yaml", "title: Baselines}", "title: Floors}")
    installed.edit("elbowroom/stages/train.py", "def main(", "# another version\ndef main(")
    (study.path / "sheets").unlink()  # as in a study from before there was such a link
    assert study.run(*elbowroom("upgrade-study")).startswith("dvc.yaml: written anew\nparams.yaml is sound")
    assert (study.path / "sheets").is_symlink()
    assert "title: Floors}" in (study.path / "dvc.yaml").read_text()
    assert study.repro() == ALWAYS


def test_another_version_reruns_what_it_changes(installed: Installed) -> None:
    installed.edit("elbowroom/stages/baseline.py", "components).round(6)", "components).round(6).copy()")
    installed.edit("elbowroom/report/templates/README.md.j2", "{{", " {{")
    assert installed.study.repro() == ALWAYS | {"baseline@digits", "report"}
    page = installed.study.path / "report/index.html"
    said = installed.study.run(*elbowroom("repro"))
    assert "Nothing to run: every stage is up to date\n" in said
    assert said.endswith(f"\nThe report: {page}\n")
