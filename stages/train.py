"""train@<variant>: data/<dataset> -> models/<variant>/*.safetensors, plots/<variant>/{history,cost}.csv"""

import pandas as pd
import torch
from tqdm import tqdm

from elbowroom.core import files, paths
from elbowroom.core.device import choose_device, hardware
from elbowroom.core.params import load_study
from elbowroom.core.stage import run
from elbowroom.datasets.images import load_images
from elbowroom.training.allocator import keep_freed_memory
from elbowroom.training.loop import train
from elbowroom.vae.trained import TrainedVAE, save_evolution


def main(name: str) -> None:
    keep_freed_memory()
    study = load_study()
    variant = study.variant(name)
    recipe = study.recipes[variant.recipe]
    device = choose_device()
    images = load_images(variant.dataset, device)
    count = len(images.train.images)
    budget = f"seeds {recipe.seeds}, {recipe.epochs} epochs of {count} images"
    print(f"{name}: {budget}, on {hardware(device)}", flush=True)
    total = len(recipe.seeds) * recipe.epochs * count
    with tqdm(total=total, desc=f"train {name}", unit="img", disable=None) as progress:
        results = list(train(variant, recipe, images, recipe.seeds, progress, paths.CHECKPOINTS))
    for result in results:
        model = TrainedVAE(name, variant, result.seed, images.shape, result.model)
        model.save(paths.model_file(name, result.seed))
    save_evolution(paths.evolution_file(name), results[0].evolution, variant, results[0].seed)
    history = pd.DataFrame([row for result in results for row in result.history])
    files.save_csv(paths.plot_file(name, "history.csv"), history.assign(variant=name))
    costs = pd.DataFrame([{"variant": name, "seed": result.seed, **result.cost} for result in results])
    files.save_csv(paths.plot_file(name, "cost.csv"), costs.assign(torch=torch.__version__))


if __name__ == "__main__":
    run(main, "variant")
