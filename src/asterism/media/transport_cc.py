"""Feedback on when the packets of a transport arrived (draft-holmer-rmcat-transport-wide-cc-extensions-01).

A sender that numbers all packets of a transport learns from it what the path to here bears, and sends no more. It is
told ten times a second.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from asterism.media.feedback import RTPFB

if TYPE_CHECKING:
    import asyncio

KIND = (RTPFB, 15)
INTERVAL = 0.1
"""Seconds between two reports."""
TICK = 0.00025
"""Seconds of the unit of differences between arrivals."""
_TICKS_OF_REFERENCE = 256
"""Units of 250 microseconds in one of 64 milliseconds."""
_HEAD = struct.Struct("!BBHIIHH")
_SMALL, _LARGE = 1, 2
_LONGEST_RUN = 0x1FFF
_MOST_STATUSES = 512
"""Packets that one report is about: it fits into a datagram whatever came of them."""
_BACK = 256
"""Packets that came late by so many are told of."""
_JUMP = 0x2000
"""A number further on than this is no loss: the peer counts anew."""
_FURTHEST = 0x7F00
"""Units of 250 microseconds between two arrivals of one report."""
_MOST_REPORTS = 4
"""Reports that are made at one time; packets beyond them are not told of."""
_KEPT = 2048


def encode(sender: int, source: int, base: int, arrivals: Sequence[int | None], count: int) -> bytes:
    """One report, as a packet of RTCP.

    Args:
        sender: the SSRC under which this end reports.
        source: the SSRC of any source of the transport.
        base: the number of the first packet that it is about, 16 bits.
        arrivals: for each from there on, when it came in units of 250 microseconds, ``None`` for one that did not.
        count: how many reports were made before.

    Raises:
        ValueError: none has come, there are too many, or two lie more than 8 seconds apart.
    """
    first = next((arrival for arrival in arrivals if arrival is not None), None)
    if first is None or len(arrivals) > _MOST_STATUSES:
        raise ValueError("no arrivals that one report can tell")
    reference = first // _TICKS_OF_REFERENCE
    before = reference * _TICKS_OF_REFERENCE
    symbols = bytearray()
    deltas = bytearray()
    for arrival in arrivals:
        if arrival is None:
            symbols.append(0)
            continue
        delta = arrival - before
        before = arrival
        if 0 <= delta <= 0xFF:
            symbols.append(_SMALL)
            deltas.append(delta)
        elif -0x8000 <= delta <= 0x7FFF:
            symbols.append(_LARGE)
            deltas += delta.to_bytes(2, "big", signed=True)
        else:
            raise ValueError("arrivals too far apart for one report")
    body = (reference & 0xFFFFFF).to_bytes(3, "big") + bytes((count & 0xFF,)) + _chunks(symbols) + deltas
    body += bytes(-len(body) % 4)
    packet_type, form = KIND
    words = 3 + len(body) // 4
    return _HEAD.pack(0x80 | form, packet_type, words, sender, source & 0xFFFFFFFF, base, len(symbols)) + body


def _chunks(symbols: bytearray) -> bytes:
    """What came of the packets, as runs of one symbol and as vectors of 14 symbols of one bit or 7 of two."""
    out = bytearray()
    at = 0
    while at < len(symbols):
        symbol = symbols[at]
        run = 1
        while at + run < len(symbols) and symbols[at + run] == symbol and run < _LONGEST_RUN:
            run += 1
        vector = symbols[at : at + 14]
        if run >= 14 or at + run == len(symbols) or (run >= 7 and symbol == _LARGE):
            chunk = symbol << 13 | run
        elif _LARGE not in vector:
            run = 14
            chunk = 0x8000 | sum(one << 13 - place for place, one in enumerate(vector))
        else:
            run = 7
            chunk = 0xC000 | sum(one << 12 - 2 * place for place, one in enumerate(vector[:7]))
        out += chunk.to_bytes(2, "big")
        at += run
    return bytes(out)


class Arrivals:
    """When packets came, as long as it has not been reported and a little longer. Bounded, whatever numbers come."""

    __slots__ = ("_count", "_highest", "_kept", "_new", "_next", "source")

    def __init__(self) -> None:
        self._kept: dict[int, int] = {}
        """When each came, by its number, which goes on counting beyond 16 bits."""
        self._highest = -1
        self._next = 0
        """The number after the last that was reported."""
        self._new = -1
        """The lowest that came since the last report; -1: none did."""
        self._count = 0
        self.source = 0
        """The SSRC of the packet that came last."""

    def add(self, number: int, source: int, now: float) -> None:
        """A packet with this number (16 bits) and SSRC has come."""
        self.source = source
        if self._highest < 0:
            self._highest = self._next = 0x10000 + number
        step = (number - self._highest + 0x8000 & 0xFFFF) - 0x8000
        if abs(step) > _JUMP:
            self._kept.clear()
            self._highest = self._next = 0x10000 + number
            self._new, step = -1, 0
        extended = self._highest + step
        if extended < self._next - _BACK or extended in self._kept or len(self._kept) >= _KEPT:
            return
        self._highest = max(self._highest, extended)
        self._kept[extended] = int(now / TICK)
        if self._new < 0 or extended < self._new:
            self._new = extended

    def take(self, sender: int) -> list[bytes]:
        """The reports on what came since the last ones; those that are far too long are cut off."""
        reports: list[bytes] = []
        at = self._next if 0 <= self._next < self._new else self._new
        while 0 <= at <= self._highest and len(reports) < _MOST_REPORTS:
            arrivals = self._from(at)
            if any(arrival is not None for arrival in arrivals):
                reports.append(encode(sender, self.source, at & 0xFFFF, arrivals, self._count))
                self._count += 1
            at += len(arrivals)
        self._next = self._highest + 1
        self._new = -1
        for number in [number for number in self._kept if number < self._next - _BACK]:
            del self._kept[number]
        return reports

    def _from(self, number: int) -> list[int | None]:
        """The arrivals from a number on that one report can tell."""
        arrivals: list[int | None] = []
        before: int | None = None
        for one in range(number, min(self._highest + 1, number + _MOST_STATUSES)):
            arrival = self._kept.get(one)
            if arrival is not None:
                if before is not None and abs(arrival - before) > _FURTHEST:
                    break
                before = arrival
            arrivals.append(arrival)
        return arrivals


class ArrivalReports:
    """Reports on the packets of one transport, while any come."""

    __slots__ = ("_arrivals", "_loop", "_send", "_sender", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop, sender: int, send: Callable[[bytes], None]) -> None:
        """Report under the SSRC ``sender``; ``send`` takes one packet of RTCP, which may need a report before it."""
        self._arrivals = Arrivals()
        self._loop = loop
        self._sender = sender
        self._send = send
        self._timer: asyncio.TimerHandle | None = None

    def arrived(self, number: int, source: int, now: float) -> None:
        """A packet with this number (16 bits) and SSRC has come."""
        self._arrivals.add(number, source, now)
        if self._timer is None:
            self._timer = self._loop.call_later(INTERVAL, self._report)

    def _report(self) -> None:
        self._timer = None
        for packet in self._arrivals.take(self._sender):
            self._send(packet)

    def close(self) -> None:
        """Report no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
