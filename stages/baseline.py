"""baseline@<dataset>: data/<dataset> -> metrics/baselines/<dataset>.csv"""

from elbowroom.core import files, paths
from elbowroom.core.device import choose_device
from elbowroom.core.params import load_study
from elbowroom.core.stage import run
from elbowroom.datasets.images import load_images
from elbowroom.yardsticks.baselines import baselines


def main(name: str) -> None:
    load_study().dataset(name)
    table = baselines(name, load_images(name, choose_device()))
    files.save_csv(paths.baselines_file(name), table.round(6))


if __name__ == "__main__":
    run(main, "dataset")
