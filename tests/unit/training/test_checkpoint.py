"""An interrupted training goes on from its last finished epoch, and ends with the same bits."""

import os
import resource
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tqdm import tqdm

from elbowroom.core.code_digest import Code
from elbowroom.core.errors import StudyError
from elbowroom.core.settings import Recipe, Variant
from elbowroom.datasets.images import Images, Split
from elbowroom.training import checkpoint, loop, seed_run
from elbowroom.training.checkpoint import Checkpoints, fingerprints
from elbowroom.training.resumable_run import TrainedSeed
from tests.support import ROOT
from tests.support.settings import cifar_variant, recipe, variant

QUIET = tqdm(disable=True)


@pytest.fixture(scope="module")
def few(small: dict[str, Images]) -> dict[str, Images]:
    """Real images, 100 in each split: each epoch has a whole step and a smaller one."""
    return {
        name: Images(*(Split(*(part[:100] for part in split)) for split in (images.train, images.test)), images.classes)
        for name, images in small.items()
    }


class KilledError(Exception):
    """Stands for a kill at a step."""


class Counter(tqdm):
    """Counts the images trained on, and raises when there are more than the limit."""

    def __init__(self, limit: float = float("inf")) -> None:
        super().__init__(disable=True)
        self.images, self.limit = 0, limit

    def update(self, n: float | None = 1) -> bool | None:
        self.images += int(n or 0)
        if self.images > self.limit:
            raise KilledError
        return None


def train(
    images: dict[str, Images],
    folder: Path | None,
    settings: Variant,
    plan: Recipe,
    seeds: tuple[int, ...] = (0,),
    progress: tqdm = QUIET,
) -> list[TrainedSeed]:
    return list(loop.train(settings, plan, images[settings.dataset], seeds, progress, folder))


def content(result: TrainedSeed) -> list[object]:
    """Return everything that does not depend on time."""
    tensors = {name: tensor.numpy().tobytes() for name, tensor in result.model.state_dict().items()}
    arrays = {name: array.tobytes() for name, array in result.evolution.items()}
    return [result.seed, tensors, arrays, result.history, [list(row) for row in result.history]]


def said(capfd: pytest.CaptureFixture[str]) -> list[str]:
    """Return what was printed since the last time, without the warning that some CPUs get about bf16."""
    return [line for line in capfd.readouterr().out.splitlines() if not line.startswith("warning: precision: ")]


@pytest.mark.parametrize(
    ("settings", "changes"),
    [
        (variant(likelihood="gaussian_optimal"), {"warmup_epochs": 2}),
        (cifar_variant(model="ae", beta=0.0), {"precision": "bf16"}),
        (variant(likelihood="gaussian_optimal"), {"precision": "bf16", "warmup_epochs": 2}),
    ],
)
def test_an_interrupted_training_ends_the_same(
    settings: Variant, changes: dict, few: dict[str, Images], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Killed in its first epoch, in its third, and between seeds; then run again after it is done."""
    plan = recipe(epochs=4, **changes)
    expected = [content(result) for result in train(few, None, settings, plan, (0, 1))]
    for limit in (50, 250, 450):
        with pytest.raises(KilledError):
            train(few, tmp_path, settings, plan, (0, 1), Counter(limit))
    assert said(capfd) == ["seed 0: goes on after epoch 2 of 4"]
    assert [content(result) for result in train(few, tmp_path, settings, plan, (0, 1))] == expected
    assert said(capfd) == ["seed 0: goes on after epoch 4 of 4", "seed 1: goes on after epoch 2 of 4"]
    counter = Counter(0)
    again = train(few, tmp_path, settings, plan, (0, 1), counter)
    assert [content(result) for result in again] == expected
    assert all(result.cost["seconds"] > 0 for result in again)


def test_a_longer_training_resumes_a_shorter_one_and_a_new_seed_joins(few: dict[str, Images], tmp_path: Path) -> None:
    expected = content(train(few, None, variant(), recipe(epochs=9))[0])
    train(few, tmp_path, variant(), recipe(epochs=7))  # after 7 there is no snapshot in a training of 9
    counter = Counter()
    results = train(few, tmp_path, variant(), recipe(epochs=9), (1, 0), counter)
    assert content(results[1]) == expected
    assert counter.images == (9 + 2) * 100
    shorter = train(few, tmp_path, variant(), recipe(epochs=3))
    assert content(shorter[0]) == content(train(few, None, variant(), recipe(epochs=3))[0])
    counter = Counter()
    train(few, tmp_path, variant(), recipe(epochs=9), (0,), counter)
    assert counter.images == 0  # what was there stayed


def test_if_the_last_checkpoint_is_damaged_the_one_before_is_used(
    few: dict[str, Images], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    expected = content(train(few, tmp_path, variant(), recipe(epochs=4))[0])
    (folder,) = tmp_path.iterdir()
    assert sorted(path.name for path in folder.iterdir()) == ["epoch-3.safetensors", "epoch-4.safetensors", "lock"]
    newest = bytearray((folder / "epoch-4.safetensors").read_bytes())
    newest[-1] ^= 1
    (folder / "epoch-4.safetensors").write_bytes(newest)
    assert content(train(few, tmp_path, variant(), recipe(epochs=4))[0]) == expected
    first, second = capfd.readouterr().out.splitlines()
    assert first.startswith(f"{folder}/epoch-4.safetensors: damaged (")
    assert first.endswith("; not used")
    assert second == "seed 0: goes on after epoch 3 of 4"
    for path in folder.glob("epoch-*"):
        path.write_bytes(b"")
    counter = Counter()
    assert content(train(few, tmp_path, variant(), recipe(epochs=4), (0,), counter)[0]) == expected
    assert counter.images == 4 * 100


def test_a_full_disk_leaves_the_last_checkpoint(few: dict[str, Images], tmp_path: Path) -> None:
    """A limit on file sizes stands for a full disk: the second checkpoint is larger, by a snapshot."""
    train(few, tmp_path, variant(), recipe(epochs=1))
    (folder,) = tmp_path.iterdir()
    kept = (folder / "epoch-1.safetensors").read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(kept), limits[1]))
    try:
        with pytest.raises(StudyError, match=r"epoch-2.safetensors: cannot be written \(File too large\), expected"):
            train(few, tmp_path, variant(), recipe(epochs=2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert sorted(path.name for path in folder.iterdir()) == ["epoch-1.safetensors", "lock"]
    assert (folder / "epoch-1.safetensors").read_bytes() == kept


def test_another_trainings_checkpoint_is_not_used(few: dict[str, Images], tmp_path: Path) -> None:
    """A checkpoint of another epoch, under the name of this one, is not used either."""
    expected = content(train(few, tmp_path, variant(), recipe(epochs=2))[0])
    (folder,) = tmp_path.iterdir()
    train(few, tmp_path, variant(beta=4.0), recipe(epochs=2))
    (other,) = set(tmp_path.iterdir()) - {folder}
    shutil.copy(other / "epoch-2.safetensors", folder)
    shutil.copy(other / "epoch-1.safetensors", folder / "epoch-3.safetensors")
    assert content(train(few, tmp_path, variant(), recipe(epochs=3))[0])[3][:4] == expected[3]


def test_fewer_epochs_than_before_end_as_from_scratch(few: dict[str, Images], tmp_path: Path) -> None:
    """The end is the checkpoint before the last of a longer training, which took no snapshot then."""
    train(few, tmp_path, variant(), recipe(epochs=10))
    counter = Counter()
    results = train(few, tmp_path, variant(), recipe(epochs=9), (0,), counter)
    assert counter.images == 0
    assert content(results[0]) == content(train(few, None, variant(), recipe(epochs=9))[0])


def test_a_folder_that_cannot_be_locked_is_an_error(few: dict[str, Images], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StudyError, match=r"lock: cannot be locked \(Not a directory\), expected a writable place"):
        train(few, tmp_path / "file", variant(), recipe())


class Together(torch.Tensor):
    """Pretends to be on a card, so that its seeds are trained side by side."""

    is_cuda = True
    __torch_function__ = torch._C._disabled_torch_function_impl


def test_seeds_behind_catch_up_and_then_train_with_the_others(
    few: dict[str, Images], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a card. Locks are taken in one order, whatever the order of seeds."""
    expected = [content(result) for result in train(few, None, variant(), recipe(epochs=4), (2, 0, 1))]
    train(few, tmp_path, variant(), recipe(epochs=2), (0,))
    begun, locked = [], []
    begin, enter = seed_run.SeedRun.begin_epoch, Checkpoints.__enter__
    monkeypatch.setattr(
        seed_run.SeedRun, "begin_epoch", lambda self: begun.append((self.epoch + 1, self.seed)) or begin(self)
    )
    monkeypatch.setattr(Checkpoints, "__enter__", lambda self: locked.append(self.folder) or enter(self))
    images = few["mnist"]
    split = images.train._replace(images=images.train.images.as_subclass(Together))
    on_card = {"mnist": Images(split, images.test, images.classes)}
    results = train(on_card, tmp_path, variant(), recipe(epochs=4), (2, 0, 1))
    assert [content(result) for result in results] == expected
    assert begun == [(1, 2), (1, 1), (2, 2), (2, 1), *((epoch, seed) for epoch in (3, 4) for seed in (2, 0, 1))]
    assert [result.cost["seeds_together"] for result in results] == [3, 3, 3]
    assert locked == sorted(locked)
    assert len(set(locked)) == 3


def test_what_decides_the_weights_is_in_the_fingerprint(
    few: dict[str, Images], monkeypatch: pytest.MonkeyPatch
) -> None:
    images = few["mnist"]

    def name(settings: Variant, plan: Recipe, images: Images = images, seed: int = 0) -> str:
        return fingerprints(settings, plan, images, [seed])[seed]

    base = name(variant(), recipe())
    assert base == name(variant(recipe="other"), recipe(epochs=7, seeds=[1, 2]))
    fewer = Images(images.train._replace(images=images.train.images[:99]), images.test, images.classes)
    others = [
        name(variant(), recipe(), seed=1),
        name(variant(), recipe(), fewer),
        *(name(variant(**{key: value}), recipe()) for key, value in (("latent_dim", 7), ("beta", 2.0))),
        *(name(variant(), recipe(**{key: value})) for key, value in (("batch_size", 63), ("precision", "bf16"))),
    ]
    monkeypatch.setattr(checkpoint, "_code", lambda: ["another"])
    others.append(name(variant(), recipe()))
    assert len({base, *others}) == 1 + len(others)


def test_the_code_that_decides_the_weights_is_in_the_fingerprint_and_no_other() -> None:
    """It goes from the step to the order of images. What only shows, keeps or measures training is left out."""
    found = {name for statement in Code().counted(checkpoint.DECISIVE) for name in statement.names}
    decisive = "Epochs side_by_side GraphedCalls SeedRun train_step warmed_up Adam VAE Encoder Decoder reparameterize"
    decisive += " accelerate FastDecoder FastConvTranspose2d terms distortion kl scale to_bytes is_snapshot_epoch"
    decisive += " bf16_copy Bf16Conv2d transposed_backward windows_of MasterWeights"
    decisive += " Snapshots DivergenceWatch split_noise split_means optimal_sigma2 compute_in MAP_IMAGES FOLLOWED"
    decisive += " Stream stream_seed generator"
    assert found >= {*decisive.split()}
    other = "ResumableRun TrainedSeed Checkpoints fingerprints Cost peak_memory hardware SPARSE SHOWN save_arrays write"
    other += " main load_model TrainedVAE"
    assert not found & {*other.split()}


def test_a_comment_or_another_progress_bar_leaves_checkpoints_as_they_are(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    before = Code().lines(checkpoint.DECISIVE)

    def after(old: str, new: str) -> list[str]:
        (path,) = [path for path in (tmp_path / "src").rglob("*.py") if old in path.read_text()]
        text = path.read_text()
        path.write_text(text.replace(old, new))
        found = Code(tmp_path / "src").lines(checkpoint.DECISIVE)
        path.write_text(text)
        return found

    assert after('"""One seed in training.', '"""One seed.') == before
    assert after("SHOWN = 20", "SHOWN = 25") == before
    assert after("KEPT = 2  #", "KEPT = 3  #") == before
    for old, new in (("EXPLODED = 1000", "EXPLODED = 999"), ("for size in self.sizes:", "for size in self.sizes[1:]:")):
        assert after(old, new) != before


def test_a_second_process_waits_for_the_first(tmp_path: Path) -> None:
    """And goes on as soon as the first is killed."""
    code = f"""
import time
from pathlib import Path
from elbowroom.training.checkpoint import Checkpoints
with Checkpoints(Path({str(tmp_path / "a")!r})):
    print("in", flush=True)
    time.sleep(60)"""

    def start() -> subprocess.Popen[str]:
        environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
        return subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True)  # noqa: S603

    first = start()
    try:
        assert first.stdout.readline() == "in\n"
        second = start()
        try:
            expected = f"{tmp_path / 'a'}: process {first.pid} trains the same, waiting for it to end\n"
            assert second.stdout.readline() == expected
            assert not select.select([second.stdout], [], [], 0.5)[0]
            first.kill()
            assert second.stdout.readline() == "in\n"
        finally:
            second.kill()
            second.communicate()
    finally:
        first.kill()
        first.communicate()
