"""Taps: the one way to look at a leg's audio, or to change it, while it passes.

A *listening* tap gets a copy of each frame; packets go on being relayed. A *changing* tap gives another frame, or none,
and takes the stream off the relay while it is there: what was relayed goes on by frames, without a gap. Listening taps
stand next to the far end: they hear what it really says, and what it is really sent.

A tap that raises is removed and logged; the call goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, ClassVar, Protocol

from asterism.core.containment import FAILURES, attempt, report_failure
from asterism.core.log import log_subject

if TYPE_CHECKING:
    from asterism.core.log import LogSubject
    from asterism.media.formats import Format
    from asterism.media.stream import Frame


Keep = Callable[[tuple[float, "Format", "int | None", "bytes | bytearray"]], object]
"""Takes a packet: when it passed, its format, its source's timestamp as in a ``Frame``, and its payload."""


class Direction(Enum):
    """Direction of a leg's audio that a tap is on."""

    IN = "in"
    """Audio received from the far end."""
    OUT = "out"
    """Audio sent to the far end."""


class Tap:
    """Something on one direction of a stream; derive from it and write :meth:`take`, or :meth:`change`.

    Both are called from the loop for every frame and return soon.
    """

    changes: ClassVar[bool] = False
    """Whether it changes what passes, by :meth:`change`; else it listens, by :meth:`take`."""
    shows_simple: ClassVar[bool] = True
    """Whether two parties' bridge is shown as ``simple_bridge`` while it is there, even where packets are relayed."""
    hears_changes: ClassVar[bool] = True
    """Whether a listening tap hears what is sent as it leaves; else as it was before changing taps had it."""
    last: ClassVar[bool] = False
    """Whether a changing tap stands behind all others, those that come later too: nobody changes what it gives."""
    keep: Keep | None = None
    """Of a listening tap: what relayed packets are given to instead of :meth:`take`. A method of a list or the like
    costs nothing that counts; with ``None`` each packet is looked at."""

    def take(self, frame: Frame) -> None:
        """Hear one frame, in whatever format it passes."""

    def change(self, frame: Frame) -> Frame | None:
        """Give what passes instead of ``frame``, in the same format or a linear one; ``None``: nothing passes.

        It stands for the same time, so the timestamp need not be given.
        """
        return frame

    def failed(self) -> None:
        """The tap raised an exception, which is logged, and has been removed."""

    def ended(self) -> None:
        """The stream or channel that it was attached to has ended."""


def _one_clock(one: Frame, other: Frame) -> bool:
    return one.format.clock_rate == other.format.clock_rate


class TapKeeper(Protocol):
    """Owner of a tap, which attached it to a stream and keeps it beyond that stream's life."""

    @property
    def tap_log(self) -> logging.Logger:
        """Logger for failures of its taps."""

    @property
    def tap_subject(self) -> LogSubject | None:
        """Subject of log records about its taps."""

    def tap_failed(self, tap: Tap) -> None:
        """A tap raised and has been removed from the stream."""


class TapLine:
    """The taps on one direction of a stream, in the order in which they were attached."""

    __slots__ = ("_direction", "_keepers", "_log", "_stream", "changing", "early", "keeps", "listening")

    def __init__(self, stream: TappedStream, direction: Direction, log: logging.Logger) -> None:
        self._stream = stream
        self._direction = direction
        self._log = log
        self._keepers: dict[Tap, TapKeeper | None] = {}
        self.listening: tuple[Tap, ...] = ()
        self.early: tuple[Tap, ...] = ()
        """Those that hear what is sent before the changing ones have it."""
        self.changing: tuple[Tap, ...] = ()
        self.keeps: tuple[Keep, ...] | None = ()
        """What relayed packets are given to; ``None`` where a tap looks at each."""

    @property
    def taps(self) -> tuple[Tap, ...]:
        """All of them."""
        return tuple(self._keepers)

    def add(self, tap: Tap, keeper: TapKeeper | None) -> None:
        """Put a tap at the end."""
        self._keepers[tap] = keeper
        self._divide()

    def remove(self, tap: Tap) -> bool:
        """Take a tap out; whether it was there."""
        if tap not in self._keepers:
            return False
        del self._keepers[tap]
        self._divide()
        return True

    def _divide(self) -> None:
        sent = self._direction is Direction.OUT
        hearing = [tap for tap in self._keepers if not tap.changes]
        self.early = tuple(tap for tap in hearing if sent and not tap.hears_changes)
        self.listening = tuple(tap for tap in hearing if tap not in self.early)
        self.changing = tuple(sorted((tap for tap in self._keepers if tap.changes), key=lambda tap: tap.last))
        keeps = tuple(tap.keep for tap in hearing if tap.keep is not None)
        self.keeps = None if self.changing or len(keeps) < len(hearing) else keeps

    def hear(self, frame: Frame, before: bool = False) -> None:
        """Give a frame to the listening taps; ``before`` it is changed, to those that hear it so."""
        for tap in self.early if before else self.listening:
            try:
                tap.take(frame)
            except FAILURES:
                self._fail(tap)

    def change(self, frame: Frame, after: Tap | None = None) -> Frame | None:
        """Give a frame through the changing taps (those behind ``after``) one by one; ``None``: nothing passes."""
        changing = self.changing
        if after in changing:
            changing = changing[changing.index(after) + 1 :]
        for tap in changing:
            try:
                changed = tap.change(frame)
            except FAILURES:
                self._fail(tap)
                continue
            if changed is None:
                return None
            if frame.timestamp is not None and changed.timestamp is None and _one_clock(changed, frame):
                changed = changed._replace(timestamp=frame.timestamp)
            frame = changed
        return frame

    def _fail(self, tap: Tap) -> None:
        keeper = self._keepers.get(tap)
        log = self._log if keeper is None else keeper.tap_log
        subject = log_subject.get() if keeper is None else keeper.tap_subject
        token = log_subject.set(subject)
        try:
            report_failure(log, f"tap {type(tap).__name__} ({self._direction.value})")
        finally:
            log_subject.reset(token)
        self._stream.detach(tap)
        attempt(log, f"failed of tap {type(tap).__name__}", None, tap.failed)
        if keeper is not None:
            keeper.tap_failed(tap)

    def end(self) -> None:
        """The stream has ended; taps that have a keeper go on elsewhere."""
        keepers, self._keepers = self._keepers, {}
        self._divide()
        for tap, keeper in keepers.items():
            if keeper is None:
                attempt(self._log, f"ended of tap {type(tap).__name__}", None, tap.ended)


class TappedStream:
    """Tap support for streams: a mix-in of every :class:`~asterism.media.stream.AudioStream`.

    The stream sets ``taps_in`` and ``taps_out`` to ``None`` at first, gives what arrives through :meth:`hear_in` and
    what is written through :meth:`send_through`, and calls :meth:`end_taps` when it is closed.
    """

    __slots__ = ("closed", "taps_in", "taps_out")

    closed: bool

    taps_in: TapLine | None
    """The taps on what arrives; ``None`` while there are none."""
    taps_out: TapLine | None
    """The taps on what is sent; ``None`` while there are none."""

    @property
    def tap_log(self) -> logging.Logger:
        """Logger for failures of taps without a keeper."""
        raise NotImplementedError

    def taps_changed(self, direction: Direction) -> None:
        """The taps of one direction have changed: everything that depends on them is to be chosen anew.

        A relay that a changing tap forbids has to go on by frames.
        """
        raise NotImplementedError

    @property
    def changed(self) -> bool:
        """Whether a changing tap is there, in either direction."""
        return self.changes_in or self.changes_out

    @property
    def changes_in(self) -> bool:
        """Whether what arrives is changed."""
        return self.taps_in is not None and bool(self.taps_in.changing)

    @property
    def changes_out(self) -> bool:
        """Whether what is sent is changed."""
        return self.taps_out is not None and bool(self.taps_out.changing)

    def attach(self, tap: Tap, direction: Direction, keeper: TapKeeper | None = None) -> None:
        """Put a tap on one direction; on a closed stream it just ends.

        Args:
            tap: A tap that is on no stream yet.
            direction: Which way.
            keeper: Who is told when it fails, and keeps it when the stream is closed.

        Raises:
            ValueError: the tap is on this stream already.
        """
        if any(line is not None and tap in line.taps for line in (self.taps_in, self.taps_out)):
            raise ValueError("the tap is attached already")
        if self.closed:
            if keeper is None:
                attempt(self.tap_log, f"ended of tap {type(tap).__name__}", None, tap.ended)
            return
        line = self.taps_in if direction is Direction.IN else self.taps_out
        if line is None:
            line = TapLine(self, direction, self.tap_log)
            if direction is Direction.IN:
                self.taps_in = line
            else:
                self.taps_out = line
        line.add(tap, keeper)
        self.taps_changed(direction)

    def detach(self, tap: Tap) -> bool:
        """Take a tap off; whether it was there."""
        if self.taps_in is not None and self.taps_in.remove(tap):
            if not self.taps_in.taps:
                self.taps_in = None
            self.taps_changed(Direction.IN)
            return True
        if self.taps_out is not None and self.taps_out.remove(tap):
            if not self.taps_out.taps:
                self.taps_out = None
            self.taps_changed(Direction.OUT)
            return True
        return False

    def hear_in(self, frame: Frame) -> Frame | None:
        """Give what arrived to the taps; what is to be passed on, if anything is."""
        line = self.taps_in
        if line is None:
            return frame
        line.hear(frame)
        return line.change(frame)

    def change_behind(self, tap: Tap, frame: Frame) -> Frame | None:
        """Pass a frame that a changing tap had held back to the incoming taps behind it; returns the result."""
        return frame if self.taps_in is None else self.taps_in.change(frame, tap)

    def send_through(self, frame: Frame) -> Frame | None:
        """Give what is to be sent to the taps; what is sent, if anything is."""
        line = self.taps_out
        if line is None:
            return frame
        if line.early:
            line.hear(frame, before=True)
        changed = line.change(frame)
        if changed is not None:
            line.hear(changed)
        return changed

    def send_behind(self, tap: Tap, frame: Frame) -> Frame | None:
        """Give what a changing tap sends by itself to the outgoing taps behind it; what is sent, if anything is."""
        line = self.taps_out
        if line is None:
            return frame
        changed = line.change(frame, tap)
        if changed is not None:
            line.hear(changed)
        return changed

    def end_taps(self) -> None:
        """The stream is closed: all taps are off it."""
        lines = self.taps_in, self.taps_out
        self.taps_in = self.taps_out = None
        for line in lines:
            if line is not None:
                line.end()
