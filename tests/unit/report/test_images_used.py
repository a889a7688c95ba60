"""What became of a dataset's images and files is said in one or two sentences."""

from elbowroom.core.params import load_study
from elbowroom.report.images_used import images_tested, images_used
from elbowroom.results.dataset_tables import image_counts
from tests.support import ROOT
from tests.support.settings import folder


def test_a_published_set_is_said_as_before_also_of_older_results() -> None:
    study = load_study(ROOT / "params.yaml")
    expected = "60,000 training and 10,000 test images, all that were published."
    for rows in ([], image_counts("mnist", {"train": 60_000, "test": 10_000})):
        assert images_used(study, "mnist", rows) == expected
    fewer = image_counts("mnist", {"train": 60_000, "test": 500})
    assert images_used(study, "mnist", fewer) == (
        "60,000 training and 500 test images, the first of each published split."
    )


def test_what_a_folder_lacks_is_said() -> None:
    study = load_study(ROOT / "params.yaml")
    study = study.model_copy(update={"datasets": {"letters": folder(size=[20, 36])}})
    counts = {"train": 900, "test": 99, "duplicate": 1, "unreadable": 2, "several frames": 3, "hidden": 0}
    rows = image_counts("letters", counts)
    assert images_tested(study, "letters", rows) == 99
    assert images_used(study, "letters", rows) == (
        "900 training and 99 test images, 20 x 36 pixels, from a folder. Left out: 1 duplicate and 2 pictures that "
        "cannot be read. Pictures of several frames, of which the first is used: 3."
    )
    assert images_used(study, "letters", image_counts("letters", {"train": 9, "test": 2})) == (
        "9 training and 2 test images, 20 x 36 pixels, from a folder."
    )
