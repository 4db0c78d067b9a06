"""The layout of an RTP packet (RFC 3550 section 5.1)."""

from __future__ import annotations

import struct

HEADER = struct.Struct("!BBHII")
"""Version and flags, marker and payload type, sequence number, timestamp, SSRC."""


def payload_bounds(data: bytes, first: int) -> tuple[int, int] | None:
    """Return where the payload begins and ends: past CSRCs and extension, before padding (RFC 3550 section 5.1).

    Args:
        data: a packet of at least 12 octets.
        first: its first octet.

    Returns:
        ``None`` for a malformed packet.
    """
    start, end = 12 + 4 * (first & 0x0F), len(data)
    if first & 0x10:
        if start + 4 > end:
            return None
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    if first & 0x20:  # the last octet says how much there is, itself included
        if end <= start:
            return None
        end -= data[-1] or end
    return (start, end) if start <= end else None
