"""What comes to a media transport: told apart, and dropped where it is not the peer's."""

from __future__ import annotations

import asyncio

import pytest
from rtp_kit import HEADER, Peer
from srtp_kit import SecureLeg, SecurePeer, talk

from asterism.media import header_extensions, rtcp
from asterism.media.formats import ALAW, ULAW
from asterism.media.header_extensions import Agreed
from asterism.media.payload_types import PayloadTypes
from asterism.media.transports.agreed import StreamTerms, agree
from asterism.media.transports.parameters import RemoteTransport
from asterism.testing.waiting import until

FORMATS = {0: ULAW, 8: ALAW}


def test_rtcp_on_the_port_of_rtp_is_told_apart(run):
    """RFC 5761 section 4: with multiplexing, payload types 64 to 95 are not RTP's."""

    async def scenario(media):
        leg, frames = SecureLeg(media), []
        leg.session.sink = frames.append
        await talk(leg, frames)
        for number in range(256):
            packet = leg.peer.packet(second=number)
            protect = leg.peer.out.protect_rtcp if 192 <= number < 224 else leg.peer.out.protect
            leg.peer.socket.sendto(protect(packet), leg.session.local)
            await asyncio.sleep(0)
        await talk(leg, frames)
        assert leg.transport.reception.refused == 0
        assert leg.session.received.highest == leg.peer.sequence
        leg.close()

    run(scenario)


def test_no_reports_are_taken_that_are_not_authentic(run):
    async def scenario(media):
        leg, frames, taken = SecureLeg(media, mux=False), [], []
        leg.session.sink = frames.append
        leg.session.on_rtcp = lambda session, sent, report: taken.append(report)
        await talk(leg, frames)
        report = rtcp.build(rtcp.Report(rtcp.RR, leg.peer.ssrc), b"peer", True)
        host, port = leg.session.local
        for data in (report, SecurePeer().out.protect_rtcp(report), report[:8], b"\x80\xc9"):
            leg.peer.control.sendto(data, (host, port + 1))
        await until(lambda: leg.transport.reception.refused + leg.transport.reception.dropped == 4)
        assert not taken
        await talk(leg, frames)
        leg.close()

    run(scenario)


def test_a_stranger_does_not_say_whose_a_plain_source_is(run):
    """Two streams on one port, whose peer is known: nobody else moves its sources from one to the other."""

    async def scenario(media):
        transport, peer, stranger = media.open_transport("127.0.0.1"), Peer(), Peer()
        transport.apply(RemoteTransport(peer.address, mux=True))
        sessions, heard = [media.open_rtp(transport=transport) for _ in range(2)], ([], [])
        for session, frames, number in zip(sessions, heard, (0, 8), strict=True):
            session.set_formats(PayloadTypes(((number, FORMATS[number]),)))
            session.sink = frames.append
        numbers = Agreed(mid=4)
        terms = [
            StreamTerms(one, mid, numbers, (), (number,))
            for one, mid, number in zip(sessions, "01", (0, 8), strict=True)
        ]
        agree(transport, terms)
        for session in sessions:
            session.set_remote(*peer.address)
        for number, frames in zip((0, 8), heard, strict=True):
            for count in range(6):
                peer.ssrc = 100 + number
                peer.send(sessions[0], second=number)
                await until(lambda: len(frames) > count)  # noqa: B023
        head = HEADER.pack(0x90, 8, 1, 7, 100) + header_extensions.write({4: b"1"})
        dropped = transport.reception.dropped
        stranger.socket.sendto(head + b"\x55" * 160, transport.local)
        await until(lambda: transport.reception.dropped == dropped + 1)
        peer.ssrc, before = 100, len(heard[0])
        peer.send(sessions[0])
        await until(lambda: len(heard[0]) > before)
        for session in sessions:
            session.close()
        transport.close()

    run(scenario)


def test_two_streams_without_description_get_nothing(run):
    async def scenario(media):
        leg = SecureLeg(media)
        other = media.open_rtp(transport=leg.transport)
        leg.peer.send(leg.session)
        await until(lambda: leg.transport.reception.dropped == 1)
        assert leg.transport.sessions == (leg.session, other)
        other.close()
        assert leg.transport.sessions == (leg.session,)
        frames = []
        leg.session.sink = frames.append
        await talk(leg, frames)
        leg.close()

    run(scenario)


def test_a_stream_alone_on_its_transport_is_connected(run):
    """The system then drops what others send, and the transport is not told of it."""

    async def scenario(media):
        leg, frames, stranger = SecureLeg(media), [], Peer()
        leg.session.sink = frames.append
        await talk(leg, frames)
        stranger.send(leg.session)
        await talk(leg, frames)
        assert leg.transport.reception.refused == leg.transport.reception.dropped == 0
        second = media.open_rtp(transport=leg.transport)
        stranger.send(leg.session)
        await until(lambda: leg.transport.reception.refused == 1)
        second.close()
        leg.close()

    run(scenario)


@pytest.mark.parametrize("by", ["media", "reports"])
def test_when_the_new_key_is_in_use_packets_go_the_quick_way_again(run, by):
    async def scenario(media):
        leg, frames = SecureLeg(media), []
        leg.session.sink = frames.append
        await talk(leg, frames)
        assert leg.transport.reception._quick is not None
        leg.peer.rekey()
        leg.apply()
        assert leg.transport.reception._quick is None
        if by == "media":
            leg.peer.send(leg.session)
        else:
            report = rtcp.build(rtcp.Report(rtcp.RR, leg.peer.ssrc), b"peer")
            leg.peer.send_rtcp(leg.session, report)
        await until(lambda: leg.transport.reception._quick is not None)
        leg.close()

    run(scenario)
