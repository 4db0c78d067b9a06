"""Which stream of a bundled transport a packet is of (RFC 8843 9.2).

A packet of RTP names its section of the description by ``mid``, or has an SSRC that was signalled (``a=ssrc``) or seen
before, or a payload type that only one section has. RTCP names streams by SSRC: what a compound packet has for each of
them is gathered, so that every stream gets a packet of its own.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable
from typing import Generic, NamedTuple, TypeVar

from asterism.media import header_extensions
from asterism.media.feedback import FIR, PSFB, REMB, RTPFB
from asterism.media.rtcp import BYE, RR, SDES, SR

_LEARNED = 64
"""Sources that are remembered beside those that were signalled."""
_SIGNALLED = 32
"""Sources of one stream that are taken from its description."""
_MAX_PACKETS = 16
_REPORTS = 31


Stream = TypeVar("Stream")


class Route(NamedTuple, Generic[Stream]):
    """How the packets of a stream are told from those of others."""

    stream: Stream
    mid: str = ""
    payload_types: Collection[int] = ()
    """Those that the peer may send."""
    sources: Collection[int] = ()
    """Its SSRCs, as the peer has signalled them."""
    own: int = -1
    """The SSRC under which this end sends: what the peer's RTCP says of it is for this stream."""


class Demultiplexer(Generic[Stream]):
    """Finds the stream of each packet. Streams are told apart by identity and need no hash.

    Attributes:
        described: whether it has been told of streams: before, their packets need not be told apart.
        transport_number: the number of the header extension with the packet's number among all of the transport.
        arrived: told of each such number, with the SSRC of its packet and the time.
    """

    __slots__ = (
        "_by_mid", "_by_own", "_by_type", "_learned", "_mid_number", "_routes", "_signalled", "_single",
        "arrived", "described", "transport_number",
    )  # fmt: skip

    def __init__(self) -> None:
        self.described = False
        self._routes: tuple[Route[Stream], ...] = ()
        self._mid_number = self.transport_number = 0
        self.arrived: Callable[[int, int, float], None] | None = None
        self._by_mid: dict[bytes, Stream] = {}
        self._by_type: dict[int, Stream | None] = {}
        self._by_own: dict[int, Stream] = {}
        self._signalled: dict[int, Stream] = {}
        self._learned: OrderedDict[int, Stream] = OrderedDict()
        self._single: Stream | None = None

    def describe(self, routes: Iterable[Route[Stream]], mid_number: int = 0) -> None:
        """Take what the descriptions say now; what was learned of streams that stay is kept, unless they gainsay it.

        Args:
            routes: one for each stream; of several with one mid the first counts.
            mid_number: the number of the header extension with the mid; 0: none was agreed on.
        """
        self.described = True
        self._routes = tuple(routes)
        self._mid_number = mid_number
        self._single = self._routes[0].stream if len(self._routes) == 1 else None
        self._by_mid, self._by_type, self._by_own, self._signalled = {}, {}, {}, {}
        for route in self._routes:
            if route.mid:
                self._by_mid.setdefault(route.mid.encode("utf-8", "replace"), route.stream)
            if route.own >= 0:
                self._by_own[route.own] = route.stream
            for number in route.payload_types:
                self._by_type[number] = None if number in self._by_type else route.stream
            for index, source in enumerate(route.sources):
                if index < _SIGNALLED:
                    self._signalled.setdefault(source, route.stream)
        here = {id(route.stream) for route in self._routes}
        for source, stream in tuple(self._learned.items()):
            if id(stream) not in here or self._signalled.get(source, stream) is not stream:
                del self._learned[source]

    # -- RTP ---------------------------------------------------------------------------------------------------------

    def take(self, packet: bytearray, size: int, now: float) -> tuple[Stream | None, int]:
        """Find the stream that a packet of RTP is of, and take the header extension out of it, in place.

        Args:
            packet: its octets, not encrypted any more; more may follow.
            size: how many are the packet's, 12 at least.
            now: the loop's time.

        Returns:
            The stream, and the octets of what is left: a packet without extension, which goes the quick ways. A packet
            with a malformed one is left as it is. ``None``: it cannot be told whose it is, and it is to be dropped.
        """
        if not packet[0] & 0x10:
            return (self._single if self._single is not None else self._by_header(packet)), size
        found = header_extensions.read(packet, size)
        source = int.from_bytes(packet[8:12], "big")
        if self.arrived is not None:
            number = found.get(self.transport_number)
            if number is not None and len(number) == 2:
                self.arrived(int.from_bytes(number, "big"), source, now)
        stream = self._single
        if stream is None:
            name = found.get(self._mid_number) if self._mid_number else None
            if name is None:
                stream = self._by_header(packet)
            else:  # otherwise of a section that is not there, or not any more (9.2)
                stream = self._by_mid.get(name)
                if stream is not None:
                    self._learn(source, stream)
        return stream, header_extensions.strip(packet, size)

    def _by_header(self, packet: bytearray) -> Stream | None:
        source = int.from_bytes(packet[8:12], "big")
        stream = self._learned.get(source)
        if stream is not None:
            return stream
        stream = self._signalled.get(source)
        if stream is None:
            stream = self._by_type.get(packet[1] & 0x7F)
        if stream is not None:
            self._learn(source, stream)
        return stream

    def _learn(self, source: int, stream: Stream) -> None:
        """Remember a source, of this stream now whatever it was of before."""
        learned = self._learned
        if learned.get(source) is stream:
            return
        learned[source] = stream
        while len(learned) > _LEARNED:
            learned.popitem(last=False)

    # -- RTCP --------------------------------------------------------------------------------------------------------

    def split(self, data: bytes) -> list[tuple[Stream, bytes]]:
        """What a compound packet of RTCP has for each stream, in the order of the streams.

        Reports go to the streams of their sender and of those that they report on, feedback to the one that it is
        about; what cannot be told is left out. The rest of a malformed packet is dropped.
        """
        if self._single is not None:
            return [(self._single, data)]
        parts: dict[int, bytearray] = {}
        offset = 0
        for _ in range(_MAX_PACKETS):
            if offset + 4 > len(data):
                break
            end = offset + 4 * (int.from_bytes(data[offset + 2 : offset + 4], "big") + 1)
            if data[offset] >> 6 != 2 or end > len(data):
                break
            packet = data[offset:end]
            sender = self._from(_source(packet, 4)) if packet[1] == SR else None
            for stream in self._concerned(packet):
                # The times of a sender's report are those of its own stream.
                told = packet if packet[1] != SR or stream is sender else _without_sender(packet)
                parts.setdefault(id(stream), bytearray()).extend(told)
            offset = end
        return [(route.stream, bytes(parts[id(route.stream)])) for route in self._routes if id(route.stream) in parts]

    def _concerned(self, packet: bytes) -> list[Stream]:
        """The streams that one packet of RTCP is for, each once."""
        count, kind = packet[0] & 0x1F, packet[1]
        sender = _source(packet, 4)
        if kind in (SR, RR):
            start = 8 if kind == RR else 28
            blocks = [start + 24 * index for index in range(min(count, _REPORTS))]
            found = [self._from(sender)] + [self._by_own.get(_source(packet, at)) for at in blocks]
        elif kind in (RTPFB, PSFB):
            about = [_source(packet, 8)]
            if (kind, count) == FIR:
                about += [_source(packet, at) for at in range(12, len(packet) - 7, 8)]
            elif (kind, count) == REMB:
                about += [_source(packet, at) for at in range(20, len(packet) - 3, 4)]
            found = [self._by_own.get(source) for source in about]
        elif kind == BYE:
            found = [self._from(_source(packet, 4 + 4 * index)) for index in range(count)]
        elif kind == SDES:
            found = [self._from(sender)]
        else:
            found = [self._from(sender), self._by_own.get(_source(packet, 8))]
        unique: list[Stream] = []
        for stream in found:
            if stream is not None and not any(stream is one for one in unique):
                unique.append(stream)
        return unique

    def _from(self, source: int) -> Stream | None:
        found = self._learned.get(source)
        return found if found is not None else self._signalled.get(source)


def _source(packet: bytes, at: int) -> int:
    """The SSRC at an offset; -1 where the packet is too short for it."""
    return int.from_bytes(packet[at : at + 4], "big") if at + 4 <= len(packet) else -1


def _without_sender(report: bytes) -> bytes:
    """A sender's report with nothing but its blocks: a receiver's report."""
    words = max(1, int.from_bytes(report[2:4], "big") - 5)
    return bytes((report[0], RR)) + words.to_bytes(2, "big") + report[4:8] + report[28:]
