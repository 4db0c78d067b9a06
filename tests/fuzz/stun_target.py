"""Keep-alives by STUN on the port of SIP: what must be answered, and how, by RFC 8489 as another reader has it."""

from __future__ import annotations

import binascii
import random
import socket
import struct
from collections.abc import Sequence

from asterism.transport import stun

_FINGERPRINT = 0x8028
_KINDS = (
    0x8028,
    0x8028,
    0x8028,
    0x0006,
    0x0008,
    0x0020,
    0x0024,
    0x0025,
    0x7FFF,
    0x8000,
    0x8001,
    0x8022,
    0x802A,
    0xFFFF,
)
_PLACES = (("127.0.0.1", 5060), ("::1", 5060), ("192.0.2.77", 65535), ("2001:db8::9:1", 1))
_Attributes = list[tuple[int, bytes]]


def _message(attributes: _Attributes, *, kind: int = 1, marked: bool = False) -> bytes:
    body = b"".join(struct.pack("!HH", name, len(value)) + value + bytes(-len(value) % 4) for name, value in attributes)
    head = struct.pack("!HHI12s", kind, len(body) + 8 * marked, 0x2112A442, b"x" * 12)
    return _marked(head + body) if marked else head + body


def _marked(message: bytes) -> bytes:
    """With the fingerprint behind it that its length counts already."""
    return message + struct.pack("!HHI", _FINGERPRINT, 4, binascii.crc32(message) ^ int.from_bytes(b"STUN", "big"))


SEEDS = (
    _message([]),
    _message([], marked=True),
    _message([(6, b"")]),
    _message([(_FINGERPRINT, bytes(4))]),
    _message([(0x8022, b"phone"), (0x24, bytes(4)), (0x8000, b""), (0x7FFF, b"x")], marked=True),
    _message([(_FINGERPRINT, bytes(4))], marked=True),
)


def keep_alive(data: bytes) -> None:
    """It is answered where it has to be, to whom it came from, by a message that is hardly larger."""
    for host, port in _PLACES:
        found = stun.answer(data, host, port)
        request = _attributes(data) if data[:2] == b"\0\1" and len(data) <= 128 else None
        if request is None:
            assert found is None, "this is not to be answered"
            continue
        assert found is not None, "this is to be answered"
        assert len(found) <= len(data) + 60
        assert found[4:20] == data[4:20]
        answer = _attributes(found)
        assert answer is not None, "the answer is malformed"
        assert (answer[-1][0] == _FINGERPRINT) == (bool(request) and request[-1][0] == _FINGERPRINT)
        told = {name: value for name, value in answer if name != _FINGERPRINT}
        unknown = [name for name, _ in request if name < 0x8000]
        if unknown:
            assert found[:2] == b"\x01\x11"
            assert told.keys() == {9, 10}
            assert told[9][:4] == b"\0\0\4\x14"
            assert told[10] == b"".join(name.to_bytes(2, "big") for name in unknown)
        else:
            assert found[:2] == b"\x01\x01"
            assert told.keys() == {0x20}
            assert _address(told[0x20], data[4:20]) == (host, port)


def _attributes(data: bytes) -> _Attributes | None:
    """Those of a well-formed message, a fingerprint only at its end and right; else ``None``."""
    if len(data) < 20 or data[4:8] != b"\x21\x12\xa4\x42" or int.from_bytes(data[2:4], "big") + 20 != len(data):
        return None
    found: _Attributes = []
    at = 20
    while at < len(data):
        name, size = int.from_bytes(data[at : at + 2], "big"), int.from_bytes(data[at + 2 : at + 4], "big")
        value = data[at + 4 : at + 4 + size]
        end = at + 4 + -(-size // 4) * 4
        if len(data) < at + 4 or end > len(data):
            return None
        if name == _FINGERPRINT and (end != len(data) or data[at:] != _marked(data[:at])[at:]):
            return None
        found.append((name, value))
        at = end
    return found


def _address(value: bytes, key: bytes) -> tuple[str, int]:
    """Of XOR-MAPPED-ADDRESS (RFC 8489 14.2)."""
    plain = bytes(one ^ other for one, other in zip(value[4:], key, strict=False))
    assert (value[1], len(value)) in ((1, 8), (2, 20))
    family = socket.AF_INET if value[1] == 1 else socket.AF_INET6
    return socket.inet_ntop(family, plain), int.from_bytes(value[2:4], "big") ^ 0x2112


def mutate(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """Attributes put in, dropped and changed; length and fingerprint mostly still fit."""
    found = _attributes(data) or []
    attributes = [one for one in found if one[0] != _FINGERPRINT]
    for _ in range(chance.choice((0, 1, 1, 2, 4))):
        if attributes and chance.random() < 0.3:
            del attributes[chance.randrange(len(attributes))]
        else:
            size = chance.choice((0, 1, 3, 4, 4, 4, 5, 8, 20, 80))
            attributes.insert(chance.randint(0, len(attributes)), (chance.choice(_KINDS), chance.randbytes(size)))
    kind = chance.choice((1,) * 12 + (0x11, 0x101, 0x111, 3))
    made = bytearray(_message(attributes, kind=kind, marked=chance.random() < 0.5))
    if chance.random() < 0.2:
        made = made[:20] + bytes(chance.choice((4, 8, 12))) + made[20:]
        made[2:4] = (len(made) - 20).to_bytes(2, "big")
    if chance.random() < 0.2:
        at = chance.choice((2, 3, 4, 20, 21, 22, 23, len(made) - 1, len(made) - 5, len(made) - 6))
        if at < len(made):
            made[at] = (made[at] + chance.choice((1, -1, 4, 128))) & 255
    return bytes(made)
