"""prepare@<dataset>: published archives, or a folder -> data/<dataset>.safetensors, metrics/datasets/<dataset>.csv"""

from elbowroom.core import files, paths
from elbowroom.core.params import load_study
from elbowroom.core.stage import run
from elbowroom.datasets.prepare import prepare
from elbowroom.results.dataset_tables import ImageCount, image_counts
from elbowroom.results.schema import to_table
from elbowroom.scheduler.budget import budgets


def main(name: str) -> None:
    study = load_study()
    names = [variant for variant, settings in study.variants.items() if settings.dataset == name]
    if names:
        print("To follow, unless DVC's cache has the result:", *budgets(study, names), sep="\n  ")
    arrays, header, counts = prepare(name, study.dataset(name), study.folders.get(name, ""))
    files.save_arrays(paths.data_file(name), arrays, header)
    files.save_csv(paths.images_file(name), to_table(ImageCount, image_counts(name, counts)))


if __name__ == "__main__":
    run(main, "dataset")
