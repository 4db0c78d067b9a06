"""Packets that were sent lately, as they were sent: what a receiver missed is sent again from here (RFC 4585 6.2.1).

What is kept is protected already. The same octets go out again under the same number, so that no key and no packet
index is used for anything new; a receiver that has the packet drops it by its replay protection.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import NamedTuple

OCTETS = 512 * 1024
"""Octets that are kept of one stream, at most."""
AGE = 1.0
"""Seconds after which a packet comes too late to be shown."""
_PACKETS = 2048
_AGAIN = 0.02
"""Seconds in which a packet is sent again once: several reports name the same loss before it can have arrived."""
_MOST = 256
"""Packets that are looked for at one time."""
_BURST = 64 * 1024
"""Octets that are sent again at once; they are added to again at half the rate at which the stream is sent."""


class Found(NamedTuple):
    """What becomes of packets that a receiver has missed."""

    packets: list[bytes]
    """To be sent again, in the order asked for."""
    missing: list[int]
    """Numbers that are not kept: whoever sent them to us may have them yet."""


class _Kept(NamedTuple):
    packet: bytes
    sent: float
    again: float


class History:
    """The last packets of one stream (one SSRC), by sequence number. Nothing is kept longer than the limits say.

    What is sent again is limited too, so that nobody can have us send much by asking: at most half of what the stream
    itself has sent, and a burst.
    """

    __slots__ = ("_age", "_allowance", "_kept", "_limit", "_size")

    def __init__(self, octets: int = OCTETS, age: float = AGE) -> None:
        self._limit = octets
        self._age = age
        self._kept: OrderedDict[int, _Kept] = OrderedDict()
        self._size = 0
        self._allowance = float(_BURST)

    def __len__(self) -> int:
        return len(self._kept)

    def keep(self, sequence: int, packet: bytes, now: float) -> None:
        """Keep a packet that is sent ``now``, in seconds of any clock that does not go back."""
        kept = self._kept
        before = kept.pop(sequence, None)
        if before is not None:
            self._size -= len(before.packet)
        kept[sequence] = _Kept(packet, now, now - _AGAIN)
        self._size += len(packet)
        self._allowance = min(_BURST, self._allowance + len(packet) / 2)
        oldest = now - self._age
        while kept:
            first = next(iter(kept.values()))
            if first.sent >= oldest and self._size <= self._limit and len(kept) <= _PACKETS:
                break
            self._size -= len(kept.popitem(last=False)[1].packet)

    def find(self, sequences: Iterable[int], now: float) -> Found:
        """What is to be sent again of these; of those that just were, nothing."""
        found = Found([], [])
        oldest = now - self._age
        for count, sequence in enumerate(sequences):
            if count >= _MOST:
                break
            kept = self._kept.get(sequence)
            if kept is None or kept.sent < oldest:
                found.missing.append(sequence)
            elif now - kept.again >= _AGAIN and len(kept.packet) <= self._allowance:
                self._allowance -= len(kept.packet)
                self._kept[sequence] = kept._replace(again=now)
                found.packets.append(kept.packet)
        return found

    def clear(self) -> None:
        """Forget all: the keys are new, or the stream is."""
        self._kept.clear()
        self._size = 0
