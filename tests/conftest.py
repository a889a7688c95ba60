"""What tests share. Data is real: from ELBOWROOM_MIRROR, or downloaded once to the user's cache folder."""

import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

if workers := os.environ.get("PYTEST_XDIST_WORKER_COUNT"):  # before torch: more threads than cores slow each other down
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // int(workers))))

import pytest
import torch
import yaml
from playwright.sync_api import Browser, Page, Route, sync_playwright
from preloaded import preloaded_python

from elbowroom.comparison.published import load_published
from elbowroom.core.params import load_study
from elbowroom.core.pipeline import STUDY_STAGES, VARIANT_STAGES
from elbowroom.core.settings import Dataset, Evaluation, Recipe, Study, Variant
from elbowroom.datasets.images import Images, Split
from elbowroom.datasets.prepare import prepare

ROOT = Path(__file__).parent.parent
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = ("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
QUIET += ("--disable-component-update", "--disable-sync")


if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background, and so by what tests start


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes minutes first, so that no worker is left alone with it."""
    items.sort(key=lambda item: "dvc" not in item.keywords)


CPU = torch.device("cpu")


def with_published_recipes() -> Study:
    """The root study, its published variants trained for as long as they were, and in float32."""
    study = load_study(ROOT / "params.yaml")
    recipes = {
        study.variants[name].recipe: table["budget"]["epochs"]
        for table in load_published().values()
        for name in table["variants"]
    }
    longer = {
        name: study.recipes[name].model_copy(update={"epochs": epochs, "precision": "high"})
        for name, epochs in recipes.items()
    }
    return study.model_copy(update={"recipes": study.recipes | longer})


@pytest.fixture(scope="session")
def published() -> dict[str, Images]:
    """Both datasets, whole, as prepare makes them."""
    sizes = {"mnist": (60_000, 10_000), "cifar10": (50_000, 10_000)}
    return {name: _images(name, Dataset(train_images=a, test_images=b)) for name, (a, b) in sizes.items()}


def _images(name: str, settings: Dataset) -> Images:
    arrays, header = prepare(name, settings)
    tensors = {key: torch.from_numpy(array) for key, array in arrays.items()}
    splits = [Split(tensors[f"{split}_images"], tensors[f"{split}_labels"]) for split in ("train", "test")]
    return Images(*splits, classes=header["classes"])


@pytest.fixture(scope="session")
def small(published: dict[str, Images]) -> dict[str, Images]:
    """The first images of both: 300 to train, 130 to test, so that last batches are smaller."""
    return {
        name: Images(
            Split(*(part[:300] for part in images.train)),
            Split(*(part[:130] for part in images.test)),
            images.classes,
        )
        for name, images in published.items()
    }


def variant(**changes: object) -> Variant:
    """A small VAE on MNIST, as the notebook has it, with some settings changed."""
    settings: dict[str, object] = {
        "dataset": "mnist",
        "recipe": "notebook-mnist",
        "model": "vae",
        "network": "notebook",
        "channels": 4,
        "latent_dim": 6,
        "likelihood": "gaussian",
        "pixel_range": [-1, 1],
        "beta": 1.0,
    }
    return Variant.model_validate(settings | changes)


def cifar_variant(**changes: object) -> Variant:
    """A small VAE on CIFAR-10, as the report has it."""
    report = {"dataset": "cifar10", "network": "report", "likelihood": "bernoulli", "pixel_range": [0, 1]}
    return variant(**(report | changes))


EVALUATION = Evaluation(
    batch_size=50,
    map_images=100,
    iwae_images=10,
    iwae_samples=[1, 5, 10],
    sample_images=130,
    probe_images=300,
    path_pairs=4,
    path_steps=5,
)


def recipe(**changes: object) -> Recipe:
    settings: dict[str, object] = {
        "epochs": 2,
        "batch_size": 64,
        "learning_rate": 0.001,
        "warmup_epochs": 0,
        "precision": "high",
        "seeds": [0],
    }
    return Recipe.model_validate(settings | changes)


# --- a tiny study, run by DVC --------------------------------------------------------------------------------------


class Checkout(NamedTuple):
    """A study's folder in a git checkout of its own, and the folder that its `python` is in."""

    path: Path
    python: Path

    def run(self, *command: str, status: int = 0) -> str:
        """Run a command there, as after `source .venv/bin/activate`; return what it printed."""
        binaries = str(Path(sys.executable).parent)
        environment = os.environ | {"PATH": f"{self.python}:{binaries}:{os.environ['PATH']}", "COLUMNS": "120"}
        environment |= {f"GIT_{who}_{what}": "t" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        done = subprocess.run(command, cwd=self.path, env=environment, capture_output=True, text=True)  # noqa: S603
        output = done.stdout + done.stderr
        assert done.returncode == status, output
        return output

    def repro(self, *arguments: str) -> set[str]:
        """`dvc repro`: the stages that it ran, by name."""
        return ran(self.run("dvc", "repro", *arguments))

    def edit(self, change: Callable[[dict], object]) -> None:
        """Change params.yaml."""
        path = self.path / "params.yaml"
        params = yaml.safe_load(path.read_text())
        change(params)
        path.write_text(yaml.safe_dump(params, sort_keys=False))

    def commit(self) -> None:
        self.run("git", "add", "-A")
        self.run("git", "commit", "-qm", "a step")

    def changes(self) -> str:
        """What differs from the last commit, as git has it."""
        return self.run("git", "status", "--porcelain", "--untracked-files=all")

    def copy(self, folder: Path) -> "Checkout":
        """The whole checkout again, with DVC's cache."""
        checkout = self.path.parent.parent
        shutil.copytree(checkout, folder / "checkout", symlinks=True)
        return self._replace(path=folder / "checkout" / self.path.relative_to(checkout))


def ran(output: str) -> set[str]:
    """The stages that `dvc repro` ran, by name."""
    return set(re.findall(r"^Running stage '(.+)':$", output, re.MULTILINE))


PAGES = set(STUDY_STAGES)


def of(*variants: str) -> set[str]:
    """The stages that a change of these variants runs."""
    return {f"{stage}@{name}" for name in variants for stage in VARIANT_STAGES} | PAGES


class Grown(NamedTuple):
    """A study that grew by a variant, then by a dataset, and what ran each time."""

    checkout: Checkout
    ran: list[set[str]]


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a `python` that starts fast."""
    with preloaded_python(tmp_path_factory.mktemp("python")) as folder:
        yield folder


@pytest.fixture(scope="session")
def grown(tmp_path_factory: pytest.TempPathFactory, python: Path) -> Grown:
    """A checkout whose studies/quickstart is tiny: 96 real images of a dataset, one epoch.

    Tests work in copies of it. Of pytest's workers the first that needs it makes it, and the others wait.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    steps = shared / "grown.json"
    with (shared / "grown.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        checkout = Checkout(shared / "grown/studies/quickstart", python)
        if not steps.is_file():
            ran_then = [sorted(stages) for stages in grow(checkout)]
            steps.write_text(json.dumps(ran_then))
    return Grown(checkout, [set(stages) for stages in json.loads(steps.read_text())])


def grow(tiny: Checkout) -> list[set[str]]:
    """Make the checkout, by a variant and a dataset at a time; return what DVC ran each time."""
    folder, checkout = tiny.path, tiny.path.parent.parent
    for name in ("src", "stages", ".dvc/plots"):
        shutil.copytree(ROOT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in (".dvcignore", ".gitignore", ".dvc/config", ".dvc/.gitignore"):
        shutil.copy(ROOT / name, checkout / name)
    (folder / ".dvc").mkdir(parents=True)
    for name in ("dvc.yaml", "src", "stages", "pages", ".dvcignore", ".dvc/config", ".dvc/.gitignore", ".dvc/plots"):
        shutil.copy(ROOT / "studies/quickstart" / name, folder / name, follow_symlinks=False)
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    variants = params["variants"]
    for recipe in params["recipes"].values():
        recipe.update(epochs=1, batch_size=32, seeds=[0])
    params["evaluation"] = EVALUATION.model_dump() | {"map_images": 40}
    params["datasets"] = {"mnist": {"train_images": 96, "test_images": 40}}
    params["variants"] = {"mnist-z128": variants["mnist-z128"] | {"channels": 4}}
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    subprocess.run(["git", "init", "-q", str(checkout)], check=True)  # noqa: S603, S607
    steps = [tiny.repro()]
    tiny.edit(lambda p: p["variants"].update({"mnist-z256": variants["mnist-z256"] | {"channels": 4}}))
    steps.append(tiny.repro())
    tiny.edit(lambda p: p["datasets"].update(cifar10=p["datasets"]["mnist"].copy()))
    tiny.edit(lambda p: p["variants"].update({"cifar10-ae16": variants["cifar10-ae16"] | {"channels": 4}}))
    steps.append(tiny.repro())
    tiny.commit()
    return steps


@pytest.fixture(scope="module")
def tiny(grown: Grown, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A copy of the grown study, one for each test module."""
    return grown.checkout.copy(tmp_path_factory.mktemp("tiny"))


# --- pages in a browser --------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUM)), None)
    if not path:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no Chromium: install it, or set CHROMIUM to its path")
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=path, args=QUIET)


def opened(
    browser: Browser, path: Path, levels: tuple[str, ...] = ("error", "warning"), **options: Any
) -> tuple[Page, list[str]]:
    """The page from disk; and what should stay empty: requests, errors, what its console says at these levels."""
    page = browser.new_page(**options)
    page.set_default_timeout(60_000)  # machines can be busy
    wrong: list[str] = []

    def refuse(route: Route) -> None:
        wrong.append(f"request: {route.request.url}")
        route.abort()

    page.route(re.compile("^(?!file:|data:)"), refuse)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type in levels else None)
    page.goto(path.as_uri())
    return page, wrong
