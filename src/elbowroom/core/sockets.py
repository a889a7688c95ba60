"""Where Unix sockets go, whose paths are short."""

import os
import tempfile

LONGEST = 103  # bytes of a socket's path, on macOS (Linux: 107)
ROOM = 32  # bytes for a folder and a socket in it: /elbowroom-xxxxxxxx/socket.new


def socket_parent() -> str | None:
    """Return the folder in which to make one for sockets: None, the usual one, unless TMPDIR names too long a path."""
    return None if len(os.fsencode(tempfile.gettempdir())) + ROOM <= LONGEST else "/tmp"  # noqa: S108 (a folder in it)
