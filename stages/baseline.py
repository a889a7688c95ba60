"""baseline@<dataset>: data/<dataset> -> metrics/baselines/<dataset>.csv"""

from elbowroom import artifacts, data
from elbowroom.baselines import baselines
from elbowroom.cli import run


def main(name: str) -> None:
    table = baselines(data.load(name, data.device()))
    table.insert(0, "dataset", name)
    artifacts.save_csv(artifacts.baselines_file(name), table.round(6))


if __name__ == "__main__":
    run(main, "dataset")
