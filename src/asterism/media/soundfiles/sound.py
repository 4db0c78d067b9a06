"""One sound in the format of one stream, made as it is played and shared by all who play it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

from asterism.media.formats import Format
from asterism.media.soundfiles.contents import Contents, SoundError, Warn, open_regular
from asterism.media.soundfiles.converting import FRAME_MS, frames_of, played_format
from asterism.media.soundfiles.table import open_contents
from asterism.media.stream import Frame

SHARED_BYTES = 4 * 1024 * 1024
"""The largest file, and the largest sound made of one, that is kept in memory."""
_OVERHEAD = 150
"""Octets that a frame takes besides its payload."""
_UNKNOWN = 600.0
"""Seconds that a file is taken to have which does not tell."""
_AHEAD = 100
"""Frames that are made at once to get to a place in a sound that is kept; a further one is gone to in the file."""


class Sound:
    """A sound file in one format.

    Nothing is decoded before it is to be played. Frames of a short one are kept for whoever plays it next, or at the
    same time; of a long one each who plays it reads the file.

    Attributes:
        path: the file.
        format: format of the frames.
        seconds: playing time; 0 when the file does not tell.
        size: octets that it takes in memory at the most.
        shared: whether its frames are kept for the next who plays it.
    """

    __slots__ = (
        "_contents", "_kept", "_limit", "_making", "_source", "_told", "_warn", "format", "path", "seconds", "shared",
        "size",
    )  # fmt: skip

    def __init__(self, path: Path, target: Format, warn: Warn) -> None:
        """Open a file.

        Args:
            path: where it is.
            target: the format of the stream that is to play it.
            warn: called with what is wrong in it, the path included.

        Raises:
            SoundError: it cannot be read.
        """
        self.path = path
        self._warn = warn
        self._told: set[str] = set()
        self._kept: list[Frame] = []
        self._making: Iterator[Frame] | None = None
        self._contents: Contents | None = None
        with open_regular(path) as file:
            data = file.read(SHARED_BYTES + 1)
            small = len(data) <= SHARED_BYTES
            contents = open_contents(path, io.BytesIO(data) if small else file, self._tell)
            try:
                self.format = played_format(contents.format, target)
                making = frames_of(contents.run(0.0), contents.format, self.format)
                first = next(making, None)
            except (SoundError, OSError, EOFError, ValueError) as error:
                raise SoundError(f"{path}: {error}") from error
            if not small:
                making = iter(())
        self._source = contents.format
        self.seconds = contents.seconds
        self._limit = int((self.seconds or _UNKNOWN) * 1500 / FRAME_MS) + 250
        """Frames that are kept: half as many again as the file tells of, for some only guess."""
        made = self._limit * ((0 if first is None else len(first.payload)) + _OVERHEAD)
        self.size = len(data) + made
        self.shared = small and made <= SHARED_BYTES
        if self.shared and first is not None:
            self._kept.append(first)
            self._contents = contents
            self._making = self._guarded(making)

    def frames(self, start_ms: int = 0) -> Iterator[Frame]:
        """Frames of 20 ms, the last one filled up with silence. What cannot be read on is over, with a warning.

        Args:
            start_ms: where to begin, in milliseconds.
        """
        index = max(0, start_ms) // FRAME_MS
        if self.shared and (self._making is None or index <= len(self._kept) + _AHEAD):
            return self._together(index)
        return self._alone(index)

    def _together(self, index: int) -> Iterator[Frame]:
        kept = self._kept
        while True:
            if index >= len(kept) and not self._make(index):
                if self._making is not None:  # the file is longer than it says
                    yield from self._alone(index)
                return
            yield kept[index]
            index += 1

    def _make(self, index: int) -> bool:
        """Make what is missing up to a frame; whether it is there then."""
        kept, making = self._kept, self._making
        while making is not None and len(kept) <= index and len(kept) < self._limit:
            frame = next(making, None)
            if frame is None:
                self._making = self._contents = making = None
            else:
                kept.append(frame)
        return index < len(kept)

    def _alone(self, index: int) -> Iterator[Frame]:
        start = index * FRAME_MS / 1000
        if self._contents is not None:
            yield from self._run(self._contents, start)
            return
        try:
            with open_regular(self.path) as file:
                contents = open_contents(self.path, file, self._tell)
                if contents.format is self._source:
                    yield from self._run(contents, start)
                else:
                    self._tell("has been replaced by another")
        except SoundError as error:
            self._warn(str(error))

    def _run(self, contents: Contents, start: float) -> Iterator[Frame]:
        return self._guarded(frames_of(contents.run(start), contents.format, self.format))

    def _guarded(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        try:
            yield from frames
        except (SoundError, OSError, EOFError, ValueError) as error:
            self._tell(f"cannot be read on: {error}")

    def _tell(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._warn(f"{self.path}: {text}")
