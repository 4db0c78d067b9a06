"""Encrypted sessions on real sockets, with libsrtp as the peer."""

from __future__ import annotations

import os

import pytest
from rtp_kit import Leg
from srtp_kit import AES80, SecureLeg

from asterism.media.formats import ULAW
from asterism.media.stream import Frame
from asterism.media.transports.srtp import SUITES
from asterism.testing.waiting import until


@pytest.mark.parametrize("suite", SUITES)
def test_frames_both_ways(run, suite):
    async def scenario(media):
        leg, frames = SecureLeg(media, suite), []
        leg.session.sink = frames.append
        for number in range(8):
            leg.peer.send(leg.session, bytes([number]) * 160)
            await until(lambda: len(frames) > number)  # noqa: B023
            leg.session.write(Frame(ULAW, bytes([0x80 + number]) * 160))
            _, payload = await leg.peer.receive()
            assert payload == bytes([0x80 + number]) * 160
            assert len(leg.peer.taken[-1]) == 172 + SUITES[suite].tag
        assert [one.payload for one in frames] == [bytes([number]) * 160 for number in range(8)]
        assert leg.transport.secure
        assert leg.session.rx_packets == leg.session.tx_packets == 8
        leg.close()

    run(scenario)


@pytest.mark.parametrize("suites", [(AES80, AES80), (AES80, None), (None, AES80), (AES80, "AEAD_AES_256_GCM")])
def test_what_is_relayed_is_protected_anew(run, suites):
    async def scenario(media):
        a, b = [Leg(media) if suite is None else SecureLeg(media, suite) for suite in suites]
        a.session.relay_to(b.session)
        b.session.relay_to(a.session)
        for number in range(60):
            for one, other in ((a, b), (b, a)):
                text = os.urandom(160)
                one.peer.send(one.session, text, step=1 if number != 20 else 3)
                head, payload = await other.peer.receive()
                assert payload == text
                assert head[4] == other.session.ssrc
        assert a.session.received.quick is not None
        assert a.session.tx_packets == b.session.tx_packets == 60
        for leg in (a, b):
            leg.session.close()
        for transport in list(media.transports):
            transport.close()

    run(scenario)
