"""prepare@<dataset>: published archives -> data/<dataset>.safetensors"""

from elbowroom import artifacts, data
from elbowroom.cli import run
from elbowroom.config import load_study


def main(name: str) -> None:
    arrays, header = data.prepare(name, load_study().dataset(name))
    artifacts.save_arrays(artifacts.data_file(name), arrays, header)


if __name__ == "__main__":
    run(main, "dataset")
