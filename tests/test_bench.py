"""The benchmark runs."""

import pytest

from benchmarks import bench


def test_bench_prints_a_ratio_for_each_dataset(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in (("ROUNDS", 1), ("STEPS", 1), ("IMAGES", 256)):
        monkeypatch.setattr(bench, name, value)
    bench.main()
    lines = capsys.readouterr().out.splitlines()
    assert "1 rounds of 1 steps" in lines[0]
    assert [line.split(":")[0] for line in lines[1:]] == ["mnist-z128", "cifar10-z8-c32"]
    assert all("x the notebook's loop" in line for line in lines[1:])
