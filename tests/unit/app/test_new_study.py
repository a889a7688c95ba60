"""`elbowroom new-study`: what it chooses by a look at pictures, what it writes, what it refuses."""

import io
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from elbowroom.__main__ import main
from elbowroom.app import study_files
from elbowroom.app.look import look
from elbowroom.core.params import load_study
from tests.support import ROOT

COMMITTED = ROOT / "studies/noise"
EMPTY = tuple(f"{folder}/.gitkeep" for folder in ("explorer", "listings", "models/explorer"))
MADE = ("dvc.yaml", ".dvc/config", ".dvc/.gitignore", *EMPTY)


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What new-study needs of a clone, as the working folder."""
    folder = tmp_path / "clone"
    for name in ("src/elbowroom", "stages", "studies", ".dvc"):
        (folder / name).mkdir(parents=True)
    for name in ("dvc.yaml", ".dvc/config", ".dvc/.gitignore"):
        shutil.copy(ROOT / name, folder / name)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Forty dark drawings on white of 105 x 105 pixels, in two folders."""
    return draw(tmp_path / "pictures", [Image.new("L", (105, 105), 255 - 5 * number) for number in range(40)])


def draw(folder: Path, images: list[Image.Image], classes: tuple[str, ...] = ("a", "b"), **options: object) -> Path:
    for number, image in enumerate(images):
        path = folder / classes[number % len(classes)] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path, **options)
    return folder


def test_a_study_in_a_clone_is_as_the_committed_ones(
    clone: Path, pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new-study", "letters", "--images", str(pictures), "--latent", "8,2"]) == 0
    made = clone / "studies/letters"
    assert f"{pictures}: 40 pictures\n" in (said := capsys.readouterr().out)
    assert said.endswith("Next:\n  cd studies/letters\n  elbowroom repro\n")
    for name in MADE:
        assert (made / name).read_bytes() == (COMMITTED / name).read_bytes()
    listed = subprocess.check_output(["git", "ls-files", "--stage"], cwd=COMMITTED, text=True)  # noqa: S607
    linked = {line.partition("\t")[2] for line in listed.splitlines() if line.startswith("120000")}
    assert linked == {str(path.relative_to(made)) for path in made.rglob("*") if path.is_symlink()}
    for name in linked:
        assert (made / name).readlink() == (COMMITTED / name).readlink()
    study = load_study(made / "params.yaml")
    assert list(study.variants) == ["letters-z2", "letters-z8"]
    assert study.folders == {"letters": str(pictures)}
    assert study.datasets["letters"].model_dump() == {
        "source": "folder", "size": 32, "fit": "crop", "colour": "grey", "background": "white", "labels": "folders",
        "test": 0.2, "unreadable": "stop", "train_images": 5000, "test_images": 1000,
    }  # fmt: skip


def test_the_settings_have_the_comments_of_the_committed_studies(clone: Path) -> None:
    assert main(["new-study", "digits", "--dataset", "mnist"]) == 0
    text = (clone / "studies/digits/params.yaml").read_text()
    assert list(load_study(clone / "studies/digits/params.yaml").variants) == [f"mnist-z{n}" for n in (4, 8, 16, 32)]
    commented = re.compile(r"^( *\w+):(?: [^#\n]*)?# (.+)$", re.MULTILINE)
    theirs = dict(commented.findall((COMMITTED / "params.yaml").read_text()))
    ours = dict(commented.findall(text))
    assert theirs.keys() - ours.keys() == {"  notebook"}
    assert {key: ours[key] for key in theirs.keys() & ours.keys() if key.strip() != "report"} == {
        key: theirs[key] for key in theirs.keys() & ours.keys() if key.strip() != "report"
    }


CHOICES = {
    "small and equal: their own size": ([Image.new("RGB", (36, 20), (9, 99, 0))], None, {"size": [20, 36]}),
    "large": ([Image.new("L", (500, 400))], None, {"size": 32, "colour": "grey"}),
    "smaller than is possible": ([Image.new("L", (8, 8))], None, {"size": 16}),
    "of many sizes": ([Image.new("L", (size, 24)) for size in (24, 24, 50)], None, {"size": 24}),
    "as the user says": ([Image.new("L", (36, 20))], 64, {"size": 64}),
    "one has colours": ([Image.new("L", (20, 20)), Image.new("RGB", (20, 20), "red")], None, {"colour": "rgb"}),
    "grey, saved as RGB": ([Image.new("RGB", (20, 20), "white")], None, {"colour": "grey", "background": "white"}),
    "of 16 bits": ([Image.fromarray(np.full((20, 20), 40000, np.uint16))], None, {"colour": "grey"}),
    "a palette": ([Image.new("RGB", (20, 20), "blue").convert("P")], None, {"colour": "rgb"}),
}


@pytest.mark.parametrize("case", CHOICES)
def test_what_a_look_chooses(tmp_path: Path, case: str) -> None:
    images, side, expected = CHOICES[case]
    found = look(str(draw(tmp_path, images, ("a",))), side).settings
    assert {key: found[key] for key in expected} == expected
    assert found["labels"] == "none"


@pytest.mark.parametrize(("transparent", "background"), [(1, "black"), (3, "black"), (4, "white")])
def test_a_few_transparent_pictures_do_not_decide_the_background(
    tmp_path: Path, transparent: int, background: str
) -> None:
    """Of forty with black edges: a tenth does."""
    figure = Image.new("RGBA", (20, 20), (20, 20, 20, 0))
    figure.paste((20, 20, 20, 255), (5, 5, 15, 15))
    images = [figure] * transparent + [Image.new("L", (20, 20), 5)] * (40 - transparent)
    assert look(str(draw(tmp_path, images)), None).settings["background"] == background


@pytest.mark.parametrize(("grey", "background"), [(20, "white"), (230, "black")])
def test_a_background_contrasts_with_transparent_pictures(tmp_path: Path, grey: int, background: str) -> None:
    figure = np.zeros((20, 20, 4), np.uint8)
    figure[5:15, 5:15] = (grey, grey, grey, 255)
    assert look(str(draw(tmp_path, [Image.fromarray(figure)])), None).settings["background"] == background


def test_a_picture_is_looked_at_as_a_camera_was_held(tmp_path: Path) -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    assert look(str(draw(tmp_path, [Image.new("L", (36, 20))], exif=turned)), None).settings["size"] == [36, 20]


def test_train_and_test_are_not_classes(tmp_path: Path) -> None:
    folders = ("train/a", "train/b", "test/a", "test/b")
    found = look(str(draw(tmp_path, [Image.new("L", (20, 20))] * 4, folders)), None).settings
    assert (found["labels"], found["test"]) == ("folders", "folders")
    by_others = look(str(draw(tmp_path / "others", [Image.new("L", (20, 20))] * 4, ("train/a", "val/a"))), None)
    why = "they are in 2 folders, taken as classes; call the other one test, if they are a split"
    assert f"labels: folders ({why})" in by_others.reasons


def test_what_cannot_be_read_is_left_to_prepare(tmp_path: Path) -> None:
    folder = draw(tmp_path, [Image.new("L", (20, 20))] * 3)
    (folder / "a/cut.png").write_bytes((folder / "a/0.png").read_bytes()[:40])
    assert look(str(folder), None).settings["size"] == 20
    for path in folder.glob("*/?.png"):
        path.write_bytes(b"")
    assert main(["new-study", str(tmp_path / "study"), "--images", str(folder)]) == 2


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["x", "--dataset", "minst"], "--dataset: found 'minst', expected one of mnist, fashion-mnist"),
        (["x", "--images", "nowhere"], "nowhere: cannot be read (No such file or directory), expected a folder of"),
        (["x", "--images", "PICTURES", "--size", "8"], "--size: found 8, expected 16 to 128 pixels"),
        (["x", "--images", ""], "--images: found an empty name, expected a folder of pictures"),
        (["x", "--images", "\udcff"], "\\udcff, which is not UTF-8, expected a path that is"),
        (["\udcff", "--dataset", "mnist"], "\\udcff, which is not UTF-8, expected a path that is"),
        (["x", "--dataset", "mnist", "--size", "64"], "--size: found 64 for mnist, expected it with --images alone"),
        (["x" * 300, "--dataset", "mnist"], "xxx: cannot be written (File name too long), expected a writable place"),
        (["stages", "--dataset", "mnist"], ""),
        (["./x", "--dataset", "mnist"], "./x: found a folder in a clone of elbowroom, expected one in "),
        (["studies", "--dataset", "mnist"], ""),
        (["studies/full", "--dataset", "mnist"], "studies/full: found something there, expected a new or an empty"),
        (["../x", "--dataset", "mnist"], "../x: found a folder outside of the clone that this elbowroom runs from"),
    ],
)
def test_what_it_refuses(
    clone: Path, pictures: Path, arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (clone / "studies/full").mkdir()
    (clone / "studies/full/params.yaml").touch()
    arguments = [str(pictures) if word == "PICTURES" else word for word in arguments]
    assert main(["new-study", *arguments]) == (2 if expected else 0)
    printed = capsys.readouterr().err
    assert expected in printed
    assert printed.count("\n") == bool(expected)
    assert expected == "" or not (clone / "studies/x").exists()


@pytest.mark.parametrize(
    ("folder", "name"), [("Meine Bilder!", "meine-bilder"), ("2026", "images-2026"), ("judge", "judge-images")]
)
def test_a_folder_gives_the_dataset_a_name(clone: Path, pictures: Path, folder: str, name: str) -> None:
    assert main(["new-study", f"studies/{folder}", "--images", str(pictures)]) == 0
    assert list(load_study(clone / "studies" / folder / "params.yaml").datasets) == [name]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("$PICTURES", "$PICTURES"),
        ("${PICTURES}/", "$PICTURES/"),
        ("~/drawings", "~/drawings"),
        ("HOME/drawings", "~/drawings"),
    ],
)
def test_the_path_of_pictures_works_on_other_machines(
    clone: Path, pictures: Path, said: str, kept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(pictures.parent))
    monkeypatch.setenv("PICTURES", str(pictures))
    pictures.rename(pictures.parent / "drawings")
    monkeypatch.setenv("PICTURES", str(pictures.parent / "drawings"))
    assert main(["new-study", "x", "--images", said.replace("HOME", str(pictures.parent))]) == 0
    assert load_study(clone / "studies/x/params.yaml").folders == {"x": kept}


@pytest.mark.parametrize("folder", ["cash$HOM", "~tilde", "$NOWHERE", "smile😀\u200d", 'say "a\\b"\x7f'])
def test_a_folder_of_any_name_is_found_from_the_studys_folder(clone: Path, pictures: Path, folder: str) -> None:
    pictures.rename(clone / folder)
    assert main(["new-study", "x", "--images", folder]) == 0
    assert load_study(clone / "studies/x/params.yaml").folders == {"x": str(clone / folder)}
    shutil.copy(ROOT / ".dvcignore", clone)
    (clone / ".dvc/plots").mkdir()
    assert main(["check", "--study", str(clone / "studies/x")]) == 0


def test_a_place_that_cannot_be_written_is_one_line(
    clone: Path, pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As root can write anywhere, a file stands where the folder of studies would be."""
    (clone / "studies").rmdir()
    (clone / "studies").touch()
    assert main(["new-study", "x", "--images", str(pictures)]) == 2
    assert capsys.readouterr().err == "error: x: cannot be written (Not a directory), expected a writable place\n"


def test_a_pipeline_outside_a_clone_differs_in_where_the_code_is() -> None:
    """Its stages are modules of the package, and `code` always runs: else it is the clone's."""
    text = (ROOT / "dvc.yaml").read_text()
    ours, theirs = yaml.safe_load(study_files.standalone(text)), yaml.safe_load(text)
    assert ours["stages"]["code"].pop("always_changed") is True
    assert theirs["stages"]["code"].pop("deps") == ["src", "stages"]
    for stage in theirs["stages"].values():
        settings = stage.get("do", stage)
        settings["cmd"] = settings["cmd"].replace("python -m stages.", "python -m elbowroom.stages.")
    assert ours == theirs


def test_git_ignores_the_same_in_any_study() -> None:
    patterns = {line for line in (ROOT / ".gitignore").read_text().splitlines() if line and line[0] != "#"}
    ours = {line for line in (study_files.TEMPLATES / "gitignore").read_text().splitlines() if line and line[0] != "#"}
    of_studies = {line.removeprefix("/studies/*") for line in patterns if line.startswith("/studies/*")}
    of_studies -= {"/src/*", "/stages/*"}  # links, which a study anywhere lacks
    assert ours - of_studies == {line for line in patterns if line[0] != "/"} & ours
    assert of_studies <= ours


def test_small_pictures_are_not_called_larger_than_they_are(tmp_path: Path) -> None:
    """Of 41 pictures all but one are 32 x 32."""
    images = [Image.new("L", (32, 32), number) for number in range(40)] + [Image.new("L", (32, 48))]
    seen = look(str(draw(tmp_path / "tiles", images)), None)
    assert seen.settings["size"] == 32
    assert seen.reasons[0] == "size: 32 (most are 32 x 32)"
    asked = look(str(tmp_path / "tiles"), 48)
    assert asked.reasons[0] == "size: 48 (as you say; most are 32 x 32, and are enlarged)"


def test_what_crop_would_cut_off_is_counted(tmp_path: Path) -> None:
    for name, sides in {"square": (64, 64), "nearly": (64, 60), "wide": (96, 64), "high": (64, 96)}.items():
        Image.new("L", sides).save(tmp_path / f"{name}.png")
    (fit,) = [reason for reason in look(f"{tmp_path}", 32).reasons if reason.startswith("fit")]
    assert fit == "fit: crop (the middle: 2 of 4 looked at lose more than a tenth; pad would keep all of them)"


def test_a_folder_around_all_classes_is_named(tmp_path: Path) -> None:
    draw(tmp_path / "tiles/crawl/2015", [Image.new("L", (32, 32), number) for number in range(9)])
    around, inside = (look(str(tmp_path / name), None) for name in ("tiles", "tiles/crawl/2015"))
    assert "labels: none (all are in crawl/2015: with --images of that, its 2 folders are classes)" in around.reasons
    assert "labels: folders (they are in 2 folders, taken as classes)" in inside.reasons


@pytest.mark.parametrize(("side", "network"), [(32, "report"), (64, "deep")])
def test_networks_are_those_of_the_root_study(clone: Path, pictures: Path, side: int, network: str) -> None:
    assert main(["new-study", "x", "--images", str(pictures), "--size", str(side)]) == 0
    made, root = (load_study(path / "params.yaml").networks for path in (clone / "studies/x", ROOT))
    assert made == {network: root[network]}


def test_an_upgrade_adds_the_lines_that_gits_files_lack_and_keeps_the_users(tmp_path: Path) -> None:
    source, target = tmp_path / "template", tmp_path / "target"
    source.write_text("# ours\n*.png binary\n\ndvc.lock merge=elbowroom\n")
    study_files.add_lines(source, target)
    assert target.read_bytes() == source.read_bytes()
    target.write_text("*.png binary\n*.mine binary")
    study_files.add_lines(source, target)
    expected = "*.png binary\n*.mine binary\n# ours\ndvc.lock merge=elbowroom\n"
    assert target.read_text() == expected
    study_files.add_lines(source, target)
    assert target.read_text() == expected


@pytest.mark.parametrize("command", [["new-study", "x", "--dataset", "mnist"], ["upgrade-study"]])
def test_a_clone_without_its_pipeline_is_one_line(
    clone: Path, command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new-study", "old", "--dataset", "mnist"]) == 0
    monkeypatch.chdir(clone / "studies/old")
    (clone / "dvc.yaml").unlink()
    assert main(command) == 2
    expected = f"error: {clone}: found no dvc.yaml, expected the clone's (`git checkout -- dvc.yaml`)\n"
    assert capsys.readouterr().err == expected
    assert not (clone / "studies/x").exists()


def test_output_that_lacks_a_character_has_its_number(
    clone: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures.rename(pictures.parent / "Bäume")
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(said := io.BytesIO(), encoding="ascii"))
    assert main(["new-study", "x", "--images", str(pictures.parent / "Bäume")]) == 0
    assert b"/B\\xe4ume: 40 pictures\n" in said.getvalue()
