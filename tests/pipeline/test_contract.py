"""The caching contract: which stages an edit runs, all of them by name, and no other. By DVC, on a tiny real study.

An edit of src/ or stages/ runs the stage `code` as well, which takes no time; that is said once, in `reran`.
"""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from elbowroom.core.pipeline import DATASET_STAGES
from tests.support import ROOT
from tests.support.checkout import PAGES, Checkout, Grown, of, ran

pytestmark = pytest.mark.dvc

NAMES = ["mnist-z128", "mnist-z256", "cifar10-ae16"]
SOURCES = ("../../src", "../../stages")
Edit = Callable[[Checkout], None]


def each(stage: str) -> set[str]:
    return {f"{stage}@{name}" for name in NAMES}


def of_dataset(name: str) -> set[str]:
    return {f"{stage}@{name}" for stage in DATASET_STAGES}


def params(change: Callable[[dict], object]) -> Edit:
    return lambda study: study.edit(change)


def rename(settings: dict) -> None:
    settings["variants"]["mnist-z8"] = settings["variants"].pop("mnist-z256")


def without_cifar10(settings: dict) -> None:
    del settings["datasets"]["cifar10"], settings["variants"]["cifar10-ae16"]


def append(path: str, text: str) -> Edit:
    def edit(study: Checkout) -> None:
        with (study.path / path).open("a") as file:
            file.write(text)

    return edit


def module_with(study: Checkout, text: str) -> Path:
    """The one module of the package that has this text in it."""
    (found,) = [path for path in (study.path / "src/elbowroom").glob("**/*.py") if text in path.read_text()]
    return found


def code(old: str, new: str) -> Edit:
    """Replace what stands in one module of the package."""

    def edit(study: Checkout) -> None:
        path = module_with(study, old)
        path.write_text(path.read_text().replace(old, new))

    return edit


def move(name: str, beside: str, old: str, new: str) -> Edit:
    """Move a function to the module with `beside` in it. Where it was, it is imported: `new` in place of `old`."""

    def edit(study: Checkout) -> None:
        source, target = module_with(study, f"def {name}("), module_with(study, beside)
        assert source != target
        text = source.read_text()
        start = text.index(f"def {name}(")
        end = text.find("\n\n\n", start) + 1 or len(text)
        rest = text[:start] + text[end:]
        assert old in rest
        source.write_text(rest.replace(old, new))
        target.write_text(target.read_text() + "\n\n" + text[start:end])

    return edit


def turn_imports_round(study: Checkout) -> None:
    path = module_with(study, "class SeedRun:")
    lines = path.read_text().splitlines()
    numbers = [number for number, line in enumerate(lines) if line.startswith("from elbowroom")]
    assert len(numbers) > 3
    for number, line in zip(numbers, [lines[number] for number in reversed(numbers)], strict=True):
        lines[number] = line
    path.write_text("\n".join(lines) + "\n")


def write_otherwise(study: Checkout) -> None:
    """The same settings: another order of keys, other whitespace, a comment, 1 for 1.0; and a module touched."""
    path = study.path / "params.yaml"
    settings = yaml.safe_load(path.read_text())
    assert settings["variants"]["mnist-z128"]["beta"] == 1.0
    settings["variants"]["mnist-z128"]["beta"] = 1
    text = yaml.safe_dump(settings, sort_keys=True, indent=8, default_flow_style=False)
    path.write_text(f"# a comment\n\n{text}\n\n")
    (study.path / "src/elbowroom/vae/model.py").touch()


ROWS: dict[str, tuple[Edit, set[str]]] = {
    "a variant's latent_dim": (
        params(lambda p: p["variants"]["mnist-z128"].update(latent_dim=12)),
        of("mnist-z128"),
    ),
    "a network's layers": (
        params(lambda p: p["networks"]["report"]["encoder"].append([4, 3, 1])),
        of("cifar10-ae16"),
    ),
    # It looks whether the networks are the published ones.
    "a network that no variant has": (params(lambda p: p["networks"]["deep"].update(start=8)), {"compare"}),
    "a recipe's learning_rate": (
        params(lambda p: p["recipes"]["notebook-mnist"].update(learning_rate=0.002)),
        of("mnist-z128", "mnist-z256"),
    ),
    "a seed added": (
        params(lambda p: p["recipes"]["report-cifar10"].update(seeds=[0, 1])),
        of("cifar10-ae16"),
    ),
    "an evaluation setting": (
        params(lambda p: p["evaluation"].update(map_images=30)),
        each("evaluate") | PAGES,
    ),
    "a figure setting": (
        params(lambda p: p["figures"].update(images=3)),
        each("figures") | PAGES,
    ),
    "a setting of the page's explorer": (
        params(lambda p: p["figures"].update(explorer_grid=3)),
        each("explore") | {"report", "notebook"},
    ),
    "the margin of the answer": (params(lambda p: p["answer"].update(margin=0.02)), PAGES),
    "a dataset's setting": (
        params(lambda p: p["datasets"]["cifar10"].update(train_images=64)),
        of("cifar10-ae16") | of_dataset("cifar10"),
    ),
    "a setting of the judges": (
        params(lambda p: p["judge"].update(epochs=2)),
        {"judge@mnist", "judge@cifar10"} | PAGES | each("evaluate"),
    ),
    "a dataset removed, with its variants": (params(without_cifar10), PAGES),
    "the title": (params(lambda p: p.update(title="Another title")), {"report", "notebook"}),
    "a word in the notebook": (append("src/elbowroom/notebook/result_cells.py", "# and more\n"), {"notebook"}),
    "the report's template": (append("src/elbowroom/report/templates/README.md.j2", "\nmore\n"), {"report"}),
    # Checkpoints are good still: all of it, the seconds that it took included, comes from them.
    "how often training shows its loss": (code("SHOWN = 20 ", "SHOWN = 25 "), each("train")),
    # Where a stage's results come out the same, nothing after it runs.
    "a change of no consequence": (
        lambda study: edit_script(study, "baseline", "components).round(6)", "components).round(6).copy()"),
        {"baseline@mnist", "baseline@cifar10"},
    ),
}


OF_NO_CONSEQUENCE: list[Edit] = [
    write_otherwise,
    append("stages/evaluate.py", "# a comment\n"),
    code("def train_step(\n", "# a comment\ndef train_step(\n"),  # above the training step
    code('"""One seed in training.\n', '"""One seed, as it is trained.\n'),
    turn_imports_round,
    move("warmed_up", "class Adam:", "import Adam\n", "import Adam, warmed_up\n"),
    move(
        "kl",
        "def slerp(",
        "from elbowroom.vae.model",
        "from elbowroom.vae.latent_space import kl\nfrom elbowroom.vae.model",
    ),
    code("class SeedRun:\n", "def unused() -> int:\n    return 1\n\n\nclass SeedRun:\n"),
]


def edit_script(study: Checkout, stage: str, old: str, new: str) -> None:
    path = study.path / f"stages/{stage}.py"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def reran(study: Checkout) -> set[str]:
    """The stages that an edit concerns, but for `code`, which runs if and only if code was edited."""
    stages = study.planned()
    assert ("code" in stages) == bool(study.run("git", "diff", "--name-only", "--", *SOURCES))
    return stages - {"code"}


def put_back(study: Checkout) -> None:
    study.run("git", "checkout", "-q", "params.yaml", *SOURCES)
    assert study.repro("--single-item", "code") <= {"code"}
    assert study.run("git", "diff", "--name-only", "code") == ""


def test_the_first_run_and_a_variant_and_a_dataset_added(grown: Grown) -> None:
    assert grown.ran == [
        {"code"} | of("mnist-z128") | of_dataset("mnist"),
        of("mnist-z256"),
        of("cifar10-ae16") | of_dataset("cifar10"),
    ]


def test_with_no_edit_nothing_runs(tiny: Checkout) -> None:
    assert tiny.repro() == set()
    assert "up to date" in tiny.run("dvc", "status")


@pytest.mark.parametrize("row", ROWS)
def test_an_edit_runs_these_stages(tiny: Checkout, row: str) -> None:
    edit, expected = ROWS[row]
    edit(tiny)
    assert reran(tiny) == expected


def test_edits_of_no_consequence_run_nothing(tiny: Checkout) -> None:
    """All of them in one run."""
    for edit in OF_NO_CONSEQUENCE:
        edit(tiny)
    assert reran(tiny) == set()


def test_put_back_results_are_restored(tiny: Checkout) -> None:
    """From DVC's run cache: of code (a constant of the figures), of settings, and of a variant renamed.

    The notebook, too. Only compare runs: it removes what the other name left.
    """
    code("\nGAP = 6 ", "\nGAP = 7 ")(tiny)
    tiny.edit(rename)
    tiny.edit(lambda p: p["variants"]["mnist-z128"].update(latent_dim=12))
    assert tiny.repro() == {"code"} | {"figures@cifar10-ae16"} | of("mnist-z128", "mnist-z8")
    put_back(tiny)
    assert tiny.repro() == {"compare"}
    assert_all_is_as_it_was(tiny)


def assert_all_is_as_it_was(study: Checkout) -> None:
    """Every result, to the byte; only the order of dvc.lock may be another."""
    changes = study.changes()
    assert set(re.findall(r"\S+$", changes, re.MULTILINE)) <= {"studies/quickstart/dvc.lock"}, changes


def leave_out(settings: dict, name: str) -> None:
    del settings["variants"][name]
    settings["answer"]["left_out"] = {name: "diverged in epoch 1"}


def test_a_variant_left_out_is_named_and_leaves_nothing_behind(tiny: Checkout) -> None:
    """After its training failed, so that it lacks what DVC deleted before. The others are reported."""
    name = "mnist-z256"
    (tiny.path / f"plots/{name}/history.csv").unlink()
    tiny.edit(lambda p: leave_out(p, name))
    output = tiny.run("dvc", "repro", "report")
    assert ran(output) == PAGES - {"notebook"}
    assert f"metrics/{name}.json: removed, params.yaml no longer has its variant or dataset" in output
    assert [path for path in tiny.path.rglob(f"*{name}*") if ".dvc" not in path.parts] == []
    for page in ("report/index.html", "report/README.md"):  # where the published claims name it still
        text = (tiny.path / page).read_text()
        assert f"plots/{name}/" not in text
        assert f"#{name}" not in text
        assert text.index(f"without {name} (diverged in epoch 1)") < text.index(
            "<table" if "html" in page else "| variant"
        )
    assert name not in (tiny.path / "report/comparison/curves.csv").read_text()
    assert name not in tiny.run("dvc", "metrics", "show")
    tiny.run("dvc", "plots", "show")
    assert f'"variant": "{name}"' not in (tiny.path / "dvc_plots/index.html").read_text()
    tiny.run("git", "checkout", "-q", "params.yaml")
    assert tiny.repro() == set()


def test_deleted_results_are_restored(tiny: Checkout) -> None:
    for name in ("models", "data", "metrics", "plots", "animations", "report"):
        tiny.run("rm", "-r", name)
    for path in (tiny.path / "explorer").glob("*.safetensors"):
        path.unlink()
    assert tiny.repro() == set()
    tiny.run("git", "checkout", "-q", "models/explorer/.gitkeep")
    assert_all_is_as_it_was(tiny)


def test_a_deleted_lock_is_made_anew_from_the_run_cache(tiny: Checkout) -> None:
    (tiny.path / "dvc.lock").unlink()
    assert tiny.repro() == {"code"}
    assert (tiny.path / "dvc.lock").is_file()


def test_a_stage_refuses_to_run_other_code_than_dvc_knows_of(tiny: Checkout) -> None:
    """Else DVC would keep the new code's result as that of the old code, and restore it as such for ever."""
    put_back(tiny)
    model = tiny.path / "models/mnist-z128/seed-0.safetensors"
    before = model.read_bytes()
    code("MAP_IMAGES = 1000", "MAP_IMAGES = 10")(tiny)
    tiny.edit(lambda p: p["variants"]["mnist-z128"].update(beta=3.0))
    output = tiny.run("dvc", "repro", "--single-item", "train@mnist-z128", status=255)
    (line,) = [line for line in output.splitlines() if line.startswith("error: ")]
    assert line.startswith("error: code/train.json: found the digests of other code")
    assert "`dvc repro`" in line
    assert "`dvc checkout`" in line
    assert not model.exists()
    tiny.run("git", "checkout", "-q", "params.yaml", *SOURCES)
    tiny.run("dvc", "checkout")
    assert model.read_bytes() == before
    assert tiny.repro() == set()


def test_code_with_a_syntax_error_leaves_the_digests(tiny: Checkout) -> None:
    append("stages/train.py", "def broken(:\n")(tiny)
    output = tiny.run("dvc", "repro", status=255)
    assert re.search(r"^error: .*stages/train.py: found no Python \(invalid syntax ", output, re.MULTILINE)
    tiny.run("git", "checkout", "-q", *SOURCES)
    assert tiny.run("git", "status", "--porcelain", "code") == ""
    assert tiny.repro() == set()


def test_stages_side_by_side_are_planned_by_what_the_code_does(tiny: Checkout) -> None:
    command = ("env", f"PYTHONPATH={ROOT / 'src'}", "python", "-m", "elbowroom.scheduler.local", "--jobs", "2")
    code("class SeedRun:\n", "# a comment\nclass SeedRun:\n")(tiny)
    output = tiny.run(*command)
    assert ran(output) == {"code"}
    assert output.endswith("Nothing to run: every stage is up to date\n")
    put_back(tiny)
    assert tiny.run(*command) == "Nothing to run: every stage is up to date\n"


def test_a_deleted_folder_of_the_explorer_is_restored(tiny: Checkout) -> None:
    """By `make repro`; a link leads there, and DVC alone fails if it leads nowhere."""
    shutil.rmtree(tiny.path / "explorer")
    tiny.run("env", f"PYTHONPATH={ROOT / 'src'}", "python", "-m", "elbowroom.scheduler.local", "--jobs", "2")
    tiny.run("git", "checkout", "-q", "explorer/.gitkeep")
    assert tiny.run("git", "status", "--porcelain", "explorer") == ""
