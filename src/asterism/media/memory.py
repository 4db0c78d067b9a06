"""Two streams inside the server: what is written to one arrives at the other.

The two halves of a Local channel have one each. A real stream that is relayed to one end follows the pair to the real
stream at its other end, through any number of pairs, and is relayed to that: a chain costs nothing per packet. An end
that leads to no real stream, or to one that needs frames, gets frames.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from asterism.media.formats import SLIN, Format
from asterism.media.taps import Direction, TapLine, TappedStream

if TYPE_CHECKING:
    from collections.abc import Callable

    from asterism.media.stream import AudioStream, DigitSink, Frame, FrameSink
    from asterism.media.taps import Tap

MAX_PAIRS = 128
"""Pairs that one stream is followed through; more than a call has hops."""


class PacketSource(Protocol):
    """A real stream that is relayed to the end of a pair: an RTP session."""

    sink: FrameSink | None

    def relay_to(self, other: AudioStream | None, pair: MemoryStream | None = None) -> bool:
        """Relay packet by packet to what was found by ``pair``, or (``None``) to nothing; whether they are."""


class MemoryStream(TappedStream):
    """One end of a pair; see :class:`~asterism.media.stream.AudioStream`. Made by :func:`memory_pair`.

    ``formats`` are those that both ends take as they are. Nothing is translated inside the pair: whoever takes the
    frames out translates them.
    """

    __slots__ = (
        "_sink",
        "_source",
        "_target",
        "_writing",
        "format",
        "formats",
        "hold",
        "on_digit",
        "on_digit_begin",
        "on_joined",
        "on_path",
        "other",
    )

    sends_events = True
    digit_passed_to = None

    def __init__(self, formats: Sequence[Format]) -> None:
        self.formats: Sequence[Format] = tuple(formats) or (SLIN,)
        self.format: Format = self.formats[0]
        self._sink: FrameSink | None = None
        self.on_digit: DigitSink | None = None
        self.on_digit_begin: Callable[[str], None] | None = None
        self.hold = False
        self.closed = False
        self.taps_in: TapLine | None = None
        self.taps_out: TapLine | None = None
        self.other: MemoryStream | None = None
        self.on_joined: Callable[[], None] | None = None
        """Called when somebody begins to listen to this end."""
        self.on_path: Callable[[], None] | None = None
        """Called when what is :meth:`beyond` this end, or :meth:`before` it, may be another stream."""
        self._writing = False
        self._source: MemoryStream | PacketSource | None = None
        """The stream that is relayed to this end."""
        self._target: AudioStream | None = None
        """Target of the audio that arrives at this end."""

    def __repr__(self) -> str:
        return f"<MemoryStream {self.format.name}{' closed' if self.closed else ''}>"

    @property
    def sink(self) -> FrameSink | None:
        """The listener to the audio that arrives at this end."""
        return self._sink

    @sink.setter
    def sink(self, listener: FrameSink | None) -> None:
        self._sink = listener
        if listener is not None and self.on_joined is not None:
            self.on_joined()

    @property
    def sends(self) -> bool:
        """See ``AudioStream.sends``."""
        return not self.hold and self.other is not None

    def write(self, frame: Frame) -> None:
        """Pass a frame to the listener at the other end; without one it is dropped."""
        other = self.other
        if self._writing or self.hold or other is None or (other.sink is None and other.taps_in is None):
            return
        self._writing = True  # pairs may be joined in a circle: nothing goes around twice
        try:
            passing = self.send_through(frame) if self.taps_out is not None else frame
            if passing is not None and other.taps_in is not None:
                passing = other.hear_in(passing)
            if passing is not None and other.sink is not None:
                other.sink(passing)
        finally:
            self._writing = False

    def write_behind(self, tap: Tap, frame: Frame) -> None:
        """See ``AudioStream``."""
        other = self.other
        if self._writing or self.hold or other is None:
            return
        self._writing = True
        try:
            passing = self.send_behind(tap, frame)
            if passing is not None:
                passing = other.hear_in(passing)
            if passing is not None and other.sink is not None:
                other.sink(passing)
        finally:
            self._writing = False

    def relay_to(self, other: AudioStream | None) -> bool:
        """Set the target of the audio that arrives at this end; ``None``: no known target.

        Always ``False``: the caller carries the frames. Packets of a real stream that is relayed to the other end go
        straight to ``other``.
        """
        old, self._target = self._target, None
        if isinstance(old, MemoryStream) and old._source is self:
            old._source = None
            old._tell_onwards()
        if other is not None and not other.closed and not self.closed and other is not self:
            self._target = other
            if isinstance(other, MemoryStream):
                other._source = self
                other._tell_onwards()
        self._changed()
        return False

    def relayed_from(self, source: PacketSource) -> bool:
        """A real stream is to be relayed to this end: it follows the pair from now on, wherever that leads.

        Returns whether its packets are relayed now. Later the pair has it relayed, or sets its ``sink``.
        """
        self._source = source
        relayed = self._connect(source)
        self._tell_onwards()
        return relayed

    def released_by(self, source: PacketSource) -> None:
        """A stream is not relayed to this end any more."""
        if self._source is source:
            self._source = None
            self._tell_onwards()

    def send_digit(self, digit: str, duration_ms: int = 100) -> None:
        """Tell the other end of a digit."""
        other = self.other
        if other is not None and other.on_digit is not None:
            other.on_digit(digit, duration_ms)

    def close(self) -> None:
        """Part the pair: both ends are closed."""
        other, self.other = self.other, None
        self.closed = True
        self.sink = self.on_joined = self.on_path = None
        self.relay_to(None)
        if self._source is not None:
            self._source.relay_to(None)
        self._source = None
        self.end_taps()
        if other is not None:
            other.close()

    # -- following ------------------------------------------------------------------------------------------

    def beyond(self) -> AudioStream | None:
        """The real stream that audio written here reaches, through all pairs on the way; ``None`` if there is none."""
        end: AudioStream | None = self
        for _ in range(MAX_PAIRS):
            if not isinstance(end, MemoryStream):
                return end
            other = end.other
            if end.hold or other is None or end.taps_out is not None or other.taps_in is not None:
                return None
            end = other._target
        return None

    def before(self) -> PacketSource | None:
        """The real stream whose packets arrive at this end, through all pairs on the way; ``None`` if there is none."""
        end = self.other
        for _ in range(MAX_PAIRS):
            source = None if end is None else end._source
            if not isinstance(source, MemoryStream):
                return source
            end = source.other
        return None

    def _tell_onwards(self) -> None:
        """Another stream is relayed to this end: tell those to whom its packets come."""
        end: AudioStream | None = self
        for _ in range(MAX_PAIRS):
            other = end.other if isinstance(end, MemoryStream) else None
            if other is None:
                return
            if other.on_path is not None:
                other.on_path()
            end = other._target

    @property
    def tap_log(self) -> logging.Logger:
        """Logger for failures of taps without a keeper."""
        return logging.getLogger(__name__)

    def taps_changed(self, direction: Direction) -> None:
        """Taps have changed: packets bypass the pair only while no tap is on it."""
        end = self if direction is Direction.IN else self.other
        if end is not None:
            end._changed()

    def _changed(self) -> None:
        """The target of this end has changed: choose anew how streams are relayed to the pair."""
        end = self.other
        for _ in range(MAX_PAIRS):
            source = None if end is None else end._source
            if end is not None and end.on_path is not None:
                end.on_path()
            if end is None or source is None:
                return
            if not isinstance(source, MemoryStream):
                source.sink = None if end._connect(source) else end.write
                return
            end = source.other

    def _connect(self, source: PacketSource) -> bool:
        return source.relay_to(self.beyond(), self)


def memory_pair(formats: Sequence[Format] = ()) -> tuple[MemoryStream, MemoryStream]:
    """Two ends that hear each other; signed linear at 8 kHz where no formats are given."""
    one, two = MemoryStream(formats), MemoryStream(formats)
    one.other, two.other = two, one
    return one, two
