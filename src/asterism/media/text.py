"""Text with redundancy (RFC 4103, RFC 2198): each packet repeats what those before it had.

The blocks of a packet name the text by a payload type, which is another at each side of a relay. One who has agreed on
no redundancy is sent the text alone, with what was lost on the way here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from asterism.media.formats import PASSED

if TYPE_CHECKING:
    from asterism.media.formats import Format

RED = PASSED["text"]["red"]
T140 = PASSED["text"]["t140"]
_MOST_BLOCKS = 16
_HEAD = 4
"""Octets of the head of a repeated block; that of the last one has a single octet."""


class Block(NamedTuple):
    """One block of a packet."""

    payload_type: int
    offset: int
    """Timestamp units by which it is older than the packet."""
    text: bytes


def read(payload: bytes) -> list[Block] | None:
    """The blocks of a packet, the oldest first; the last is new. ``None`` for one that is malformed."""
    heads: list[tuple[int, int, int]] = []
    at = 0
    while at < len(payload) and payload[at] & 0x80:
        if at + _HEAD > len(payload) or len(heads) >= _MOST_BLOCKS:
            return None
        rest = int.from_bytes(payload[at + 1 : at + _HEAD], "big")
        heads.append((payload[at] & 0x7F, rest >> 10, rest & 0x3FF))
        at += _HEAD
    if at >= len(payload):
        return None
    last = payload[at]
    at += 1
    blocks: list[Block] = []
    for payload_type, offset, size in heads:
        if at + size > len(payload):
            return None
        blocks.append(Block(payload_type, offset, payload[at : at + size]))
        at += size
    return [*blocks, Block(last, 0, payload[at:])]


def write(blocks: list[Block]) -> bytes:
    """A packet of these blocks, as :func:`read` gives them."""
    out = bytearray()
    for payload_type, offset, text in blocks[:-1]:
        out.append(0x80 | payload_type)
        out += ((offset & 0x3FFF) << 10 | len(text) & 0x3FF).to_bytes(3, "big")
    out.append(blocks[-1].payload_type)
    return bytes(out) + b"".join(block.text for block in blocks)


class Passed(NamedTuple):
    """What goes on of a packet."""

    fmt: Format
    payload: bytes


def passed_on(payload: bytes, received: Mapping[int, Format], sent: Mapping[Format, int], lost: int) -> Passed | None:
    """A packet with redundancy as another party takes it.

    Args:
        payload: what it holds.
        received: what the source's payload types mean.
        sent: those of the target.
        lost: packets that are missing before this one.

    Returns:
        ``None``: nothing of it goes on.
    """
    blocks = read(payload)
    number = sent.get(T140)
    if blocks is None or number is None or any(received.get(block.payload_type) is not T140 for block in blocks):
        return None
    if RED in sent:
        return Passed(RED, write([block._replace(payload_type=number) for block in blocks]))
    *repeated, last = blocks
    text = b"".join(block.text for block in repeated[max(0, len(repeated) - lost) :]) + last.text
    return Passed(T140, text) if text else None
