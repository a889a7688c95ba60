"""Which images of a dataset are used, and what of its folder is not, in words."""

from collections.abc import Sequence

from elbowroom.core.dataset_settings import FolderDataset
from elbowroom.core.published_sets import PUBLISHED
from elbowroom.core.settings import Study
from elbowroom.report.wording import listed
from elbowroom.results.dataset_tables import ImageCount, Kind

LEFT_OUT = {  # one, and more of them
    Kind.NOT_USED: ("picture beyond the numbers asked for", "pictures beyond the numbers asked for"),
    Kind.DUPLICATE: ("duplicate", "duplicates"),
    Kind.UNREADABLE: ("picture that cannot be read", "pictures that cannot be read"),
    Kind.OTHER_FILE: ("file without the suffix of an image", "files without the suffix of an image"),
    Kind.HIDDEN: ("hidden file or folder", "hidden files and folders"),
}


def images_used(study: Study, dataset: str, rows: Sequence[ImageCount]) -> str:
    """Say how many images of a dataset are used, and what is left out. Of older results, the settings say it."""
    settings, counts = study.datasets[dataset], {row.kind: row.images for row in rows}
    train = counts.get(Kind.TRAIN, settings.train_images)
    said = f"{train:,} training and {images_tested(study, dataset, rows):,} test images, "
    if not isinstance(settings, FolderDataset):
        split = PUBLISHED[settings.source]
        used = train, images_tested(study, dataset, rows)
        whole = used == (split.train_images, split.test_images)
        return f"{said}{'all that were published' if whole else 'the first of each published split'}."
    height, width = settings.sides
    said += f"{height} x {width} pixels, from a folder."
    left_out = [f"{counts[kind]:,} {words[counts[kind] > 1]}" for kind, words in LEFT_OUT.items() if counts.get(kind)]
    if left_out:
        said += f" Left out: {listed(left_out)}."
    if several := counts.get(Kind.SEVERAL_FRAMES):
        said += f" Pictures of several frames, of which the first is used: {several:,}."
    return said


def images_tested(study: Study, dataset: str, rows: Sequence[ImageCount]) -> int:
    """Return how many test images a dataset has."""
    return next((row.images for row in rows if row.kind == Kind.TEST), study.datasets[dataset].test_images)
