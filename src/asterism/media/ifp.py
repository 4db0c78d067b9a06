"""IFP packets of T.38 (ITU-T T.38, clause 7), as far as their length must be known.

What FEC brings back is as long as the longest packet of its group, with zeros behind the packet itself. A fax machine
takes an IFP packet only at its true length, which its own fields tell.
"""

from __future__ import annotations

_FIELDS = 0x80
_EXTENDED = 0x20


def true_length(packet: bytes) -> int | None:
    """The octets of the IFP packet at the beginning of ``packet``; ``None`` where it is none.

    Both forms of a data field are understood: that of 1998, in which fields share octets, and that of 2002. The one is
    taken that leaves nothing but zeros behind, the older one first.
    """
    if not packet:
        return None
    at = 2 if packet[0] & _EXTENDED else 1
    if not packet[0] & _FIELDS:
        return at if len(packet) >= at and not any(packet[at:]) else None
    for read in (_old_fields, _new_fields):
        end = read(packet, at)
        if end is not None and end <= len(packet) and not any(packet[end:]):
            return end
    return None


def _count(packet: bytes, at: int) -> int | None:
    """The number of fields; as no packet has 128 or more, one octet says it."""
    return packet[at] if at < len(packet) and 0 < packet[at] < 128 else None


def _skip_data(packet: bytes, at: int) -> int | None:
    """The end of a field's data, whose length less one stands in two octets."""
    if at + 2 > len(packet):
        return None
    end = at + 2 + int.from_bytes(packet[at : at + 2], "big") + 1
    return end if end <= len(packet) else None


def _old_fields(packet: bytes, at: int) -> int | None:
    """The end of the fields in the form of 1998: a bit and three bits each; data begin with an octet."""
    count = _count(packet, at)
    if count is None:
        return None
    bit = (at + 1) * 8
    for _ in range(count):
        octet = bit // 8
        if octet >= len(packet):
            return None
        present = packet[octet] << (bit % 8) & 0x80
        bit += 4
        if present:
            end = _skip_data(packet, (bit + 7) // 8)
            if end is None:
                return None
            bit = end * 8
    return (bit + 7) // 8


def _new_fields(packet: bytes, at: int) -> int | None:
    """The end of the fields in the form of 2002: a bit, a bit for extension and three bits, or six, each."""
    count = _count(packet, at)
    if count is None:
        return None
    bit = (at + 1) * 8
    for _ in range(count):
        octet = bit // 8
        if octet >= len(packet):
            return None
        window = int.from_bytes(packet[octet : octet + 2].ljust(2, b"\0"), "big") << (bit % 8)
        present, extended = window & 0x8000, window & 0x4000
        bit += 2 + (7 if extended else 3)
        if present:
            end = _skip_data(packet, (bit + 7) // 8)
            if end is None:
                return None
            bit = end * 8
    return (bit + 7) // 8
