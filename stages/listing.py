"""listing@<dataset>: a folder of pictures -> listings/<dataset>.json, which changes if the folder does"""

from elbowroom.core import files, paths
from elbowroom.core.params import load_study
from elbowroom.core.stage import run
from elbowroom.datasets import folder_files


def main(name: str) -> None:
    found = folder_files.find(load_study().folders[name])
    files.save_json(paths.listing_file(name), folder_files.listing(found))


if __name__ == "__main__":
    run(main, "dataset")
