"""Find the pictures in a folder, in an order that no file system decides, and tell whether they have changed.

Paths are bytes, since a name need not be text.
"""

import hashlib
import os
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field

from elbowroom.core.errors import StudyError

FORMATS = {  # those that Pillow is asked to read, and the suffixes of their files
    "BMP": (b".bmp", b".dib"),
    "GIF": (b".gif",),
    "JPEG": (b".jpg", b".jpeg", b".jpe", b".jfif"),
    "PNG": (b".png", b".apng"),
    "PPM": (b".pbm", b".pgm", b".ppm", b".pnm"),
    "TIFF": (b".tif", b".tiff"),
    "WEBP": (b".webp",),
}
NOT_PICTURES = {b"__MACOSX", b"Thumbs.db", b"desktop.ini", b"@eaDir"}  # what other programs put beside pictures
STUDY = b"dvc.yaml"  # a folder that has it is a study, and its pictures are results


@dataclass
class FolderFiles:
    """The files of a folder by their paths below it, sorted.

    pictures: those with the suffix of an image. others: how many have another. hidden: how many files and folders are
    hidden, were made by other programs, or are studies; they are not opened.
    """

    root: bytes
    pictures: list[bytes] = field(default_factory=list)
    others: int = 0
    hidden: int = 0

    def path(self, picture: bytes) -> bytes:
        return os.path.join(self.root, picture) if picture else self.root  # noqa: PTH118 (bytes)


def find(path: str) -> FolderFiles:
    """Find the pictures in a folder and all folders below it. The path may begin with ~ or contain $VARIABLES.

    Links are followed wherever they lead. A folder is entered once, however many links lead to it, and by its own name
    if that is below the root. Raises StudyError if a folder cannot be read or no picture is in any.
    """
    expanded = os.path.expanduser(os.path.expandvars(path))  # noqa: PTH111 (variables first)
    found = FolderFiles(os.fsencode(expanded))
    folders, links, entered = [b""], list[bytes](), set[tuple[int, int]]()
    try:
        while folders or links:
            folder = folders.pop() if folders else links.pop(0)
            status = os.stat(found.path(folder))  # noqa: PTH116 (bytes)
            if (identity := (status.st_dev, status.st_ino)) in entered:
                continue
            entered.add(identity)
            inner = _enter(found, folder)
            folders += [name for name, is_link in inner if not is_link]
            links = sorted(links + [name for name, is_link in inner if is_link])
    except OSError as error:
        where = os.fsdecode(error.filename or expanded)
        raise StudyError(f"{where}: cannot be read ({error.strerror}), expected a folder of pictures") from None
    found.pictures.sort()
    if not found.pictures:
        raise StudyError(f"{expanded}: found no pictures, expected some ({', '.join(FORMATS)})")
    return found


def _enter(found: FolderFiles, folder: bytes) -> list[tuple[bytes, bool]]:
    """Sort what is in a folder into `found`. Return the folders in it, and whether each is a link."""
    inner = []
    with os.scandir(found.path(folder)) as entries:
        for entry in entries:
            name = os.path.join(folder, entry.name)  # noqa: PTH118 (bytes)
            if entry.name.startswith(b".") or entry.name in NOT_PICTURES:
                found.hidden += 1
            elif entry.is_dir():
                if os.path.exists(os.path.join(entry.path, STUDY)):  # noqa: PTH110, PTH118 (bytes)
                    found.hidden += 1
                else:
                    inner.append((name, entry.is_symlink()))
            elif _is_picture(entry):
                found.pictures.append(name)
            else:
                found.others += 1
    return inner


def _is_picture(entry: os.DirEntry[bytes]) -> bool:
    """Whether an entry has the suffix of an image, and is a file or a broken link: a pipe would be read forever."""
    suffix = os.path.splitext(entry.name)[1].lower()  # noqa: PTH122 (bytes)
    if not any(suffix in suffixes for suffixes in FORMATS.values()):
        return False
    return entry.is_file() or (entry.is_symlink() and not os.path.exists(entry.path))  # noqa: PTH110 (bytes)


def listing(found: FolderFiles) -> dict[str, object]:
    """Return how many pictures there are, and a digest of their names, sizes and times of change. None is opened."""
    digest = hashlib.sha256()
    for picture in found.pictures:
        try:
            status = os.stat(found.path(picture))  # noqa: PTH116 (bytes)
            digest.update(b"%s\0%d\0%d\n" % (picture, status.st_size, status.st_mtime_ns))
        except OSError:  # a broken link, or removed since
            digest.update(b"%s\0gone\n" % picture)
    return {"pictures": len(found.pictures), "sha256": digest.hexdigest()}


def shown(picture: bytes) -> str:
    """Return a path as text in which every byte that is no printable text is escaped."""
    text = unicodedata.normalize("NFC", picture.decode("utf-8", "backslashreplace"))
    return "".join(_escaped(text))


def _escaped(text: str) -> Iterator[str]:
    for character in text:  # tables have no < before a letter, because DVC writes them into its page as they are
        plain = character.isprintable() and character != "<"
        yield character if plain else character.encode("unicode_escape").decode().replace("<", "\\x3c")
