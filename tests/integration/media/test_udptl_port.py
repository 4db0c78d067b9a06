"""UDPTL ports on sockets: packets both ways, passed on, from whom they are taken."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import pytest
from rtp_kit import make_media

from asterism.media.core import Media
from asterism.media.ifp_port import ifp_pair
from asterism.media.udptl import (
    LONGEST_IFP,
    ErrorCorrection,
    UdptlPacket,
    UdptlReceiver,
    UdptlSender,
    read_packet,
    write_packet,
)
from asterism.media.udptl_port import UdptlPort
from virtual_loop import VirtualLoop

SECONDS = 5


class Fax:
    """A fax machine's UDP socket."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.host, self.port = self.socket.getsockname()

    def send(self, port: UdptlPort, data: bytes) -> None:
        self.socket.sendto(data, port.local)

    async def receive(self) -> bytes:
        return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self.socket, 4096), SECONDS)


class Heard:
    """What a port gives."""

    def __init__(self, port: UdptlPort) -> None:
        self.packets: list[tuple[int, bytes]] = []
        self.more = asyncio.Event()
        port.on_ifp = self.take

    def take(self, number: int, ifp: bytes) -> None:
        self.packets.append((number, ifp))
        self.more.set()

    async def count(self, count: int) -> list[tuple[int, bytes]]:
        while len(self.packets) < count:
            self.more.clear()
            await asyncio.wait_for(self.more.wait(), SECONDS)
        return self.packets


def datagrams(count: int, correction: ErrorCorrection = ErrorCorrection.REDUNDANCY) -> list[bytes]:
    sender = UdptlSender(correction)
    return [sender.packet(b"\x06" if number % 2 else b"\x04")[1] for number in range(count)]


def test_packets_go_both_ways_as_was_agreed(run: Callable[..., None]) -> None:
    async def scenario(media: Media) -> None:
        fax, port = Fax(), media.open_udptl("127.0.0.1")
        assert 4000 <= port.local[1] <= 4999
        port.write(b"\x02")  # it is not known where to
        assert port.sent == 0
        port.set_remote(fax.host, fax.port)
        port.set_terms(ErrorCorrection.REDUNDANCY, 1400)
        heard = Heard(port)
        for data in datagrams(5):
            fax.send(port, data)
        assert await heard.count(5) == [(number, b"\x06" if number % 2 else b"\x04") for number in range(5)]
        for ifp in (b"\x02", b"\x04", b"\x06"):
            port.write(ifp)
        read = [read_packet(await fax.receive()) for _ in range(3)]
        assert read[2] == UdptlPacket(2, b"\x06", (b"\x04", b"\x02"))
        port.close()
        port.close()
        port.write(b"\x02")
        assert not media.udptl.open_ports

    run(scenario)


def test_what_is_missing_is_waited_for_no_longer_than_a_moment(run: Callable[..., None]) -> None:
    async def scenario(media: Media) -> None:
        fax, port = Fax(), media.open_udptl("127.0.0.1")
        port.set_remote(fax.host, fax.port)
        heard = Heard(port)
        kept = datagrams(4, ErrorCorrection.NONE)
        for data in (kept[0], kept[2], kept[3]):
            fax.send(port, data)
        await heard.count(1)
        assert [number for number, _ in await heard.count(3)] == [0, 2, 3]
        assert port.receiver.lost == 1

    run(scenario)


def test_each_gap_has_its_own_moment() -> None:
    async def scenario() -> None:
        media = make_media()
        port, times = media.open_udptl("127.0.0.1"), {}
        loop = asyncio.get_running_loop()
        began, peer = loop.time(), ("127.0.0.1", 4000)
        port.set_remote(*peer)
        port.on_ifp = lambda number, _: times.__setitem__(number, round(loop.time() - began, 3))
        kept = datagrams(12, ErrorCorrection.NONE)
        for at, number in ((0.0, 0), (0.0, 2), (0.08, 4), (0.09, 1), (0.12, 7), (0.15, 3), (0.16, 5), (0.16, 6)):
            await asyncio.sleep(began + at - loop.time())
            port._take(kept[number], peer)
        assert times == {0: 0.0, 1: 0.09, 2: 0.09, 3: 0.15, 4: 0.15, 5: 0.16, 6: 0.16, 7: 0.16}
        for number in (9, 11):
            port._take(kept[number], peer)
        await asyncio.sleep(0.5)
        assert (times[9], times[11]) == (0.26, 0.36)
        assert port.receiver.lost == 2
        media.close()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(scenario())


def test_a_datagram_as_long_as_its_packets_may_be_is_read_whole(run: Callable[..., None]) -> None:
    async def scenario(media: Media) -> None:
        one, two = media.open_udptl("127.0.0.1"), media.open_udptl("127.0.0.1")
        for port, other in ((one, two), (two, one)):
            port.set_remote(*other.local)
        one.set_terms(ErrorCorrection.REDUNDANCY, 65000)
        heard = Heard(two)
        for number in range(4):
            one.write(bytes((number,)) * LONGEST_IFP)
        assert [(number, ifp[:1], len(ifp)) for number, ifp in await heard.count(4)] == [
            (number, bytes((number,)), LONGEST_IFP) for number in range(4)
        ]
        assert two.receiver.malformed == 0

    run(scenario)


def test_what_came_from_another_address_first_does_not_count_as_heard(run: Callable[..., None]) -> None:
    async def scenario(media: Media) -> None:
        fax, stranger = Fax(), Fax()
        port = media.open_udptl("127.0.0.1")
        port.set_remote(fax.host, fax.port)
        heard = Heard(port)
        kept = datagrams(40)
        for data in kept[:20]:
            stranger.send(port, data)
        await heard.count(17)
        heard.packets.clear()
        for data in kept[:10]:
            fax.send(port, data)
        assert [number for number, _ in await heard.count(10)] == list(range(10))
        # A far end that has moved, too, begins anew or goes on, as it likes.
        port.set_remote(stranger.host, stranger.port)
        heard.packets.clear()
        for data in kept[:5]:
            stranger.send(port, data)
        assert [number for number, _ in await heard.count(5)] == list(range(5))

    run(scenario)


def test_two_ports_pass_packets_on_each_with_its_own_correction(run: Callable[..., None]) -> None:
    async def scenario(media: Media) -> None:
        one, two = Fax(), Fax()
        left, right = media.open_udptl("127.0.0.1"), media.open_udptl("127.0.0.1")
        left.set_remote(one.host, one.port)
        right.set_remote(two.host, two.port)
        left.set_terms(ErrorCorrection.REDUNDANCY, 1400)
        right.set_terms(ErrorCorrection.FEC, 1400)
        assert left.relay_to(right)
        assert right.relay_to(left)
        assert not left.relay_to(None)
        left.relay_to(right)
        kept = datagrams(20)
        for index, data in enumerate(kept):
            if index not in (3, 4, 11):
                one.send(left, data)
        receiver = UdptlReceiver()
        found = []
        while len(found) < 20:
            data = await two.receive()
            packet = read_packet(data)
            assert not packet.sequence or packet.span == 3
            found += receiver.take(data)
        assert [ifp for _, ifp in found] == [b"\x06" if number % 2 else b"\x04" for number in range(20)]
        two.send(right, write_packet(UdptlPacket(0, b"\x02")))
        assert read_packet(await one.receive()).primary == b"\x02"
        assert not left.relay_to(left)
        assert not left.relay_to(object())

    run(scenario)


@pytest.mark.parametrize("correction", ErrorCorrection)
def test_what_is_lost_for_good_is_missing_at_the_other_end_too(
    run: Callable[..., None], correction: ErrorCorrection
) -> None:
    """Else a machine would take what is left of a frame for the whole."""

    async def scenario(media: Media) -> None:
        one, two = Fax(), Fax()
        left, right = media.open_udptl("127.0.0.1"), media.open_udptl("127.0.0.1")
        left.set_remote(one.host, one.port)
        right.set_remote(two.host, two.port)
        right.set_terms(correction, 1400)
        ends = ifp_pair()  # of a Local channel between
        left.relay_to(ends[0])
        ends[1].relay_to(right)
        kept = [
            write_packet(UdptlPacket(number, b"" if number == 2 else bytes((0x40, number)))) for number in range(40)
        ]
        for index, data in enumerate(kept):
            if index not in (5, 11, 12):
                one.send(left, data)
        receiver, found = UdptlReceiver(), []
        while len(found) < 38:
            found += receiver.take(await two.receive())
        assert [ifp[-1] if ifp else None for _, ifp in found] == [
            0, 1, 3, 4, None, *range(6, 11), None, *range(13, 40),
        ]  # fmt: skip
        assert (receiver.lost, receiver.repaired) == (2, 0)

    run(scenario)


@pytest.mark.parametrize("symmetric", [False, True])
def test_strangers_are_not_heard_and_not_answered(run: Callable[..., None], symmetric: bool) -> None:
    async def scenario(media: Media) -> None:
        fax, stranger = Fax(), Fax()
        port = media.open_udptl("127.0.0.1", symmetric=symmetric)
        heard = Heard(port)
        stranger.send(port, datagrams(1)[0])  # nobody has said yet who it is
        port.set_remote(fax.host, fax.port)
        kept = datagrams(40)
        fax.send(port, kept[0])
        await heard.count(1)
        for data in kept[10:20]:
            stranger.send(port, data)
        stranger.send(port, b"\xff" * 100)
        fax.send(port, kept[1])
        assert [number for number, _ in await heard.count(2)] == [0, 1]
        assert port.remote == (fax.host, fax.port)
        assert (port.receiver.lost, port.receiver.malformed) == (0, 0)

    run(scenario)


@pytest.mark.parametrize("symmetric", [False, True])
def test_a_far_end_behind_nat_is_learned_where_that_is_wanted(run: Callable[..., None], symmetric: bool) -> None:
    async def scenario(media: Media) -> None:
        fax, told = Fax(), Fax()
        port = media.open_udptl("127.0.0.1", symmetric=symmetric)
        port.set_remote(told.host, told.port)
        heard = Heard(port)
        for data in datagrams(6):
            fax.send(port, data)
        assert (await heard.count(3))[-1][0] >= 3
        assert port.remote == ((fax.host, fax.port) if symmetric else (told.host, told.port))

    run(scenario)


def test_an_address_that_cannot_be_reached(run: Callable[..., None]) -> None:
    async def scenario(media: Media) -> None:
        port = media.open_udptl("127.0.0.1")
        for host in ("::1", "fax.example.test"):
            with pytest.raises(ValueError, match=r"address|reached"):
                port.set_remote(host, 4000)
        port.set_remote("127.0.0.1", 4000)
        port.write(bytes(9000))
        assert port.sent == 0

    run(scenario)
