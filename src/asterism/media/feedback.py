"""Feedback of a receiver of video, passed on to the sender of its packets (RFC 4585, RFC 5104).

Packets name sources by SSRC and may name packets by sequence number. Both are others at each side of a relay, so each
is written anew; kinds that are not in :data:`PASSED` stop here. Estimates of a receiver's bandwidth (REMB,
draft-alvestrand-rmcat-remb-03) are read where one source is shown to several, and summed up there.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

_HEAD = struct.Struct("!BBHII")
_NACK = struct.Struct("!HH")
_MAX_PACKETS = 16
MOST_LOST = 64
"""Entries of one report of lost packets that are looked at."""

RTPFB = 205
PSFB = 206
NACK = (RTPFB, 1)
PLI = (PSFB, 1)
SLI = (PSFB, 2)
RPSI = (PSFB, 3)
FIR = (PSFB, 4)
PASSED = frozenset((NACK, PLI, SLI, RPSI, FIR))
"""Packet type and format of the feedback that is passed on."""
KEY_FRAMES = frozenset((PLI, SLI, FIR))
"""Those that a whole picture answers."""
REMB = (PSFB, 15)
"""Those of application layer feedback, of which one kind is known: the receiver's estimate of its bandwidth."""
_REMB_NAME = b"REMB"
_MANTISSA = 18
"""Bits of the number that an estimate is given as, beside its exponent of 6 bits."""


class Feedback(NamedTuple):
    """One feedback packet."""

    kind: tuple[int, int]
    """Packet type and format."""
    source: int
    """The SSRC of the source that it is about."""
    details: bytes
    """The control information (FCI); of a FIR the entry of that source alone."""


def parse(data: bytes) -> list[Feedback]:
    """The feedback in a compound packet that is passed on, and estimates; parsing ends at a malformed packet.

    A FIR and an estimate may be about several sources: each is found once for each of them (RFC 5104 4.3.1.1). What has
    no control information, or not all that its kind needs, is passed over.
    """
    found: list[Feedback] = []
    offset = 0
    for _ in range(_MAX_PACKETS):
        if offset + 4 > len(data):
            break
        first, packet_type = data[offset], data[offset + 1]
        end = offset + 4 * (int.from_bytes(data[offset + 2 : offset + 4], "big") + 1)
        if first >> 6 != 2 or end > len(data):
            break
        # Octets that fill the packet up are no control information (RFC 3550 6.4.1).
        unpadded = end - data[end - 1] if first & 0x20 else end
        if unpadded >= offset + 12:
            source = int.from_bytes(data[offset + 8 : offset + 12], "big")
            found += _about((packet_type, first & 0x1F), source, data[offset + 12 : unpadded])
        offset = end
    return found


def _about(kind: tuple[int, int], source: int, details: bytes) -> list[Feedback]:
    """What one packet says, of each source that it is about."""
    if kind == FIR:
        entries = {details[at : at + 4]: details[at : at + 8] for at in range(0, len(details) - 7, 8)}
        return [Feedback(kind, int.from_bytes(ssrc, "big"), entry) for ssrc, entry in entries.items()]
    if kind == REMB:
        if len(details) < 12 or details[:4] != _REMB_NAME:
            return []
        end = min(len(details), 8 + 4 * details[4])
        sources = dict.fromkeys(details[at : at + 4] for at in range(8, end - 3, 4))
        return [Feedback(kind, int.from_bytes(ssrc, "big"), details) for ssrc in sources]
    if kind not in PASSED:
        return []
    if kind == PLI:
        return [Feedback(kind, source, b"")]
    return [Feedback(kind, source, details[: len(details) & ~3])] if len(details) >= 4 else []


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
        details = b"".join([_NACK.pack(sequence(number), mask) for number, mask in entries(feedback)])
    elif feedback.kind == REMB:
        return bandwidth_estimate(sender, source, bandwidth_of(feedback))
    packet_type, kind = feedback.kind
    return _HEAD.pack(0x80 | kind, packet_type, 2 + len(details) // 4, sender, source & 0xFFFFFFFF) + details


def entries(one: Feedback) -> Iterator[tuple[int, int]]:
    """The entries of a NACK that are looked at: a number, and which of the sixteen after it are lost too."""
    return _NACK.iter_unpack(one.details[: min(len(one.details) & ~3, 4 * MOST_LOST)])


def lost(one: Feedback) -> list[int]:
    """The numbers of the packets that a NACK says are lost, of at most :data:`MOST_LOST` entries."""
    found: list[int] = []
    for number, mask in entries(one):
        found.append(number)
        found += [number + bit + 1 & 0xFFFF for bit in range(16) if mask >> bit & 1]
    return found


def lost_details(numbers: Sequence[int]) -> bytes:
    """The control information of a NACK that says so (RFC 4585 6.2.1); ``numbers`` in the order of sequence."""
    out = bytearray()
    first, mask = -1, 0
    for number in numbers:
        step = number - first & 0xFFFF
        if first >= 0 and 1 <= step <= 16:
            mask |= 1 << step - 1
            continue
        if first >= 0 and not step:
            continue
        if first >= 0:
            out += _NACK.pack(first, mask)
        first, mask = number, 0
    if first >= 0:
        out += _NACK.pack(first, mask)
    return bytes(out)


def key_frame_request(sender: int, source: int) -> bytes:
    """A PLI (RFC 4585 6.3.1): the pictures of ``source`` cannot be shown without a whole one."""
    return build(Feedback(PLI, source, b""), sender, source, int)


def full_intra_request(sender: int, source: int, number: int) -> bytes:
    """A FIR (RFC 5104 4.3.1); ``number`` counts the requests of this sender, modulo 256."""
    return build(Feedback(FIR, source, bytes((0, 0, 0, 0, number & 0xFF, 0, 0, 0))), sender, source, int)


def bandwidth_of(one: Feedback) -> int:
    """The estimate of a REMB, in bits per second."""
    mantissa = int.from_bytes(one.details[5:8], "big") & (1 << _MANTISSA) - 1
    return mantissa << (one.details[5] >> 2)


def bandwidth_estimate(sender: int, source: int, bandwidth: int) -> bytes:
    """A REMB that tells ``source`` of a bandwidth in bits per second, rounded down to 18 significant bits."""
    exponent = min(63, max(0, bandwidth.bit_length() - _MANTISSA))
    mantissa = min(bandwidth >> exponent, (1 << _MANTISSA) - 1)
    details = _REMB_NAME + bytes((1,)) + (exponent << _MANTISSA | mantissa).to_bytes(3, "big")
    details += (source & 0xFFFFFFFF).to_bytes(4, "big")
    packet_type, kind = REMB
    return _HEAD.pack(0x80 | kind, packet_type, 2 + len(details) // 4, sender, 0) + details
