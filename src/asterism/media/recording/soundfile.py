"""Sound files that grow while they are written, and are whole after each piece.

The kind is told by the extension: WAV (RIFF with 16-bit samples) or bare samples without a header.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from asterism.core.errors import AsterismError
from asterism.media import g711
from asterism.media.recording.track import Pcm

_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
"""RIFF, its size, WAVE, the format chunk, and the begin of the data chunk."""
_MAX_SIZE = 0xFFFFFFFF
_MODE = 0o666


class UnwritableError(AsterismError):
    """A sound file cannot be written: its kind is unknown, or the file it is to be added to is of another kind."""


class Kind(NamedTuple):
    """What a file of an extension holds."""

    rate: int
    wav: bool = False
    encode: Callable[[bytes], bytes] | None = None
    """From linear samples; ``None``: these are written."""

    @property
    def width(self) -> int:
        """Octets of one sample."""
        return 2 if self.encode is None else 1


_ULAW, _ALAW = Kind(8000, encode=g711.linear_to_ulaw), Kind(8000, encode=g711.linear_to_alaw)
_LINEAR = {
    "sln": 8000, "slin": 8000, "raw": 8000, "sln12": 12000, "sln16": 16000, "slin16": 16000, "sln24": 24000,
    "sln32": 32000, "sln44": 44100, "sln48": 48000, "sln96": 96000, "sln192": 192000,
}  # fmt: skip
KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "wav": Kind(8000, wav=True), "wav16": Kind(16000, wav=True), "WAV": Kind(8000, wav=True),
        **{name: Kind(rate) for name, rate in _LINEAR.items()},
        **dict.fromkeys(("ulaw", "ul", "mu", "ulw", "pcm"), _ULAW),
        **dict.fromkeys(("alaw", "al", "alw"), _ALAW),
    }
)  # fmt: skip
"""Kinds of files that can be written, by extension. ``WAV`` is linear as well: there is no library that encodes GSM."""


def kind_of(path: Path) -> Kind:
    """The kind of a file, by its extension.

    Raises:
        UnwritableError: none that can be written.
    """
    kind = KINDS.get(path.suffix[1:])
    if kind is None:
        raise UnwritableError(f"{path}: files of the kind '{path.suffix[1:]}' cannot be written")
    return kind


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
        self.kind = kind = kind_of(path)
        self.channels = channels
        self._head = _HEADER.size if kind.wav else 0
        self._size = 0
        """Octets of samples."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except FileExistsError as error:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path.parent)) from error
        flags = os.O_RDWR | os.O_CREAT | (0 if append else os.O_TRUNC)
        self._fd = os.open(path, flags, _MODE)
        try:
            if append:
                self._continue()
            else:
                self._write_header()
        except BaseException:
            os.close(self._fd)
            raise

    @property
    def rate(self) -> int:
        """Samples per second of each channel."""
        return self.kind.rate

    @property
    def seconds(self) -> float:
        """Playing time."""
        return self._size / (self.kind.width * self.channels * self.kind.rate)

    def _continue(self) -> None:
        size = os.fstat(self._fd).st_size
        if not size:
            self._write_header()
            return
        if self.kind.wav:
            found = os.pread(self._fd, _HEADER.size, 0)
            ours = self._header(0)
            if len(found) < _HEADER.size or found[:4] + found[8:40] != ours[:4] + ours[8:40]:
                raise UnwritableError(f"{self.path}: what is there is no such file, so nothing can be added")
        self._size = self._whole(size - self._head)

    def _whole(self, size: int) -> int:
        return size - size % (self.kind.width * self.channels)

    def _header(self, size: int) -> bytes:
        kind, block = self.kind, 2 * self.channels
        return _HEADER.pack(
            b"RIFF", min(size + _HEADER.size - 8, _MAX_SIZE), b"WAVE", b"fmt ", 16, 1, self.channels, kind.rate,
            kind.rate * block, block, 16, b"data", min(size, _MAX_SIZE),
        )  # fmt: skip

    def _write_header(self) -> None:
        if self._head:
            os.pwrite(self._fd, self._header(self._size), 0)

    def write(self, samples: Pcm) -> None:
        """Add samples; the file is whole afterwards, or as it was before with as much more as there was room for.

        Raises:
            OSError: there is no room, or the like.
        """
        if not len(samples):
            return
        data = memoryview(samples.astype("<i2", copy=False).tobytes())
        if self.kind.encode is not None:
            data = memoryview(self.kind.encode(bytes(data)))
        written = 0
        try:
            while written < len(data):
                written += os.pwrite(self._fd, data[written:], self._head + self._size + written)
        finally:
            self._size += self._whole(written)
            self._write_header()

    def cut(self, seconds: float) -> None:
        """Take the last so many seconds off.

        Raises:
            OSError: it cannot be cut.
        """
        octets = int(seconds * self.kind.rate) * self.kind.width * self.channels
        self._size = max(0, self._size - octets)
        self._write_header()

    def close(self) -> None:
        """Close it; what is behind the last whole sample is cut off. Harmless when it is closed.

        Raises:
            OSError: what was written before could not be kept.
        """
        fd, self._fd = self._fd, -1
        if fd >= 0:
            try:
                os.ftruncate(fd, self._head + self._size)
            finally:
                os.close(fd)
