"""Feedback of a receiver of video, passed on to the sender of its packets (RFC 4585, RFC 5104).

Packets name sources by SSRC and may name packets by sequence number. Both are others at each side of a relay, so each
is written anew; kinds that are not in :data:`PASSED` stop here.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import NamedTuple

_HEAD = struct.Struct("!BBHII")
_NACK = struct.Struct("!HH")
_MAX_PACKETS = 16

RTPFB = 205
PSFB = 206
NACK = (RTPFB, 1)
PLI = (PSFB, 1)
SLI = (PSFB, 2)
RPSI = (PSFB, 3)
FIR = (PSFB, 4)
PASSED = frozenset((NACK, PLI, SLI, RPSI, FIR))
"""Packet type and format of the feedback that is passed on."""


class Feedback(NamedTuple):
    """One feedback packet."""

    kind: tuple[int, int]
    """Packet type and format."""
    source: int
    """The SSRC of the source that it is about; of a FIR without one, that of its first entry."""
    details: bytes
    """The control information (FCI)."""


def parse(data: bytes) -> list[Feedback]:
    """The feedback in a compound packet that is passed on; parsing ends at a malformed packet."""
    found: list[Feedback] = []
    offset = 0
    for _ in range(_MAX_PACKETS):
        if offset + 4 > len(data):
            break
        first, packet_type = data[offset], data[offset + 1]
        end = offset + 4 * (int.from_bytes(data[offset + 2 : offset + 4], "big") + 1)
        if first >> 6 != 2 or end > len(data):
            break
        kind = packet_type, first & 0x1F
        if kind in PASSED and end >= offset + 12:
            _, _, _, _, source = _HEAD.unpack_from(data, offset)
            details = data[offset + 12 : end]
            if kind == FIR and len(details) >= 8:
                source = int.from_bytes(details[:4], "big")
            found.append(Feedback(kind, source, details))
        offset = end
    return found


def build(feedback: Feedback, sender: int, source: int, sequence: Callable[[int], int]) -> bytes:
    """The packet as it goes on.

    Args:
        feedback: what came.
        sender: the SSRC under which this server receives.
        source: the SSRC of the source as it is known there.
        sequence: gives the source's own number of a packet that was passed on with another.
    """
    details = feedback.details
    if feedback.kind == FIR:
        details = source.to_bytes(4, "big") + details[4:8]
        source = 0  # RFC 5104 4.3.1.2
    elif feedback.kind == NACK:
        details = b"".join(
            _NACK.pack(sequence(number), mask) for number, mask in _NACK.iter_unpack(details[: len(details) & ~3])
        )
    packet_type, kind = feedback.kind
    return _HEAD.pack(0x80 | kind, packet_type, 2 + len(details) // 4, sender, source & 0xFFFFFFFF) + details
