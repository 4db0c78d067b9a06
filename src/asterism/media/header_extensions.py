"""RTP header extensions: what is agreed on, and how elements stand in a packet (RFC 8285).

A packet has one block of elements, each a number and up to 255 octets; what a number means is said in SDP
(``a=extmap``). Blocks with elements of one-octet heads (numbers 1 to 14, 1 to 16 octets) and of two-octet heads are
read and written. Extensions end at this server: what one party sends is not for the other, whose packets get those that
were agreed on with it, written anew.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
"""The section of the description that a packet belongs to (RFC 8843 9.2, 15)."""
ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
"""When a packet was sent: 24 bits, seconds with 18 bits after the point."""
TRANSPORT_SEQUENCE = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
"""The packet's number among all of its transport: 16 bits."""

_FIELDS: Mapping[str, str] = MappingProxyType(
    {MID: "mid", ABS_SEND_TIME: "abs_send_time", TRANSPORT_SEQUENCE: "transport_sequence"}
)
_ONE_OCTET = 0xBEDE
_TWO_OCTETS = 0x1000
_HIGHEST = 14
"""The highest number that is agreed on: those above need heads of two octets, which not everybody reads."""
_MOST_OFFERED = 64
_LONGEST_MID = 16
_LONGEST_BLOCK = 4 * 255
"""Octets of a block that are looked at."""
_BLOCK_HEAD = struct.Struct("!HH")
_TICKS = 1 << 18
_SENT = MappingProxyType({"sendrecv": True, "sendonly": True, "recvonly": False, "inactive": False})
"""Whether who writes a direction sends that extension."""
_RECEIVED = MappingProxyType({"sendrecv": True, "sendonly": False, "recvonly": True, "inactive": False})
"""Whether who writes a direction takes that extension."""
_NOT_WRITTEN = frozenset(("transport_sequence",))
"""Extensions that are read here and never written: what a transport has lost is reported to who has numbered it."""


class Agreed(NamedTuple):
    """What was agreed on for a stream.

    Attributes:
        mid, abs_send_time, transport_sequence: the number of each extension; 0: it is not used.
        unsent: those that only the peer sends.
        unread: those that only the peer takes.
    """

    mid: int = 0
    abs_send_time: int = 0
    transport_sequence: int = 0
    unsent: frozenset[str] = _NOT_WRITTEN
    unread: frozenset[str] = frozenset()

    @property
    def lines(self) -> tuple[str, ...]:
        """The values of ``a=extmap`` that say so."""
        found = []
        for uri, field in _FIELDS.items():
            number = getattr(self, field)
            if number:
                direction = "/recvonly" if field in self.unsent else "/sendonly" if field in self.unread else ""
                found.append((number, f"{number}{direction} {uri}"))
        return tuple([line for _, line in sorted(found)])

    def sent(self, field: str) -> int:
        """The number under which packets of ours have an extension; 0: they do not."""
        return 0 if field in self.unsent else int(getattr(self, field))

    def read(self, field: str) -> int:
        """The number under which the peer's packets have an extension; 0: they do not."""
        return 0 if field in self.unread else int(getattr(self, field))


NONE = Agreed()
_ALL = Agreed(1, 2, 3)


def offered(media: str, *, bundled: bool, congestion: bool) -> Agreed:
    """What a stream is offered with, under numbers that are the same in all sections (RFC 8843 9.2).

    Args:
        media: the stream's type.
        bundled: several streams go over one transport.
        congestion: the peer measures what its path bears, as browsers do.
    """
    if media not in ("audio", "video"):
        return Agreed(mid=1 if bundled else 0)
    return Agreed(1 if bundled else 0, 2 if congestion else 0, 3 if congestion else 0)


def accepted(lines: Iterable[str], wanted: Agreed = _ALL) -> Agreed:
    """What of an offer is accepted, or what of ours (``wanted``) was: under the numbers of the peer's description.

    An extension goes in the directions in which one side sends and the other takes it (RFC 8285 5); one that goes in
    neither is not used.

    Args:
        lines: the values of its ``a=extmap``; what cannot be read is passed over, as is what is not known.
        wanted: those extensions only; their numbers need not be these.
    """
    found: dict[str, int] = {}
    taken: set[int] = set()
    unsent, unread = set(wanted.unsent), set(wanted.unread)
    for index, line in enumerate(lines):
        if index >= _MOST_OFFERED:
            break
        number, direction, uri = _parse(line)
        field = _FIELDS.get(uri)
        if field is None or not 1 <= number <= _HIGHEST or number in taken:
            continue
        if field in found or not getattr(wanted, field):
            continue
        sends = _RECEIVED[direction] and field not in unsent
        reads = _SENT[direction] and field not in unread
        if not (sends or reads):
            continue
        found[field] = number
        taken.add(number)
        if not sends:
            unsent.add(field)
        if not reads:
            unread.add(field)
    return Agreed(**found, unsent=frozenset(unsent), unread=frozenset(unread))


def _parse(line: str) -> tuple[int, str, str]:
    """Number, direction and URI of ``a=extmap``; the number is 0 where it cannot be read."""
    name, _, rest = line.strip().partition(" ")
    number, slash, direction = name.partition("/")
    uri = rest.strip().partition(" ")[0]
    if not (number.isascii() and number.isdigit() and len(number) <= 4) or (slash and direction not in _SENT):
        return 0, "", ""
    return int(number), direction or "sendrecv", uri


# -- in packets ------------------------------------------------------------------------------------------------------


def read(packet: bytes | bytearray | memoryview, size: int) -> dict[int, bytes]:
    """The elements of a packet's extension, by number; nothing of a block that is malformed from there on.

    Args:
        packet: its octets; more may follow.
        size: how many are the packet's.
    """
    if size < 12 or not packet[0] & 0x10:
        return {}
    start = 12 + 4 * (packet[0] & 0x0F)
    if start + 4 > size:
        return {}
    profile, words = _BLOCK_HEAD.unpack_from(packet, start)
    start += 4
    end = start + 4 * words
    if end > size:
        return {}
    return elements(profile, packet, start, min(end, start + _LONGEST_BLOCK))


def strip(packet: bytearray, size: int) -> int:
    """Take the header extension out of a packet, in place.

    Args:
        packet: its octets, with the X bit set; more may follow.
        size: how many are the packet's.

    Returns:
        The octets that are left; ``size`` for a malformed packet, which is left as it is.
    """
    start = 12 + 4 * (packet[0] & 0x0F)
    if start + 4 > size:
        return size
    gone = 4 + 4 * (packet[start + 2] << 8 | packet[start + 3])
    if start + gone > size:
        return size
    packet[start : size - gone] = packet[start + gone : size]
    packet[0] &= 0xEF
    return size - gone


def elements(profile: int, packet: bytes | bytearray | memoryview, start: int, end: int) -> dict[int, bytes]:
    """The elements of a block between two offsets; the first counts where a number comes twice."""
    if profile == _ONE_OCTET:
        head_size = 1
    elif profile >> 4 == _TWO_OCTETS >> 4:
        head_size = 2
    else:  # some other extension (RFC 3550 5.3.1)
        return {}
    found: dict[int, bytes] = {}
    at = start
    while at < end:
        head = packet[at]
        if not head:  # padding
            at += 1
            continue
        if head_size == 1:
            number, length = head >> 4, (head & 0x0F) + 1
            if number in (0, 15):  # reserved; what follows is not to be looked at (RFC 8285 4.2)
                break
        elif at + 1 < end:
            number, length = head, packet[at + 1]
        else:
            break
        at += head_size
        if at + length > end:
            break
        found.setdefault(number, bytes(packet[at : at + length]))
        at += length
    return found


def write(items: Mapping[int, bytes]) -> bytes:
    """A block with these elements, as it stands behind SSRC and CSRCs; heads of one octet where they do.

    Raises:
        ValueError: a number is not 1 to 255, an element longer than 255 octets, or all of it more than is read.
    """
    short = all(1 <= number <= _HIGHEST and 1 <= len(data) <= 16 for number, data in items.items())
    block = bytearray()
    for number, data in items.items():
        if not 1 <= number <= 255 or len(data) > 255:
            raise ValueError(f"no element of a header extension: {number} with {len(data)} octets")
        block += bytes((number << 4 | len(data) - 1,)) if short else bytes((number, len(data)))
        block += data
    block += bytes(-len(block) % 4)
    if len(block) > _LONGEST_BLOCK:
        raise ValueError(f"a header extension of {len(block)} octets")
    return _BLOCK_HEAD.pack(_ONE_OCTET if short else _TWO_OCTETS, len(block) // 4) + block


def send_time(now: float) -> int:
    """A moment in seconds as ``abs-send-time`` has it."""
    return int(now * _TICKS) & 0xFFFFFF


class Writer:
    """The block that the packets of one stream are sent with, made once and filled in for each packet.

    Attributes:
        size: its octets, the four that lead it included; 0 where nothing was agreed on.
    """

    __slots__ = ("_block", "_time_at", "size")

    def __init__(self, agreed: Agreed, mid: str = "") -> None:
        """Write mid and sending time, where agreed; numbers of a transport are written by those who count them."""
        items: dict[int, bytes] = {}
        name = mid.encode("ascii", "replace")
        mid_number, time_number = agreed.sent("mid"), agreed.sent("abs_send_time")
        if mid_number and 1 <= len(name) <= _LONGEST_MID:
            items[mid_number] = name
        self._time_at = 0
        if time_number:
            items[time_number] = bytes(3)
        self._block = bytearray(write(items) if items else b"")
        if time_number:
            before = sum(1 + len(data) for number, data in items.items() if number != time_number)
            self._time_at = 4 + before + 1
        self.size = len(self._block)

    def write_into(self, buffer: bytearray | memoryview, at: int, now: float) -> None:
        """Put the block into ``buffer`` at an offset, for a packet that is sent ``now``; the X bit is the caller's."""
        block = self._block
        place = self._time_at
        if place:
            block[place : place + 3] = send_time(now).to_bytes(3, "big")
        buffer[at : at + self.size] = block
