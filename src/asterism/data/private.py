"""Files with secrets: writable by their owner, readable by their group, closed to all others."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path

MODE = 0o640


def make_private(path: Path | str, log: logging.Logger | None = None, *, existing: bool = True) -> None:
    """Make the file ``path``, empty, if there is none; take from everybody else the right to read or write it.

    A database's ``-wal`` and ``-shm`` files get the rights of the file itself, those that are there included.
    ``existing=False`` leaves a file that there is as it is. A file of another user stays as it is, which is logged.
    Raises ``OSError`` when the file cannot be made.
    """
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE))
    except FileExistsError:
        if not existing:
            return
    for name in (str(path), f"{path}-wal", f"{path}-shm"):
        try:
            mode = stat.S_IMODE(os.stat(name).st_mode)
            if mode & ~MODE:
                os.chmod(name, mode & MODE)
        except FileNotFoundError:
            continue
        except PermissionError as error:
            if log is not None:
                log.warning("'%s' can be read by others: %s", name, error)
