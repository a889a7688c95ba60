"""The card script: what is missing, what runs in which order and how it stops, and how results come home."""

import json
import os
import signal
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
import torch

from benchmarks import bench, card, card_run, card_unpack, parcels, settings
from benchmarks.card_results import importance, needs, outs, settings_used
from elbowroom.core.errors import StudyError
from elbowroom.core.params import load_study
from elbowroom.core.published_sets import PUBLISHED
from elbowroom.datasets import download
from tests.support import ROOT

FIRST = "mnist-z128"
BARE = """
import re, sys
from importlib import metadata
allowed, waiting = set(), [{needed}]
while waiting:
    if (name := waiting.pop().lower().replace("_", "-").replace(".", "-")) not in allowed:
        allowed.add(name)
        try:
            waiting += [re.match(r"[\\w.-]+", r)[0] for r in metadata.requires(name) or [] if "extra ==" not in r]
        except metadata.PackageNotFoundError:
            pass
for module, owners in metadata.packages_distributions().items():
    if not {{owner.lower().replace("_", "-").replace(".", "-") for owner in owners}} & allowed:
        sys.modules.setdefault(module, None)
assert sys.modules["dvc"] is sys.modules["matplotlib"] is sys.modules["torchvision"] is None
del sys.modules["sphinx"]  # SciPy takes it for imported if it stands there
import benchmarks.card_run
assert "sphinx" not in sys.modules
"""


@pytest.fixture
def mirror() -> Path:
    """The folder that holds the published archives."""
    name = "mnist/train-images-idx3-ubyte.gz"
    return download.fetch(f"{PUBLISHED['mnist'].url}{name.partition('/')[2]}", name).parents[1]


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a run changes for its process is as before after the test."""
    monkeypatch.setenv("ELBOWROOM_MIRROR", os.environ.get("ELBOWROOM_MIRROR", ""))
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in ("PARAMS", "TURNS", "SECONDS", "MATRIX"):
        monkeypatch.setattr(settings, name, getattr(settings, name))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.fixture
def faked(monkeypatch: pytest.MonkeyPatch, kept: None) -> list[str]:
    """Stages that only write their files. The list grows by each that runs."""
    ran: list[str] = []

    def stage(kind: str, name: str) -> None:
        ran.append(f"{kind}@{name}")
        for out in outs(ran[-1]):
            path = Path(out) if Path(out).suffix else Path(out) / "seed-0.safetensors"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{out} of {ran[-1]}")

    for kind in card_run.MAIN:
        monkeypatch.setitem(card_run.MAIN, kind, lambda name, kind=kind: stage(kind, name))
    return ran


def command(tmp_path: Path, mirror: Path, *words: str) -> list[str]:
    places = ["--work", str(tmp_path / "work"), "--mirror", str(mirror), "--packages", str(tmp_path)]
    return [str(tmp_path / "out"), "--tiny", "--parts", "study", *places, *words]


# --- parcels ---------------------------------------------------------------------------------------------------------

CONTENTS = {"metrics/a.csv": b"x" * 5, "metrics/none.csv": b"", "models/a/seed-0": bytes(range(256)), "models/b": b"yz"}


@pytest.fixture
def packed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Parcels of at most 100 bytes of these contents: 263 bytes, so three."""
    monkeypatch.setattr(parcels, "SIZE", 100)
    for path, content in CONTENTS.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    assert parcels.pack(tmp_path, [*CONTENTS], {"it": 1}, tmp_path / "out", range(9)) == 3
    return tmp_path / "out"


def test_what_parcels_hold_comes_out_again(packed: Path) -> None:
    assert parcels.unpack(packed) == parcels.Arrived({"it": 1}, CONTENTS, [])
    for path in packed.iterdir():
        assert len(zipfile.ZipFile(path).read(parcels.BYTES)) <= 100


@pytest.mark.parametrize(
    ("lost", "missing"),
    [(0, ["metrics/a.csv", "models/a/seed-0"]), (1, ["models/a/seed-0"]), (2, ["models/a/seed-0", "models/b"])],
)
def test_without_a_parcel_the_files_that_lie_in_others_come_out(packed: Path, lost: int, missing: list[str]) -> None:
    (packed / f"parcel-{lost}.zip").unlink()
    arrived = parcels.unpack(packed)
    assert set(missing) <= set(arrived.missing) <= {*missing, "metrics/none.csv"}  # an empty file lies anywhere
    assert arrived.files == {path: content for path, content in CONTENTS.items() if path not in arrived.missing}


def test_only_the_wanted_parcels_are_written(packed: Path, tmp_path: Path) -> None:
    assert parcels.pack(tmp_path, [*CONTENTS], {"it": 1}, tmp_path / "more", range(1, 2)) == 3
    (written,) = (tmp_path / "more").iterdir()
    assert written.read_bytes()[-200:] == (packed / "parcel-1.zip").read_bytes()[-200:]


def test_a_full_parcel_has_less_than_16_mib(tmp_path: Path) -> None:
    """With a list as long as that of five seeds of twenty variants."""
    paths = [f"models/variant-{number // 6}/seed-{number % 6}.safetensors" for number in range(120)]
    for path in paths:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(bytes(2**18))
    parcels.pack(tmp_path, paths, {"code": "x" * 200_000}, tmp_path / "out", range(9))
    sizes = [path.stat().st_size for path in (tmp_path / "out").iterdir()]
    assert len(sizes) == 2
    assert max(sizes) < 16 * 2**20


def test_damaged_parcels_are_refused(packed: Path, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"more: found no parcel-\*.zip, expected the parcels of one run"):
        parcels.unpack(tmp_path / "more")
    parcels.pack(tmp_path, [*CONTENTS], {"it": 2}, packed, range(1))
    with pytest.raises(StudyError, match="found parcels of 2 runs"):
        parcels.unpack(packed)
    (packed / "parcel-0.zip").write_bytes(b"PK nonsense")
    with pytest.raises(StudyError, match=r"parcel-0.zip: damaged or unreadable \(.*\), expected a parcel"):
        parcels.unpack(packed)


def test_pieces_of_an_archive_are_joined(tmp_path: Path) -> None:
    content = bytes(range(250))
    (tmp_path / "archive").write_bytes(content)
    parcels.cut(tmp_path / "archive", tmp_path / "cut", 100)
    assert sorted(path.name for path in (tmp_path / "cut").iterdir()) == ["archive.0", "archive.1", "archive.2"]
    parcels.join(tmp_path / "cut/archive")
    assert (tmp_path / "cut/archive").read_bytes() == content
    parcels.cut(tmp_path / "archive", tmp_path / "whole", 250)
    assert [path.name for path in (tmp_path / "whole").iterdir()] == ["archive"]


# --- what is missing -------------------------------------------------------------------------------------------------


def test_missing_packages_are_named_with_the_versions_they_need(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    real = metadata.version

    def version(name: str) -> str:
        if name == "pydantic":
            raise metadata.PackageNotFoundError
        return "1.26.4" if name == "numpy" else real(name)

    monkeypatch.setattr(metadata, "version", version)
    assert card.main([str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err == "missing: numpy>=2.0, pydantic>=2.9\n"


def test_packages_that_were_carried_there_are_used_only_if_some_are_missing(
    monkeypatch: pytest.MonkeyPatch, kept: None, tmp_path: Path
) -> None:
    """Made for another Python, they would not even import here."""
    words = [str(tmp_path / "out"), "--packages", str(tmp_path), "--mirror", str(tmp_path)]
    assert card.main(words) == 2  # no archives
    assert str(tmp_path) not in sys.path
    monkeypatch.setattr(card, "missing_packages", lambda: [] if str(tmp_path) in sys.path else ["platformdirs>=4.0"])
    assert card.main(words) == 2
    assert sys.path[0] == str(tmp_path)


def test_missing_archives_and_a_missing_card_are_named(
    kept: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cifar-10-binary.tar.gz.0").touch()  # in pieces
    (tmp_path / "mnist").mkdir()
    for name in PUBLISHED["mnist"].files:
        (tmp_path / f"mnist/{name}.gz").touch()
    (tmp_path / "mnist/t10k-labels-idx1-ubyte.gz").unlink()
    assert card.main([str(tmp_path / "out"), "--mirror", str(tmp_path)]) == 2
    expected = f"missing: {tmp_path}/mnist/t10k-labels-idx1-ubyte.gz, a CUDA card\n"
    assert capsys.readouterr().err == expected


def test_a_run_imports_only_the_packages_that_are_said_to_be_needed() -> None:
    """In a process where every other installed package cannot be imported."""
    code = BARE.format(needed=", ".join(map(repr, card.NEEDED)))
    paths = os.pathsep.join([str(ROOT), str(ROOT / "src")])
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


# --- what runs -------------------------------------------------------------------------------------------------------


def test_the_cards_settings_are_the_root_studys_but_for_the_published_budget() -> None:
    root = load_study(ROOT / "params.yaml")
    text = card_run.settings_of(ROOT / "params.yaml", tiny=False)
    study = card_run.read_study(text)
    assert {name: (r.epochs, r.precision, r.seeds) for name, r in study.recipes.items()} == {
        "notebook-mnist": (50, "high", [0, 1, 2, 3, 4]),
        "report-cifar10": (10, "high", [0, 1, 2, 3, 4]),
    }
    assert study.evaluation.iwae_samples == [1, 10, 100, 1000, 5000]
    assert study.variants == root.variants
    assert study.datasets == root.datasets
    lines = zip(text.splitlines(), (ROOT / "params.yaml").read_text().splitlines(), strict=True)
    changed = [theirs.split(":")[0].strip() for ours, theirs in lines if ours != theirs]
    assert changed == ["iwae_samples"]  # comments and quotes are kept


def test_what_matters_most_comes_first_and_nothing_before_what_it_needs() -> None:
    plan = card_run.plan(card_run.settings_of(ROOT / "params.yaml", tiny=False), [])
    assert plan.stages[:4] == ["prepare@mnist", f"train@{FIRST}", "judge@mnist", f"evaluate@{FIRST}"]
    assert plan.stages[-2:] == ["baseline@mnist", "baseline@cifar10"]
    assert [name for name in plan.stages if "-ae" in name] == plan.stages[-6:-2]  # autoencoders
    assert len(plan.stages) == len(set(plan.stages)) == 2 * len(plan.study.variants) + 3 * len(plan.datasets)
    for place, stage in enumerate(plan.stages):
        assert set(needs(stage, plan.study)) <= set(plan.stages[:place])
    chosen = card_run.plan(plan.params, ["cifar10-ae16"])
    assert chosen.stages == [
        f"{kind}@{chosen.datasets[0]}" if kind in ("prepare", "judge", "baseline") else f"{kind}@cifar10-ae16"
        for kind in ("prepare", "train", "judge", "evaluate", "baseline")
    ]
    with pytest.raises(StudyError, match="found no 'nosuch'"):
        card_run.plan(plan.params, ["nosuch"])


def test_tables_come_before_models_and_models_that_are_shown_before_others() -> None:
    study = load_study(ROOT / "params.yaml")
    paths = ["metrics/x.csv", "models/judge/mnist.safetensors", f"models/{FIRST}/seed-0.safetensors"]
    paths += [f"models/{FIRST}/evolution.safetensors", f"models/{FIRST}/seed-1.safetensors"]
    assert [importance(path, study) for path in paths] == [0, 1, 2, 2, 3]


def test_dvc_yaml_says_what_a_stage_writes_and_uses() -> None:
    study = load_study(ROOT / "params.yaml")
    assert outs(f"train@{FIRST}") == [f"plots/{FIRST}/history.csv", f"plots/{FIRST}/cost.csv", f"models/{FIRST}"]
    assert settings_used(f"train@{FIRST}", study) == [
        f"variants.{FIRST}",
        "networks.notebook",
        "recipes.notebook-mnist",
    ]
    assert settings_used("prepare@mnist", study) == ["datasets.mnist"]


def test_a_run_that_is_stopped_sends_what_is_done_and_goes_on_later(
    faked: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mirror: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = command(tmp_path, mirror, "--variants", FIRST)
    judge = card_run.MAIN["judge"]
    monkeypatch.setitem(card_run.MAIN, "judge", lambda _: signal.raise_signal(signal.SIGTERM))
    before = signal.getsignal(signal.SIGTERM)
    assert card.main(words) == 0
    assert "study: stopped (SIGTERM)" in capsys.readouterr().out
    assert signal.getsignal(signal.SIGTERM) == before
    arrived = parcels.unpack(tmp_path / "out")
    assert list(arrived.about["seconds"]) == ["prepare@mnist", f"train@{FIRST}"]
    assert sorted(arrived.files) == sorted(
        [f"plots/{FIRST}/history.csv", f"plots/{FIRST}/cost.csv", f"models/{FIRST}/seed-0.safetensors"]
    )
    monkeypatch.setitem(card_run.MAIN, "judge", judge)
    faked.clear()
    assert card.main([*words, "--minutes", "0"]) == 0
    assert faked == []  # no time left
    assert card.main(words) == 0
    assert faked == ["judge@mnist", f"evaluate@{FIRST}", "baseline@mnist"]
    faked.clear()
    (tmp_path / "work/data/mnist.safetensors").unlink()  # as on another machine, where .card/work was taken without it
    assert card.main(words) == 0
    assert faked == ["prepare@mnist"]


def test_a_stage_is_stopped_when_the_time_is_up() -> None:
    with pytest.raises(card_run.TimeUp, match="the time is up"), card_run.limited(0.01):
        signal.pause()
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_a_stage_that_fails_is_told_and_those_that_need_it_are_left_out(
    faked: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mirror: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(name: str) -> None:
        raise StudyError(f"{name} diverged")

    monkeypatch.setitem(card_run.MAIN, "train", fails)
    assert card.main(command(tmp_path, mirror, "--variants", FIRST)) == 1
    assert faked == ["prepare@mnist", "judge@mnist", "baseline@mnist"]
    told = capsys.readouterr()
    assert f"train@{FIRST}: failed\n" in told.out
    assert f"evaluate@{FIRST}: not run, needs train@{FIRST}\n" in told.out
    assert f"{FIRST} diverged" in told.err


def test_failing_tests_are_noted_with_what_they_said(
    faked: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mirror: Path
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/echo")  # says its arguments
    words = command(tmp_path, mirror, "--parts", "tests", "--variants", FIRST)
    assert card.main(words) == 0
    said = json.loads((tmp_path / "out/run.json").read_text())["tests"]
    assert "-m cuda" in said
    assert "test_cuda_graph.py" in said
    monkeypatch.setattr(sys, "executable", "/bin/false")
    (tmp_path / "work/run.json").unlink()
    assert card.main(words) == 1
    assert json.loads((tmp_path / "out/run.json").read_text())["failed"] == ["tests"]


def test_a_folder_with_results_of_other_settings_is_refused(faked: list[str], tmp_path: Path, mirror: Path) -> None:
    words = command(tmp_path, mirror, "--variants", FIRST)
    assert card.main(words) == 0
    kept = tmp_path / "work/run.json"
    kept.write_text(json.dumps(json.loads(kept.read_text()) | {"params": "others"}))
    with pytest.raises(StudyError, match="work: found results of other params, expected none"):
        card.main(words)


# --- and home again --------------------------------------------------------------------------------------------------


def test_a_tiny_study_comes_home(
    kept: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mirror: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Real stages on real images. What came home is what was made, to the byte, and is refused before params.yaml has
    its settings; so it is when the code is other code.
    """
    row = {"section": "card", "what": "a row", "median": 1.0, "low": 1.0, "high": 1.0, "unit": "s", "turns": 1}
    monkeypatch.setattr(card_run, "card", lambda chosen: iter([row] if [*chosen] == ["mnist"] else []))
    monkeypatch.setattr(bench, "store", lambda _: pytest.fail("rows of a CPU"))
    study, out = tmp_path / "study", tmp_path / "out"
    assert card.main(command(tmp_path, mirror, "--variants", FIRST, "--parts", "rows", "study")) == 0
    study.mkdir()
    (study / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    expected = r"found other settings than the results have, expected datasets.mnist.train_images: 256, .* \(as"
    with pytest.raises(StudyError, match=expected):
        card.main(["--unpack", str(out), "--into", str(study)])
    assert [path.name for path in study.iterdir()] == ["params.yaml"]
    (study / "params.yaml").write_bytes((out / "params.yaml").read_bytes())
    with monkeypatch.context() as patch:
        patch.setattr(card_unpack.Code, "of_stage", lambda _, stage: ["another 0"])
        with pytest.raises(StudyError, match=r"found results of prepare by other code .*, expected the same"):
            card.main(["--unpack", str(out), "--into", str(study)])
    capsys.readouterr()
    assert card.main(["--unpack", str(out), "--into", str(study)]) == 0
    stages = [f"train@{FIRST}", "judge@mnist", f"evaluate@{FIRST}", "baseline@mnist"]
    for path in [Path(path) for stage in stages for path in outs(stage)]:
        for file in [path] if path.suffix else [path / "seed-1.safetensors", path / "evolution.safetensors"]:
            assert (study / file).read_bytes() == (tmp_path / "work" / file).read_bytes()
    assert capsys.readouterr().out.splitlines()[-1] == (
        f"for DVC: dvc repro --single-item code prepare@mnist && dvc commit --force {' '.join(stages)}"
    )


def sent(folder: Path, files: dict[str, bytes], **changes: object) -> Path:
    """Parcels of files, as a run of the root study's own settings that trained the first variant."""
    about = {
        "params": (ROOT / "params.yaml").read_text(),
        "code": {kind: card_unpack.Code().of_stage(kind) for kind in ("prepare", "train", "judge")},
        "facts": {"device": "cuda"},
        "rows": [],
        "seconds": dict.fromkeys(["prepare@mnist", f"train@{FIRST}", "judge@mnist"], 1.0),
    }
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    parcels.pack(folder, [*files], about | changes, folder / "out", range(1))
    return folder / "out"


def test_a_stage_whose_models_are_still_missing_is_not_told_to_dvc(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(parcels, "SIZE", 100)
    files = {"metrics/judge/mnist.csv": b"j", f"plots/{FIRST}/cost.csv": b"c", f"models/{FIRST}/seed-0": bytes(200)}
    out = sent(tmp_path, files)
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    assert card_unpack.unpack(out, tmp_path) == 0
    told = capsys.readouterr().out
    assert f"still to be sent (--minutes 0 --parcels): models/{FIRST}/seed-0\n" in told
    assert told.endswith("&& dvc commit --force judge@mnist\n")


def test_measurements_on_a_card_go_into_the_page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stored: list = []
    monkeypatch.setattr(bench, "store", stored.extend)
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    card_unpack.unpack(sent(tmp_path, {"metrics/a.csv": b"a"}, rows=[{"what": "a row"}]), tmp_path)
    assert stored == [{"what": "a row"}]


@pytest.mark.parametrize("path", ["src/elbowroom/core/files.py", "metrics/../params.yaml"])
def test_files_that_are_no_results_are_refused(path: str, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"out: found .* in it, expected only metrics, models, plots"):
        card_unpack.unpack(sent(tmp_path, {"metrics/a.csv": b"a", path: b"x"}), ROOT)
