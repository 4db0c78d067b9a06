"""What is not the peer's, on encrypted sessions: it is counted and dropped, and changes nothing."""

from __future__ import annotations

import asyncio

import pytest
from srtp_kit import SecureLeg, SecurePeer, talk

from asterism.media.formats import ULAW
from asterism.media.stream import Frame
from asterism.media.transports.srtp import MOST_SOURCES
from asterism.testing.waiting import until


@pytest.mark.parametrize("settled", [False, True])
def test_packets_that_are_not_authentic_change_nothing(run, settled, caplog):
    async def scenario(media):
        leg, frames, reports = SecureLeg(media, symmetric=True), [], []
        leg.session.sink = frames.append
        leg.session.on_rtcp = lambda session, sent, report: reports.append(sent)
        if settled:
            await talk(leg, frames)
        heard, attacker = len(frames), SecurePeer()
        # Once the peer is settled, only who forges its address is heard at all.
        sock = leg.peer.socket if settled else attacker.socket
        plain, good = attacker.packet(), leg.peer.out.protect(leg.peer.packet())
        cases = [
            plain,
            attacker.out.protect(plain),
            good[:-1],
            good[:13],
            good[:12],
            good + b"\0",
            b"\x80",
            b"\xff" * 40,
        ]
        cases += [bytes([0x80, 200]) + bytes(26), bytes([0x80, 201, 0, 1]) + bytes(4), bytes([0x81, 200]) + bytes(4)]
        cases += [bytes(10), b"\x16\xfe\xff" + bytes(30), b"\x01" * 20, good[:20] + bytes([good[20] ^ 1]) + good[21:]]
        for _ in range(20):
            for data in cases:
                sock.sendto(data, leg.session.local)
                await asyncio.sleep(0)
        await until(lambda: leg.transport.reception.refused + leg.transport.reception.dropped >= len(cases) * 20)
        assert len(frames) == heard
        assert leg.session.remote == leg.peer.address
        assert leg.session.remote_ssrc == (leg.peer.ssrc if settled else -1)
        assert not reports
        leg.peer.socket.sendto(good, leg.session.local)
        await until(lambda: len(frames) == heard + 1)
        leg.session.write(Frame(ULAW, b"\x11" * 160))
        assert (await leg.peer.receive())[1] == b"\x11" * 160
        assert leg.session.rx_packets == heard + 1
        assert sum("not authentic" in line for line in caplog.messages) == 1
        leg.close()

    with caplog.at_level("INFO"):
        run(scenario)


def test_what_was_recorded_cannot_be_played_again(run):
    async def scenario(media):
        leg, frames = SecureLeg(media), []
        leg.session.sink = frames.append
        sent = await talk(leg, frames, 200)
        for data in sent:
            leg.peer.socket.sendto(data, leg.session.local)
            await asyncio.sleep(0)
        await until(lambda: leg.transport.reception.refused == 200)
        assert len(frames) == 200
        leg.close()

    run(scenario)


@pytest.mark.parametrize("protection", [True, False])
def test_srtpreplayprotection_is_how_late_a_packet_may_come(run, protection):
    async def scenario(media):
        leg, frames = SecureLeg(media), []
        leg.session.sink = frames.append
        await talk(leg, frames)
        late = leg.peer.out.protect(leg.peer.packet(b"\x22" * 160))
        await talk(leg, frames, 300)
        for _ in range(2):  # but nothing comes twice
            leg.peer.socket.sendto(late, leg.session.local)
        await until(lambda: leg.transport.reception.refused == 1 + protection)
        assert [one.payload for one in frames[303:]] == ([] if protection else [b"\x22" * 160])
        leg.close()

    run(scenario, replay_protection=protection)


def test_sources_of_one_peer_are_bounded(run):
    async def scenario(media):
        leg, frames = SecureLeg(media), []
        leg.session.sink = frames.append
        await talk(leg, frames)
        for number in range(300):
            leg.peer.ssrc = 0x1000 + number
            leg.peer.send(leg.session)
            await asyncio.sleep(0)
        await until(lambda: leg.transport.reception.refused == 300 - (MOST_SOURCES - 1))
        leg.peer.ssrc = 0xABCD
        await talk(leg, frames, 2)
        leg.close()

    run(scenario)
