"""Published files -> local files: from a mirror's folder, or downloaded once to the user's cache folder.

The mirror is what ELBOWROOM_MIRROR names, a folder or a base URL (file://, https://); without one, the publisher.
"""

import http.client
import os
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import unquote, urlparse

import platformdirs
from tqdm import tqdm

from elbowroom.core import files
from elbowroom.core.errors import StudyError, short, shown

TRIES = 3
PAUSE = 1.0  # seconds before the second try; before each further one twice as long
TIMEOUT = 60  # seconds without a byte
LARGEST = 2**28  # bytes: no published archive is larger


def fetch(url: str, mirrored_as: str) -> Path:
    """The file that is published at the URL, locally. Raises StudyError where it cannot be had.

    What a server may do better at the next time (no answer, a dropped connection, a status of 500 or more) is tried
    again.
    """
    mirror = os.environ.get("ELBOWROOM_MIRROR")
    try:
        if mirror and (folder := _local_folder(mirror)):
            path = folder / mirrored_as
            if not path.is_file():
                raise StudyError(f"{path.absolute()}: not found, expected in the mirror that ELBOWROOM_MIRROR names")
            return path
    except (OSError, ValueError, RuntimeError) as error:
        raise StudyError(
            f"ELBOWROOM_MIRROR: found {shown(mirror)} ({short(str(error))}), expected a folder or a URL"
        ) from None
    if mirror:
        url = f"{mirror.rstrip('/')}/{mirrored_as}"
    path = cache() / mirrored_as
    if not path.is_file():
        files.write(path, _persist(url))
    return path


def cache() -> Path:
    """Where downloads are kept."""
    return platformdirs.user_cache_path("elbowroom")


def _local_folder(mirror: str) -> Path | None:
    parts = urlparse(mirror)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    return None if parts.scheme in ("http", "https") else Path(mirror).expanduser()


def _persist(url: str) -> bytes:
    attempt = 1
    while True:
        try:
            return _download(url)
        except (OSError, http.client.HTTPException, ValueError) as error:
            refused = isinstance(error, ValueError) or (isinstance(error, urllib.error.HTTPError) and error.code < 500)
            if refused or attempt == TRIES:
                said = f"{short(str(error))}, {attempt} tries" if attempt > 1 else short(str(error))
                raise StudyError(
                    f"{url}: download failed ({said}), expected {url.rpartition('/')[2]} there "
                    "(offline? set ELBOWROOM_MIRROR)"
                ) from None
        time.sleep(PAUSE * 2 ** (attempt - 1))
        attempt += 1


def _download(url: str) -> bytes:
    """The whole body, with a progress bar where there is a terminal."""
    content = bytearray()
    with urllib.request.urlopen(url, timeout=TIMEOUT) as response:  # noqa: S310 (a mirror over HTTP, or the publisher)
        length = response.headers["Content-Length"]
        total = int(length) if length else None
        with tqdm(total=total, desc=url.rpartition("/")[2], unit="B", unit_scale=True, disable=None) as progress:
            while part := response.read(2**20):
                content += part
                progress.update(len(part))
                if len(content) > LARGEST:
                    raise ValueError(f"more than {LARGEST} bytes")
    if total is not None and len(content) < total:  # which read() lets pass
        raise http.client.IncompleteRead(bytes(content), total - len(content))
    return bytes(content)
