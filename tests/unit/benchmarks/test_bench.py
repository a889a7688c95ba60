"""The benchmark runs, and its page says what it measured."""

import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
import torch
import yaml

from benchmarks import bench, epochs, pictures, quickstart, settings, steps, timing, waits
from elbowroom.core.device import bf16_warning
from elbowroom.core.params import load_study
from elbowroom.core.published_sets import PUBLISHED
from elbowroom.datasets.images import Images, Split
from elbowroom.training.cuda_graph import WARM_UP
from tests.support import ROOT
from tests.support.settings import EVALUATION


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, python: Path) -> None:
    """A study with narrow networks, of which little is measured; its few images are real."""
    monkeypatch.setattr(sys, "executable", str(python / "python"))
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["datasets"] = {"mnist": {"source": "mnist", "train_images": 64, "test_images": 40}}
    params["variants"] = {"mnist-z128": params["variants"]["mnist-z128"] | {"channels": 2, "latent_dim": 4}}
    params["recipes"]["notebook-mnist"] |= {"batch_size": 16, "epochs": 2, "seeds": [0]}
    params["evaluation"] = EVALUATION.model_dump()
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    for name, value in (
        ("PARAMS", tmp_path / "params.yaml"),
        ("VARIANTS", {"mnist": "mnist-z128"}),
        ("VARIED", "mnist"),
        ("IMAGES", 256),
        ("TURNS", 1),
        ("SECONDS", 0.0),
        ("THREADS", (1,)),
        ("MATRIX", {"cpu": 64}),
        ("BATCH_SIZES", [32]),
        ("LATENT_DIMS", [2]),
        ("CHANNELS", [4]),
        ("SEEDS", [1, 2]),
        ("EPOCHS", {"cpu": [1, 2]}),
        ("EPOCH_IMAGES", 64),
        ("EVALUATED", 50),
        ("SAMPLES", 10),
        ("STAGES", ["report"]),
    ):
        monkeypatch.setattr(settings, name, value)


def test_bench_measures_every_section(tiny: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """But for what takes long: other contestants, a quickstart, and the pictures of compare."""
    results, page = tmp_path / "results.json", tmp_path / "RESULTS.md"
    kept = {"device": "cuda", "section": "seeds", "what": "kept", "median": 1, "low": 1, "high": 1, "unit": "x"}
    facts = {"turns": 1, "machine": "a card", "versions": "v", "date": "d", "command": "c"}
    results.write_text(json.dumps([kept | facts, kept | facts | {"device": "cpu", "what": "replaced"}]))
    monkeypatch.setattr(bench, "JSON", results)
    monkeypatch.setattr(bench, "PAGE", page)
    monkeypatch.setattr(steps, "OTHERS", {steps.notebook: "the notebook's loop"})
    monkeypatch.setattr(waits, "compared", lambda: [])
    monkeypatch.setattr(quickstart, "seconds", lambda command: len(command))
    monkeypatch.setattr(epochs, "PUBLISHED", {"mnist": replace(PUBLISHED["mnist"], train_images=64, test_images=40)})
    monkeypatch.setattr("sys.argv", ["bench.py", *bench.SECTIONS])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    bench.main()
    rows = json.loads(results.read_text())
    imitated = {"bf16"} if bf16_warning("bf16", torch.device("cpu")) else set()
    assert {row["section"] for row in rows if row["device"] == "cpu"} == set(bench.SECTIONS) - imitated
    assert all(row["low"] <= row["median"] <= row["high"] for row in rows)
    labels = [row["what"] for row in rows]
    assert "kept" in labels
    assert "replaced" not in labels
    assert "mnist: the notebook's loop over ours" in labels
    for what in ("the notebook's loop over ours in bfloat16", "without freed memory kept, over with"):
        assert (f"mnist, 1 thread: {what}" in labels) != bool(imitated)
    assert "10 stages, one after another, once" in labels
    assert "with the stage server over without" in labels
    assert any(label.startswith("mnist: figures, the slowest of 9 pictures (") for label in labels)
    text = page.read_text()
    assert all(label in text for label in labels)


def test_what_takes_hours_on_a_cpu_is_measured_there_only_when_named(
    tiny: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[str] = []
    for name, (heading, _) in bench.SECTIONS.items():
        monkeypatch.setitem(bench.SECTIONS, name, (heading, lambda _, name=name: iter(asked.append(name) or ())))
    monkeypatch.setattr(bench, "JSON", tmp_path / "results.json")
    monkeypatch.setattr(bench, "PAGE", tmp_path / "RESULTS.md")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr("sys.argv", ["bench.py"])
    bench.main()
    assert asked == [name for name in bench.SECTIONS if name not in ("card", "fit", "study")]
    asked.clear()
    monkeypatch.setattr("sys.argv", ["bench.py", "study"])
    bench.main()
    assert asked == ["study"]


def test_the_committed_page_is_of_the_committed_numbers() -> None:
    assert bench.PAGE.read_text() == bench.page(json.loads(bench.JSON.read_text()))


def test_the_page_begins_with_what_a_user_gains() -> None:
    facts = {"section": "bf16", "unit": "x", "turns": 9, "device": "cpu", "machine": "m", "versions": "", "date": ""}
    fast = facts | {"low": 4, "median": 4.125, "high": 5, "what": "w", "command": "c", "gain": "bfloat16"}
    rows = [fast | {"dataset": "mnist", "threads": 1}, fast | {"dataset": "cifar10", "threads": 2, "median": 2.06}]
    first = bench.page(rows).partition("make bench")[0]
    assert "- With 1 thread: 4.1 times as fast on mnist in bfloat16.\n" in first
    assert "- With 2 threads: 2.1 times as fast on cifar10 in bfloat16.\n" in first


def test_what_was_not_measured_is_said() -> None:
    assert bench.page([]).count("Not measured.") == 2


def test_ours_computes_in_the_recipes_precision_and_others_in_pytorchs_own() -> None:
    found = []

    def run(_: int) -> float:
        found.append([setting.fp32_precision for setting in timing.FLOAT32])
        return 0.0

    for precision in (None, "high", "highest"):
        timing.computing_in(precision, run)(1)
    run(1)
    assert found == [["none", "tf32"], ["tf32", "tf32"], ["ieee", "ieee"], ["ieee", "ieee"]]


def test_no_turn_begins_before_a_card_has_captured() -> None:
    """A card captures in call WARM_UP + 1. A turn has as many steps as fill its time."""
    calls: list[int] = []

    def run(count: int) -> float:
        calls.append(count)
        return 0.5 * count

    found = timing.in_turn({"a": run})
    assert calls[0] > WARM_UP + 1
    assert calls[2:] == [4] * settings.TURNS
    assert found == {"a": [0.5] * settings.TURNS}


def test_an_epoch_is_timed_from_its_first_batch_to_the_next_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five images, two a batch; the clock counts whole seconds and is read once a batch at most."""
    clock = iter(range(100))
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    starts = epochs.Starts(5)
    for size in [2, 2, 1] * 3:
        starts.update(size)
    assert starts.times == [0, 1, 2]
    assert starts.seen == 15


def test_a_picture_takes_what_it_and_its_parts_take(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second for each function: a frame one, an animation of three frames four."""
    module = ModuleType("drawing")

    def frame(number: int) -> list[int]:
        return [number]

    def animation(frames: list[list[int]]) -> bytes:
        return bytes(len(frames))

    for function in (frame, animation):
        function.__module__ = "drawing"
        setattr(module, function.__name__, function)
    clock = iter(range(100))
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    made: dict = {}
    pictures.clock(module, made)
    frames = [module.frame(n) for n in range(3)]
    content = module.animation(frames)
    assert [made[id(each)][0] for each in frames] == [1, 1, 1]
    assert made[id(content)][0] == 4


def test_work_is_what_the_networks_are_known_to_take() -> None:
    """443 MFLOP for an image of MNIST, forward and backward; a decoder that is folded takes less."""
    study = load_study(ROOT / "params.yaml")
    plain, ours = {}, {}
    for dataset, name in settings.VARIANTS.items():
        variant = study.variant(name)
        split = Split(torch.zeros(32, *PUBLISHED[dataset].shape, dtype=torch.uint8), torch.zeros(32))
        setting = variant, study.recipes[variant.recipe], Images(split, split, [])
        plain[dataset], ours[dataset] = (steps.flops(*setting, folded=folded) / 32 for folded in (False, True))
    assert plain["mnist"] == pytest.approx(443e6, rel=0.005)
    assert ours["mnist"] == plain["mnist"]
    assert 0.5 * plain["cifar10"] < ours["cifar10"] < 0.8 * plain["cifar10"]
