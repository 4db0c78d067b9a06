"""What endpoints ask of their RTP sessions: ports of their own, marked packets, comfort noise."""

from __future__ import annotations

import asyncio
import errno
import socket
from contextlib import suppress

import pytest
from rtp_kit import Leg

from asterism.media import rtcp
from asterism.media.formats import ULAW
from asterism.media.ports import PortsExhaustedError
from asterism.media.stream import Frame


def test_a_range_of_its_own(run):
    async def scenario(media):
        own = [media.open_rtp("127.0.0.1", ports=(42110, 42113)) for _ in range(2)]
        assert sorted(one.local[1] for one in own) == [42110, 42112]
        with pytest.raises(PortsExhaustedError):
            media.open_rtp("127.0.0.1", ports=(42110, 42113))
        assert media.open_rtp("127.0.0.1").local[1] < 42100
        own[0].close()
        assert media.open_rtp("127.0.0.1", ports=(42110, 42113)).local == own[0].local

    run(scenario, rtp_start=42010, rtp_end=42015)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_packets_are_marked(run, host):
    async def scenario(media):
        session = media.open_rtp(host, tos=0xB8, cos=5)
        option = (socket.IPPROTO_IPV6, socket.IPV6_TCLASS) if ":" in host else (socket.IPPROTO_IP, socket.IP_TOS)
        assert session._socket.getsockopt(*option) == 0xB8
        assert session._socket.getsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY) == 5
        assert media.open_rtp(host)._socket.getsockopt(*option) == 0

    run(scenario)


def test_comfort_noise_while_nothing_is_sent(run):
    async def scenario(media):
        leg = Leg(media)
        leg.session.set_keep_alive(0.1)
        leg.session.hold = True
        first = await leg.peer.receive(1)
        second = await leg.peer.receive(1)
        assert (first[0][1], first[1]) == (13, b"\x7f")
        assert second[0][2] == (first[0][2] + 1) & 0xFFFF
        # Audio takes its place: the next one comes so long after it.
        leg.session.hold = False
        leg.session.set_keep_alive(0.3)
        await leg.peer.silent(0.15)
        leg.session.write(Frame(ULAW, b"\x11" * 160))
        while (await leg.peer.receive(1))[0][1] & 0x7F:
            pass
        loop = asyncio.get_running_loop()
        written = leg.session.last_sent
        header, _ = await leg.peer.receive(1)
        assert header[1] == 13
        assert loop.time() - written > 0.29
        leg.session.set_keep_alive(0)
        with suppress(BlockingIOError):
            while True:
                leg.peer.socket.recv(2048)
        assert await leg.peer.silent(0.4)

    run(scenario)


def test_comfort_noise_does_not_disturb_what_is_relayed(run):
    async def scenario(media):
        left, right = Leg(media), Leg(media)
        assert left.session.relay_to(right.session)
        numbers = []
        for number in range(8):
            left.peer.send(left.session)
            header, _ = await right.peer.receive(1)
            numbers.append(header[2])
            if number == 4:
                right.session.send_aside(13, b"\x7f")
                header, _ = await right.peer.receive(1)
                assert header[1] == 13
                numbers.append(header[2])
        assert [(number - numbers[0]) & 0xFFFF for number in numbers] == list(range(9))

    run(scenario)


def test_a_session_reports_that_begins_when_the_last_has_ended(run):
    async def scenario(media):
        for _ in range(2):
            leg = Leg(media)
            control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            control.bind(("127.0.0.1", 0))
            control.setblocking(False)
            leg.session.set_remote(*leg.peer.address, rtcp=control.getsockname())
            leg.peer.send(leg.session)
            report = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(control, 2048), 10)
            assert rtcp.parse(report)[0].ssrc == leg.session.ssrc
            leg.session.close()
            assert not media.sessions
            control.close()

    run(scenario, rtcp_interval=0.05)


def test_a_session_that_cannot_be_watched_gives_everything_back(run, monkeypatch):
    async def scenario(media):
        def refuse(readiness, descriptor, reader):
            raise OSError(errno.ENOSPC, "no more watches")

        free = media.open_rtp("127.0.0.1").local[1] ^ 2  # the other one of two pairs
        with monkeypatch.context() as patch:
            patch.setattr(type(media.context.readiness), "add", refuse)
            with pytest.raises(OSError, match="no more watches"):
                media.open_rtp("127.0.0.1")
        assert len(media.sessions) == media.ports_available("127.0.0.1") == 1
        for port in (free, free + 1):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
                other.bind(("127.0.0.1", port))

    run(scenario, rtp_start=42020, rtp_end=42023)
