"""The first stage says what a checkout lacks that the others need."""

from pathlib import Path

import pytest

from elbowroom.core.errors import StudyError
from stages.code_digests import LINKS, check_links


def test_a_link_that_git_made_a_file_of_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a clone with core.symlinks=false."""
    monkeypatch.chdir(tmp_path)
    for link in LINKS:
        Path(link).symlink_to("elsewhere")
    Path("src").mkdir()
    check_links()
    Path("sheets").unlink()
    for link in ("sheets", "stages"):
        Path(link).write_text("elsewhere")
    with pytest.raises(StudyError, match=r"^sheets: found no symbolic link, .* git checkout -- sheets stages`$"):
        check_links()
