"""baseline@<dataset>: data/<dataset> -> metrics/baselines/<dataset>.csv, <dataset>-{dimension,noise}.csv"""

from elbowroom.core import files, paths
from elbowroom.core.device import choose_device
from elbowroom.core.params import load_study
from elbowroom.core.stage import run
from elbowroom.datasets.images import load_images
from elbowroom.results.schema import to_table
from elbowroom.results.yardstick_rows import Dimension, NoiseLevel
from elbowroom.yardsticks.baselines import baselines
from elbowroom.yardsticks.intrinsic_dimension import dimensions
from elbowroom.yardsticks.noise_levels import noise_levels
from elbowroom.yardsticks.principal_components import principal_components


def main(name: str) -> None:
    load_study().dataset(name)
    images = load_images(name, choose_device())
    train = images.train.images.flatten(1)
    components = principal_components(train)
    files.save_csv(paths.baselines_file(name), baselines(name, images, components).round(6))
    files.save_csv(paths.dimension_file(name), to_table(Dimension, dimensions(name, train)).round(4))
    files.save_csv(
        paths.noise_file(name),
        to_table(NoiseLevel, noise_levels(name, components.spectrum, components.known_from)).round(10),
    )


if __name__ == "__main__":
    run(main, "dataset")
