"""Media transports: RTCP with and without multiplexing, plain packets, the end."""

from __future__ import annotations

import asyncio

import pytest
from rtp_kit import HEADER, Peer
from srtp_kit import SecureLeg, SecurePeer, talk

from asterism.media import header_extensions, rtcp
from asterism.media.formats import ALAW, ULAW
from asterism.media.header_extensions import Agreed
from asterism.media.payload_types import PayloadTypes
from asterism.media.stream import Frame
from asterism.media.transports.agreed import StreamTerms, agree
from asterism.media.transports.parameters import RemoteTransport
from asterism.media.transports.transport import State
from asterism.testing.waiting import until

FORMATS = {0: ULAW, 8: ALAW}


async def read(sock):
    return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(sock, 2048), 10)


@pytest.mark.parametrize("mux", [True, False])
def test_reports_both_ways(run, mux):
    async def scenario(media):
        leg, frames, taken = SecureLeg(media, mux=mux), [], []
        leg.session.sink = frames.append
        leg.session.on_rtcp = lambda session, sent, report: taken.append((sent, report.packet_type))
        await talk(leg, frames)
        leg.session.write(Frame(ULAW, bytes(160)))
        await leg.peer.receive()
        block = rtcp.ReportBlock(leg.session.ssrc, 64, 7, 99, 40, 0, 0)
        report = rtcp.build(rtcp.Report(rtcp.RR, leg.peer.ssrc, blocks=(block,)), b"peer")
        protected = leg.peer.send_rtcp(leg.session, report, mux=mux)
        await until(lambda: taken == [(False, rtcp.RR)])
        assert leg.session.rtcp.statistics.remote_lost == 7
        # The same packet again is a replay (RFC 3711 3.4).
        host, port = leg.session.local
        (leg.peer.socket if mux else leg.peer.control).sendto(protected, (host, port + (not mux)))
        await until(lambda: leg.transport.refused == 1)
        assert len(taken) == 1
        for number in range(2):
            leg.session.rtcp.send_report()
            data = await read(leg.peer.socket if mux else leg.peer.control)
            assert data[1] == rtcp.SR if not number else data[1] in (rtcp.SR, rtcp.RR)
            index = int.from_bytes(data[-14:-10], "big")
            assert index == 0x80000000 | number + 1  # encrypted, and counted
            (told,) = rtcp.parse(leg.peer.inbound.unprotect_rtcp(data))
            assert told.ssrc == leg.session.ssrc
            assert [one.ssrc for one in told.blocks] == [leg.peer.ssrc]
        leg.close()
        data = leg.peer.inbound.unprotect_rtcp(await read(leg.peer.socket if mux else leg.peer.control))
        assert bytes([0x81, rtcp.BYE]) in data
        assert leg.session.ssrc.to_bytes(4, "big") in data[-8:]

    run(scenario)


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
        assert leg.transport.refused == 0
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
        await until(lambda: leg.transport.refused + leg.transport.dropped == 4)
        assert not taken
        await talk(leg, frames)
        leg.close()

    run(scenario)


def test_a_transport_that_turns_out_plain_passes_packets_as_they_are(run):
    async def scenario(media):
        transport, peer, frames = media.open_transport("127.0.0.1"), Peer(), []
        session = media.open_rtp(transport=transport)
        session.set_formats(PayloadTypes(((0, ULAW),)))
        session.sink = frames.append
        peer.send(session)
        await until(lambda: transport.dropped == 1)
        transport.apply(RemoteTransport(peer.address, mux=True))
        session.set_remote(*peer.address)
        assert transport.state is State.PLAIN
        assert not transport.secure
        for number in range(6):
            peer.send(session, bytes([number]) * 160)
            await until(lambda: len(frames) > number)  # noqa: B023
            session.write(Frame(ULAW, bytes([number]) * 160))
            assert (await peer.receive())[1] == bytes([number]) * 160
        session.rtcp.send_report()
        data = await read(peer.socket)
        (report,) = rtcp.parse(data)
        assert report.ssrc == session.ssrc
        peer.socket.sendto(rtcp.build(rtcp.Report(rtcp.RR, peer.ssrc), b"x"), session.local)
        await until(lambda: session.rtcp.statistics.received == 1)
        session.close()
        transport.close()

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
        dropped = transport.dropped
        stranger.socket.sendto(head + b"\x55" * 160, transport.local)
        await until(lambda: transport.dropped == dropped + 1)
        peer.ssrc, before = 100, len(heard[0])
        peer.send(sessions[0])
        await until(lambda: len(heard[0]) > before)
        for session in sessions:
            session.close()
        transport.close()

    run(scenario)


def test_nothing_is_sent_before_the_peer_is_known_and_after_the_end(run):
    async def scenario(media):
        transport, peer = media.open_transport("127.0.0.1"), SecurePeer()
        session = media.open_rtp(transport=transport)
        session.set_formats(PayloadTypes(((0, ULAW),)))
        session.set_remote(*peer.address)
        session.write(Frame(ULAW, bytes(160)))
        assert session.tx_packets == 0
        transport.apply(RemoteTransport(peer.address, mux=True, sent=peer.theirs, received=peer.own))
        session.write(Frame(ULAW, bytes(160)))
        await peer.receive()
        transport.close()
        transport.close()
        session.write(Frame(ULAW, bytes(160)))
        session.rtcp.send_report()
        session.close()
        assert session.tx_packets == 1
        assert await peer.silent()
        with pytest.raises(OSError, match="closed"):
            transport._outlet.emit(b"x", peer.address)
        transport.apply(RemoteTransport(peer.address))
        assert transport.state is State.CLOSED

    run(scenario)


def test_a_peer_that_moves_is_followed_only_by_what_is_authentic(run):
    """Behind a NAT: the address in SDP is not where packets come from."""

    async def scenario(media):
        leg, frames, stranger = SecureLeg(media, symmetric=True), [], SecurePeer()
        leg.session.sink = frames.append
        leg.session.set_remote("127.0.0.1", 9)
        for _ in range(8):
            stranger.send(leg.session)
            await asyncio.sleep(0)
        await until(lambda: leg.transport.refused == 8)
        assert leg.session.remote == ("127.0.0.1", 9)
        for _ in range(8):
            leg.peer.send(leg.session)
            await asyncio.sleep(0)
        await until(lambda: len(frames) == 5)
        assert leg.session.remote == leg.peer.address
        leg.close()

    run(scenario)


def test_packets_larger_than_most_are_protected(run):
    async def scenario(media):
        leg, frames = SecureLeg(media), []
        leg.session.sink = frames.append
        leg.session.write(Frame(ULAW, bytes(8000)))
        data = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(leg.peer.socket, 9000), 10)
        assert len(data) == 12 + 8000 + 10
        for size in (9216 - 12, 20000):  # more than fits is dropped plainly
            leg.session.write(Frame(ULAW, bytes(size)))
        assert leg.session.tx_packets == 2
        await talk(leg, frames)
        leg.close()

    run(scenario)


def test_two_streams_without_description_get_nothing(run):
    async def scenario(media):
        leg = SecureLeg(media)
        other = media.open_rtp(transport=leg.transport)
        leg.peer.send(leg.session)
        await until(lambda: leg.transport.dropped == 1)
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
        assert leg.transport.refused == leg.transport.dropped == 0
        second = media.open_rtp(transport=leg.transport)
        stranger.send(leg.session)
        await until(lambda: leg.transport.refused == 1)
        second.close()
        leg.close()

    run(scenario)
