"""code: src/, stages/ -> code/<stage>.json, what the code of each stage does"""

from elbowroom.core import files
from elbowroom.core.code_digest import Code, digest_file
from elbowroom.core.paths import DIGESTS
from elbowroom.core.stage import run


def main() -> None:
    code = Code()
    digests = {DIGESTS / f"{stage}.json": digest_file(code.of_stage(stage)) for stage in code.stages}
    for path, content in digests.items():  # only now, when all of the code was read: an error leaves the old ones
        if not path.is_file() or path.read_bytes() != content:
            files.write(path, content)


if __name__ == "__main__":
    run(main)
