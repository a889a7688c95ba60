"""A README's results are replaced, and nothing else of it."""

import pytest

from elbowroom import readme
from elbowroom.errors import StudyError


def test_only_what_is_between_the_comments_is_replaced() -> None:
    page = "a\n<!-- by x -->\nold\n<!-- end -->\nb\n<!-- by y -->\nkept\n<!-- end -->\n"
    new = readme.inserted(page, "x", "new\n")
    assert new == page.replace("old", "new")
    with pytest.raises(StudyError, match="by z"):
        readme.inserted(page, "z", "new\n")
    with pytest.raises(StudyError, match="by x"):
        readme.inserted("<!-- by x -->\nold\n", "x", "new\n")
