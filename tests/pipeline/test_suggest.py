"""`elbowroom suggest --apply && dvc repro`, again and again, is a search in which nothing is trained twice."""

import re
from collections import Counter

import pytest

from elbowroom.core.files import load_csv
from elbowroom.core.params import load_study
from elbowroom.core.settings import Study
from tests.support.checkout import Checkout

pytestmark = pytest.mark.dvc
MOST = 8  # rounds; the budget ends it before
SUGGEST = 'python -m elbowroom suggest --apply --hours "$1" || [ $? = 1 ]'


def epochs_trained(output: str) -> Counter[tuple[str, int]]:
    """Count the epochs that a `dvc repro` trained, of each variant and seed, by what the stages say of themselves."""
    found: Counter[tuple[str, int]] = Counter()
    for stage in output.split("Running stage '")[1:]:
        if begun := re.search(r"^(\S+): seeds \[(.*)\], (\d+) epochs of", stage, re.MULTILINE):
            name, seeds, epochs = begun[1], [int(seed) for seed in begun[2].split(", ")], int(begun[3])
            behind = {
                int(seed): int(epoch) for seed, epoch in re.findall(r"seed (\d+): goes on after epoch (\d+) of", stage)
            }
            found.update({(name, seed): epochs - behind.get(seed, 0) for seed in seeds})
    return found


def wanted(study: Study) -> Counter[tuple[str, int]]:
    """The epochs of each seed of each variant that params.yaml asks for."""
    return Counter(
        {
            (name, seed): study.recipes[variant.recipe].epochs
            for name, variant in study.variants.items()
            for seed in study.recipes[variant.recipe].seeds
        }
    )


def seconds_spent(study: Checkout) -> float:
    tables = [load_csv(path, ["variant", "device", "torch"]) for path in study.path.glob("plots/*/cost.csv")]
    return float(sum(table.seconds.sum() for table in tables))


def two_sizes(params: dict) -> None:
    """Two variants that learn something from 96 images within a second, one seed each."""
    params["recipes"]["notebook-mnist"].update(epochs=4, batch_size=4, learning_rate=0.003)
    like = params["variants"]["mnist-z128"] | {"network": "report", "channels": 8, "beta": 0.05}
    params["variants"] = {f"mnist-z{name}": like | {"latent_dim": size} for name, size in ((128, 2), (256, 4))}


def repro(study: Checkout) -> Counter[tuple[str, int]]:
    """Train, evaluate and compare, and draw nothing, which takes longest. Return the epochs that were trained."""
    output = study.run("dvc", "repro", "--glob", "train@*", "evaluate@*")
    study.run("dvc", "repro", "--single-item", "compare")
    return epochs_trained(output)


def test_a_search_trains_nothing_twice(tiny: Checkout) -> None:
    """More seeds, then longer, until the budget is spent: the epochs trained in all are those asked for at the end."""
    tiny.edit(two_sizes)
    trained = repro(tiny)
    hours = 8 * seconds_spent(tiny) / 3600  # three seeds are 3 of these 8, for twice the epochs 6
    advice = []
    while "Written into params.yaml" in (said := tiny.run("sh", "-c", SUGGEST, "sh", str(hours))):
        advice.append(said)
        trained += repro(tiny)
        assert trained == wanted(load_study(tiny.path / "params.yaml"))
        assert len(advice) < MOST
    assert "1. recipe notebook-mnist: 3 seeds instead of 1" in advice[0]
    assert "more than is left" in said or "decided" in said
