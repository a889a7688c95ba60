"""judge@<dataset>: data/<dataset> -> models/judge/<dataset>.safetensors, metrics/judge/<dataset>.csv"""

import pandas as pd
from tqdm import tqdm

from elbowroom.core import files, paths
from elbowroom.core.device import choose_device, hardware
from elbowroom.core.params import load_study
from elbowroom.core.stage import run
from elbowroom.datasets.images import load_images
from elbowroom.results.dataset_tables import JUDGE
from elbowroom.yardsticks.judge import SEEDS, Judges, save_judges, save_no_judges, train_judge


def main(name: str) -> None:
    study = load_study()
    study.dataset(name)
    settings = study.judge
    device = choose_device()
    images = load_images(name, device)
    if not images.tells_apart:
        print(f"judges of {name}: none, it has no classes to tell apart")
        save_no_judges(paths.judge_file(name))
        files.save_csv(paths.judge_history_file(name), pd.DataFrame(columns=list(JUDGE.columns)))
        return
    count = len(images.train.images)
    print(f"judges of {name}: 2 x {settings.epochs} epochs of {count} images, on {hardware(device)}", flush=True)
    with tqdm(total=2 * settings.epochs * count, desc=f"judge {name}", unit="img", disable=None) as progress:
        (first, history), (second, again) = (train_judge(images, settings, seed, progress) for seed in SEEDS)
    save_judges(paths.judge_file(name), Judges(first, second), settings)
    table = pd.DataFrame(history)
    table.insert(0, "dataset", name)
    table["second_test_accuracy"] = [epoch["test_accuracy"] for epoch in again]
    files.save_csv(paths.judge_history_file(name), table)


if __name__ == "__main__":
    run(main, "dataset")
