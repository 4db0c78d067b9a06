"""One direction of a recording: packets are decoded and placed on a time line, so that the time is right.

Everything is worked in batches: the packets that passed between two turns. When a packet was said is told by its
source's timestamp, and what time that is by those packets of a batch that were under way for the shortest time. So
neither late packets nor those in another order move anything. What is missing stays silent. A speaker who pauses goes
on at the time at which it is heard again, whatever its timestamps did meanwhile. A source whose clock is slow or fast
is followed.

It has no clock: times come with the packets, in seconds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from asterism.media.codecs.codec import Translator
from asterism.media.durations import ticks_of
from asterism.media.formats import LINEAR, Format, sampled
from asterism.media.order import ticks_ahead
from asterism.media.recording.capture import Heard
from asterism.media.translate import stream_translator, translator

Pcm = npt.NDArray[np.int16]

TOLERANCE = 0.03
"""Seconds by which packets may be placed beside their time before the time is set right."""
LEAP = 0.2
"""Seconds by which timestamps leap when a source begins anew, or another takes its place."""
STALL = 0.1
"""A packet that is this many seconds later than the one before ends a pause, or a delay that those after it make up."""
_WATCHED = 5.0
"""Seconds over which the shortest way is looked for, to follow a slow clock."""
_AHEAD = 1.0
"""Seconds of audio that may wait for their time; what a source that lies would have placed later is dropped."""


class _Said(NamedTuple):
    """One packet in its source's time."""

    at: float
    """When it was said, in seconds by the source's clock, counted on where its timestamps wrap."""
    heard: float
    format: Format
    payload: bytes | bytearray
    length: float
    """Seconds of it."""


@dataclass(slots=True)
class _Segment:
    """Packets of one source without a pause."""

    anew: bool
    """Whether the source has begun anew."""
    packets: list[_Said] = field(default_factory=list)


class Taken(NamedTuple):
    """A part of the time line."""

    pcm: Pcm
    parts: list[tuple[int, int]]
    """Begin and end of what was said in it, in order."""

    @property
    def spoken(self) -> Pcm:
        """What was said in it, without the silence between."""
        pieces = [self.pcm[begin:end] for begin, end in self.parts]
        return np.concatenate(pieces) if pieces else self.pcm[:0]


class Track:
    """The time line of one direction, in 16-bit samples at one rate."""

    def __init__(self, rate: int) -> None:
        """Begin at time 0.

        Args:
            rate: samples per second, one that linear audio has.
        """
        self.rate = rate
        self.taken = 0
        """Number of samples taken out."""
        self.undecoded: set[Format] = set()
        """Formats that came and cannot be decoded: they are silent."""
        self._linear = LINEAR[rate]
        self._pcm: Pcm = np.zeros(0, np.int16)
        self._parts: list[tuple[int, int]] = []
        """What was said and not taken yet, in samples of the time line."""
        self._latest = 0
        """The sample behind which nothing can begin that has been heard already."""
        # Of the packet before: its format, timestamp, when it was said and heard, and how long it was.
        self._format: Format | None = None
        self._timestamp: int | None = None
        self._at = self._heard = self._length = 0.0
        # The time of the source's second 0, and what it is found by.
        self._base: float | None = None
        self._least, self._watched_until = math.inf, -math.inf
        # The stream that is being decoded: where it goes on, by the source's clock and on the time line.
        self._decoded: Format | None = None
        self._translate: Translator | None = None
        self._next_at, self._next_place, self._next_shift = math.nan, 0, math.nan

    def restart(self) -> None:
        """Have the next packet begin anew: the time line has stood still."""
        self._format = self._timestamp = self._base = None

    def put(self, heard: Sequence[Heard], origin: float, until: float) -> None:
        """Place what passed since the last call.

        Args:
            heard: the packets, in the order in which they passed.
            origin: the time at which the time line begins.
            until: the time now, however long ago the last call was.
        """
        self._latest = int((until - origin + _AHEAD) * self.rate)
        for segment in self._segments(heard):
            self._place(segment.packets, self._settle(segment) - origin)

    def take(self, upto: int) -> Taken:
        """Take out the time line up to the sample ``upto``; what belongs there and comes later is dropped."""
        count = max(0, upto - self.taken)
        self._reach(count)
        pcm, self._pcm = self._pcm[:count], self._pcm[count:]
        begin, end = self.taken, self.taken + count
        parts = [(max(one, begin) - begin, min(other, end) - begin) for one, other in self._parts if one < end]
        self._parts = [(max(one, end), other) for one, other in self._parts if other > end]
        self.taken = end
        return Taken(pcm, parts)

    # -- when it was said -------------------------------------------------------------------------------------

    def _segments(self, heard: Sequence[Heard]) -> list[_Segment]:
        segments: list[_Segment] = []
        # Of the packet before, if one of its size is as long: octets, duration, and the timestamp that follows it.
        size, ticks, following = 0, 0, -1
        for now, fmt, timestamp, payload in heard:
            if timestamp == following and len(payload) == size and fmt is self._format:  # as nearly all are
                at, length = self._at + self._length, self._length
                if now - self._heard - length > STALL:
                    segments.append(_Segment(False))
                segments[-1].packets.append(_Said(at, now, fmt, payload, length))
                self._timestamp, self._at, self._heard = timestamp, at, now
                following += ticks
                continue
            if fmt.encoding == "L16" and len(payload) & 1:
                payload = payload[:-1]  # half a sample would shift all that follow
            if not payload:
                continue
            at, anew = self._said_at(now, fmt, timestamp)
            if anew or not segments or now - self._heard - at + self._at > STALL:
                segments.append(_Segment(anew))
            ticks = ticks_of(fmt, payload)
            length = ticks / fmt.clock_rate
            size, following = len(payload), -1 if timestamp is None or not fmt.frame_bytes else timestamp + ticks
            segments[-1].packets.append(_Said(at, now, fmt, payload, length))
            self._format, self._timestamp = fmt, timestamp
            self._at, self._heard, self._length = at, now, length
        return segments

    def _said_at(self, now: float, fmt: Format, timestamp: int | None) -> tuple[float, bool]:
        """When a packet was said by its source's clock, and whether that begins anew."""
        before = self._format
        if timestamp is None:  # made here, one packet after the other
            if before is not None and self._timestamp is None and now - self._heard <= LEAP:
                return self._at + self._length, False
            return now, True
        if before is None or self._timestamp is None or before.clock_rate != fmt.clock_rate:
            return timestamp / fmt.clock_rate, True
        step = ticks_ahead(timestamp, self._timestamp) / fmt.clock_rate
        if abs(step) > LEAP and abs(now - self._heard - step) > LEAP:
            return timestamp / fmt.clock_rate, True
        return self._at + step, False

    def _settle(self, segment: _Segment) -> float:
        """The time of the source's second 0, which the segment may change."""
        packets, base = segment.packets, self._base
        least = min([one.heard - one.at for one in packets])
        now = packets[-1].heard
        if segment.anew or base is None or not -TOLERANCE <= least - base <= STALL:
            base = least
            self._least, self._watched_until = math.inf, now + _WATCHED
        else:
            self._least = min(self._least, least)
            if now >= self._watched_until:
                if self._least > base + TOLERANCE:
                    base = self._least
                self._least, self._watched_until = math.inf, now + _WATCHED
        self._base = base
        return base

    # -- where it belongs -------------------------------------------------------------------------------------

    def _place(self, packets: list[_Said], shift: float) -> None:
        """Place a segment whose source's second 0 is ``shift`` seconds behind the beginning of the time line."""
        packets.sort(key=attrgetter("at"))
        run: list[bytes | bytearray] = []
        begin = end = -math.inf
        fmt = packets[0].format
        for at, _, each, payload, length in packets:
            near = 0.5 / each.clock_rate
            if at < end - near and run:
                continue  # came twice
            if run and (each is not fmt or at > end + near):
                self._write(begin, end, fmt, run, shift)
                run = []
            if not run:
                begin, fmt = at, each
            run.append(payload)
            end = at + length
        self._write(begin, end, fmt, run, shift)

    def _write(self, begin: float, end: float, fmt: Format, payloads: list[bytes | bytearray], shift: float) -> None:
        near = 0.5 / fmt.clock_rate
        same = fmt is self._decoded and shift == self._next_shift
        if same and abs(begin - self._next_at) < near:
            translate, place = self._translate, self._next_place
        elif same and begin < self._next_at:  # behind the others, which go on as if it had not come
            translate, place = translator(fmt, self._linear), round((begin + shift) * self.rate)
            if translate is not None:
                self._put(place, _decoded(fmt, translate, payloads))
            return
        else:
            translate, place = stream_translator(fmt, self._linear), round((begin + shift) * self.rate)
            self._decoded, self._translate, self._next_shift = fmt, translate, shift
        if translate is None:
            self.undecoded.add(fmt)
            self._next_at = math.nan
            return
        pcm = _decoded(fmt, translate, payloads)
        self._next_at, self._next_place = end, place + len(pcm) // 2
        self._put(place, pcm)

    def _put(self, place: int, octets: bytes) -> None:
        pcm: Pcm = np.frombuffer(octets, "<i2")
        begin = place - self.taken
        if begin < 0:
            pcm, begin = pcm[-begin:], 0
        if not len(pcm) or place > self._latest:
            return
        end = begin + len(pcm)
        self._reach(end)
        self._pcm[begin:end] = pcm
        self._note(begin + self.taken, end + self.taken)

    def _reach(self, count: int) -> None:
        """Have at least ``count`` samples of the time line."""
        if len(self._pcm) < count:
            self._pcm = np.concatenate((self._pcm, np.zeros(count - len(self._pcm), np.int16)))

    def _note(self, begin: int, end: int) -> None:
        """A part of the time line was spoken."""
        parts = self._parts
        if parts and parts[-1][0] <= begin <= parts[-1][1]:
            parts[-1] = parts[-1][0], max(parts[-1][1], end)
            return
        merged: list[tuple[int, int]] = []
        for one, other in sorted([*parts, (begin, end)]):
            if merged and one <= merged[-1][1]:
                merged[-1] = merged[-1][0], max(merged[-1][1], other)
            else:
                merged.append((one, other))
        self._parts = merged


def _decoded(fmt: Format, translate: Translator, payloads: list[bytes | bytearray]) -> bytes:
    if sampled(fmt):
        return translate(b"".join(payloads))
    return b"".join([translate(bytes(payload)) for payload in payloads])
