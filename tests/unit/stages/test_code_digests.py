"""The first stage says what a checkout lacks that the others need."""

from pathlib import Path

import pytest

from elbowroom.core.errors import StudyError
from stages.code_digests import LINKS, check_links


def test_a_link_that_git_made_a_file_of_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a clone with core.symlinks=false."""
    monkeypatch.chdir(tmp_path)
    for link, target in LINKS.items():
        Path(link).symlink_to(target)
    check_links()
    Path("sheets").unlink()
    Path("sheets").write_text("explorer")
    with pytest.raises(StudyError, match=r"^sheets: found no symbolic link, expected one to explorer: .* git checkout"):
        check_links()
