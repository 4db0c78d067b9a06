"""UDPTL: the packets that carry T.38 over UDP, and their error correction (ITU-T T.38, clause 9.1).

A packet has a sequence number, one IFP packet that is new (the primary), and what brings earlier ones back:

- *redundancy*: the IFP packets before it once more, the latest first;
- *FEC*: for each of some groups of earlier IFP packets the exclusive or of all in the group. With ``entries`` groups of
  ``span`` packets, group ``g`` (from 0) of packet ``n`` has the packets ``n - entries * k + g`` for ``k`` from 1 to
  ``span``, so that neighbours are in different groups, and a burst of up to ``entries`` lost packets comes back.

Nothing here knows a socket or a clock. What is read is bounded, whatever a packet says.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from enum import StrEnum
from functools import reduce
from typing import NamedTuple

from asterism.media.ifp import true_length


class ErrorCorrection(StrEnum):
    """What a UDPTL packet has besides its primary IFP packet; the values are those of ``t38_udptl_ec``."""

    NONE = "none"
    REDUNDANCY = "redundancy"
    FEC = "fec"


MOST_ENTRIES = 32
"""IFP packets that are repeated, or groups of FEC, in one packet; more are not read."""
MOST_SPAN = 64
"""Packets in a group of FEC; a group of more is not read."""
LONGEST_IFP = 8192
"""Octets of an IFP packet; no longer one is read."""
LONGEST_DATAGRAM = 65507
"""Octets that a datagram can have."""
_KEPT = 128
"""IFP packets of the past that are kept for repair, and the most that a sequence number may be off."""
_ROW = 16
"""Packets in a row that are kept while it is not known what to make of their numbers."""
_GROUPS = 64
"""Groups of FEC that are kept, until their packets are there."""
WAITING = 4
"""Packets after a gap that are held back, as what is missing may be late or be repaired."""

_FEC = 0x80


class UdptlPacket(NamedTuple):
    """One packet, read."""

    sequence: int
    primary: bytes
    secondary: Sequence[bytes] = ()
    """IFP packets of the sequence numbers before this one, the latest first; an empty one stands for none."""
    span: int = 0
    """Packets in a group of FEC; 0: it has redundancy."""
    fec: Sequence[bytes] = ()
    """The groups."""


def _length(value: int) -> bytes:
    """A length as PER has it (X.691 10.9): one octet below 128, else two."""
    return bytes((value,)) if value < 128 else struct.pack("!H", 0x8000 | value)


def _octets(data: bytes) -> bytes:
    return _length(len(data)) + data


def write_packet(packet: UdptlPacket) -> bytes:
    """The octets of a packet.

    Raises:
        ValueError: an IFP packet of it is longer than :data:`LONGEST_IFP`, or there are too many.
    """
    parts = packet.fec if packet.span else packet.secondary
    if len(parts) > MOST_ENTRIES or packet.span > MOST_SPAN:
        raise ValueError("more entries than a packet may have")
    if len(packet.primary) > LONGEST_IFP or any(len(each) > LONGEST_IFP for each in parts):
        raise ValueError("an IFP packet is too long")
    head = struct.pack("!H", packet.sequence & 0xFFFF) + _octets(packet.primary)
    kind = bytes((_FEC, 1, packet.span)) if packet.span else b"\0"
    return b"".join((head, kind, _length(len(parts)), *map(_octets, parts)))


class _Octets:
    """Reads a packet from its beginning; raises ValueError where it is too short, or says too much."""

    __slots__ = ("at", "data")

    def __init__(self, data: bytes, at: int) -> None:
        self.data = data
        self.at = at

    def octet(self) -> int:
        at = self.at
        if at >= len(self.data):
            raise ValueError("the packet is too short")
        self.at = at + 1
        return self.data[at]

    def length(self) -> int:
        first = self.octet()
        if first < 0x80:
            return first
        if first >= 0xC0:
            raise ValueError("a length in fragments")
        return (first & 0x3F) << 8 | self.octet()

    def octets(self) -> bytes:
        count = self.length()
        end = self.at + count
        if count > LONGEST_IFP or end > len(self.data):
            raise ValueError("the packet is too short for its lengths")
        found = self.data[self.at : end]
        self.at = end
        return found


def read_packet(data: bytes) -> UdptlPacket:
    """Read the octets of a packet; one that ends behind its primary IFP packet has no error correction.

    Raises:
        ValueError: it is none. What is behind its end is ignored.
    """
    if len(data) < 3:
        raise ValueError("the packet is too short")
    reader = _Octets(data, 2)
    sequence = data[0] << 8 | data[1]
    primary = reader.octets()
    if reader.at == len(data):
        return UdptlPacket(sequence, primary)
    if not reader.octet() & _FEC:
        return UdptlPacket(sequence, primary, _parts(reader))
    if reader.octet() != 1:
        raise ValueError("the span of FEC is no small number")
    span = reader.octet()
    if not 0 < span <= MOST_SPAN:
        raise ValueError(f"FEC over {span} packets")
    return UdptlPacket(sequence, primary, (), span, _parts(reader))


def _parts(reader: _Octets) -> tuple[bytes, ...]:
    count = reader.length()
    if count > MOST_ENTRIES:
        raise ValueError(f"{count} entries in a packet")
    return tuple([reader.octets() for _ in range(count)])


def group_of(sequence: int, index: int, entries: int, span: int) -> list[int]:
    """The sequence numbers (not wrapped) of the IFP packets in a group of FEC of the packet ``sequence``."""
    return [sequence + index - entries * k for k in range(1, span + 1)]


def _exclusive_or(parts: Sequence[bytes]) -> bytes:
    """The exclusive or of all, each filled with zeros at its end to the length of the longest."""
    size = max(map(len, parts), default=0)
    return reduce(lambda a, b: a ^ b, [int.from_bytes(one.ljust(size, b"\0"), "big") for one in parts], 0).to_bytes(
        size, "big"
    )


class UdptlSender:
    """Makes the packets of one direction.

    Args:
        correction: what the receiver has asked for.
        entries: IFP packets that are repeated, or groups of FEC (``udptlfecentries``).
        span: packets in each group (``udptlfecspan``).
        largest: octets of the largest packet that the receiver takes; earlier IFP packets are left out where they do
            not fit, the primary never is.
    """

    __slots__ = ("_sent", "_sequence", "correction", "entries", "largest", "span")

    def __init__(
        self, correction: ErrorCorrection = ErrorCorrection.NONE, entries: int = 3, span: int = 3, largest: int = 1400
    ) -> None:
        self._sequence = 0
        self._sent: dict[int, bytes] = {}
        self.set_up(correction, entries, span, largest)

    def set_up(self, correction: ErrorCorrection, entries: int, span: int, largest: int) -> None:
        """Go on with other terms; the numbers go on."""
        self.correction = correction
        self.entries = max(1, min(entries, MOST_ENTRIES))
        self.span = max(1, min(span, MOST_SPAN, _KEPT // self.entries))
        self.largest = min(largest, LONGEST_DATAGRAM)

    def packet(self, ifp: bytes) -> tuple[int, bytes]:
        """The next packet, with ``ifp`` as its primary: its sequence number, and its octets.

        Raises:
            ValueError: ``ifp`` is longer than :data:`LONGEST_IFP`.
        """
        number = self._sequence
        made = UdptlPacket(number & 0xFFFF, ifp)
        if self.correction is ErrorCorrection.REDUNDANCY:
            made = made._replace(secondary=self._repeated(number, len(ifp)))
        elif self.correction is ErrorCorrection.FEC and number:
            made = self._protected(made, number)
        data = write_packet(made)
        self._sequence += 1
        self._sent[number] = ifp
        self._sent.pop(number - _KEPT, None)
        return made.sequence, data

    def skip(self) -> None:
        """Leave a number out: the IFP packet that would be next is lost, which the receiver is to see."""
        self._sent[self._sequence] = b""
        self._sent.pop(self._sequence - _KEPT, None)
        self._sequence += 1

    def _repeated(self, number: int, size: int) -> Sequence[bytes]:
        room = self.largest - (2 + 2 + size + 2)
        found: list[bytes] = []
        for before in range(number - 1, max(number - self.entries, 0) - 1, -1):
            ifp = self._sent[before]
            room -= len(ifp) + (1 if len(ifp) < 128 else 2)
            if room < 0 or not ifp:
                break
            found.append(ifp)
        return found

    def _protected(self, made: UdptlPacket, number: int) -> UdptlPacket:
        groups = []
        for index in range(self.entries):
            group = [self._sent[one] for one in group_of(number, index, self.entries, self.span) if one in self._sent]
            if not all(group):
                return made  # what was left out would be taken for zeros
            groups.append(_exclusive_or(group))
        found = made._replace(span=self.span, fec=groups)
        size = 9 + len(made.primary) + sum(len(one) + 2 for one in groups)
        return found if size <= self.largest else made


class UdptlReceiver:
    """Gives the IFP packets of one direction in order, once each, repaired where that can be done.

    Numbers that do not go on where the others were are believed when some packets in a row have them: the far end has
    begun anew. Those that are behind are believed when there are more of them than have led ahead: that was a packet
    with a wrong number, forged or astray.

    Attributes:
        received: packets that were understood.
        malformed: those that were not.
        late: packets that brought nothing new.
        repaired: IFP packets that error correction has brought back.
        lost: IFP packets that were given up.
    """

    __slots__ = ("_groups", "_known", "_next", "_row", "late", "lost", "malformed", "received", "repaired")

    def __init__(self) -> None:
        self._next: int | None = None
        """The sequence number, not wrapped, of the IFP packet that is to be given next; ``None`` before the first."""
        self._known: dict[int, bytes] = {}
        """IFP packets by sequence number: those given, for repair, and those that wait for what is before them."""
        self._groups: dict[tuple[int, ...], bytes] = {}
        self._row: list[UdptlPacket] = []
        """The last packets whose numbers do not go on, as far as they are in a row."""
        self.received = self.malformed = self.late = self.repaired = self.lost = 0

    @property
    def awaited(self) -> int | None:
        """The sequence number (not wrapped) that others wait for; ``None``: none do."""
        following = self._next
        return following if following is not None and max(self._known, default=-1) >= following else None

    def begin(self) -> None:
        """What comes now is of another far end, with numbers of its own. The counts go on."""
        self._next = None
        self._known.clear()
        self._groups.clear()
        self._row.clear()

    def take(self, data: bytes) -> list[tuple[int, bytes]]:
        """Take in a datagram; the sequence numbers (16 bits) and octets of the IFP packets that are due by it.

        One without octets stands for all that are given up before the next one.
        """
        try:
            packet = read_packet(data)
        except ValueError:
            self.malformed += 1
            return []
        self.received += 1
        new = False
        for number, each in self._placed(packet):
            new = self._learn(number, each) or new
        if not new:
            self.late += 1
            return []
        return self._due()

    def flush(self) -> list[tuple[int, bytes]]:
        """What is awaited will not come: what waits for it, up to the next that is missing; as :meth:`take`."""
        if self.awaited is None:
            return []
        gap = self._give_up_until(min(one for one in self._known if one >= (self._next or 0)))
        return [gap, *self._due()]

    def _give_up_until(self, number: int) -> tuple[int, bytes]:
        before, self._next = self._next or 0, number
        self.lost += number - before
        return before & 0xFFFF, b""

    def _placed(self, packet: UdptlPacket) -> list[tuple[int, UdptlPacket]]:
        """The packet with its sequence number, as it goes on beyond 16 bits, and those before it that are believed now.

        None while it is not known what to make of its number.
        """
        following = self._next
        if following is None:
            # Those before it may come late, or be brought back, when its numbers have just begun.
            early = packet.sequence <= max(WAITING, len(packet.secondary), len(packet.fec))
            self._next = 0 if early else packet.sequence
            return [(packet.sequence, packet)]
        ahead = (packet.sequence - following + 0x8000 & 0xFFFF) - 0x8000
        number = following + ahead
        near, row, known = abs(ahead) <= _KEPT and number >= 0, self._row, self._known
        if row and packet.sequence != row[-1].sequence + 1 & 0xFFFF:
            row.clear()
        if near and (ahead >= 0 or (number in known and not row)):
            return [(number, packet)]
        row.append(packet)
        del row[:-_ROW]
        if number + 1 in known or len(row) < 2 or (near and len(row) <= self._supported(following)):
            return []
        # Another numbering is put behind everything that was.
        first = number - len(row) + 1 if near else (following & ~0xFFFF) + 0x10000 + row[0].sequence
        for one in [each for each in known if each >= first or not near]:
            del known[one]
        self._groups.clear()
        self._next = first
        found = list(enumerate(row, first))
        row.clear()
        return found

    def _supported(self, following: int) -> int:
        """How many packets in a row have led to the number that is to be given next."""
        before = following - 1
        while before in self._known:
            before -= 1
        return following - 1 - before

    def _learn(self, number: int, packet: UdptlPacket) -> bool:
        """Keep what a packet brings; whether that is anything new."""
        known, following = self._known, self._next or 0
        before = len(known)
        # An empty one is nothing to give, and nothing to wait for.
        known.setdefault(number, packet.primary)
        for back, ifp in enumerate(packet.secondary, 1):
            if ifp and number - back >= following and number - back not in known:
                known[number - back] = ifp
                self.repaired += 1
        entries = len(packet.fec)
        for index, data in enumerate(packet.fec):
            group = tuple(one for one in group_of(number, index, entries, packet.span) if one >= 0)
            if data and group:
                self._groups[group] = data
        if self._groups:
            self._repair()
            while len(self._groups) > _GROUPS:
                del self._groups[next(iter(self._groups))]
        return len(known) > before

    def _repair(self) -> None:
        """Bring back what is the only one missing of its group, as often as that goes."""
        known, following = self._known, self._next or 0
        again = True
        while again:
            again = False
            for group, data in list(self._groups.items()):
                missing = [one for one in group if one not in known]
                if missing and (len(missing) > 1 or missing[0] < following):
                    continue
                del self._groups[group]
                if missing:
                    ifp = _exclusive_or([data, *(known[one] for one in group if one in known)])
                    length = true_length(ifp)
                    known[missing[0]] = ifp if length is None else ifp[:length]
                    self.repaired += 1
                    again = True

    def _due(self) -> list[tuple[int, bytes]]:
        known = self._known
        found: list[tuple[int, bytes]] = []
        while self._next is not None:
            ifp = known.get(self._next)
            if ifp is not None:
                if ifp:
                    found.append((self._next & 0xFFFF, ifp))
                self._next += 1
                continue
            behind = [one for one in known if one > self._next]
            if len(behind) <= WAITING:
                break
            found.append(self._give_up_until(min(behind)))
        oldest = (self._next or 0) - _KEPT
        for one in [each for each in known if each < oldest]:
            del known[one]
        return found
