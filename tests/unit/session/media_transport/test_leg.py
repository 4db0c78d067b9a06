"""The keys of a leg over any offers and answers, and what is left of those that cannot be had."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asterism.applications.session.media_transport.crypto import CryptoLine
from asterism.applications.session.media_transport.leg import Legs, TransportLeg
from asterism.applications.session.media_transport.sections import SectionTransport
from asterism.applications.session.media_transport.terms import Options, Protection, TransportTerms
from asterism.media.transports.srtp import SUITES

AES80, AES32 = "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"
OPTIONS = Options("sdes", optimistic=True, suites=(AES80, AES32), offered_suites=(AES80, AES32))
OFFER = TransportTerms("RTP/AVP", Protection.SDES)
PRINTS = (("sha-256", ":".join(["AB"] * 32)),)


class Transport:
    """Takes what it is told, unless it is to refuse it."""

    ice = dtls = None
    secure = refuses = False

    def __init__(self) -> None:
        self.told: list[Any] = []

    def apply(self, remote: Any, *, role: str = "", controlling: bool = False) -> None:
        if self.refuses:
            raise ValueError("it cannot be used")
        self.told.append((remote, role, controlling))


def leg_of(options: Options = OPTIONS) -> tuple[TransportLeg, Transport]:
    transport = Transport()
    return TransportLeg(options, transport, os.urandom), transport  # type: ignore[arg-type]


def terms(suite: str, number: int = 0) -> TransportTerms:
    """What is agreed on: a suite and a key of the peer's, or (empty) nothing."""
    if not suite:
        return TransportTerms("RTP/AVP")
    key = bytes((number,)) * SUITES[suite].size
    return TransportTerms("RTP/AVP", Protection.SDES, CryptoLine(7, suite, key))


def described(leg: TransportLeg) -> dict[str, bytes]:
    return {line.suite: line.key for line in leg.local(OFFER).crypto}


SECTION = SectionTransport("RTP/AVP")
STEPS = st.lists(
    st.tuples(st.sampled_from(["offer", "answered", "taken"]), st.sampled_from(["", AES80, AES32]), st.integers(0, 2),
              st.booleans()),
    max_size=30,
)  # fmt: skip


@given(STEPS)
def test_a_key_that_was_left_is_neither_offered_nor_sent_with_again(steps: list[tuple[str, str, int, bool]]) -> None:
    """But for other answers to the same offer; and what is refused changes nothing."""
    leg, transport = leg_of()
    offer = 0
    current: bytes | None = None
    left: dict[bytes, int] = {}
    offered: dict[str, bytes] = {}
    for step, suite, number, refuses in steps:
        before = described(leg)
        transport.refuses = refuses
        if step == "offer":
            offer += 1
            leg.prepare_offer(OFFER)
            offered = described(leg)
            assert not left.keys() & set(offered.values())
            assert current is None or current in offered.values()
            continue
        if step == "answered" and (not offered or (suite and suite not in offered)):
            continue
        take = leg.take_answer if step == "answered" else leg.take_offer
        told = len(transport.told)
        try:
            take(SECTION, terms(suite, number), "127.0.0.1", 4000)
        except ValueError:
            assert described(leg) == before
            continue
        if step == "taken":
            offered = {}
        (remote, _, controlling) = transport.told[told]
        assert controlling is (step == "answered")
        sent = None if remote.sent is None else remote.sent.key
        if sent is not None:
            assert described(leg)[suite] == sent
            assert step == "answered" or sent not in left
            assert left.pop(sent, offer) == offer
        if current is not None and current != sent:
            left[current] = offer
        current = sent


def test_the_peers_refresh_keeps_the_key_that_is_in_use() -> None:
    """Also where we had offered several."""
    leg, transport = leg_of()
    leg.prepare_offer(OFFER)
    leg.take_answer(SECTION, terms(AES32), "127.0.0.1", 4000)
    leg.take_offer(SECTION, terms(AES32), "127.0.0.1", 4000)
    assert transport.told[0][0].sent == transport.told[1][0].sent
    assert [line.tag for line in leg.local(OFFER).crypto] == [7]


def test_keys_are_sought_again_as_was_agreed() -> None:
    leg, transport = leg_of(Options("dtls"))
    leg.seek_again()
    assert not transport.told
    section = SectionTransport("UDP/TLS/RTP/SAVP", (), PRINTS, "active")
    leg.take_offer(section, TransportTerms("UDP/TLS/RTP/SAVP", Protection.DTLS, role="passive"), "127.0.0.1", 4000)
    leg.failed = leg.early = True
    leg.seek_again()
    assert transport.told[0] == transport.told[1]
    assert not leg.failed
    assert not leg.early


@pytest.mark.parametrize("secure", [True, False])
def test_what_was_sought_before_the_answer_may_be_sought_again(secure: bool) -> None:
    class Stream:
        def __init__(self, leg: TransportLeg) -> None:
            self.leg = leg

    (leg, transport), (failed, told) = leg_of(), leg_of()
    transport.secure = secure
    for one in (leg, failed):
        one.take_offer(SECTION, terms(""), "127.0.0.1", 4000)
    failed.failed = True
    Legs().answered([Stream(leg), Stream(leg), None, Stream(failed)])  # type: ignore[list-item]
    assert leg.early is not secure
    assert (len(transport.told), len(told.told)) == (1, 2)


def test_a_leg_that_took_nothing_has_no_name() -> None:
    legs = Legs()
    leg, _ = leg_of()
    assert legs.first(leg)
    assert legs.found(None, [], ("a", "b")) is None
    legs.took(leg, ("a", "b"))
    assert not legs.first(leg)
    assert legs.found(None, [], ("a", "b")) is leg
    legs.begin()
    assert legs.first(leg)
