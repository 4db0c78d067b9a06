"""The state of an outgoing RTP stream, shared by those that send on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from asterism.media.formats import ULAW, Format

_NONE: Mapping[Format, str] = MappingProxyType({})


class SendState:
    """State of an outgoing RTP stream: the numbers of its last packet, its counts, and how a packet is sent.

    The stream has one SSRC but two senders: the session itself (audio that is written, digits, silence) and the
    :class:`~asterism.media.relay.Relay` that passes another session's packets on. Both read and write this one object,
    so that the packets of each follow those of the other (RFC 3550 section 5.1).

    Attributes:
        ssrc: the stream's SSRC.
        sequence: the sequence number of the last packet.
        timestamp: the RTP timestamp of the next packet that is written; of the last one while packets are relayed.
        last_write: when a packet was last written, in seconds of the loop's clock.
        marker: whether the next packet begins a talkspurt.
        packets: packets sent.
        octets: octets of payload sent.
        payload_types: the payload type of each format that the peer understands.
        parameters: what the peer has said of formats (``a=fmtp``), for their encoders.
        debug: whether each packet is logged.
        send: sends the octets of a packet; raises ``OSError`` where the system does not take them.
    """

    __slots__ = (
        "debug", "last_write", "marker", "octets", "packets", "parameters", "payload_types", "send", "sequence", "ssrc",
        "timestamp",
    )  # fmt: skip

    def __init__(self, seed: int, now: float) -> None:
        self.ssrc = seed & 0xFFFFFFFF
        self.timestamp = seed >> 32 & 0xFFFFFFFF
        # Neither a loss nor what comes late leads past 0 at first, where SRTP begins to count (RFC 3711 3.3.1).
        self.sequence = seed >> 64 & 0x7FFF | 0x100
        self.last_write = now
        self.marker = True
        self.packets = self.octets = 0
        self.payload_types: dict[Format, int] = {ULAW: 0}
        self.parameters: Mapping[Format, str] = _NONE
        self.debug = False
        self.send: Callable[[memoryview | bytes], object] = discard


def discard(data: memoryview | bytes) -> None:
    """Send nothing: there is no peer, or it is on hold."""
