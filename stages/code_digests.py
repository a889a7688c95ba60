"""code: src/, stages/ -> code/<stage>.json, what the code of each stage does"""

from elbowroom.core import files
from elbowroom.core.paths import DIGESTS
from elbowroom.core.stage import run
from elbowroom.core.stage_digests import digest_file, running_code, stage_lines


def main() -> None:
    code = running_code()
    digests = {DIGESTS / f"{stage}.json": digest_file(stage_lines(code, stage)) for stage in code.stages}
    for path, content in digests.items():  # only now, when all of the code was read: an error leaves the old ones
        if not path.is_file() or path.read_bytes() != content:
            files.write(path, content)


if __name__ == "__main__":
    run(main)
