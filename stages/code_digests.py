"""code: src/, stages/ -> code/<stage>.json, what the code of each stage does"""

from pathlib import Path

from elbowroom.core import files
from elbowroom.core.errors import StudyError
from elbowroom.core.paths import DIGESTS
from elbowroom.core.stage import run
from elbowroom.core.stage_digests import digest_file, running_code, stage_lines

LINKS = {"pages": "report", "sheets": "explorer"}  # which a study needs, and where they lead


def main() -> None:
    check_links()
    code = running_code()
    digests = {DIGESTS / f"{stage}.json": digest_file(stage_lines(code, stage)) for stage in code.stages}
    for path, content in digests.items():  # only now, when all of the code was read: an error leaves the old ones
        if not path.is_file() or path.read_bytes() != content:
            files.write(path, content)


def check_links() -> None:
    """Raise StudyError if a link is something else: git makes files of links where the system has none."""
    for link, target in LINKS.items():
        if not Path(link).is_symlink():
            raise StudyError(
                f"{link}: found no symbolic link, expected one to {target}: where links work, run "
                "`git config core.symlinks true && git checkout .`"
            )


if __name__ == "__main__":
    run(main)
