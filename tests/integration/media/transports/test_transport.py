"""Media transports: RTCP with and without multiplexing, plain packets, the end."""

from __future__ import annotations

import asyncio

import pytest
from rtp_kit import Leg, Peer
from srtp_kit import SecureLeg, SecurePeer, talk

from asterism.media import rtcp
from asterism.media.formats import ULAW
from asterism.media.payload_types import PayloadTypes
from asterism.media.stream import Frame
from asterism.media.transports.parameters import RemoteTransport
from asterism.media.transports.protection import State
from asterism.testing.waiting import until


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
        await until(lambda: leg.transport.reception.refused == 1)
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


@pytest.mark.parametrize("back", [101, 1000, 0x7FF0])
def test_a_phone_that_counts_anew_is_heard_where_numbers_of_before_must_not_be_sent(run, back):
    """With the same SSRC: SRTP sends no number twice, and one from before the first would begin the next 65,536.

    Who has not got that packet, or has not taken it so, would take nothing from then on.
    """

    async def scenario(media):
        a, b = Leg(media), SecureLeg(media)
        a.session.relay_to(b.session)
        for _ in range(5):
            a.peer.send(a.session)
            last, _ = await b.peer.receive()
        a.peer.send(a.session, b"\x10" * 160, step=-back)
        for number in range(3):
            a.peer.send(a.session, bytes([number]) * 160)
            (_, _, sequence, _, _), payload = await b.peer.receive()
            assert (sequence - last[2] & 0xFFFF, payload) == (number + 1, bytes([number]) * 160)
        assert a.session.rx_dropped == 1
        b.close()
        a.session.close()

    run(scenario)


def test_a_transport_that_turns_out_plain_passes_packets_as_they_are(run):
    async def scenario(media):
        transport, peer, frames = media.open_transport("127.0.0.1"), Peer(), []
        session = media.open_rtp(transport=transport)
        session.set_formats(PayloadTypes(((0, ULAW),)))
        session.sink = frames.append
        peer.send(session)
        await until(lambda: transport.reception.dropped == 1)
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
        await until(lambda: leg.transport.reception.refused == 8)
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
