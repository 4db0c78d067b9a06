"""An Asterism that counts the Python functions it calls, from one SIGUSR2 to the next.

``python -m bench.profiled FILE ASTERISM-OPTIONS``: each second signal writes what was counted to FILE, as JSON: a list
of ``[file, line, function, calls]``.
"""

from __future__ import annotations

import json
import signal
import sys
from collections import Counter
from pathlib import Path
from types import CodeType, FrameType

from asterism.command.main import main


class Profile:
    """Counts the calls of Python functions while it is on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._calls: Counter[CodeType] = Counter()
        self._on = False

    def toggle(self, *_: object) -> None:
        """Begin to count, or end it and write what was counted."""
        self._on = not self._on
        if self._on:
            sys.setprofile(self._called)
            return
        sys.setprofile(None)
        rows = [
            (code.co_filename, code.co_firstlineno, code.co_qualname, count)
            for code, count in self._calls.most_common()
            if code.co_filename != __file__
        ]
        self._calls.clear()
        # Whoever waits for the file is to find it whole.
        partial = self._path.with_suffix(".part")
        partial.write_text(json.dumps(rows))
        partial.rename(self._path)

    def _called(self, frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            self._calls[frame.f_code] += 1


if __name__ == "__main__":
    signal.signal(signal.SIGUSR2, Profile(Path(sys.argv[1])).toggle)
    sys.argv = ["asterism", *sys.argv[2:]]
    sys.exit(main())
