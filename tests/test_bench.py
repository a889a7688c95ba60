"""The benchmark runs, and its page says what it measured."""

import json
from pathlib import Path

import pytest
import torch

from benchmarks import bench


def test_bench_measures_every_section(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """On few images. Lightning and pythae are not among the requirements, and torch.compile takes long."""
    results, page = tmp_path / "results.json", tmp_path / "RESULTS.md"
    kept = {"device": "cuda", "section": "seeds", "what": "kept", "median": 1, "low": 1, "high": 1, "unit": "x"}
    facts = {"turns": 1, "machine": "a card", "versions": "v", "date": "d", "command": "c"}
    results.write_text(json.dumps([kept | facts, kept | facts | {"device": "cpu", "what": "replaced"}]))
    for name, value in (
        ("JSON", results),
        ("PAGE", page),
        ("TURNS", 1),
        ("SECONDS", 0.0),
        ("IMAGES", 1024),
        ("MATRIX", 64),
        ("EPOCHS", [1, 2]),
        ("EPOCH_IMAGES", 64),
        ("VARIANTS", {"cifar10": "cifar10-z8-c32"}),
        ("BATCH_SIZES", [64]),
        ("LATENT_DIMS", [2]),
        ("CHANNELS", [8]),
        ("SEEDS", [1, 2]),
        ("STAGES", ["prepare"]),
        ("OTHERS", [bench.notebook]),
    ):
        monkeypatch.setattr(bench, name, value)
    monkeypatch.setattr("sys.argv", ["bench.py"])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    bench.main()
    rows = json.loads(results.read_text())
    assert {row["section"] for row in rows if row["device"] == "cpu"} == set(bench.SECTIONS)
    assert all(row["low"] <= row["median"] <= row["high"] for row in rows)
    labels = [row["what"] for row in rows]
    assert "kept" in labels
    assert "replaced" not in labels
    assert "cifar10: the notebook's loop over ours" in labels
    text = page.read_text()
    assert all(label in text for label in labels)


def test_the_committed_page_is_of_the_committed_numbers() -> None:
    assert bench.PAGE.read_text() == bench.page(json.loads(bench.JSON.read_text()))


def test_what_was_not_measured_is_said() -> None:
    assert bench.page([]).count("Not measured.") == 2


def test_work_is_what_the_networks_are_known_to_take(monkeypatch: pytest.MonkeyPatch) -> None:
    """443 MFLOP for an image of MNIST, forward and backward; a folded decoder takes less, where it is folded."""
    monkeypatch.setattr(bench, "IMAGES", 128)
    settings = bench.read_settings(bench.VARIANTS)
    plain, ours = (
        {name: bench.flops(*setting, folded=folded) for name, setting in settings.items()} for folded in (False, True)
    )
    assert plain["mnist"] / 128 == pytest.approx(443e6, rel=0.005)
    assert ours["mnist"] == plain["mnist"]
    assert 0.5 * plain["cifar10"] < ours["cifar10"] < 0.8 * plain["cifar10"]
