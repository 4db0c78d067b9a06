"""Records of DTLS in datagrams: told apart without a key, whatever is in them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from asterism.media.transports.association import (
    client_random,
    continues_hello,
    cookie_of,
    only_protected,
    records,
    sound,
)

kinds = st.integers(20, 25)


def record(kind: int, epoch: int, content: bytes, number: int = 0) -> bytes:
    """A record of DTLS 1.2 (RFC 6347 4.1)."""
    head = bytes([kind]) + b"\xfe\xfd" + epoch.to_bytes(2, "big") + number.to_bytes(6, "big")
    return head + len(content).to_bytes(2, "big") + content


@given(st.lists(st.tuples(kinds, st.integers(0, 3), st.binary(max_size=40))), st.binary(max_size=12))
def test_whole_records_are_found_in_order(made: list[tuple[int, int, bytes]], rest: bytes) -> None:
    datagram = b"".join(record(*each) for each in made)
    assert list(records(datagram + rest)) == [(kind, epoch, record(kind, epoch, data)) for kind, epoch, data in made]
    assert only_protected(sound(datagram)) == only_protected(datagram)
    assert only_protected(datagram) == b"".join(record(*each) for each in made if each[1])


@given(st.binary(min_size=1, max_size=200))
def test_anything_may_come(datagram: bytes) -> None:
    assert len(b"".join(each for _, _, each in records(datagram))) <= len(datagram)
    assert len(sound(datagram)) <= len(datagram)
    assert sound(sound(datagram)) == sound(datagram)
    assert len(client_random(datagram)) in (0, 32)
    assert not (client_random(datagram) and continues_hello(datagram))


def test_a_first_flight_is_known_by_its_random_number() -> None:
    random = bytes(range(32))
    hello = b"\x01" + b"\0\0\x2a" + b"\0\0" + b"\0\0\0" + b"\0\0\x2a" + b"\xfe\xfd" + random + bytes(8)
    assert client_random(record(22, 0, hello)) == random
    assert client_random(record(22, 1, hello)) == b""
    assert client_random(record(22, 0, b"\x02" + hello[1:])) == b""
    assert client_random(record(22, 0, hello)[:50]) == b""
    second = hello[:6] + b"\0\0\x20" + hello[9:]
    assert client_random(record(22, 0, second)) == b""
    assert continues_hello(record(22, 0, second))


def test_a_cookie_is_of_one_address_and_one_server() -> None:
    assert cookie_of(b"s", b"a") == cookie_of(b"s", b"a")
    assert len({cookie_of(secret, address) for secret in (b"s", b"t") for address in (b"a", b"b")}) == 4
    assert len(cookie_of(b"s", b"a")) <= 32
