"""A folder of pictures becomes the same dataset wherever it was copied to, and says what it lacks."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from elbowroom.core.dataset_settings import FolderDataset
from elbowroom.core.errors import StudyError
from elbowroom.datasets import folder_files
from elbowroom.datasets.folder import move_to_front
from elbowroom.datasets.images import Images
from elbowroom.datasets.prepare import Prepared, prepare
from tests.support import ROOT
from tests.support.settings import folder

NOISE = np.random.default_rng(0)
CLASSES = folder(labels="folders")


def pixels(count: int, size: int = 32) -> np.ndarray:
    return NOISE.integers(0, 256, (count, size, size), np.uint8)


def write(root: Path, names: list[str], images: np.ndarray) -> None:
    for name, image in zip(names, images, strict=True):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)


def numbered(count: int, where: str = "") -> list[str]:
    return [f"{where}{number}.png" for number in range(count)]


def read(path: Path, settings: FolderDataset | None = None) -> Prepared:
    return prepare("letters", settings or folder(), str(path))


def split_of(prepared: Prepared) -> dict[bytes, str]:
    """The split of each image, by its bytes."""
    arrays = prepared.arrays
    return {image.tobytes(): split for split in ("train", "test") for image in arrays[f"{split}_images"]}


def test_real_images_come_back_to_the_bit_with_their_labels(tmp_path: Path, small: dict[str, Images]) -> None:
    """MNIST as a folder of PNG, a folder for each digit."""
    split = small["mnist"].test
    images, labels = split.images[:, 0].numpy(), split.labels.tolist()
    write(tmp_path, [f"{label}/{number}.png" for number, label in enumerate(labels)], images)
    arrays, header, counts = read(tmp_path, folder(size=28, labels="folders"))
    assert header["classes"] == list("0123456789")
    expected = {image.tobytes(): label for image, label in zip(images, labels, strict=True)}
    for part in ("train", "test"):
        for image, label in zip(arrays[f"{part}_images"], arrays[f"{part}_labels"], strict=True):
            assert expected.pop(image.tobytes()) == label
    assert not expected
    assert (counts["train"], counts["test"]) == (len(arrays["train_images"]), len(arrays["test_images"]))


def test_neither_order_nor_place_nor_time_decides(tmp_path: Path) -> None:
    """Files written in other orders have other places in a directory."""
    images, names = pixels(200), numbered(200, "a/")
    found = []
    for copy, order in {"first": range(200), "second": reversed(range(200)), "third": NOISE.permutation(200)}.items():
        chosen = list(order)
        write(tmp_path / copy, [names[number] for number in chosen], images[chosen])
        found.append(read(tmp_path / copy))
    assert len({str(prepared.header["sha256"]) for prepared in found}) == 1
    if Path("/dev/shm").is_dir():  # noqa: S108 (another file system)
        elsewhere = Path(f"/dev/shm/elbowroom-{os.getpid()}")  # noqa: S108
        try:
            shutil.copytree(tmp_path / "first", elsewhere)
            assert read(elsewhere).header == found[0].header
        finally:
            shutil.rmtree(elsewhere)
    shutil.move(tmp_path / "first/a", tmp_path / "first/another name")  # names decide nothing without labels
    assert read(tmp_path / "first").header == found[0].header


def test_a_picture_added_moves_no_other_picture_s_split(tmp_path: Path) -> None:
    write(tmp_path, numbered(150), pixels(150))
    before = split_of(read(tmp_path))
    assert 50 < Counter(before.values())["test"] < 100
    write(tmp_path, numbered(20, "0-first/"), pixels(20))
    after = split_of(read(tmp_path))
    assert len(after) == 170
    assert {image: after[image] for image in before} == before


def test_the_share_decides_how_many_are_tested_on(tmp_path: Path) -> None:
    write(tmp_path, numbered(400), pixels(400, 16))
    shares = {share: read(tmp_path, folder(size=16, test=share)) for share in (0.1, 0.3)}
    for share, prepared in shares.items():
        assert prepared.counts["test"] == pytest.approx(400 * share, abs=3 * (400 * share) ** 0.5)
    smaller, larger = (split_of(prepared) for prepared in shares.values())
    assert {image for image, split in smaller.items() if split == "test"} < {
        image for image, split in larger.items() if split == "test"
    }


def test_only_as_many_as_wanted_are_kept(tmp_path: Path) -> None:
    write(tmp_path, numbered(100), pixels(100))
    whole, part = read(tmp_path), read(tmp_path, folder(train_images=10, test_images=5))
    assert (part.counts["train"], part.counts["test"], part.counts["not used"]) == (10, 5, 85)
    for split, count in (("train", 10), ("test", 5)):
        np.testing.assert_array_equal(part.arrays[f"{split}_images"], whole.arrays[f"{split}_images"][:count])


def test_duplicates_are_counted_and_never_on_both_sides(tmp_path: Path) -> None:
    """Copies in other folders and in other formats."""
    images = pixels(60)
    write(tmp_path, numbered(60, "a/"), images)
    write(tmp_path, numbered(60, "b/"), images)
    write(tmp_path, [f"b/{number}.bmp" for number in range(30)], images[:30])
    arrays, header, counts = read(tmp_path, CLASSES)
    assert counts["duplicate"] == 90
    assert counts["train"] + counts["test"] == 60
    assert not {x.tobytes() for x in arrays["train_images"]} & {x.tobytes() for x in arrays["test_images"]}
    assert header["classes"] == ["a", "b"]
    assert not np.concatenate([arrays["train_labels"], arrays["test_labels"]]).any()  # the first by name counts


def test_folders_may_split(tmp_path: Path) -> None:
    """A picture that is in both is tested on."""
    images = pixels(30)
    write(tmp_path, numbered(20, "train/a/"), images[:20])
    write(tmp_path, numbered(12, "test/b/"), images[18:])
    settings = folder(test="folders", labels="folders")
    arrays, header, counts = read(tmp_path, settings)
    assert (counts["train"], counts["test"], counts["duplicate"]) == (18, 12, 2)
    assert header["classes"] == ["a", "b"]
    assert (set(arrays["train_labels"]), set(arrays["test_labels"])) == ({0}, {1})
    write(tmp_path, ["valid/a/1.png"], pixels(1))
    with pytest.raises(StudyError, match=r"valid/a/1.png: found a picture outside train/ and test/, expected all"):
        read(tmp_path, settings)


# --- names and links -------------------------------------------------------------------------------------------------


def test_what_other_programs_leave_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path, numbered(20, "a/"), pixels(20))
    hidden = [".DS_Store", "a/._0.png", "a/.ipynb_checkpoints/0.png", "__MACOSX/a/._0.png", "a/Thumbs.db"]
    for name in [*hidden, "README.txt", "a/notes.md", "a/picture"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"no picture")
    (tmp_path / "empty class").mkdir()
    os.mkfifo(tmp_path / "a/pipe.png")
    _, header, counts = read(tmp_path, CLASSES)
    assert header["classes"] == ["a"]  # an empty folder is no class
    assert (counts["hidden"], counts["other file"]) == (5, 4)
    assert counts["train"] + counts["test"] == 20


def test_the_pictures_of_a_study_are_results(tmp_path: Path) -> None:
    """The one that trains on this folder may be inside it."""
    write(tmp_path, [*numbered(20), "study/plots/0.png", "study/report/1.png"], pixels(22))
    (tmp_path / "study/dvc.yaml").touch()
    counts = read(tmp_path).counts
    assert counts["train"] + counts["test"] == 20
    assert counts["hidden"] == 1


def test_one_training_image_is_refused(tmp_path: Path) -> None:
    write(tmp_path, numbered(40), pixels(40))
    with pytest.raises(StudyError, match=r"^datasets\.letters: found 1 training image, expected 2 or more$"):
        read(tmp_path, folder(train_images=1))


def test_links_are_followed_once(tmp_path: Path) -> None:
    inside, outside = tmp_path / "root", tmp_path / "outside"
    write(inside, numbered(10, "b/"), pixels(10))
    write(outside, numbered(10), pixels(10))
    (inside / "a").symlink_to("b")  # an alias: read by its own name
    (inside / "c").symlink_to(outside)
    (inside / "b/loop").symlink_to("..")
    (outside / "loop").symlink_to(outside)
    (inside / "b/one.png").symlink_to(outside / "0.png")
    found = folder_files.find(str(inside))
    assert [name.decode() for name in found.pictures] == [
        *sorted(numbered(10, "b/")),
        "b/one.png",
        *sorted(numbered(10, "c/")),
    ]
    assert read(inside, CLASSES).header["classes"] == ["b", "c"]
    assert read(inside).counts["duplicate"] == 1


def test_any_name_can_be_a_class(tmp_path: Path) -> None:
    """Also one that is not UTF-8, markup or a control character: it is escaped, and two stay two."""
    root = os.fsencode(tmp_path)
    names = [b"caf\xe9", b"caf\xe8", "café".encode(), b"<b>", b"a\nb", b"$x$"]
    for name in names:
        os.mkdir(os.path.join(root, name))  # noqa: PTH102, PTH118
        for number, image in enumerate(pixels(4)):
            with open(os.path.join(root, name, b"\xff%d.png" % number), "wb") as file:  # noqa: PTH118, PTH123
                Image.fromarray(image).save(file, "png")
    _, header, counts = read(tmp_path, CLASSES)
    assert header["classes"] == ["$x$", "\\x3cb>", "a\\nb", "caf\\xe8", "caf\\xe9", "café"]
    assert counts["train"] + counts["test"] == 24


def test_decomposed_names_are_the_same_class(tmp_path: Path) -> None:
    """macOS writes é as two characters."""
    write(tmp_path, numbered(20, "cafe\N{COMBINING ACUTE ACCENT}/"), pixels(20))
    assert read(tmp_path, CLASSES).header["classes"] == ["café"]


def test_a_path_may_have_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "letters", numbered(20), pixels(20))
    monkeypatch.setenv("PICTURES", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    expected = read(tmp_path / "letters").header
    for path in ("$PICTURES/letters", "~/letters"):
        assert prepare("letters", folder(), path).header == expected


def test_classes_of_one_picture_and_one_class(tmp_path: Path) -> None:
    write(tmp_path, [f"class {number}/0.png" for number in range(12)], pixels(12))
    assert len(read(tmp_path, CLASSES).header["classes"]) == 12  # type: ignore[arg-type]
    shutil.rmtree(tmp_path)
    write(tmp_path, numbered(12, "only/"), pixels(12))
    assert read(tmp_path, CLASSES).header["classes"] == ["only"]


@pytest.mark.parametrize(
    ("names", "changes", "said"),
    [
        ([], {}, "found no pictures, expected some (BMP, GIF, JPEG"),
        (
            ["a/0.png", "1.png"],
            {"labels": "folders"},
            "/1.png: found a picture in no class's folder, expected one there (",
        ),
        (["0.png"], {}, " images of 1 pictures, expected "),
        (
            [f"{n}/0.png" for n in range(257)],
            {"labels": "folders"},
            "found 257 folders, expected at most 256 classes (or",
        ),
    ],
)
def test_a_folder_that_cannot_be_a_dataset_is_refused(
    tmp_path: Path, names: list[str], changes: dict, said: str
) -> None:
    write(tmp_path, names, pixels(len(names), 16))
    with pytest.raises(StudyError) as error:
        read(tmp_path, folder(size=16, **changes))
    assert said in str(error.value)
    assert str(error.value).startswith(str(tmp_path))


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        StudyError, match=r"letters: cannot be read \(No such file or directory\), expected a folder of"
    ):
        read(tmp_path / "letters")


# --- pictures that cannot be read ------------------------------------------------------------------------------------


def test_one_bad_file_among_many_is_named_with_the_setting_that_skips_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, numbered(300, "a/"), pixels(300, 16))
    (tmp_path / "a/17.png").write_bytes((tmp_path / "a/17.png").read_bytes()[:100])
    with pytest.raises(StudyError) as error:
        read(tmp_path)
    assert str(error.value).startswith(f"{tmp_path}/a/17.png: found a damaged image (")
    assert str(error.value).endswith(", expected a picture (datasets.letters.unreadable: skip leaves them out)")
    (tmp_path / "a/0.png").write_bytes(b"")
    with pytest.raises(StudyError, match=r"0.png: found an empty file, expected a picture; 1 more picture cannot be"):
        read(tmp_path)
    counts = read(tmp_path, folder(unreadable="skip")).counts
    assert counts["unreadable"] == 2
    assert counts["train"] + counts["test"] == 298
    assert f"skipped {tmp_path}/a/17.png: found a damaged image (" in capsys.readouterr().out


def test_a_process_that_was_killed_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the kernel does if memory runs out."""
    write(tmp_path, numbered(100), pixels(100, 16))
    monkeypatch.setattr("elbowroom.datasets.picture.read", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    with pytest.raises(StudyError, match="a process that decodes pictures was killed, expected enough memory"):
        read(tmp_path)


STAGE = """
import sys
from elbowroom.core.stage import run
from elbowroom.datasets import picture
from elbowroom.datasets.prepare import prepare
from tests.support.settings import folder
slowly = picture.read
def wait(*arguments):
    import time
    time.sleep(0.05)
    return slowly(*arguments)
picture.read = wait
path = sys.argv.pop()
run(lambda: print("begun", flush=True) or prepare("letters", folder(), path) and None)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_the_stage(tmp_path: Path, number: signal.Signals) -> None:
    write(tmp_path, numbered(400), pixels(400, 16))
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    command = [sys.executable, "-c", STAGE, str(tmp_path)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as stage:  # noqa: S603
        assert stage.stdout is not None
        assert stage.stdout.readline() == "begun\n"
        children = Path(f"/proc/{stage.pid}/task/{stage.pid}/children")
        deadline = time.monotonic() + 30
        while not (started := children.read_text().split()) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert started
        stage.send_signal(number)
        stage.wait(30)
        said = stage.communicate()[1]
    while any(Path(f"/proc/{child}").exists() for child in started) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [child for child in started if Path(f"/proc/{child}").exists()]
    if number != signal.SIGKILL:
        assert stage.returncode == 128 + number
        assert said == f"interrupted by {number.name}: run the same command to continue\n"


# --- in place --------------------------------------------------------------------------------------------------------


def test_images_are_moved_in_place() -> None:
    for count, chosen in ((1, [0]), (6, [5, 0, 3]), (6, []), (50, NOISE.permutation(50)[:30].tolist())):
        images = np.arange(count)[:, None].repeat(3, 1)
        move_to_front(images, chosen)
        assert images[: len(chosen), 0].tolist() == chosen
        assert sorted(images[:, 0]) == list(range(count))


def test_the_listing_changes_with_the_folder_alone(tmp_path: Path) -> None:
    write(tmp_path, numbered(10, "a/"), pixels(10))

    def listing() -> dict[str, object]:
        return folder_files.listing(folder_files.find(str(tmp_path)))

    first = listing()
    assert first["pictures"] == 10
    (tmp_path / "notes.txt").write_text("not a picture")
    (tmp_path / ".DS_Store").write_text("x")
    assert listing() == first
    write(tmp_path, ["a/10.png"], pixels(1))
    second = listing()
    (tmp_path / "a/10.png").rename(tmp_path / "a/11.png")
    third = listing()
    (tmp_path / "a/11.png").write_bytes((tmp_path / "a/0.png").read_bytes())
    fourth = listing()
    (tmp_path / "a/11.png").unlink()
    assert listing() == first
    assert len({str(each["sha256"]) for each in (first, second, third, fourth)}) == 4
