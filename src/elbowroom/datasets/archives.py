"""Unpack published archives and verify them, in memory: nothing in them is written to a file."""

import contextlib
import gzip
import hashlib
import io
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO

from elbowroom.core.errors import StudyError, short
from elbowroom.datasets import download

LARGEST_UNPACKED = 200 * 2**20  # bytes: no published archive is larger when unpacked
MEMBERS = 100  # read no more of a tar than this; the published ones have at most nine


def fetched(url: str, mirrored_as: str, md5: str) -> Path:
    """Return the path of an archive, as `download.fetch` does. Raises StudyError if an md5 is given and it has another.

    An archive without an md5 is not verified here, but what is in it is, by `verify`.
    """
    archive = download.fetch(url, mirrored_as)
    if md5:
        with readable(archive), archive.open("rb") as file:
            found = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        if found != md5:
            raise damaged(archive, f"md5 {found}", f"the published {md5}")
    return archive


def verify(archive: Path, name: str, content: bytes | memoryview, sha256: str) -> None:
    """Raise StudyError unless a file in an archive has this sha256."""
    if (found := hashlib.sha256(content).hexdigest()) != sha256:
        raise damaged(archive, f"{name} with sha256 {found}", f"the published {sha256}")


@contextlib.contextmanager
def readable(archive: Path) -> Iterator[None]:
    """Turn what goes wrong while an archive is read into a StudyError."""
    try:
        yield
    except (gzip.BadGzipFile, tarfile.TarError, zipfile.BadZipFile, EOFError, ValueError, zlib.error) as error:
        raise damaged(archive, short(str(error)), "the published archive") from None
    except (NotImplementedError, RecursionError, RuntimeError) as error:  # of a tar or a zip that was made to harm
        raise damaged(archive, short(str(error)), "the published archive") from None
    except OSError as error:
        raise StudyError(f"{archive}: cannot be read ({error.strerror}), expected the published archive") from None


def unpacked(archive: Path) -> bytes:
    """Unpack a gzip file. Raises StudyError if damaged or of more than LARGEST_UNPACKED bytes (a gzip bomb)."""
    with readable(archive), archive.open("rb") as file:
        if file.read(100).lstrip()[:1] == b"<":
            raise damaged(archive, "HTML (an error page?)", "the published archive")
        file.seek(0)
        return _unpacked(archive, file)


def _unpacked(archive: Path, file: IO[bytes]) -> bytes:
    with gzip.open(file) as packed:
        content = packed.read(LARGEST_UNPACKED + 1)
    if len(content) > LARGEST_UNPACKED:
        raise damaged(archive, f"more than {LARGEST_UNPACKED} bytes in it", "the published archive")
    return content


def in_tar(archive: Path, content: bytes) -> dict[str, memoryview]:
    """Find the plain files in a tar by name, and copy none. If two have the same name, the last counts, as for tar."""
    with readable(archive), tarfile.open(fileobj=io.BytesIO(content), mode="r:") as tar:
        return {
            member.name: memoryview(content)[member.offset_data :][: member.size]
            for member in islice(tar, MEMBERS)
            if member.isreg()
        }


def in_zip(archive: Path, name: str) -> bytes:
    """Unpack a gzip file that is in a zip. Raises StudyError if it is not there, damaged or too large."""
    with readable(archive), zipfile.ZipFile(archive) as packed:
        if name not in packed.namelist():
            raise damaged(archive, f"no {name} in it", "the published archive")
        with packed.open(name) as file:
            return _unpacked(archive, file)


def damaged(archive: Path, found: str, expected: str) -> StudyError:
    """Return the error for an archive that is not the published one. Delete it if it was downloaded."""
    advice = ""
    if archive.is_relative_to(download.cache()):
        with contextlib.suppress(OSError):
            archive.unlink()
            advice = " (deleted: run again)"
    return StudyError(f"{archive}: found {found}, expected {expected}{advice}")
