"""The pictures in report/comparison/pictures: charts of each loss family, and variants of each dataset side by side."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from elbowroom.comparison import charts
from elbowroom.comparison.answer import by_series
from elbowroom.comparison.answer_chart import answer_figure
from elbowroom.comparison.noise_chart import noise_figure
from elbowroom.core import paths
from elbowroom.core.settings import Study
from elbowroom.figures.colours import variant_colours
from elbowroom.figures.image_files import read_png
from elbowroom.figures.latent_maps import LatentMap, compared_maps
from elbowroom.figures.pictures import picture_grid
from elbowroom.results import tables
from elbowroom.results.families import LossFamily
from elbowroom.results.names import dataset_name, family_titles
from elbowroom.results.rows import SizeAnswer, TruncatedPoint
from elbowroom.results.schema import to_rows
from elbowroom.results.tables import Comparison, Measurements
from elbowroom.results.yardstick_rows import NoisePoint

MAPS_TITLE = "mu of test images on its two principal components (and the share of its variance that they hold)"


@dataclass(frozen=True)
class SideBySide:
    """How a picture of each variant is set beside those of the others."""

    title: str
    columns: int


SIDE_BY_SIDE = {
    "reconstructions": SideBySide("Test images (first row of each) and their reconstructions", 1),
    "samples": SideBySide("Decoded from the same noise z ~ N(0, I)", 3),
    "interpolation": SideBySide("From one test image to another, on a straight line between their mu", 1),
    "interpolation-samples": SideBySide("On a straight line between two random latent vectors", 1),
}


def compared_pictures(study: Study, measured: Measurements, comparison: Comparison) -> dict[str, Figure]:
    """Return the pictures by name: DATASET-KIND and FAMILY-KIND."""
    pictures: dict[str, Figure] = {}
    first_seeds = measured.seeds.drop_duplicates("variant")  # those that are mapped
    for dataset, own in first_seeds.groupby("dataset", sort=False):
        drawn = dataset_pictures(own.set_index("variant").pca_2d)
        pictures |= {f"{dataset}-{kind}": picture for kind, picture in drawn.items()}
    for dataset, table in comparison.noise.groupby("dataset", sort=False):
        title = f"{dataset_name(study, str(dataset))}: latents at each noise level"
        pictures[f"{dataset}-noise"] = noise_figure(to_rows(NoisePoint, table), title)
    for family, title in family_titles(study).items():
        drawn = family_charts(study, family, title, measured, comparison)
        pictures |= {f"{family.slug}-{kind}": picture for kind, picture in drawn.items()}
    return pictures


def dataset_pictures(shares: "pd.Series[float]") -> dict[str, Figure]:
    """Set the pictures that figures drew of a dataset's variants side by side, and draw their latent maps.

    shares: of each variant, the share of the variance of mu that its map shows.
    """
    names = list(shares.index)
    pictures: dict[str, Figure] = {}
    for kind, layout in SIDE_BY_SIDE.items():
        read = {name: read_png(paths.plot_file(name, f"{kind}.png")) for name in names}
        pictures[kind] = picture_grid(read, layout.title, layout.columns)
    points = {name: tables.latent_map(name) for name in names}
    classes = sorted(set().union(*(table.label for table in points.values())) - {""})  # none without labels
    maps = {}
    for name, table in points.items():
        labels = np.array([*map(classes.index, table.label)]) if classes else None
        maps[name] = LatentMap(table[["pc1", "pc2"]].to_numpy(), labels, shares[name])
    pictures["maps"] = compared_maps(maps, classes, MAPS_TITLE)
    return pictures


def family_charts(
    study: Study, family: LossFamily, title: str, measured: Measurements, comparison: Comparison
) -> dict[str, Figure]:
    """Draw the charts of a loss family, those of the KL only if it has a VAE."""
    colours = variant_colours(study)
    own = family.rows(comparison.variants)
    history = measured.history[measured.history.variant.isin(own.variant)]
    drawn: dict[str, Figure] = {}
    if series := by_series(to_rows(SizeAnswer, family.rows(comparison.answer))):
        drawn["answer"] = answer_figure(series, to_rows(TruncatedPoint, comparison.truncated), title)
    drawn["curves"] = charts.curves_figure(history, title, colours)
    vaes = own[[study.variants[name].model == "vae" for name in own.variant]]
    if len(vaes):
        drawn["plane"] = charts.plane_figure(vaes, family.rows(comparison.baselines), title, colours)
        spectra = measured.spectrum[measured.spectrum.variant.isin(vaes.variant)]
        drawn["spectrum"] = charts.spectra_figure(spectra, title, colours)
    points = family.rows(comparison.latents)
    if len(points):
        drawn["latents"] = charts.latents_figure(points, family.rows(comparison.elbows), title)
    return drawn
