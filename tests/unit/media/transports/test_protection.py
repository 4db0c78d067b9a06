"""How one key follows another, without sockets."""

from __future__ import annotations

import os

import pytest
from pylibsrtp import Policy, Session
from test_srtp import SUITE, buffers, other_end, packet

from asterism.media.transports.parameters import SrtpKey
from asterism.media.transports.protection import REKEY_SECONDS, Protection
from asterism.media.transports.srtp import SUITES, Buffers, new_key


def keys(suite: str = SUITE) -> tuple[SrtpKey, SrtpKey, Session]:
    """What we send, what we are sent, and the peer that sends it."""
    received = new_key(suite, os.urandom)
    return new_key(suite, os.urandom), received, other_end(received, Policy.SSRC_ANY_OUTBOUND)


def take(protection: Protection, shared: Buffers, data: bytes, now: float = 0.0) -> bytes:
    shared.received[: len(data)] = data
    return bytes(shared.received[: protection.unprotect(len(data), now)])


def test_without_keys_nothing_passes() -> None:
    shared = buffers()
    protection = Protection(shared)
    assert take(protection, shared, packet(1)) == b""
    for protect in (protection.protect, protection.protect_rtcp):
        with pytest.raises(BlockingIOError):
            protect(packet(1))


@pytest.mark.parametrize("first", SUITES)
@pytest.mark.parametrize("second", SUITES)
def test_the_last_key_holds_until_the_first_packet_under_the_new_one(first: str, second: str) -> None:
    shared = buffers()
    protection, (ours, theirs, peer) = Protection(shared), keys(first)
    protection.take(ours, theirs, 0.0)
    assert take(protection, shared, peer.protect(packet(1))) == packet(1)
    ours_next, theirs_next, peer_next = keys(second)
    protection.take(ours_next, theirs_next, 10.0)
    assert protection.changing
    assert protection.outbound is not None
    assert protection.outbound.key == ours_next
    assert take(protection, shared, peer.protect(packet(2)), 10.0) == packet(2)
    assert take(protection, shared, packet(3), 10.0) == b""
    assert protection.changing
    assert take(protection, shared, peer_next.protect(packet(4)), 10.0) == packet(4)
    assert not protection.changing
    assert take(protection, shared, peer.protect(packet(5)), 10.0) == b""


def test_the_last_key_holds_for_a_while_only() -> None:
    shared = buffers()
    protection, (ours, theirs, peer) = Protection(shared), keys()
    protection.take(ours, theirs, 0.0)
    ours, theirs, peer_next = keys()
    protection.take(ours, theirs, 10.0)
    assert take(protection, shared, peer.protect(packet(2)), 9.9 + REKEY_SECONDS) == packet(2)
    assert take(protection, shared, peer.protect(packet(3)), 10.0 + REKEY_SECONDS) == b""
    assert not protection.changing
    assert take(protection, shared, peer_next.protect(packet(4)), 99.0) == packet(4)


def test_the_same_keys_go_on() -> None:
    shared = buffers()
    protection, (ours, theirs, peer) = Protection(shared), keys()
    protection.take(ours, theirs, 0.0)
    outbound, inbound = protection.outbound, protection.inbound
    data = peer.protect(packet(1))
    assert take(protection, shared, data) == packet(1)
    protection.take(ours, theirs, 1.0)
    assert (protection.outbound, protection.inbound) == (outbound, inbound)
    assert not protection.changing
    assert take(protection, shared, data) == b""  # it still is a replay


def test_one_direction_may_change() -> None:
    shared = buffers()
    protection, (ours, theirs, peer) = Protection(shared), keys()
    protection.take(ours, theirs, 0.0)
    inbound = protection.inbound
    protection.take(keys()[0], theirs, 1.0)
    assert protection.inbound is inbound
    assert not protection.changing
    assert take(protection, shared, peer.protect(packet(1))) == packet(1)


def test_what_cannot_be_used_changes_nothing() -> None:
    shared = buffers()
    protection, (ours, theirs, _) = Protection(shared), keys()
    protection.take(ours, theirs, 0.0)
    before = protection.outbound, protection.inbound
    fresh = new_key(SUITE, os.urandom)
    for sent, received, why in (
        (fresh, SrtpKey(SUITE, fresh.key), "is ours"),
        (fresh, SrtpKey(SUITE, b"short"), "octets"),
        (SrtpKey("none", fresh.key), new_key(SUITE, os.urandom), "suite"),
    ):
        with pytest.raises(ValueError, match=why):
            protection.take(sent, received, 1.0)
        assert (protection.outbound, protection.inbound) == before
        assert not protection.changing
    with pytest.raises(ValueError, match="used before"):
        Protection(shared).take(ours, theirs, 2.0)
    protection.clear()
    assert protection.outbound is protection.inbound is None


@pytest.mark.parametrize("cleared", [False, True])
def test_keys_of_before_go_on_where_they_were(cleared: bool) -> None:
    """Two phones that a call has forked to answer by turns: no number is sent again, no packet taken again."""
    shared = buffers()
    protection, (ours, theirs, peer), (mine, others, _) = Protection(shared), keys(), keys()
    protection.take(ours, theirs, 0.0)
    came, first = peer.protect(packet(1)), bytes(protection.protect(packet(1)))
    assert take(protection, shared, came) == packet(1)
    protection.take(mine, others, 10.0)
    protection.protect(packet(1))
    if cleared:
        protection.clear()
    protection.take(ours, theirs, 20.0)
    with pytest.raises(OSError, match="sent before"):
        protection.protect(packet(1)[:12] + b"other octets")
    assert bytes(protection.protect(packet(2))) != first
    assert take(protection, shared, came, 20.0) == b""
    assert take(protection, shared, peer.protect(packet(2)), 20.0) == packet(2)


def test_the_keys_of_long_before_are_not_taken_again() -> None:
    shared = buffers()
    protection, (ours, theirs, _) = Protection(shared), keys()
    protection.take(ours, theirs, 0.0)
    for _ in range(4):
        protection.take(*keys()[:2], 0.0)
    assert len(protection._sent) == len(protection._received) == 4
    with pytest.raises(ValueError, match="used before"):
        protection.take(ours, theirs, 0.0)
