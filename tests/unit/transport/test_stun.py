"""STUN Binding requests as keep-alives: RFC 5769's samples, and what is none."""

import ipaddress
import struct

import pytest

from asterism.transport.stun import answer

COOKIE = 0x2112A442
TRANSACTION = bytes.fromhex("b7e7a701bc34d686fa87dfae")


def request(attributes=b"", *, kind=1, cookie=COOKIE, length=None):
    return struct.pack("!HHI", kind, len(attributes) if length is None else length, cookie) + TRANSACTION + attributes


def attribute(name, value=b""):
    return struct.pack("!HH", name, len(value)) + value + bytes(-len(value) % 4)


def test_the_address_of_rfc_5769_section_2_2():
    reply = answer(request(), "192.0.2.1", 32853)
    assert reply == bytes.fromhex("0101000c2112a442") + TRANSACTION + bytes.fromhex("002000080001a147e112a643")


def test_the_address_of_rfc_5769_section_2_3():
    reply = answer(request(), "2001:db8:1234:5678:11:2233:4455:6677", 32853)
    assert reply[20:] == bytes.fromhex("002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9")


def test_a_link_local_address_goes_without_its_scope():
    reply = answer(request(), "fe80::1%lo", 5060)
    key = struct.pack("!I", COOKIE) + TRANSACTION
    assert bytes(a ^ b for a, b in zip(reply[-16:], key, strict=True)) == ipaddress.ip_address("fe80::1").packed


def test_attributes_that_need_not_be_understood_are_passed_over():
    assert answer(request(attribute(0x8022, b"a phone")), "192.0.2.1", 1)[:2] == b"\x01\x01"


def test_attributes_that_must_be_understood_are_refused_by_name():
    reply = answer(request(attribute(0x0006, b"evtj:h6vY") + attribute(0x8022)), "192.0.2.1", 1)
    assert reply[:2] == b"\x01\x11"
    assert b"\0\0\x04\x14Unknown Attribute" in reply
    assert reply.endswith(bytes.fromhex("000a0002 00060000".replace(" ", "")))


def test_a_fingerprint_is_checked_and_given_back():
    import zlib

    bare = request(length=8)
    mark = struct.pack("!I", zlib.crc32(bare) ^ 0x5354554E)
    reply = answer(bare + attribute(0x8028, mark), "192.0.2.1", 1)
    assert reply[-8:-4] == bytes.fromhex("80280004")
    assert reply[-4:] == struct.pack("!I", zlib.crc32(reply[:-8]) ^ 0x5354554E)
    assert int.from_bytes(reply[2:4], "big") == len(reply) - 20
    assert answer(bare + attribute(0x8028, b"\0\0\0\0"), "192.0.2.1", 1) is None
    assert answer(bare + b"\x80\x28\0\3" + mark, "192.0.2.1", 1) is None
    after = request(attribute(0x8028, mark) + attribute(0x8022))
    assert answer(after, "192.0.2.1", 1) is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\1",
        request()[:-1],
        request(kind=0x0101),
        request(cookie=7),
        request(length=4),
        request(b"\x80\x22"),
        request(b"\x80\x22\xff\xff"),
        request(attribute(0x8022, bytes(200))),
    ],
)
def test_what_is_no_such_request_is_left_to_others(data):
    assert answer(data, "192.0.2.1", 1) is None
