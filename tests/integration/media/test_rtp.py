"""RTP sessions on real sockets."""

from __future__ import annotations

import asyncio
import logging
import socket
from itertools import pairwise

import pytest
from rtp_kit import Leg, Peer

from asterism.core.log import VERBOSE
from asterism.core.registry import Owner
from asterism.core.test_events import TEST_EVENT
from asterism.media import rtcp
from asterism.media.formats import ALAW, SLIN, ULAW
from asterism.media.g711 import linear_to_ulaw, ulaw_to_alaw
from asterism.media.player import Playback
from asterism.media.ports import PortsExhaustedError
from asterism.media.stream import Frame
from asterism.media.tones import tone_frames
from asterism.testing.waiting import until


def test_ports_are_even_and_freed_and_run_out(run):
    async def scenario(media):
        sessions = [media.open_rtp("127.0.0.1") for _ in range(3)]
        assert sorted(one.local[1] for one in sessions) == [42010, 42012, 42014]
        with pytest.raises(PortsExhaustedError):
            media.open_rtp("127.0.0.1")
        media.open_rtp("127.0.0.2")  # another address has its own ports
        sessions[1].close()
        sessions[1].close()
        assert media.open_rtp("127.0.0.1").local == sessions[1].local

    run(scenario, rtp_start=42010, rtp_end=42015)


def test_ipv6(run):
    async def scenario(media):
        session = media.open_rtp("::1")
        session.set_remote("::1", 4000)
        with pytest.raises(ValueError, match="family"):
            session.set_remote("127.0.0.1", 4000)
        with pytest.raises(ValueError, match="family"):
            session.set_remote("host.example", 4000)

    run(scenario)


def test_written_frames_go_out_in_order(run):
    async def scenario(media):
        leg = Leg(media)
        for _ in range(3):
            leg.session.write(Frame(ULAW, b"\x11" * 160))
        packets = [await leg.peer.receive() for _ in range(3)]
        heads = [head for head, _ in packets]
        assert [head[1] for head in heads] == [0x80, 0, 0]  # the marker opens the talk spurt
        assert heads[2][2] - heads[0][2] & 0xFFFF == 2
        assert heads[2][3] - heads[0][3] & 0xFFFFFFFF == 320
        assert {head[4] for head in heads} == {leg.session.ssrc}
        leg.session.write(Frame(ALAW, b"\x22" * 160))
        assert (await leg.peer.receive())[0][1] == 8

    run(scenario)


def test_linear_is_encoded_into_the_first_format(run):
    async def scenario(media):
        leg = Leg(media)
        leg.session.write(Frame(SLIN, bytes(320)))
        head, payload = await leg.peer.receive()
        assert head[1] & 0x7F == 0
        assert payload == linear_to_ulaw(bytes(320))

    run(scenario)


def test_relay_rewrites_only_the_header(run):
    async def scenario(media):
        a, b = Leg(media), Leg(media, {107: ULAW, 8: ALAW})
        assert a.session.relay_to(b.session)
        heads = []
        for index in range(20):
            payload = bytes([index]) * 160
            a.peer.send(a.session, payload)
            head, heard = await b.peer.receive()
            heads.append(head)
            assert heard == payload
        assert [head[1] for head in heads] == [107 | 0x80] + [107] * 19
        assert [head[2] - heads[0][2] & 0xFFFF for head in heads] == list(range(20))
        assert [head[3] - heads[0][3] & 0xFFFFFFFF for head in heads] == [160 * n for n in range(20)]
        assert {head[4] for head in heads} == {b.session.ssrc}
        assert (a.session.rx_packets, b.session.tx_packets, a.session.rx_lost) == (20, 20, 0)
        assert b.session.tx_bytes == a.session.rx_bytes == 3200

    run(scenario)


def test_relay_keeps_gaps_and_counts_losses(run):
    async def scenario(media):
        a, b = Leg(media), Leg(media)
        a.session.relay_to(b.session)
        heads = []
        for step in (1, 1, 3, 1, 1):
            a.peer.send(a.session, step=step)
            heads.append((await b.peer.receive())[0])
        assert [head[2] - heads[0][2] & 0xFFFF for head in heads] == [0, 1, 4, 5, 6]
        assert a.session.rx_lost == 2
        a.peer.send(a.session, step=0xFFFF)  # a duplicate of the one before
        await b.peer.receive()
        assert a.session.rx_packets == 6

    run(scenario)


def test_relay_over_the_wrap_of_the_sequence(run):
    async def scenario(media):
        a, b = Leg(media), Leg(media)
        a.session.relay_to(b.session)
        a.peer.sequence = 65530
        sequences = []
        for _ in range(12):
            a.peer.send(a.session)
            sequences.append((await b.peer.receive())[0][2])
        assert [one - sequences[0] & 0xFFFF for one in sequences] == list(range(12))
        assert a.session.rx_lost == 0
        assert a.session.received.extended_highest == 0x10000 + a.peer.sequence

    run(scenario)


def test_relay_translates_between_the_laws(run):
    async def scenario(media):
        a, b = Leg(media, {0: ULAW}), Leg(media, {8: ALAW})
        assert a.session.relay_to(b.session)
        payload = bytes(range(160))
        for _ in range(3):
            a.peer.send(a.session, payload)
            head, heard = await b.peer.receive()
            assert head[1] & 0x7F == 8
            assert heard == ulaw_to_alaw(payload)

    run(scenario)


def test_relay_ends_and_goes_on_in_one_stream(run):
    async def scenario(media):
        a, b = Leg(media), Leg(media)
        b.session.write(Frame(ULAW, bytes(160)))
        heads = [(await b.peer.receive())[0]]
        a.session.relay_to(b.session)
        for _ in range(2):
            a.peer.send(a.session)
            heads.append((await b.peer.receive())[0])
        a.peer.ssrc += 1  # the source restarts, with other numbers
        a.peer.sequence, a.peer.timestamp = 30000, 77
        a.peer.send(a.session)
        heads.append((await b.peer.receive())[0])
        a.session.relay_to(None)
        a.peer.send(a.session)
        assert await b.peer.silent()
        b.session.write(Frame(ULAW, bytes(160)))
        heads.append((await b.peer.receive())[0])
        assert [head[2] - heads[0][2] & 0xFFFF for head in heads] == [0, 1, 2, 3, 4]
        steps = [after[3] - before[3] & 0xFFFFFFFF for before, after in pairwise(heads)]
        assert all(0 < step < 8000 for step in steps)
        assert {head[4] for head in heads} == {b.session.ssrc}

    run(scenario)


def test_relay_refuses_what_it_cannot(run):
    async def scenario(media):
        from asterism.media.formats import G729

        a, b, c = Leg(media), Leg(media, {18: G729}), Leg(media)
        assert not a.session.relay_to(b.session)
        assert a.session.relay_to(a.session), "an echo"
        c.session.close()
        assert not a.session.relay_to(c.session)

    run(scenario)


def test_hold_sends_nothing(run):
    async def scenario(media):
        a, b = Leg(media), Leg(media)
        a.session.relay_to(b.session)
        b.session.hold = True
        a.peer.send(a.session)
        b.session.write(Frame(ULAW, bytes(160)))
        assert await b.peer.silent()
        b.session.hold = False
        a.peer.send(a.session)
        await b.peer.receive()
        b.session.set_remote("0.0.0.0", 4000)
        a.peer.send(a.session)
        assert await b.peer.silent()

    run(scenario)


def test_rtcp_reports_go_both_ways(run):
    async def scenario(media):
        a = Leg(media)
        control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        control.bind(("127.0.0.1", 0))
        control.setblocking(False)
        a.session.set_remote(*a.peer.address, rtcp=control.getsockname())
        loop = asyncio.get_running_loop()
        told = []
        a.session.on_rtcp = lambda session, sent, report: told.append((sent, report))
        for step in (1, 1, 2, 1):
            a.peer.send(a.session, step=step)
        await until(lambda: a.session.rx_packets == 4)
        a.session.write(Frame(ULAW, bytes(160)))
        (sender,) = first = rtcp.parse(await asyncio.wait_for(loop.sock_recv(control, 2048), 10))
        while sender.packet_type != rtcp.SR:  # where it was due before the packet was sent
            (sender,) = rtcp.parse(await asyncio.wait_for(loop.sock_recv(control, 2048), 10))
        assert (sender.packet_type, sender.ssrc, sender.packets, sender.octets) == (rtcp.SR, a.session.ssrc, 1, 160)
        (block,) = first[0].blocks
        assert (block.ssrc, block.cumulative_lost, block.highest_sequence) == (0xABCD, 1, a.peer.sequence)
        assert block.fraction_lost == 256 // 5
        answer = rtcp.ReportBlock(a.session.ssrc, 0, 2, 0, 80, sender.ntp >> 16 & 0xFFFFFFFF, 0)
        peer_report = rtcp.Report(rtcp.SR, 0xABCD, rtcp.ntp_time(1e9), 0, 4, 640, (answer,))
        control.sendto(b"junk", (a.session.local[0], a.session.local[1] + 1))
        control.sendto(rtcp.build(peer_report, b"me"), (a.session.local[0], a.session.local[1] + 1))
        await until(lambda: a.session.rtcp.statistics.received)
        quality = a.session.quality
        assert (quality.tx_lost, quality.rx_lost, quality.rx_count) == (2, 1, 4)
        assert quality.tx_jitter == pytest.approx(0.01)
        assert 0 <= quality.rtt < 1.0
        assert (False, peer_report) in told
        (receiver,) = rtcp.parse(await asyncio.wait_for(loop.sock_recv(control, 2048), 10))
        assert receiver.packet_type == rtcp.RR
        assert receiver.blocks[0].last_sr == rtcp.ntp_time(1e9) >> 16 & 0xFFFFFFFF
        control.close()

    run(scenario, rtcp_interval=0.05)


def test_packets_are_logged_on_demand(run, caplog):
    async def scenario(media):
        a, b = Leg(media), Leg(media)
        a.session.relay_to(b.session)
        a.peer.send(a.session)
        await b.peer.receive()
        media.set_debug(True, "{}:{}".format(*a.peer.address))
        with caplog.at_level(VERBOSE, "test"):
            a.peer.send(a.session)
            await b.peer.receive()
        assert [record.message.split("(")[0] for record in caplog.records] == [
            "Got  RTP packet from    {}:{} ".format(*a.peer.address)
        ]
        caplog.clear()
        media.set_debug(False)
        a.peer.send(a.session)
        await b.peer.receive()
        assert not caplog.records

    run(scenario)


def test_playback_keeps_its_pace(run):
    async def scenario(media):
        a = Leg(media)
        loop = asyncio.get_running_loop()
        start = loop.time()
        playback = Playback(a.session, tone_frames("!440/200"), loop)
        assert await playback.wait()
        assert 0.19 < loop.time() - start < 0.6
        assert playback.played == 10
        heads = [(await a.peer.receive())[0] for _ in range(10)]
        assert heads[-1][3] - heads[0][3] & 0xFFFFFFFF == 9 * 160

    run(scenario)


def test_playback_stops(run):
    async def scenario(media):
        a = Leg(media)
        loop = asyncio.get_running_loop()
        playback = Playback(a.session, tone_frames("dial"), loop)
        waiting = asyncio.ensure_future(playback.wait())
        await asyncio.sleep(0)
        playback.stop()
        assert not await waiting
        closed = Playback(a.session, tone_frames("dial"), loop)
        a.session.close()
        assert not await closed.wait()

    run(scenario)


@pytest.mark.parametrize("port", [0, 1, 65534, 65535])
def test_every_port_of_a_peer_is_lived_with(run, port):
    """The last one has no next one for RTCP; the reports of the other sessions go on, and all ports come back."""

    async def scenario(media):
        edge, other = Leg(media), Leg(media)
        edge.session.set_remote("127.0.0.1", port)
        told = []
        other.session.on_rtcp = lambda session, sent, report: told.append(sent)
        for leg in (edge, other):
            leg.session.write(Frame(ULAW, bytes(160)))
        await until(lambda: len(told) >= 3)
        ports = media.ports_available("127.0.0.1")
        for leg in (edge, other):
            leg.session.close()
        assert media.ports_available("127.0.0.1") == ports + 2
        assert not media.sessions

    run(scenario, rtcp_interval=0.05)


@pytest.mark.parametrize(("port", "rtcp_port"), [(65536, None), (-1, None), (4000, 65536), (4000, -1)])
def test_what_is_no_port_is_refused(run, port, rtcp_port):
    async def scenario(media):
        leg = Leg(media)
        with pytest.raises(ValueError, match="not a port"):
            leg.session.set_remote("127.0.0.1", port, rtcp=None if rtcp_port is None else ("127.0.0.1", rtcp_port))
        assert leg.session.remote == leg.peer.address

    run(scenario)


def test_one_session_that_cannot_report_stops_no_others_and_leaves_nothing(run, caplog):
    async def scenario(media):
        bad, good = Leg(media), Leg(media)

        def broken(session, sent, report):
            raise RuntimeError("a module's mistake")

        told = []
        bad.session.on_rtcp = broken
        good.session.on_rtcp = lambda session, sent, report: told.append(sent)
        for leg in (bad, good):
            leg.session.write(Frame(ULAW, bytes(160)))
        await until(lambda: len(told) >= 3)
        assert any("no RTCP report" in record.getMessage() for record in caplog.records)
        ports = media.ports_available("127.0.0.1")
        bad.session.close()
        assert media.ports_available("127.0.0.1") == ports + 1
        good.session.close()
        assert not media.sessions

    run(scenario, rtcp_interval=0.05)


def test_tests_and_the_log_hear_of_a_source_that_is_learned_anew(run):
    async def scenario(media):
        tests, told = media.context.test_events, []
        leg, other = Leg(media), Peer()
        # Nobody listens: nothing is told of the first.
        leg.peer.send(leg.session)
        await until(lambda: not leg.session._learning)
        tests.listen("test")
        tests._bus.subscribe(Owner("test"), TEST_EVENT, lambda _type, args: told.append((args[0], *args[2])))
        lines, handler = [], logging.Handler()
        handler.emit = lambda record: lines.append(record.getMessage().partition(" -- ")[2])
        media.context.log.verbose_level = 4
        media.context.log.addHandler(handler)
        leg.session.set_remote(*other.address)
        place = "{}:{}".format(*other.address)
        assert told == [("STRICT_RTP_LEARN", ("Source", place))]
        other.send(leg.session)
        await until(lambda: len(told) == 2)
        assert told[1] == ("STRICT_RTP_CLOSED", ("Source", place))
        assert lines == [
            f"Strict RTP learning after remote address set to: {place}",
            f"Strict RTP switching to RTP target address {place} as source",
            f"Strict RTP learning complete - Locking on source address {place}",
        ]

    run(scenario)
