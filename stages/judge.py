"""judge@<dataset>: data/<dataset> -> models/judge/<dataset>.safetensors, metrics/judge/<dataset>.csv"""

import pandas as pd
from tqdm import tqdm

from elbowroom.core import files, paths
from elbowroom.core.device import choose_device, hardware
from elbowroom.core.params import load_study
from elbowroom.core.stage import run
from elbowroom.datasets.images import load_images
from elbowroom.yardsticks.judge import save_judge, train_judge


def main(name: str) -> None:
    study = load_study()
    study.dataset(name)
    settings = study.judge
    device = choose_device()
    images = load_images(name, device)
    count = len(images.train.images)
    print(f"judge of {name}: {settings.epochs} epochs of {count} images, on {hardware(device)}", flush=True)
    with tqdm(total=settings.epochs * count, desc=f"judge {name}", unit="img", disable=None) as progress:
        judge, history = train_judge(images, settings, progress)
    save_judge(paths.judge_file(name), judge, settings)
    table = pd.DataFrame(history)
    table.insert(0, "dataset", name)
    files.save_csv(paths.judge_history_file(name), table)


if __name__ == "__main__":
    run(main, "dataset")
