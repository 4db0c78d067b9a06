"""The thread that looks at the folder of call files once in a while: the loop hears of it when something is there."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

from asterism.pbx.calls.spool.folder import Entry, Folder

Tell = Callable[[list[Entry], bool, str], None]
"""Called with the files, whether there are too many to look at, and what is wrong with the folder, if it is."""


class Watcher(threading.Thread):
    """Calls ``tell``, in this thread, after each look that found files, and after the first without or with a problem.

    A folder that hangs, as one of another machine may, keeps nobody but this thread.
    """

    def __init__(self, folder: Folder, tell: Tell, interval: float) -> None:
        super().__init__(name="call files", daemon=True)
        self._folder = folder
        self._tell = tell
        self._interval = interval
        self._over = threading.Event()

    def stop(self) -> None:
        """Look no more; the thread ends as soon as it can."""
        self._over.set()

    def run(self) -> None:
        """Look, and wait, until it is over."""
        before: tuple[bool, str] = (False, "")
        while not self._over.is_set():
            entries: list[Entry] = []
            more, problem = False, ""
            try:
                self._folder.create()
                entries, more = self._folder.scan()
            except OSError as error:
                problem = f"{error.filename or self._folder.path}: {error.strerror}"
            if (entries or (bool(entries), problem) != before) and not self._over.is_set():
                with suppress(RuntimeError):  # the loop has been closed meanwhile
                    self._tell(entries, more, problem)
            before = (bool(entries), problem)
            self._over.wait(self._interval)
