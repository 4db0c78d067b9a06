"""A program at a terminal of its own: what a person would type and see."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

_ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|[()][A-Z0-9]|[=>])")


class Terminal:
    """Runs ``asterism`` with these words; ``state`` is where its history goes."""

    def __init__(self, words: Sequence[str], state: Path) -> None:
        self._master, slave = pty.openpty()
        environment = {
            **os.environ,
            "TERM": "xterm",
            "XDG_STATE_HOME": str(state),
            "PROMPT_TOOLKIT_NO_CPR": "1",
            "COLUMNS": "120",
            "LINES": "40",
        }
        environment.pop("NO_COLOR", None)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "asterism.command.main", *words],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment,
            start_new_session=True,
            close_fds=True,
        )
        os.close(slave)
        self.raw = ""
        self._seen = 0

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self._master, text.encode())

    def _read(self, seconds: float) -> bool:
        if not select.select([self._master], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self._master, 65536)
        except OSError:
            return False
        self.raw += data.decode("utf-8", "replace")
        return bool(data)

    def expect(self, text: str, seconds: float = 20.0) -> None:
        """Wait until ``text`` was shown after what was expected last; colours and cursor movements do not count."""
        deadline = time.monotonic() + seconds
        while True:
            shown = _ESCAPES.sub("", self.raw)
            found = shown.find(text, self._seen)
            if found >= 0:
                self._seen = found + len(text)
                return
            if time.monotonic() > deadline or not self._read(0.2):
                raise AssertionError(f"'{text}' was not shown; shown was:\n{shown[self._seen :]}")

    def wait(self, seconds: float = 20.0) -> int:
        """Wait until the program ends; returns its exit status."""
        deadline = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < deadline:
            self._read(0.05)
        return self.process.wait(timeout=10)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        os.close(self._master)
