"""evaluate@<variant>: data/, models/{<variant>/,judge/} -> metrics/<variant>.*, plots/<variant>/*.csv"""

import numpy as np
import pandas as pd
from tqdm import tqdm

from elbowroom.core import files, paths
from elbowroom.core.device import choose_device
from elbowroom.core.params import load_study
from elbowroom.core.stage import run
from elbowroom.datasets.images import load_images
from elbowroom.evaluation.evaluate import evaluate, headline_metrics, pictures_decoded
from elbowroom.evaluation.truncated import CutDown
from elbowroom.vae.trained import load_model
from elbowroom.yardsticks.judge import load_judges


def main(name: str) -> None:
    study = load_study()
    variant = study.variant(name)
    seeds = study.recipes[variant.recipe].seeds
    device = choose_device()
    images = load_images(variant.dataset, device)
    judges = load_judges(paths.judge_file(variant.dataset), images.shape, device)
    total = len(seeds) * pictures_decoded(variant, images, study.evaluation)
    with tqdm(total=total, desc=f"evaluate {name}", unit="img", disable=None) as progress:
        measured = {}
        for seed in seeds:
            model = load_model(paths.model_file(name, seed), device, variant, seed)
            measured[seed] = evaluate(model, judges, images, study.evaluation, progress)
    table = pd.DataFrame([{"variant": name, "seed": seed, **result.metrics} for seed, result in measured.items()])
    files.save_csv(paths.seeds_file(name), table)
    files.save_json(paths.metrics_file(name), headline_metrics(table))
    spectra = [
        pd.DataFrame(
            {"variant": name, "seed": seed, "rank": np.arange(1, variant.latent_dim + 1), "kl": result.spectrum}
        )
        for seed, result in measured.items()
    ]
    files.save_csv(paths.plot_file(name, "spectrum.csv"), pd.concat(spectra).round(6))
    cut = [(name, seed, *part) for seed, result in measured.items() for part in result.truncated]  # an AE has none
    truncated = pd.DataFrame(cut, columns=["variant", "seed", *CutDown._fields])
    files.save_csv(paths.plot_file(name, "truncated.csv"), truncated.round(6))
    latent_map = pd.DataFrame(measured[seeds[0]].latent_map, columns=["pc1", "pc2"])
    latent_map["label"] = images.first_names(len(latent_map))
    files.save_csv(paths.plot_file(name, "map.csv"), latent_map.round(4))


if __name__ == "__main__":
    run(main, "variant")
