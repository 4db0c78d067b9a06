"""What a recording makes of what was captured: tracks, mixed or apart, in its files. Worked by a thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import NamedTuple

import numpy as np

from asterism.media.formats import Format
from asterism.media.recording.capture import Heard
from asterism.media.recording.soundfile import SoundFile, growth
from asterism.media.recording.track import Pcm, Taken, Track
from asterism.media.resample import Resampler

LAG = 0.2
"""Seconds for which packets that overtake each other are waited for."""


class Source(Enum):
    """What a file gets."""

    MIXED = "mixed"
    """Both directions in one."""
    STEREO = "stereo"
    """What was received in the left channel, what was sent in the right one."""
    RECEIVED = "received"
    """What came from the far end."""
    SENT = "sent"
    """What the far end was sent."""


class Output(NamedTuple):
    """One file of a recording."""

    path: Path
    source: Source = Source.MIXED
    append: bool = False
    sparse: bool = False
    """Leave out what is silent because nothing came; for one direction only."""


class Batch(NamedTuple):
    """What was captured between two turns."""

    received: Sequence[Heard]
    sent: Sequence[Heard]
    origin: float
    """The time at which the recording began, its pauses not counted."""
    until: float
    """The time of this turn."""
    complete: bool = False
    """Whether the time line ends here: it stops, or pauses."""

    @property
    def size(self) -> int:
        """Octets of memory, about."""
        return sum([len(one[3]) + 200 for heard in (self.received, self.sent) for one in heard]) + 200


def _channels(output: Output) -> int:
    return 2 if output.source is Source.STEREO else 1


class _Writer:
    """A file, and what brings the tracks' rate to its own."""

    def __init__(self, output: Output, rate: int) -> None:
        self.output = output
        self.file = SoundFile(output.path, _channels(output), append=output.append)
        self._convert: list[Callable[[bytes], bytes]] = []
        if self.file.rate != rate:
            self._convert = [Resampler(rate, self.file.rate) for _ in range(self.file.channels)]

    def write(self, received: Taken, sent: Taken) -> None:
        source = self.output.source
        if source is Source.MIXED:
            self.file.write(self._to_rate(mix(received.pcm, sent.pcm), 0))
        elif source is Source.STEREO:
            left, right = self._to_rate(received.pcm, 0), self._to_rate(sent.pcm, 1)
            self.file.write(np.stack((left, right), axis=1).reshape(-1))
        else:
            taken = received if source is Source.RECEIVED else sent
            self.file.write(self._to_rate(taken.spoken if self.output.sparse else taken.pcm, 0))

    def _to_rate(self, pcm: Pcm, channel: int) -> Pcm:
        if not self._convert:
            return pcm
        return np.frombuffer(self._convert[channel](pcm.astype("<i2", copy=False).tobytes()), "<i2")


def mix(one: Pcm, other: Pcm) -> Pcm:
    """The sum of two, of the same length; what is too loud is cut off."""
    mixed: Pcm = np.clip(one.astype(np.int32) + other, -32768, 32767).astype(np.int16)
    return mixed


def amplify(pcm: Pcm, gain: float) -> Pcm:
    """Samples ``gain`` times as loud; what is too loud is cut off."""
    if gain == 1.0:
        return pcm
    louder: Pcm = np.clip(np.rint(pcm.astype(np.float32) * gain), -32768, 32767).astype(np.int16)
    return louder


class Mixdown:
    """The tracks and files of one recording. Every method blocks, and is called by one thread at a time."""

    def __init__(self, outputs: Sequence[Output], gain_received: float = 1.0, gain_sent: float = 1.0) -> None:
        """Prepare to write ``outputs``.

        Args:
            outputs: the files; none of two may be the same.
            gain_received: factor by which what is received is louder in the files.
            gain_sent: the same of what is sent.

        Raises:
            UnwritableError: a file is of no kind that can be written.
        """
        self._outputs = tuple(outputs)
        rate = max([growth(one.path, _channels(one)).rate for one in outputs])
        self._received, self._sent = Track(rate), Track(rate)
        self._gains = gain_received, gain_sent
        self._writers: list[_Writer] = []
        self._seconds = 0.0

    @property
    def seconds(self) -> float:
        """Playing time of the first file."""
        writers = self._writers  # read once: the thread may close them meanwhile
        return writers[0].file.seconds if writers else self._seconds

    @property
    def undecoded(self) -> set[Format]:
        """Formats that came and could not be decoded."""
        return self._received.undecoded | self._sent.undecoded

    def open(self) -> None:
        """Create the files.

        Raises:
            UnwritableError: to one of them nothing can be added.
            OSError: one of them cannot be created; none is open then.
        """
        try:
            for output in self._outputs:
                self._writers.append(_Writer(output, self._received.rate))
        except BaseException:
            self.close()
            raise

    def work(self, batch: Batch) -> None:
        """Place, mix and write what was captured.

        Raises:
            OSError: there is no room, or the like.
        """
        upto = int((batch.until - (0.0 if batch.complete else LAG) - batch.origin) * self._received.rate)
        taken: list[Taken] = []
        for track, heard, gain in zip(
            (self._received, self._sent), (batch.received, batch.sent), self._gains, strict=True
        ):
            track.put(heard, batch.origin, batch.until)
            found = track.take(upto)
            taken.append(Taken(amplify(found.pcm, gain), found.parts))
            if batch.complete:
                track.restart()
        for writer in self._writers:
            writer.write(*taken)

    def cut(self, seconds: float) -> None:
        """Take the last so many seconds off every file."""
        for writer in self._writers:
            writer.file.cut(seconds)

    def close(self) -> None:
        """Close the files, each whatever the others do; harmless when they are."""
        self._seconds = self.seconds
        writers, self._writers = self._writers, []
        for writer in writers:
            with suppress(Exception):  # one whose encoder has failed fails once more with what it held back
                writer.file.close()
