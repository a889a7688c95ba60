"""compare: metrics/, plots/ of all variants -> report/comparison/*.csv, and pictures side by side"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from elbowroom.comparison import charts, summary
from elbowroom.comparison.claims import audit
from elbowroom.comparison.pairs import comparisons
from elbowroom.comparison.published import against_published
from elbowroom.core import files, paths
from elbowroom.core.params import load_study
from elbowroom.core.settings import Study
from elbowroom.core.stage import run
from elbowroom.figures.colours import of_variants
from elbowroom.figures.image_files import png_bytes, read_png
from elbowroom.figures.latent_maps import LatentMap, compared_maps
from elbowroom.figures.pictures import side_by_side
from elbowroom.results import tables
from elbowroom.scheduler.dvc_lock import prune

SIDE_BY_SIDE = {  # picture -> title, columns
    "reconstructions": ("Test images (first row of each) and their reconstructions", 1),
    "samples": ("Decoded from the same noise z ~ N(0, I)", 3),
    "interpolation": ("From one test image to another, on a straight line between their mu", 1),
    "interpolation-samples": ("On a straight line between two random latent vectors", 1),
}


def main() -> None:
    study = load_study()
    seeds, history, spectrum = (_tables(study, read) for read in (tables.seeds, tables.history, tables.spectrum))
    spectrum = spectrum[[study.variants[name].model == "vae" for name in spectrum.variant]]  # others have no KL
    baselines = pd.concat([tables.baselines(study, name) for name in study.datasets])
    variants = summary.summary(study, seeds, baselines)
    written = {
        "variants.csv": variants,
        "baselines.csv": summary.shown_baselines(study, baselines),
        "differences.csv": comparisons(study, seeds, summary.COMPARED),
        "latents.csv": summary.by_latents(study, seeds, baselines),
        "elbows.csv": summary.elbows(study, seeds),
        "claims.csv": audit(study, seeds),
        "curves.csv": _means(history, ["split", "epoch"]).round(4),
        "spectrum.csv": _means(spectrum, ["rank"]),
        "published.csv": against_published(study, variants.set_index("variant"), history),
    }
    colours = of_variants(study)
    pictures: dict[str, Figure] = {}
    first = seeds.drop_duplicates("variant")  # the seed that is mapped
    for dataset, ours in first.groupby("dataset", sort=False):
        compared = compare_pictures(ours.set_index("variant").pca_2d)
        pictures |= {f"{dataset}-{kind}": picture for kind, picture in compared.items()}
    for key, own in variants.groupby(summary.LOSS_FAMILY, sort=False):
        family = [str(part) for part in key]
        title = f"{family[0]}, {family[1].replace('_', ' ')}, pixels in {family[2]}"
        lines, points, found = (
            table[(table[summary.LOSS_FAMILY] == family).all(axis=1)]
            for table in (written["baselines.csv"], written["latents.csv"], written["elbows.csv"])
        )
        drawn = {"curves": charts.compared_curves(history[history.variant.isin(own.variant)], title, colours)}
        vaes = own[[study.variants[name].model == "vae" for name in own.variant]]
        if len(vaes):
            drawn["plane"] = charts.plane(vaes, lines, title, colours)
            spectra = spectrum[spectrum.variant.isin(vaes.variant)]
            drawn["spectrum"] = charts.spectra(spectra, title, colours)
        if len(points):
            drawn["latents"] = charts.by_latents(points, found, title)
        pictures |= {f"{summary.slug(family)}-{kind}": picture for kind, picture in drawn.items()}
    for path in prune(study):  # from here on everything was read and is as expected
        print(f"{path}: removed, of what params.yaml no longer has")
    for file, table in written.items():
        files.save_csv(paths.comparison_file(file), table.round(6))
    for name, picture in pictures.items():
        files.write(paths.comparison_file(f"pictures/{name}.png"), png_bytes(picture))


def _tables(study: Study, read: Callable[[Study, str], pd.DataFrame]) -> pd.DataFrame:
    """The tables of all variants below each other, with their dataset."""
    parts = [read(study, name).assign(dataset=variant.dataset) for name, variant in study.variants.items()]
    return pd.concat(parts, ignore_index=True)


def _means(table: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Means over seeds."""
    keys = ["dataset", "variant", *keys]
    return table.drop(columns="seed").groupby(keys, sort=False, as_index=False).mean()


def compare_pictures(shares: "pd.Series[float]") -> dict[str, Figure]:
    """Pictures of the variants of a dataset by kind; shares: the share of variance that each one's map shows."""
    names = list(shares.index)
    pictures: dict[str, Figure] = {}
    for kind, (title, columns) in SIDE_BY_SIDE.items():
        read = {name: read_png(paths.plot_file(name, f"{kind}.png")) for name in names}
        pictures[kind] = side_by_side(read, title, columns)
    points = {name: tables.latent_map(name) for name in names}
    classes = sorted(set().union(*(table.label for table in points.values())))
    maps = {
        name: LatentMap(table[["pc1", "pc2"]].to_numpy(), np.array([*map(classes.index, table.label)]), shares[name])
        for name, table in points.items()
    }
    pictures["maps"] = compared_maps(
        maps,
        classes,
        "mu of test images on its two principal components (and the share of its variance that they hold)",
    )
    return pictures


if __name__ == "__main__":
    run(main)
