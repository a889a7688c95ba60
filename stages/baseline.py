"""baseline@<dataset>: data/<dataset> -> metrics/baselines/<dataset>.csv"""

from elbowroom import artifacts, data, paths
from elbowroom.baselines import baselines
from elbowroom.cli import run
from elbowroom.config import load_study


def main(name: str) -> None:
    load_study().dataset(name)
    table = baselines(data.load(name, data.device()))
    table.insert(0, "dataset", name)
    artifacts.save_csv(paths.baselines_file(name), table.round(6))


if __name__ == "__main__":
    run(main, "dataset")
