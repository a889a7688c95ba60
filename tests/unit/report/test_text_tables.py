"""Tables of the report, and what is said of them."""

from math import nan

from elbowroom.report.text_tables import published_in_short
from elbowroom.results.rows import PublishedNumber


def row(quantity: str, percent: float) -> PublishedNumber:
    return PublishedNumber("report", "cifar10-z4-c32", quantity, 100.0, 100.0 + percent, percent)


def test_how_near_published_numbers_are_is_rounded_upwards() -> None:
    rows = [row("parameters", 0.0), row("test loss", -0.31), row("test loss", 0.2), row("test rate", 27.09)]
    assert published_in_short(rows) == (
        "The test losses are within 0.4 % of the published ones. Farthest off of all numbers is the test rate of "
        "cifar10-z4-c32: +27.1 %."
    )


def test_nothing_is_said_where_no_loss_was_measured_at_the_published_epoch() -> None:
    assert published_in_short([row("parameters", 0.0), row("test loss", nan)]) == ""
