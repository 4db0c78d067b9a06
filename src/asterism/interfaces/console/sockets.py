"""Unix sockets at paths of any length: ``sun_path`` holds 107 bytes, a folder's descriptor has no such limit."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _reachable(path: str) -> Iterator[str]:
    if len(os.fsencode(path)) <= 107:
        yield path
        return
    folder = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{os.path.basename(path)}"
    finally:
        os.close(folder)


def connect(path: str) -> socket.socket:
    """Connect to the server that listens at ``path``; raises ``OSError`` when none does."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _reachable(path) as name:
            connection.connect(name)
    except BaseException:
        connection.close()
        raise
    return connection


def is_live(path: str) -> bool:
    """Whether a server answers at ``path``."""
    try:
        connect(path).close()
    except OSError:
        return False
    return True


def listen(path: str, mode: int) -> socket.socket:
    """Listen at ``path``, replacing what a dead server left there.

    ``mode`` are the permission bits of the socket. Raises ``OSError`` when a live server
    answers there (``EADDRINUSE``) or the folder cannot be written.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if is_live(path):
            raise OSError(errno.EADDRINUSE, "another server answers on this socket", path)
        with _reachable(path) as name:
            if os.path.lexists(name):
                os.unlink(name)
            old = os.umask(0o177)
            try:
                listener.bind(name)
            finally:
                os.umask(old)
            os.chmod(name, mode)
        listener.listen(64)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener
