"""evaluate@<variant>: data/<dataset>, models/<variant>/ -> metrics/<variant>.json, plots/<variant>/{seeds,map}.csv"""

import pandas as pd
from tqdm import tqdm

from elbowroom import artifacts, data
from elbowroom.cli import run
from elbowroom.config import load_study
from elbowroom.evaluation import evaluate, mean_over_seeds
from elbowroom.model import load_model


def main(name: str) -> None:
    study = load_study()
    variant = study.variant(name)
    seeds = study.recipes[variant.recipe].seeds
    where = data.device()
    images = data.load(variant.dataset, where)
    cost = artifacts.load_json(artifacts.cost_file(name))
    measured: list[dict[str, dict[str, float]]] = []
    rows = []
    total = len(seeds) * (len(images.test.images) + len(images.train.images))
    with tqdm(total=total, desc=f"evaluate {name}", unit="img", disable=None) as progress:
        for seed in seeds:
            model = load_model(artifacts.model_file(name, seed), variant, images.shape, where)
            metrics, coordinates = evaluate(variant, model, images, seed, study.evaluation, progress)
            metrics["cost"]["seconds"] = cost["seconds"][str(seed)]
            if not measured:
                latent_map = pd.DataFrame(coordinates, columns=["pc1", "pc2"])
            measured.append(metrics)
            flat = {f"{group}_{key}": value for group, values in metrics.items() for key, value in values.items()}
            rows.append({"variant": name, "seed": seed, **flat, "device": cost["device"], "torch": cost["torch"]})
    latent_map["label"] = [images.classes[label] for label in images.test.labels[: len(latent_map)].tolist()]
    artifacts.save_json(artifacts.metrics_file(name), mean_over_seeds(measured))
    artifacts.save_csv(artifacts.plot_file(name, "seeds.csv"), pd.DataFrame(rows))
    artifacts.save_csv(artifacts.plot_file(name, "map.csv"), latent_map.round(4))


if __name__ == "__main__":
    run(main, "variant")
