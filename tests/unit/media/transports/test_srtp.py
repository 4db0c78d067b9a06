"""Suites, keys, and packets protected in place, with pylibsrtp's own sessions as the other end."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pylibsrtp import Policy, Session, _binding

from asterism.media.packet import HEADER
from asterism.media.relay import Views
from asterism.media.transports.parameters import SrtpKey
from asterism.media.transports.srtp import (
    MOST_SOURCES,
    SUITES,
    TRAILER,
    Buffers,
    Inbound,
    Outbound,
    UsedKeys,
    check,
    new_key,
)

SUITE = "AES_CM_128_HMAC_SHA1_80"
REPORT = bytes.fromhex("81c8000c") + bytes(range(48))


def buffers() -> Buffers:
    received = bytearray(9216)
    return Buffers(received, Views(received))


def other_end(key: SrtpKey, direction: int) -> Session:
    return Session(Policy(key=key.key, ssrc_type=direction, srtp_profile=getattr(Policy, SUITES[key.suite].profile)))


def packet(sequence: int, payload: bytes = b"\x55" * 160, ssrc: int = 7) -> bytes:
    return HEADER.pack(0x80, 0, sequence, sequence * 160, ssrc) + payload


def take(inbound: Inbound, shared: Buffers, data: bytes, *, control: bool = False) -> bytes:
    shared.received[: len(data)] = data
    size = inbound.unprotect_rtcp(len(data)) if control else inbound.unprotect(len(data))
    return bytes(shared.received[:size])


def test_what_is_bound_of_libsrtp() -> None:
    """pylibsrtp does not promise its binding: a version that has another one is seen here."""
    for name in ("srtp_protect", "srtp_protect_rtcp", "srtp_unprotect", "srtp_unprotect_rtcp"):
        assert callable(getattr(_binding.lib, name))
    assert _binding.ffi.typeof(_binding.lib.srtp_protect).args[2].cname == "int *"
    assert _binding.ffi.sizeof(_binding.ffi.from_buffer(bytearray(5))) == 5
    assert _binding.ffi.typeof(Session()._srtp[0]).kind == "pointer"


@pytest.mark.parametrize(
    ("name", "key", "salt", "tag"),
    [
        ("AES_CM_128_HMAC_SHA1_80", 16, 14, 10),  # RFC 4568 6.2
        ("AES_CM_128_HMAC_SHA1_32", 16, 14, 4),
        ("AEAD_AES_128_GCM", 16, 12, 16),  # RFC 7714 14.2
        ("AEAD_AES_256_GCM", 32, 12, 16),
    ],
)
def test_suites(name: str, key: int, salt: int, tag: int) -> None:
    suite = SUITES[name]
    assert (suite.name, suite.key, suite.salt, suite.tag) == (name, key, salt, tag)
    assert suite.by_default is name.startswith("AES_CM")
    made = new_key(name, os.urandom)
    assert made.suite == name
    assert len(made.key) == key + salt == suite.size
    assert new_key(name, os.urandom) != made
    check(made)
    shared = buffers()
    assert len(Outbound(shared, made).protect(packet(1))) == 172 + tag


@pytest.mark.parametrize("name", SUITES)
def test_both_ends_understand_each_other(name: str) -> None:
    shared, ours, theirs = buffers(), new_key(name, os.urandom), new_key(name, os.urandom)
    outbound, inbound = Outbound(shared, ours), Inbound(shared, theirs)
    peer_in, peer_out = other_end(ours, Policy.SSRC_ANY_INBOUND), other_end(theirs, Policy.SSRC_ANY_OUTBOUND)
    for number in (1, 2, 5, 4, 3, 65535, 65534):
        text = os.urandom(160)
        sent = bytes(outbound.protect(packet(number, text)))
        assert sent[12:172] != text
        assert peer_in.unprotect(sent) == packet(number, text)
        assert take(inbound, shared, peer_out.protect(packet(number, text))) == packet(number, text)
    assert peer_in.unprotect_rtcp(bytes(outbound.protect_rtcp(REPORT))) == REPORT
    protected = peer_out.protect_rtcp(REPORT)
    assert take(inbound, shared, protected, control=True) == REPORT
    assert take(inbound, shared, protected, control=True) == b""


def test_the_roll_over_counter_goes_on() -> None:
    shared, key = buffers(), new_key(SUITE, os.urandom)
    outbound, inbound = Outbound(shared, key), Inbound(shared, key)
    for number in range(65500, 65536 + 40):
        sent = bytes(outbound.protect(packet(number & 0xFFFF)))
        assert take(inbound, shared, sent)[:4] == packet(number & 0xFFFF)[:4]
    late = Inbound(shared, key)
    with_counter = bytes(outbound.protect(packet(41)))
    assert take(late, shared, with_counter) == b""  # it cannot know how often the numbers began anew


def test_a_packet_is_not_sent_twice() -> None:
    shared = buffers()
    outbound = Outbound(shared, new_key(SUITE, os.urandom))
    for number in range(1, 300):
        outbound.protect(packet(number))
    for number in (299, 250, 171, 100, 1):
        with pytest.raises(OSError, match="sent before"):
            outbound.protect(packet(number, b"other"))
    outbound.protect(packet(1, ssrc=8))


def test_packets_that_do_not_fit() -> None:
    shared = buffers()
    outbound = Outbound(shared, new_key(SUITE, os.urandom))
    assert len(outbound.protect(packet(1, bytes(9204)))) == 9226
    assert len(shared.sent) == 9216 + TRAILER
    with pytest.raises(OSError, match="too long"):
        outbound.protect(packet(2, bytes(9205)))
    with pytest.raises(OSError, match="no packet"):
        outbound.protect(b"\x80\0\0")


def test_keys_that_are_none() -> None:
    for key in (SrtpKey(SUITE, bytes(29)), SrtpKey(SUITE, bytes(31)), SrtpKey("F8_128_HMAC_SHA1_80", bytes(30))):
        with pytest.raises(ValueError, match=r"octets|suite"):
            check(key)
        with pytest.raises(ValueError, match=r"octets|suite"):
            Outbound(buffers(), key)
        with pytest.raises(ValueError, match=r"octets|suite"):
            Inbound(buffers(), key)


def test_used_keys_are_refused_and_bounded() -> None:
    used, first = UsedKeys(), new_key(SUITE, os.urandom)
    used.take(first)
    with pytest.raises(ValueError, match="used before"):
        used.take(SrtpKey("AEAD_AES_128_GCM", first.key))
    for number in range(20_000):
        used.take(SrtpKey(SUITE, number.to_bytes(30, "big")))
    assert len(used._seen) == 8192
    shared = buffers()
    Outbound(shared, first)
    with pytest.raises(ValueError, match="used before"):
        Outbound(shared, first)


def test_sources_are_bounded_and_only_authentic_ones_count() -> None:
    shared, key = buffers(), new_key(SUITE, os.urandom)
    inbound, peer, stranger = Inbound(shared, key), other_end(key, Policy.SSRC_ANY_OUTBOUND), os.urandom
    for number in range(1000):
        assert take(inbound, shared, packet(1, stranger(170), ssrc=number)) == b""
    assert not inbound.sources
    for number in range(MOST_SOURCES + 10):
        assert bool(take(inbound, shared, peer.protect(packet(1, ssrc=number)))) is (number < MOST_SOURCES)
    assert len(inbound.sources) == MOST_SOURCES
    assert take(inbound, shared, peer.protect(packet(2, ssrc=3))) == packet(2, ssrc=3)


class Ends:
    """A session of ours for each suite, and a packet of its peer that it has not taken yet."""

    def __init__(self) -> None:
        self.shared = buffers()
        keys = {name: new_key(name, os.urandom) for name in SUITES}
        self.inbound = {name: Inbound(self.shared, key) for name, key in keys.items()}
        self.good = {name: other_end(key, Policy.SSRC_ANY_OUTBOUND).protect(packet(1)) for name, key in keys.items()}


@pytest.fixture(scope="module")
def ends() -> Ends:
    return Ends()


@given(name=st.sampled_from(sorted(SUITES)), data=st.binary(max_size=300), control=st.booleans())
def test_no_octets_of_others_are_taken(ends: Ends, name: str, data: bytes, control: bool) -> None:
    assert take(ends.inbound[name], ends.shared, data, control=control) == b""


@given(name=st.sampled_from(sorted(SUITES)), at=st.integers(0, 187), change=st.integers(1, 255))
def test_no_changed_packet_is_taken(ends: Ends, name: str, at: int, change: int) -> None:
    data = bytearray(ends.good[name])
    data[at % len(data)] ^= change
    assert take(ends.inbound[name], ends.shared, bytes(data)) == b""
