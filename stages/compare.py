"""compare: metrics/, plots/ of all variants -> report/comparison/{published,curves}.csv and pictures side by side"""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from elbowroom import artifacts, figures
from elbowroom.cli import run
from elbowroom.config import load_study
from elbowroom.published import against_published

SIDE_BY_SIDE = {  # picture -> title, columns
    "reconstructions": ("Test images (first row of each) and their reconstructions", 1),
    "samples": ("Decoded from the same noise z ~ N(0, I)", 3),
    "interpolation": ("From one test image to another, on a straight line between their mu", 1),
    "interpolation-samples": ("On a straight line between two random latent vectors", 1),
}


def main() -> None:
    study = load_study()
    history = pd.concat([_table(name, "history.csv") for name in study.variants], ignore_index=True)
    metrics = {name: artifacts.load_json(artifacts.metrics_file(name)) for name in study.variants}
    curves = history.assign(dataset=[study.variants[name].dataset for name in history.variant])
    curves = curves.groupby(["dataset", "variant", "split", "epoch"], sort=False, as_index=False).mean(
        numeric_only=True
    )
    artifacts.save_csv(artifacts.comparison_file("curves.csv"), curves.drop(columns="seed").round(4))
    artifacts.save_csv(artifacts.comparison_file("published.csv"), against_published(study, metrics, history).round(6))
    for dataset in dict.fromkeys(variant.dataset for variant in study.variants.values()):
        names = [name for name, variant in study.variants.items() if variant.dataset == dataset]
        compare_pictures(dataset, names, history[history.variant.isin(names)], metrics)


def compare_pictures(dataset: str, names: list[str], history: pd.DataFrame, metrics: dict) -> None:
    pictures: dict[str, Figure] = {"curves": figures.compared_curves(history, f"Training on {dataset}")}
    for kind, (title, columns) in SIDE_BY_SIDE.items():
        read = {name: figures.read_picture(artifacts.plot_file(name, f"{kind}.png")) for name in names}
        pictures[kind] = figures.side_by_side(read, title, columns)
    maps = {}
    for name in names:
        table = _table(name, "map.csv")
        classes = sorted(set(table.label))
        numbers = np.array([classes.index(label) for label in table.label])
        maps[name] = (table[["pc1", "pc2"]].to_numpy(), numbers, metrics[name]["latent"]["pca_2d"])
    pictures["maps"] = figures.compared_maps(
        maps,
        classes,
        "mu of test images on its two principal components (and the share of its variance that they hold)",
    )
    for kind, picture in pictures.items():
        artifacts.write(artifacts.comparison_file(f"pictures/{dataset}-{kind}.png"), figures.picture_bytes(picture))


def _table(name: str, file: str) -> pd.DataFrame:
    return artifacts.load_csv(artifacts.plot_file(name, file))


if __name__ == "__main__":
    run(main)
