"""Two processes train what one would have trained, and each goes on from the other's checkpoints."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from tqdm import tqdm

from elbowroom.core import files, paths
from elbowroom.core.params import load_study
from elbowroom.datasets.images import load_images
from elbowroom.datasets.prepare import prepare
from elbowroom.training.checkpoint import Checkpoints, fingerprints
from elbowroom.training.loop import train
from tests.support import ROOT
from tests.support.cluster import free_port
from tests.support.images import CPU
from tests.support.settings import published_set

NAME, IMAGES, BATCH = "mnist-z128", 330, 16  # 21 steps an epoch, of which the last is smaller


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with settings and images: two seeds, two epochs."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["datasets"] = {"mnist": {"source": "mnist", "train_images": IMAGES, "test_images": 40}}
    params["variants"] = {NAME: params["variants"][NAME] | {"channels": 4}}
    params["recipes"][params["variants"][NAME]["recipe"]].update(
        epochs=2, batch_size=BATCH, precision="high", seeds=[0, 1]
    )
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    arrays, header, _ = prepare("mnist", published_set("mnist", IMAGES, 40))
    files.save_arrays(tmp_path / paths.data_file("mnist"), arrays, header)
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Counter(tqdm):
    """Counts the images trained on."""

    def __init__(self) -> None:
        super().__init__(disable=True)
        self.images = 0

    def update(self, n: float | None = 1) -> None:
        self.images += int(n or 0)


def test_two_processes_train_what_one_trains(study: Path) -> None:
    settings = load_study()
    variant = settings.variant(NAME)
    recipe = settings.recipes[variant.recipe]
    images = load_images("mnist", CPU)
    list(train(variant, recipe.model_copy(update={"epochs": 1}), images, [1], Counter(), paths.CHECKPOINTS))

    environment = os.environ | {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    environment |= {"PYTHONPATH": str(ROOT / "src"), "ELBOWROOM_DEVICE": "cpu", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "elbowroom.training.distributed", NAME]
    ranks = [subprocess.Popen(command, env=environment | {"RANK": str(rank)}) for rank in range(2)]  # noqa: S603
    assert [rank.wait(timeout=120) for rank in ranks] == [0, 0]

    alone = list(train(variant, recipe, images, [0, 1], Counter()))
    for seed, name in fingerprints(variant, recipe, images, [0, 1]).items():
        found = Checkpoints(paths.CHECKPOINTS / name).newest(2)
        assert found
        losses = [dict(row)["loss"] for row in found[1]["history"]]
        assert losses == pytest.approx([row["loss"] for row in alone[seed].history], rel=1e-4)
        weights = torch.cat([part.flatten() for part in alone[seed].model.state_dict().values()])
        theirs = [torch.from_numpy(found[0][f"model.{part}"]).flatten() for part in alone[seed].model.state_dict()]
        assert float((torch.cat(theirs) - weights).norm() / weights.norm()) < 1e-3
    progress = Counter()
    list(train(variant, recipe.model_copy(update={"epochs": 3}), images, [0, 1], progress, paths.CHECKPOINTS))
    assert progress.images == 2 * IMAGES  # the third epoch alone


def test_without_torchrun_it_says_so(study: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "RANK"}
    command = [sys.executable, "-m", "elbowroom.training.distributed", NAME]
    environment |= {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)  # noqa: S603
    assert done.returncode == 2
    assert done.stderr.startswith("error: distributed: found one process, expected torchrun --nproc-per-node=2 ")
