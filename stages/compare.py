"""compare: metrics/, plots/ of all variants -> report/comparison/*.csv, report/comparison/pictures/*.png"""

from elbowroom.comparison.pictures import compared_pictures
from elbowroom.comparison.summary import compare
from elbowroom.core import files, paths
from elbowroom.core.params import load_study
from elbowroom.core.stage import run
from elbowroom.figures.image_files import png_bytes
from elbowroom.results import tables
from elbowroom.scheduler.dvc_lock import prune


def main() -> None:
    study = load_study()
    measured = tables.measured(study)
    comparison = compare(study, measured)
    pictures = compared_pictures(study, measured, comparison)
    for path in prune(study):  # from here on, everything has been read and is as expected
        print(f"{path}: removed, params.yaml no longer has its variant or dataset")
    tables.save_comparison(comparison)
    for name, picture in pictures.items():
        files.write(paths.comparison_file(f"pictures/{name}.png"), png_bytes(picture))


if __name__ == "__main__":
    run(main)
