"""IFP packets of T.38 (ITU-T T.38, clause 7), as far as their length must be known.

What FEC brings back is as long as the longest packet of its group, with zeros behind the packet itself. A fax machine
takes an IFP packet only at its true length, which its own fields tell.
"""

from __future__ import annotations

from collections.abc import Callable

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
    for head in (_old_head, _new_head):
        end = _fields_end(packet, at, head)
        if end is not None and end <= len(packet) and not any(packet[end:]):
            return end
    return None


def _skip_data(packet: bytes, at: int) -> int | None:
    """The end of a field's data, whose length less one stands in two octets."""
    if at + 2 > len(packet):
        return None
    end = at + 2 + int.from_bytes(packet[at : at + 2], "big") + 1
    return end if end <= len(packet) else None


def _old_head(packet: bytes, bit: int) -> tuple[bool, int]:
    """Whether a field has data, and the bits that tell it, in the form of 1998: a bit, and three for the kind."""
    return bool(packet[bit // 8] << (bit % 8) & 0x80), 4


def _new_head(packet: bytes, bit: int) -> tuple[bool, int]:
    """The same in the form of 2002: a bit, a bit for extension, and three or seven for the kind."""
    octet = bit // 8
    window = int.from_bytes(packet[octet : octet + 2].ljust(2, b"\0"), "big") << (bit % 8)
    return bool(window & 0x8000), 9 if window & 0x4000 else 5


def _fields_end(packet: bytes, at: int, head: Callable[[bytes, int], tuple[bool, int]]) -> int | None:
    """The end of the fields whose number stands at ``at``; data begin with an octet."""
    # As no packet has 128 fields or more, one octet says how many.
    if at >= len(packet) or not 0 < packet[at] < 128:
        return None
    bit = (at + 1) * 8
    for _ in range(packet[at]):
        if bit // 8 >= len(packet):
            return None
        present, bits = head(packet, bit)
        bit += bits
        if present:
            end = _skip_data(packet, (bit + 7) // 8)
            if end is None:
                return None
            bit = end * 8
    return (bit + 7) // 8
