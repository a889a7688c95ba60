"""`elbowroom suggest`, on what the quickstart has committed: what it says, what it writes, and how it ends."""

import difflib
import math
import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from elbowroom.__main__ import main
from elbowroom.app import suggest
from elbowroom.app.edit_params import edit_params
from elbowroom.comparison.suggestions import Edit, MoreEpochs, MoreSeeds, NewVariant
from elbowroom.core import files, paths
from elbowroom.core.errors import StudyError
from elbowroom.core.params import load_study
from elbowroom.results.outcomes import State, Step
from elbowroom.results.rows import SizeAnswer
from elbowroom.results.schema import load_table, to_rows, to_table
from elbowroom.results.tables import COMPARISON
from tests.support import ROOT

QUICKSTART = ROOT / "studies/quickstart"


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What suggest reads of the quickstart, and a checkpoint to go on from."""
    for name in ("params.yaml", "report/comparison/answer.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(QUICKSTART / name, tmp_path / name)
    for cost in QUICKSTART.glob("plots/*/cost.csv"):
        (tmp_path / "plots" / cost.parent.name).mkdir(parents=True)
        shutil.copy(cost, tmp_path / "plots" / cost.parent.name)
    monkeypatch.chdir(tmp_path)
    (paths.CHECKPOINTS / "0").mkdir(parents=True)
    (paths.CHECKPOINTS / "0/epoch-4.safetensors").touch()
    return tmp_path


def answers(**of_mnist: object) -> None:
    """Change the rows of MNIST; nothing else is to decide."""
    table = COMPARISON["answer"]
    rows = [replace(row, step=Step.NOTHING, step_sizes="", step_seeds=math.nan) for row in read_answer()]
    changed = [replace(row, **of_mnist) if row.dataset == "mnist" else row for row in rows]  # type: ignore[arg-type]
    files.save_csv(suggest.answer_file(), to_table(SizeAnswer, changed))
    load_table(suggest.answer_file(), table, {})


def read_answer() -> list[SizeAnswer]:
    return to_rows(SizeAnswer, load_table(suggest.answer_file(), COMPARISON["answer"], {}))


def changes(before: str, after: str) -> list[str]:
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    return [line for line in lines if line[0] in "+-"]


def test_it_names_what_to_train_and_writes_nothing(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (study / "params.yaml").read_text()
    answers(step=Step.MORE_SEEDS, step_sizes="128 256", step_seeds=3.0)
    assert main(["suggest"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Training took ")
    assert lines[-4].startswith("1. recipe notebook-mnist: 3 seeds instead of 1: about ")
    assert lines[-3:-1] == ["   for mnist, gaussian, width 32", "   trains mnist-z128, mnist-z256, mnist-ae128"]
    assert lines[-1].startswith("`elbowroom suggest --apply` writes this")
    assert (study / "params.yaml").read_text() == before


def test_the_cost_is_that_of_the_committed_training(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two more seeds of three variants, which have one seed each, cost twice what they took."""
    took = sum(
        files.load_csv(study / "plots" / name / "cost.csv", ["variant", "device", "torch"]).seconds.sum()
        for name in ("mnist-z128", "mnist-z256", "mnist-ae128")
    )
    answers(step=Step.MORE_SEEDS, step_sizes="128 256", step_seeds=3.0)
    main(["suggest"])
    assert f"3 seeds instead of 1: about {suggest.duration(2 * took)}\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (
            {"step": Step.MORE_SEEDS, "step_sizes": "128 256", "step_seeds": 3.0},
            [("seeds: [0]", "seeds: [0, 1, 2]")],
        ),
        ({"step": Step.LONGER, "step_sizes": "128 256"}, [("epochs: 4,", "epochs: 8,")]),
    ],
)
def test_apply_writes_into_the_recipe_alone(study: Path, step: dict, expected: list[tuple[str, str]]) -> None:
    before = (study / "params.yaml").read_text()
    answers(**step)
    assert main(["suggest", "--apply"]) == 0
    (line,) = [line for line in before.splitlines() if line.startswith("  notebook-mnist: {")]
    after = line
    for old, new in expected:
        after = after.replace(old, new)
    assert (study / "params.yaml").read_text() == before.replace(line, after)


def test_apply_adds_variants_and_keeps_every_other_line(study: Path) -> None:
    before = (study / "params.yaml").read_text()
    answers(step=Step.SMALLER, step_sizes="32 64", doubling_gain=0.0)
    assert main(["suggest", "--apply"]) == 0
    found = changes(before, (study / "params.yaml").read_text())
    assert len(found) == 20
    assert all(line.startswith("+ ") for line in found)
    sizes = [variant.latent_dim for variant in load_study().variants.values() if variant.dataset == "mnist"]
    assert sorted(sizes) == [32, 64, 128, 128, 256]


def test_a_second_apply_waits_for_the_first_to_be_run(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for step in ({"step": Step.SMALLER, "step_sizes": "64"}, {"step": Step.LONGER, "step_sizes": "128"}):
        shutil.copy(QUICKSTART / "params.yaml", study / "params.yaml")
        answers(**step)
        assert main(["suggest", "--apply"]) == 0
        written = (study / "params.yaml").read_text()
        assert main(["suggest", "--apply"]) == 2
        assert capsys.readouterr().err.startswith("error: report/comparison/answer.csv: found an answer for other ")
        assert (study / "params.yaml").read_text() == written


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("learning_rate: 0.001", "learning_rate: 0.002", "recipes.notebook-mnist.learning_rate"),
        ("train_images: 1536", "train_images: 1500", "datasets.cifar10.train_images"),
        ("margin: 0.01", "margin: 0.02", "answer.margin"),
    ],
)
def test_an_answer_for_other_settings_is_refused(
    study: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, key: str
) -> None:
    shutil.copy(QUICKSTART / "dvc.lock", study)
    params = study / "params.yaml"
    assert main(["suggest"]) == 0
    params.write_text(params.read_text().replace(old, new))
    for arguments in (["suggest"], ["suggest", "--apply"], ["answer"]):
        capsys.readouterr()
        assert main(arguments) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err == (
            f"error: report/comparison/answer.csv: found an answer for other settings ({key}) than params.yaml has, "
            "run `dvc repro` first\n"
        )
    params.write_text(params.read_text().replace(new, old))
    assert main(["suggest"]) == 0


def test_a_budget_that_is_spent_ends_it(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (study / "params.yaml").read_text()
    answers(step=Step.LONGER, step_sizes="128 256")
    assert main(["suggest", "--apply", "--hours", "0.01"]) == 1
    assert "more than is left" in capsys.readouterr().out
    assert (study / "params.yaml").read_text() == before
    assert main(["suggest", "--apply", "--hours", "1"]) == 0
    assert (study / "params.yaml").read_text() != before


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([State.ENOUGH, State.LARGEST], "mnist, gaussian, width 32: decided, 128 latents are enough"),
        ([State.COLLAPSED, State.COLLAPSED], "The latents collapsed at every size: they carry no KL"),
        ([State.OVERFITTED, State.OVERFITTED], "No model beats always showing the mean image on test images"),
        ([State.UNDECIDED, State.LARGEST], "not decided, and no training is known that would decide it"),
    ],
)
def test_where_nothing_is_to_train_it_says_how_it_ended(
    study: Path, capsys: pytest.CaptureFixture[str], states: Sequence[State], expected: str
) -> None:
    answers()
    mnist = [row for row in read_answer() if row.dataset == "mnist"]
    rows = [replace(row, state=state) for row, state in zip(mnist, states, strict=True)]
    others = [row for row in read_answer() if row.dataset != "mnist"]
    files.save_csv(suggest.answer_file(), to_table(SizeAnswer, [*rows, *others]))
    assert main(["suggest", "--apply"]) == 1
    assert expected in capsys.readouterr().out


def test_without_checkpoints_it_says_what_that_costs(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answers(step=Step.LONGER, step_sizes="128 256")
    shutil.rmtree(paths.CHECKPOINTS)
    main(["suggest"])
    assert "There are no checkpoints in .checkpoints: more seeds or epochs mean training from the start" in (
        capsys.readouterr().out
    )


@pytest.mark.parametrize("apply", [[], ["--apply"]])
def test_the_total_is_that_of_what_fits(study: Path, capsys: pytest.CaptureFixture[str], apply: list[str]) -> None:
    answers(step=Step.SMALLER, step_sizes="32 64", doubling_gain=99.0)  # two variants, and more epochs for all
    assert main(["suggest", *apply]) == 0
    found = capsys.readouterr().out.splitlines()
    costs = [line.rpartition("about ")[2] for line in found if line[:2] in ("1.", "2.", "3.")]
    assert len(costs) == 3
    (total,) = [line.removeprefix("In all: about ") for line in found if line.startswith("In all")]
    assert in_seconds(total) == pytest.approx(sum(map(in_seconds, costs)), abs=90)  # minutes are rounded
    shutil.copy(QUICKSTART / "params.yaml", study / "params.yaml")
    (took,) = [line for line in found if line.startswith("Training took")]
    seconds = in_seconds(took.split("took ")[1].partition(" so far")[0])
    all_but_half_of_the_last = seconds + sum(map(in_seconds, costs)) - in_seconds(costs[-1]) / 2
    main(["suggest", "--hours", str(all_but_half_of_the_last / 3600)])
    shown = capsys.readouterr().out
    assert shown.count("more than is left") == 1
    assert shown.count(", for what fits") == 1


def in_seconds(said: str) -> float:
    number, unit = said.split()
    return float(number) * {"s": 1, "min": 60, "h": 3600}[unit]


def test_a_study_that_was_not_run_is_one_line(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    suggest.answer_file().unlink()
    assert main(["suggest"]) == 2
    assert capsys.readouterr().err.startswith("error: report/comparison/answer.csv: not found, expected from an ear")


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(12.4, "12 s"), (90, "2 min"), (3600, "60 min"), (5400, "1.5 h"), (35000, "9.7 h"), (4e6, "1,111 h")],
)  # fmt: skip
def test_durations_are_short(seconds: float, expected: str) -> None:
    assert suggest.duration(seconds) == expected


# --- edits of the file -----------------------------------------------------------------------------------------------

EDITS: list[Edit] = [
    NewVariant("mnist-z64", "mnist-z128", 64),
    NewVariant("cifar10-z32-c32", "cifar10-z16-c32", 32),
    NewVariant("cifar10-ae32", "cifar10-ae16", 32),
    MoreSeeds("notebook-mnist", (0, 1, 2)),
    MoreEpochs("report-cifar10", 12),
]


def test_a_new_variant_stands_beside_the_one_it_is_like(study: Path) -> None:
    """Also at the end of the section, where the blank line after it stays before the next section."""
    before = (study / "params.yaml").read_text()
    edit_params(EDITS[:3])
    after = (study / "params.yaml").read_text()
    names = list(load_study().variants)
    assert [names.index(new) - names.index(old) for new, old in (
        ("mnist-z64", "mnist-z128"), ("cifar10-z32-c32", "cifar10-z16-c32"), ("cifar10-ae32", "cifar10-ae16"),
    )] == [-1, 1, 1]  # fmt: skip
    assert all(line.startswith("+ ") and line != "+ " for line in changes(before, after))
    assert "beta: 0.0\n\njudge:" in after


def test_variants_on_one_line_stay_on_one_line(study: Path) -> None:
    text = (study / "params.yaml").read_text()
    start, end = text.index("  mnist-z128:"), text.index("  mnist-z256:")
    settings = ", ".join(line.strip() for line in text[start:end].splitlines()[1:])
    (study / "params.yaml").write_text(f"{text[:start]}  mnist-z128: {{{settings}}} # ours\n{text[end:]}")
    before = (study / "params.yaml").read_text()
    edit_params(EDITS[:1])
    (line,) = changes(before, (study / "params.yaml").read_text())
    assert line.startswith("+   mnist-z64: {dataset: mnist, ")


def test_anchors_stay_with_those_that_had_them(study: Path) -> None:
    text = (study / "params.yaml").read_text()
    start, end = text.index("  mnist-z256:"), text.index("  mnist-ae128:")
    text = f"{text[:start]}  mnist-z256: {{<<: *base, latent_dim: 256}}\n{text[end:]}"
    (study / "params.yaml").write_text(text.replace("  mnist-z128:\n", "  mnist-z128: &base\n"))
    settings = load_study().variants
    edit_params([EDITS[0], NewVariant("mnist-z512", "mnist-z256", 512)])
    after = load_study().variants
    assert {name: after[name] for name in settings} == settings
    assert (after["mnist-z64"].latent_dim, after["mnist-z512"].latent_dim) == (64, 512)


def test_an_edit_that_would_change_another_recipe_is_refused(study: Path) -> None:
    """Two recipes that are one to YAML: the file stays as it was."""
    text = (study / "params.yaml").read_text()
    text = text.replace("  notebook-mnist: {", "  notebook-mnist: &same {")
    start = text.index("  report-cifar10: {")
    text = f"{text[:start]}  report-cifar10: *same\n{text[text.index(chr(10), start) + 1 :]}"
    (study / "params.yaml").write_text(text)
    with pytest.raises(StudyError, match=r"^params\.yaml: found anchors that an edit changes for others, too"):
        edit_params([EDITS[3]])
    assert (study / "params.yaml").read_text() == text
    assert not list(study.glob("*.part"))


def test_a_params_yaml_that_cannot_be_written_is_one_line(study: Path) -> None:
    """As root can write anywhere, a folder stands where the new file would be."""
    (study / f".params.yaml.{os.getpid()}.part").mkdir()
    before = (study / "params.yaml").read_text()
    with pytest.raises(StudyError, match=r"^params\.yaml: cannot be written \(Is a directory\), expected a writable"):
        edit_params(EDITS[:1])
    assert (study / "params.yaml").read_text() == before


@pytest.mark.parametrize("folder", ["", "studies/quickstart", "studies/room"])
def test_comments_and_layout_of_our_studies_stay(folder: str, tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    shutil.copy(ROOT / folder / "params.yaml", path)
    before = path.read_text()
    edit_params([], path)
    assert path.read_text() == before
