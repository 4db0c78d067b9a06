"""UDPTL: datagrams of anybody, as another reader has them; and what comes out of a line that loses and reorders."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import pairwise

from asterism.media import udptl

SEPARATOR = b"\n--\n"
_SIZES = (0, 1, 2, 7, 63, 127, 128, 129, 400)
_COUNTS = (0, 1, 2, 3, 4, 31, 32, 33, 64, 127, 128)
_SPANS = (0, 1, 2, 3, 4, 63, 64, 65, 255)
_PACKETS = (b"\x02", b"\x04", b"\xc0\x01\x80\x00\x02\xff\xc8\x01", b"\x06", b"\xc0\x02\x80\x00\x00\xff\x20")
"""IFP packets whose true length is found again behind zeros."""


def _sent(correction: udptl.ErrorCorrection) -> bytes:
    sender = udptl.UdptlSender(correction)
    datagrams = [sender.packet(one)[1] for one in _PACKETS * 3]
    del datagrams[6], datagrams[3]
    return SEPARATOR.join(datagrams)


SEEDS = (
    _sent(udptl.ErrorCorrection.NONE),
    _sent(udptl.ErrorCorrection.REDUNDANCY),
    _sent(udptl.ErrorCorrection.FEC),
    SEPARATOR.join(bytes((number, 0, 1, 6, 0, 0)) for number in (0, 200, 201, 90, 0, 1)),
    b"\x00\x05\x01\x06\x80\x01\x40\x20" + b"\x01\xff" * 32,
    SEPARATOR.join(bytes((0, number, 1, 6, 0x80, 1, 64, 8)) + b"\x02\x01\x02" * 8 for number in range(0, 120, 9)),
    SEPARATOR.join(bytes((number >> 8, number & 255, 1, 6)) for number in range(0, 500, 3)),
    random.Random(1).randbytes(90),
)


def datagrams(data: bytes) -> None:
    """What is read is what the octets say; what comes out is in order, each once; what is kept is bounded."""
    pieces = data.split(SEPARATOR)[:200]
    _anybody([(piece, _read_alike(piece)) for piece in pieces])
    _line(data[:60])


# -- another reader


def _plain_read(data: bytes) -> udptl.UdptlPacket | None:
    """The packet in some octets (T.38, clause 9.1, and X.691 10.9 for lengths); ``None`` if there is none."""
    rest = data[2:]

    def length() -> int:
        nonlocal rest
        wide = rest[0] >= 128
        if rest[0] >= 192:
            raise IndexError
        value = int.from_bytes(rest[:2], "big") - 0x8000 if wide else rest[0]
        if wide and len(rest) < 2:
            raise IndexError
        rest = rest[1 + wide :]
        return value

    def octets() -> bytes:
        nonlocal rest
        size = length()
        if size > min(len(rest), 8192):
            raise IndexError
        found, rest = rest[:size], rest[size:]
        return found

    try:
        primary = octets()
        number = int.from_bytes(data[:2], "big")
        if not rest:
            return udptl.UdptlPacket(number, primary)
        kind, rest = rest[0], rest[1:]
        span = 0
        if kind >= 128:
            one, span, rest = rest[0], rest[1], rest[2:]
            if one != 1 or span not in range(1, 65):
                return None
        count = length()
        parts = tuple([octets() for _ in range(count)]) if count <= 32 else None
    except IndexError:
        return None
    if parts is None:
        return None
    return udptl.UdptlPacket(number, primary, () if span else parts, span, parts if span else ())


def _read_alike(data: bytes) -> bool:
    """Whether it is a packet, on which both agree."""
    expected = _plain_read(data)
    try:
        packet = udptl.read_packet(data)
    except ValueError:
        assert expected is None, "refused"
        return False
    assert packet == expected
    assert udptl.read_packet(udptl.write_packet(packet)) == packet
    return True


# -- anybody


def _state(receiver: udptl.UdptlReceiver) -> tuple[object, ...]:
    return receiver._next, dict(receiver._known), dict(receiver._groups), list(receiver._row), receiver.awaited


def _anybody(pieces: Sequence[tuple[bytes, bool]]) -> None:
    receiver, given = udptl.UdptlReceiver(), 0
    for piece, sound in pieces:
        before = None if sound else _state(receiver)
        found = receiver.take(piece)
        if not sound:
            assert not found
            assert _state(receiver) == before, "what is no packet has changed something"
        if len(piece) % 7 == 6:
            found += receiver.flush()
        given += len([ifp for _, ifp in found if ifp])
        numbers = [number for number, _ in found]
        assert all((two - one & 0xFFFF) < 0x8000 for one, two in pairwise(numbers))
        assert all(len(ifp) <= udptl.LONGEST_IFP for _, ifp in found)
        assert len(receiver._row) <= 16
        assert len(receiver._groups) <= 64
        assert all(len(group) <= 64 for group in receiver._groups)
        if receiver._next is not None and found:
            assert min(receiver._known, default=receiver._next) >= receiver._next - 128
        ahead = [number for number in receiver._known if number > (receiver._next or 0)]
        assert len(ahead) <= udptl.WAITING, "more is held back than may be late"
    while receiver.awaited is not None:
        given += len([ifp for _, ifp in receiver.flush() if ifp])
    assert given <= receiver.received + receiver.repaired


# -- a line


def _line(data: bytes) -> None:
    """A sender and a receiver, and between them what the octets say: arrives, is lost, comes twice, comes late."""
    if len(data) < 3:
        return
    correction = tuple(udptl.ErrorCorrection)[data[0] % 3]
    entries, span = data[1] % 4 + 1, data[1] // 4 % 4 + 1
    sender, receiver = udptl.UdptlSender(correction, entries, span), udptl.UdptlReceiver()
    sent = [_PACKETS[octet // 16 % len(_PACKETS)] for octet in data]
    fates = ["", *(("", "", "lost", "late", "twice", "", "lost", "")[octet % 8] for octet in data[1:])]
    # Losses without reordering, and reordering without losses, have an outcome that is known exactly.
    left_out = ("", "late", "lost")[data[2] % 3]
    fates = ["" if fate == left_out else fate for fate in fates]
    arriving: list[tuple[int, int, bytes]] = []
    for number, (ifp, fate) in enumerate(zip(sent, fates, strict=True)):
        sequence, datagram = sender.packet(ifp)
        assert sequence == number
        read = _plain_read(datagram)
        assert read is not None
        assert read.primary == ifp
        if correction is udptl.ErrorCorrection.REDUNDANCY:
            assert list(read.secondary) == sent[max(number - entries, 0) : number][::-1]
        if correction is udptl.ErrorCorrection.FEC and number:
            assert list(read.fec) == list(_parities(sent, number, entries, span))
        if fate != "lost":
            due = number + (data[number] // 8 % 5 + 1 if fate == "late" else 0)
            arriving += [(due, number, datagram)] * (1 + (fate == "twice"))
    given: list[tuple[int, bytes]] = []
    for _, _, datagram in sorted(arriving, key=lambda one: one[:2]):
        given += receiver.take(datagram)
    while receiver.awaited is not None:
        given += receiver.flush()
    outcome = {number: ifp for number, ifp in given if ifp}
    assert [number for number, ifp in given if ifp] == sorted(outcome), "twice, or out of order"
    assert all(sent[number] == ifp for number, ifp in outcome.items()), "something else than was sent"
    if "lost" not in fates or "late" not in fates:
        here = [fate != "lost" for fate in fates]
        due_out = _comes_out(here, correction, entries, span)
        missing = due_out - outcome.keys()
        assert not missing, f"{sorted(missing)} did not come out"
        if correction is not udptl.ErrorCorrection.FEC:
            assert outcome.keys() == due_out
    assert receiver.lost == max(outcome, default=-1) + 1 - len(outcome)


def _parities(sent: Sequence[bytes], number: int, entries: int, span: int) -> Iterator[bytes]:
    for group in range(entries):
        octets = bytearray(8)
        members = [number - entries * back + group for back in range(1, span + 1)]
        members = [one for one in members if one >= 0]
        for member in members:
            for at, octet in enumerate(sent[member]):
                octets[at] ^= octet
        yield bytes(octets[: max((len(sent[member]) for member in members), default=0)])


def _comes_out(here: Sequence[bool], correction: udptl.ErrorCorrection, entries: int, span: int) -> set[int]:
    """What of the packets that were sent must come out, where they arrive in order; with FEC at least."""
    found = {number for number, arrived in enumerate(here) if arrived}
    if correction is udptl.ErrorCorrection.REDUNDANCY:
        for number in list(found):
            found |= set(range(max(number - entries, 0), number))
    elif correction is udptl.ErrorCorrection.FEC:
        for number in range(1, len(here)):
            before = range(number - entries, number)
            whole = range(max(number - entries * span, 0), number - entries)
            # A burst that one packet of each group covers, before which nothing in the groups is missing.
            if here[number] and all(map(here.__getitem__, whole)):
                found |= {one for one in before if one >= 0}
    return found


# -- mutations that know the fields


def mutate(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """Datagrams with one to three made anew, field by field; or octets for the line."""
    if chance.random() < 0.3:
        return chance.randbytes(chance.choice((20, 60, 120)))
    pieces = data.split(SEPARATOR)
    if chance.random() < 0.1:
        # A long run: what is kept grows by each.
        start, step = chance.choice((0, 100, 65400)), chance.choice((1, 1, 2, 5))
        return SEPARATOR.join(_made(start + step * at, chance) for at in range(200))
    for _ in range(chance.choice((1, 1, 2, 3))):
        at = chance.randrange(len(pieces))
        near = int.from_bytes(pieces[at][:2], "big") + chance.choice((0, 0, 1, -1, 2, 5, 127, 128, 129, -128, 32768))
        made = _made(near, chance)
        pieces[at : at + chance.randrange(2)] = [made] * chance.choice((1, 1, 2, 17))
    return SEPARATOR.join(pieces)


def _made(number: int, chance: random.Random) -> bytes:
    """A packet with fields of any value, mostly as long as they say."""

    def length(value: int) -> bytes:
        value += chance.choice((0,) * 40 + (1, -1)) if value else 0
        wide = value >= 128 or chance.random() < 0.03
        return (0x8000 | value).to_bytes(2, "big") if wide else bytes((value,))

    def octets() -> bytes:
        size = chance.choice(_SIZES[:5] if chance.random() < 0.9 else _SIZES)
        return length(size) + chance.randbytes(size)

    head = (number & 0xFFFF).to_bytes(2, "big") + octets()
    kind = chance.randrange(4)
    if kind == 0:
        return head
    count = chance.choice(_COUNTS[:6] if chance.random() < 0.8 else _COUNTS)
    fec = bytes((0x80, chance.choice((1,) * 9 + (0, 2)), chance.choice(_SPANS))) if kind > 1 else b"\0"
    return head + fec + length(count) + b"".join(octets() for _ in range(count))[:5000]
