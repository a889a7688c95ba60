"""code: src/, stages/ -> code/<stage>.json, what the code of each stage does"""

from pathlib import Path

from elbowroom.core import files
from elbowroom.core.errors import StudyError
from elbowroom.core.paths import DIGESTS
from elbowroom.core.stage import run
from elbowroom.core.stage_digests import digest_file, running_code, stage_lines

LINKS = ("pages", "sheets")  # which each study needs
CODE = ("src", "stages")  # links too, in a study of a clone


def main() -> None:
    check_links()
    code = running_code()
    digests = {DIGESTS / f"{stage}.json": digest_file(stage_lines(code, stage)) for stage in code.stages}
    for path, content in digests.items():  # only now, when all of the code was read: an error leaves the old ones
        if not path.is_file() or path.read_bytes() != content:
            files.write(path, content)


def check_links() -> None:
    """Raise StudyError if a link is something else: git makes files of links where the system has none."""
    broken = [link for link in LINKS if not Path(link).is_symlink()] + [link for link in CODE if Path(link).is_file()]
    if broken:
        names = " ".join(broken)
        raise StudyError(
            f"{broken[0]}: found no symbolic link, expected one: where links work, run "
            f"`git config core.symlinks true && git checkout -- {names}`"
        )


if __name__ == "__main__":
    run(main)
