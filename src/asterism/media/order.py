"""Audio in the order in which it was said, for whoever consumes it: packets overtake each other, are lost, come twice.

It goes by the timestamps of frames. Frames without one were made here: they are in order already. A jump of more than
:data:`WINDOW` is no loss but a pause of the speaker, or another source: what comes begins anew.
"""

from __future__ import annotations

from asterism.media.durations import ticks_of
from asterism.media.formats import LINEAR, SLIN, Format
from asterism.media.stream import Frame
from asterism.media.translate import silence

WINDOW = 0.2
"""Seconds that a packet may be missing from the order, before or behind."""
MOST_LOST = 10
"""Packets in a row for which something is made up."""
PATIENCE = 3
"""Frames that a reader without a clock waits for one that is missing."""


def ticks_ahead(timestamp: int, expected: int) -> int:
    """Difference of two 32-bit timestamps in units of the clock; negative: ``timestamp`` is behind."""
    return (timestamp - expected + 0x80000000 & 0xFFFFFFFF) - 0x80000000


def silent_frame(frame: Frame) -> Frame:
    """Silence as long as a frame: in its format, or linear where that would have to be encoded."""
    fmt, payload, timestamp = frame
    quiet = silence(fmt, len(payload))
    if quiet or not payload:
        return Frame(fmt, quiet, timestamp)
    linear = LINEAR.get(fmt.sample_rate, SLIN)
    return Frame(linear, bytes(2 * (ticks_of(fmt, payload) * linear.sample_rate // fmt.clock_rate)))


def lost_frames(fmt: Format, ticks: int, following: bytes) -> list[Frame]:
    """What stands for audio of ``ticks`` that was lost before the payload ``following``.

    Silence; of a codec empty frames, one for each packet, for which its decoder makes something up.
    """
    if fmt.frame_bytes:
        payload = silence(fmt, ticks * fmt.frame_bytes // fmt.timestamp_step)
        if payload:
            return [Frame(fmt, payload)]
    return [Frame(fmt, b"")] * min(MOST_LOST, ticks // max(1, ticks_of(fmt, following)))


class Sequencer:
    """Puts the frames of one stream in order, for a reader without a clock of its own.

    What comes in order passes at once. A frame that is missing is waited for until :data:`PATIENCE` later ones have
    come; then :func:`lost_frames` take its place, so that the time is right.
    """

    __slots__ = ("_expected", "_format", "_held", "late", "lost")

    def __init__(self) -> None:
        self._format: Format | None = None
        self._expected: int | None = None
        self._held: dict[int, Frame] = {}
        """Frames that came too early, by timestamp."""
        self.late = 0
        """Number of frames that came too late or twice."""
        self.lost = 0
        """Number of gaps filled with silence."""

    def put(self, frame: Frame) -> list[Frame]:
        """Take a frame in; returns the frames that can be played now, in order."""
        fmt, payload, timestamp = frame
        if timestamp is None:
            return [*self.flush(), frame]
        if self._expected is None or fmt is not self._format:
            return self._begin(frame)
        ahead = ticks_ahead(timestamp, self._expected)
        window = int(WINDOW * fmt.clock_rate)
        if not -window <= ahead <= window:
            return self._begin(frame)
        if ahead < 0 or timestamp in self._held:
            self.late += 1
            return []
        if ahead > 0:
            self._held[timestamp] = frame
            return self._give_up() if len(self._held) >= PATIENCE else []
        self._expected = timestamp + ticks_of(fmt, payload) & 0xFFFFFFFF
        return [frame, *self._follow()] if self._held else [frame]

    def flush(self) -> list[Frame]:
        """Return the held frames in order, and start anew with the next frame."""
        found = [] if self._expected is None else sorted(self._held.values(), key=self._ahead)
        self._held.clear()
        self._expected = None
        return found

    def _begin(self, frame: Frame) -> list[Frame]:
        before = self.flush()
        self._format = frame.format
        assert frame.timestamp is not None
        self._expected = frame.timestamp + ticks_of(frame.format, frame.payload) & 0xFFFFFFFF
        return [*before, frame]

    def _ahead(self, frame: Frame) -> int:
        assert frame.timestamp is not None
        assert self._expected is not None
        return ticks_ahead(frame.timestamp, self._expected)

    def _follow(self) -> list[Frame]:
        """Take the held frames that directly follow the last frame given out."""
        found: list[Frame] = []
        while self._expected is not None and (frame := self._held.pop(self._expected, None)) is not None:
            self._expected = self._expected + ticks_of(frame.format, frame.payload) & 0xFFFFFFFF
            found.append(frame)
        return found

    def _give_up(self) -> list[Frame]:
        """Stop waiting for the missing frame: put silence in its place."""
        first = min(self._held.values(), key=self._ahead)
        fmt, missing = first.format, self._ahead(first)
        self.lost += 1
        gap = lost_frames(fmt, missing, first.payload)
        if gap:
            gap[0] = gap[0]._replace(timestamp=self._expected)
        self._expected = first.timestamp
        return gap + self._follow()
