"""How a file grows that is written while it is played: what it begins with, and what is added to it.

Each kind of file that can be written makes one :class:`Growth` for each file (:attr:`~.contents.Kind.grow`). It knows
bytes only; opening, writing and closing are for :mod:`asterism.media.recording.soundfile`.
"""

from __future__ import annotations

from collections.abc import Callable
from math import gcd
from typing import BinaryIO, Protocol

from asterism.media.codecs.codec import Translator
from asterism.media.codecs.discovery import encodes, reason
from asterism.media.formats import LINEAR, Format, sampled
from asterism.media.soundfiles.contents import SoundError, length_of
from asterism.media.translate import stream_translator


class Growth(Protocol):
    """One file that grows. Sizes are octets behind what it begins with."""

    rate: int
    """Samples a second that it is given."""

    def head(self, size: int) -> bytes:
        """What the file begins with while ``size`` octets follow: always as long, and often empty."""

    def resume(self, file: BinaryIO) -> int:
        """Prepare to add to a file that is there; how much of it is whole.

        Raises:
            SoundError: it is no file of this kind.
        """

    def encode(self, pcm: bytes) -> bytes:
        """The octets that linear samples, of all channels in turns, add. What fills no frame is kept for the next."""

    def finish(self) -> bytes:
        """The octets of what was kept, filled up with silence, and of what a file of this kind ends with."""

    def whole(self, size: int) -> int:
        """Of ``size`` octets, those that are there without a broken end; a piece at most is broken."""

    def seconds(self, size: int) -> float:
        """Playing time of ``size`` octets."""

    def cut(self, file: BinaryIO, size: int, seconds: float) -> int:
        """The size without the last so many seconds. What was kept is forgotten."""


class Frames:
    """A file of nothing but frames of a codec, all of the same size, behind a head or none."""

    def __init__(
        self,
        fmt: Format,
        channels: int = 1,
        head: Callable[[int], bytes] | None = None,
        block: tuple[int, int] | None = None,
        pack: Callable[[bytes], bytes] = bytes,
    ) -> None:
        """Prepare to write.

        Args:
            fmt: the codec of the frames.
            channels: samples of several are written in turns; only where a sample is a frame.
            head: what the file begins with, by the octets that follow.
            block: octets and samples of what a file is made of, if that is more than a frame.
            pack: makes such a block of the codec's frames.

        Raises:
            SoundError: the codec cannot be encoded here, or it has one channel only.
        """
        self.rate = fmt.sample_rate
        linear = LINEAR[fmt.sample_rate]
        if not encodes(fmt):
            raise SoundError(f"{fmt.name} cannot be encoded here: {reason(fmt)}")
        self._format, self._linear, self._pack = fmt, linear, pack
        octets, samples = block_of(fmt)
        self._block, self._samples = block or (octets, samples)
        if channels > 1 and self._samples > 1:
            raise SoundError(f"{fmt.name} has one channel only")
        self.channels = channels
        self._block *= channels
        self._coded = octets * channels * self._samples // samples
        """Octets of the frames that make a block."""
        self._head = head
        self._translate = self._begun()
        self._left = 0
        """Samples that fill no block yet."""
        self._frames = b""
        """Octets of frames that make no block yet."""

    def _begun(self) -> Translator | None:
        return None if self._format is self._linear else stream_translator(self._linear, self._format)

    def head(self, size: int) -> bytes:
        """See :meth:`Growth.head`."""
        return b"" if self._head is None else self._head(size)

    def resume(self, file: BinaryIO) -> int:
        """See :meth:`Growth.resume`. Heads are the same but for the numbers that tell sizes."""
        empty, other = self.head(0), self.head(0x01010101)
        file.seek(0)
        found = file.read(len(empty))
        same = [at for at in range(len(empty)) if empty[at] == other[at]]
        if len(found) < len(empty) or any(found[at] != empty[at] for at in same):
            raise SoundError("what is there is no such file, so nothing can be added")
        return self.whole(length_of(file) - len(empty))

    def encode(self, pcm: bytes) -> bytes:
        """See :meth:`Growth.encode`."""
        if self._translate is None:
            return pcm
        self._left = (self._left + len(pcm) // 2) % (self._samples * self.channels)
        data = self._frames + self._translate(pcm)
        end = len(data) - len(data) % self._coded
        self._frames = data[end:]
        return self._pack(data[:end])

    def finish(self) -> bytes:
        """See :meth:`Growth.finish`."""
        missing = -self._left % (self._samples * self.channels)
        return self.encode(bytes(2 * missing)) if missing else b""

    def whole(self, size: int) -> int:
        """See :meth:`Growth.whole`."""
        return size - size % self._block

    def seconds(self, size: int) -> float:
        """See :meth:`Growth.seconds`."""
        return size // self._block * self._samples / self.rate

    def cut(self, file: BinaryIO, size: int, seconds: float) -> int:
        """See :meth:`Growth.cut`."""
        self._left, self._frames, self._translate = 0, b"", self._begun()
        return max(0, size - int(seconds * self.rate) // self._samples * self._block)


def block_of(fmt: Format) -> tuple[int, int]:
    """Octets and samples of the shortest piece of a codec that can stand alone."""
    samples = fmt.sample_rate * fmt.ptime // 1000
    if sampled(fmt):
        common = gcd(fmt.frame_bytes, samples)
        return fmt.frame_bytes // common, samples // common
    return fmt.frame_bytes, samples
