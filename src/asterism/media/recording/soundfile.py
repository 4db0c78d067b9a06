"""Sound files that grow while they are written, and are whole after each piece.

The kind is told by the extension, and is one of those that :mod:`asterism.media.soundfiles` reads.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from asterism.core.errors import AsterismError
from asterism.media.recording.track import Pcm
from asterism.media.soundfiles.contents import SoundError
from asterism.media.soundfiles.growing import Growth
from asterism.media.soundfiles.table import kind_of

_MODE = 0o666


class UnwritableError(AsterismError):
    """A sound file cannot be written: its kind is unknown, or the file it is to be added to is of another kind."""


def growth(path: Path, channels: int = 1) -> Growth:
    """What writes a file of the kind that its extension tells.

    Raises:
        UnwritableError: none that can be written here; the text says why, and what to install.
    """
    try:
        kind = kind_of(path)
        if kind.grow is None:
            raise SoundError("such files are only played")
        return kind.grow(channels)
    except SoundError as error:
        raise UnwritableError(f"{path}: files of the kind '{path.suffix[1:]}' cannot be written: {error}") from error


class SoundFile:
    """A file that is being written. All of it blocks: not for the loop."""

    def __init__(self, path: Path, channels: int = 1, *, append: bool = False) -> None:
        """Create the file, and folders that are missing.

        Args:
            path: where; its extension tells the kind.
            channels: 1, or 2 for stereo, the samples of both in turns.
            append: go on at the end of a file that is there, instead of replacing it.

        Raises:
            UnwritableError: the kind cannot be written, or what is there is another.
            OSError: it cannot be created.
        """
        self.path = path
        self._growth = growth(path, channels)
        self.channels = channels
        self._head = len(self._growth.head(0))
        self._size = 0
        """Octets behind the head."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except FileExistsError as error:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path.parent)) from error
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | (0 if append else os.O_TRUNC)
        self._fd = os.open(path, flags, _MODE)
        self._complete = False
        """Whether nothing is to be added at the end any more."""
        try:
            if append and os.fstat(self._fd).st_size:
                self._continue()
            else:
                self._write_head()
        except BaseException:
            os.close(self._fd)
            raise

    @property
    def rate(self) -> int:
        """Samples per second of each channel."""
        return self._growth.rate

    @property
    def seconds(self) -> float:
        """Playing time."""
        return self._growth.seconds(self._size)

    def _continue(self) -> None:
        with os.fdopen(self._fd, "rb", closefd=False) as file:
            try:
                self._size = self._growth.resume(file)
            except (SoundError, ValueError, IndexError) as error:
                raise UnwritableError(f"{self.path}: {error}") from error

    def _write_head(self) -> None:
        if self._head:
            os.pwrite(self._fd, self._growth.head(self._size), 0)

    def write(self, samples: Pcm) -> None:
        """Add samples; the file is whole afterwards, or as it was before with as much more as there was room for.

        Raises:
            OSError: there is no room, or the like.
        """
        if len(samples):
            self._add(self._growth.encode(samples.astype("<i2", copy=False).tobytes()))

    def _add(self, octets: bytes) -> None:
        data = memoryview(octets)
        written = 0
        try:
            while written < len(data):
                written += os.pwrite(self._fd, data[written:], self._head + self._size + written)
        except OSError:
            self._complete = True
            raise
        finally:
            self._size = self._growth.whole(self._size + written)
            self._write_head()

    def cut(self, seconds: float) -> None:
        """Take the last so many seconds off.

        Raises:
            OSError: it cannot be cut.
        """
        with os.fdopen(self._fd, "rb", closefd=False) as file:
            self._size = self._growth.cut(file, self._size, seconds)
        self._write_head()

    def close(self) -> None:
        """Close it, with what fills no frame yet; what is behind the last whole one is cut off. Harmless when closed.

        Raises:
            OSError: what was written before could not be kept.
        """
        if self._fd < 0:
            return
        try:
            if not self._complete:
                self._add(self._growth.finish())
        finally:
            fd, self._fd = self._fd, -1
            try:
                os.ftruncate(fd, self._head + self._size)
            finally:
                os.close(fd)
