"""prepare@<dataset>: published archives -> data/<dataset>.safetensors"""

from elbowroom.core import files, paths
from elbowroom.core.params import load_study
from elbowroom.core.stage import run
from elbowroom.datasets.prepare import prepare
from elbowroom.scheduler.budget import budgets


def main(name: str) -> None:
    study = load_study()
    names = [variant for variant, settings in study.variants.items() if settings.dataset == name]
    if names:
        print("To follow, unless DVC's cache has the result:", *budgets(study, names), sep="\n  ")
    arrays, header = prepare(name, study.dataset(name))
    files.save_arrays(paths.data_file(name), arrays, header)


if __name__ == "__main__":
    run(main, "dataset")
