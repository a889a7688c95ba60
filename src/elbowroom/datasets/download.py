"""Get a published file: from a mirror's folder, or by a download that the user's cache folder keeps.

ELBOWROOM_MIRROR names the mirror: a folder, or a base URL (file://, http://, https://). Without it, ask the publisher.
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
PAUSE = 1.0  # seconds before the second try, doubled before each further one
TIMEOUT = 60  # seconds without a byte
LARGEST_DOWNLOAD = 2**30  # bytes: no published archive is larger


def fetch(url: str, mirrored_as: str) -> Path:
    """Return the path of a local copy of the file at this URL. Raises StudyError if there is no way to get one.

    mirrored_as: its path in a mirror and in the cache folder. A download is tried again after an error that may pass:
    no answer, a dropped connection, a status of 500 or more.
    """
    mirror = os.environ.get("ELBOWROOM_MIRROR")
    try:
        if mirror and (folder := _local_folder(mirror)):
            path = folder / mirrored_as
            if not path.is_file():
                raise StudyError(f"{path.absolute()}: not found, expected in the folder that ELBOWROOM_MIRROR names")
            return path
    except (OSError, ValueError, RuntimeError) as error:
        raise StudyError(
            f"ELBOWROOM_MIRROR: found {shown(mirror)} ({short(str(error))}), expected a folder or a URL"
        ) from None
    if mirror:
        url = f"{mirror.rstrip('/')}/{mirrored_as}"
    path = cache() / mirrored_as
    if not path.is_file():
        files.write(path, _download(url))
    return path


def cache() -> Path:
    """The folder that keeps downloads."""
    return platformdirs.user_cache_path("elbowroom")


def _local_folder(mirror: str) -> Path | None:
    """The folder that a mirror is; None if it is on a server."""
    parts = urlparse(mirror)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    return None if parts.scheme in ("http", "https") else Path(mirror).expanduser()


def _download(url: str) -> bytes:
    """Download a file, in at most TRIES tries."""
    attempt = 1
    while True:
        try:
            return _body(url)
        except (OSError, http.client.HTTPException, ValueError) as error:
            refused = isinstance(error, ValueError) or (isinstance(error, urllib.error.HTTPError) and error.code < 500)
            if refused or attempt == TRIES:
                tries = f", {attempt} tries" if attempt > 1 else ""
                raise StudyError(
                    f"{url}: download failed ({short(str(error))}{tries}), expected {url.rpartition('/')[2]} there "
                    "(offline? set ELBOWROOM_MIRROR)"
                ) from None
        time.sleep(PAUSE * 2 ** (attempt - 1))
        attempt += 1


def _body(url: str) -> bytes:
    """Read the whole body of a response, with a progress bar if there is a terminal."""
    content = bytearray()
    with urllib.request.urlopen(url, timeout=TIMEOUT) as response:  # noqa: S310 (http(s), or file from the user)
        length = response.headers["Content-Length"]
        total = int(length) if length else None
        with tqdm(total=total, desc=url.rpartition("/")[2], unit="B", unit_scale=True, disable=None) as progress:
            while part := response.read(2**20):
                content += part
                progress.update(len(part))
                if len(content) > LARGEST_DOWNLOAD:
                    raise ValueError(f"more than {LARGEST_DOWNLOAD} bytes")
    if total is not None and len(content) < total:  # read() does not notice
        raise http.client.IncompleteRead(bytes(content), total - len(content))
    return bytes(content)
