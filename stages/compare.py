"""compare: metrics/, plots/ of all variants -> report/comparison/*.csv, and pictures side by side"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from elbowroom import artifacts, figures
from elbowroom.cli import run
from elbowroom.config import Study, load_study
from elbowroom.lock import prune
from elbowroom.published import against_published

SIDE_BY_SIDE = {  # picture -> title, columns
    "reconstructions": ("Test images (first row of each) and their reconstructions", 1),
    "samples": ("Decoded from the same noise z ~ N(0, I)", 3),
    "interpolation": ("From one test image to another, on a straight line between their mu", 1),
    "interpolation-samples": ("On a straight line between two random latent vectors", 1),
}


def main() -> None:
    study = load_study()
    for path in prune(study):
        print(f"{path}: removed, of a variant that params.yaml no longer has")
    history = _tables(study, lambda name: artifacts.plot_file(name, "history.csv"))
    spectrum = _tables(study, lambda name: artifacts.plot_file(name, "spectrum.csv"))
    spectrum = spectrum[[study.variants[name].model == "vae" for name in spectrum.variant]]  # others have no KL
    variants = _means(_tables(study, artifacts.seeds_file), []).astype({"parameters": int})
    tables = {
        "variants.csv": variants,
        "curves.csv": _means(history, ["split", "epoch"]).round(4),
        "spectrum.csv": _means(spectrum, ["rank"]).round(6),
        "published.csv": against_published(study, variants.set_index("variant"), history).round(6),
    }
    for file, table in tables.items():
        artifacts.save_csv(artifacts.comparison_file(file), table)
    for dataset, ours in variants.groupby("dataset", sort=False):
        compare_pictures(study, str(dataset), history[history.dataset == dataset], ours.set_index("variant").pca_2d)


def _tables(study: Study, path: Callable[[str], Path]) -> pd.DataFrame:
    """The tables of all variants below each other, with their dataset."""
    tables = [artifacts.load_csv(path(name)).assign(dataset=v.dataset) for name, v in study.variants.items()]
    return pd.concat(tables, ignore_index=True)


def _means(table: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Means over seeds."""
    keys = ["dataset", "variant", *keys]
    return table.drop(columns="seed").groupby(keys, sort=False, as_index=False).mean()


def compare_pictures(study: Study, dataset: str, history: pd.DataFrame, shares: "pd.Series[float]") -> None:
    """Pictures of the variants of a dataset; shares: the share of variance that each one's map shows."""
    names = list(shares.index)
    colours = figures.variant_colours(study.variants)
    pictures: dict[str, Figure] = {"curves": figures.compared_curves(history, f"Training on {dataset}", colours)}
    for kind, (title, columns) in SIDE_BY_SIDE.items():
        read = {name: figures.read_picture(artifacts.plot_file(name, f"{kind}.png")) for name in names}
        pictures[kind] = figures.side_by_side(read, title, columns)
    maps = {}
    for name in names:
        table = artifacts.load_csv(artifacts.plot_file(name, "map.csv"))
        classes = sorted(set(table.label))
        numbers = np.array([classes.index(label) for label in table.label])
        maps[name] = (table[["pc1", "pc2"]].to_numpy(), numbers, shares[name])
    pictures["maps"] = figures.compared_maps(
        maps,
        classes,
        "mu of test images on its two principal components (and the share of its variance that they hold)",
    )
    for kind, picture in pictures.items():
        artifacts.write(artifacts.comparison_file(f"pictures/{dataset}-{kind}.png"), figures.picture_bytes(picture))


if __name__ == "__main__":
    run(main)
