"""Several streams on one encrypted transport, as a browser has them: extensions, lost packets, arrivals."""

from __future__ import annotations

import asyncio
import struct

from rtp_kit import HEADER, Leg
from srtp_kit import SecurePeer

from asterism.media import feedback, feedback_terms, header_extensions, rtcp
from asterism.media.core import Media
from asterism.media.formats import PASSED, ULAW
from asterism.media.header_extensions import Agreed
from asterism.media.payload_types import PayloadTypes
from asterism.media.transport_cc import KIND
from asterism.media.transports.agreed import StreamTerms, agree
from asterism.media.transports.parameters import RemoteTransport
from asterism.testing.waiting import until

VP8 = PASSED["video"]["vp8"]
NUMBERS = Agreed(mid=4, abs_send_time=2, transport_sequence=3)
VIDEO = (("*", feedback_terms.NACK), ("*", feedback_terms.PLI), ("*", feedback_terms.TRANSPORT_CC))


class Browser:
    """A peer with audio and video on one port, and what it was sent."""

    def __init__(self, media: Media, *, terms: feedback_terms.Terms = VIDEO, numbers: Agreed = NUMBERS) -> None:
        self.peer = SecurePeer()
        self.transport = media.open_transport("127.0.0.1")
        self.audio, self.video = [media.open_rtp(transport=self.transport) for _ in range(2)]
        self.audio.set_formats(PayloadTypes(((0, ULAW),)))
        self.video.set_formats(PayloadTypes(((96, VP8),)))
        keys = RemoteTransport(self.peer.address, mux=True, sent=self.peer.theirs, received=self.peer.own)
        self.transport.apply(keys)
        agree(
            self.transport,
            [
                StreamTerms(self.audio, "0", numbers, (("*", feedback_terms.TRANSPORT_CC),), (0,)),
                StreamTerms(self.video, "1", numbers, terms, (96,)),
            ],
        )
        for one in (self.audio, self.video):
            one.set_remote(*self.peer.address)
        self.counted = 0

    def send(self, payload_type: int, payload: bytes, source: int, mid: str = "", *, sequence: int = 1) -> None:
        items = {3: self.counted.to_bytes(2, "big")}
        self.counted += 1
        if mid:
            items[4] = mid.encode()
        head = HEADER.pack(0x90, payload_type, sequence, 7, source)
        packet = self.peer.out.protect(head + header_extensions.write(items) + payload)
        self.peer.socket.sendto(packet, self.transport.local)

    def report(self, packets: bytes) -> None:
        self.peer.socket.sendto(self.peer.out.protect_rtcp(packets), self.transport.local)

    async def next(self) -> tuple[bytes, bytes]:
        """A datagram as it came, and without its protection."""
        loop = asyncio.get_running_loop()
        data = await asyncio.wait_for(loop.sock_recv(self.peer.socket, 4096), 5)
        control = 192 <= data[1] < 224
        return data, (self.peer.inbound.unprotect_rtcp if control else self.peer.inbound.unprotect)(data)

    async def packet(self) -> tuple[bytes, bytes]:
        """The next packet of RTP."""
        while True:
            data, plain = await self.next()
            if not 192 <= plain[1] < 224:
                return data, plain

    async def control(self, wanted: tuple[int, int]) -> bytes:
        """The next report of a kind, from its own header on."""
        while True:
            _, plain = await self.next()
            while len(plain) >= 12 and 192 <= plain[1] < 224:
                end = 4 * (int.from_bytes(plain[2:4], "big") + 1)
                if (plain[1], plain[0] & 0x1F) == wanted:
                    return plain[:end]
                plain = plain[end:]

    def close(self) -> None:
        self.audio.close()
        self.video.close()
        self.transport.close()
        self.peer.socket.close()


def video_leg(media: Media) -> Leg:
    leg = Leg(media, formats={97: VP8}, dtmf=None)
    leg.session.rtcp.listen()
    return leg


def test_each_packet_finds_its_stream_and_gets_what_was_agreed_on(run) -> None:
    async def scenario(media: Media) -> None:
        browser, sound, screen = Browser(media), Leg(media), video_leg(media)
        for one, other in ((browser.audio, sound.session), (browser.video, screen.session)):
            one.relay_to(other)
            other.relay_to(one)
        browser.send(96, b"picture", 111, "1")
        assert (await screen.peer.receive())[1] == b"picture"
        browser.send(0, b"\x55" * 160, 222)
        head, payload = await sound.peer.receive()
        assert (head[0], payload) == (0x80, b"\x55" * 160)  # without the extensions
        screen.peer.send(screen.session, b"pixels", 97)
        _, plain = await browser.packet()
        found = header_extensions.read(plain, len(plain))
        assert found[4] == b"1"
        assert len(found[2]) == 3
        assert set(found) == {2, 4}
        sound.peer.send(sound.session)
        _, plain = await browser.packet()
        assert header_extensions.read(plain, len(plain))[4] == b"0"
        # What cannot be told is dropped: of no section, of an unknown source and type.
        dropped = browser.transport.reception.dropped
        browser.send(96, b"x", 333, "9")
        browser.send(55, b"x", 444)
        await until(lambda: browser.transport.reception.dropped == dropped + 2)
        browser.close()
        sound.session.close()
        screen.session.close()

    run(scenario)


def test_lost_packets_are_sent_again_as_they_were(run) -> None:
    async def scenario(media: Media) -> None:
        browser, screen = Browser(media), video_leg(media)
        screen.session.relay_to(browser.video)
        browser.video.relay_to(screen.session)
        taken: list[tuple[bytes, bytes]] = []
        for number in range(4):
            screen.peer.send(screen.session, b"picture %d" % number, 97)
            taken.append(await browser.packet())
        sequence = struct.unpack_from("!H", taken[1][1], 2)[0]
        browser.send(96, b"x", 111, "1")
        await screen.peer.receive()
        gone = sequence - 100 & 0xFFFF
        nack = feedback.Feedback(feedback.NACK, 0, feedback.lost_details([gone, sequence, sequence + 2 & 0xFFFF]))
        browser.report(feedback.build(nack, 111, browser.video.ssrc, int))  # reduced-size (RFC 5506)
        loop = asyncio.get_running_loop()
        for expected in (taken[1][0], taken[3][0]):
            assert await asyncio.wait_for(loop.sock_recv(browser.peer.socket, 4096), 5) == expected
        browser.close()
        screen.session.close()

    run(scenario)


def test_arrivals_are_reported(run) -> None:
    async def scenario(media: Media) -> None:
        browser = Browser(media)
        for number in range(5):
            browser.send(96 if number % 2 else 0, b"x", 111 + number % 2, str(number % 2), sequence=number)
        report = await browser.control(KIND)
        assert struct.unpack_from("!HH", report, 12) == (0, 5)
        browser.send(96, b"x", 112, sequence=5)
        assert struct.unpack_from("!HH", await browser.control(KIND), 12) == (5, 1)
        assert browser.transport.reports is not None
        # The reports before them have the figures of each stream in turn.
        senders = set()
        for number in range(6, 9):
            browser.send(96, b"x", 112, sequence=number)
            while True:
                _, plain = await browser.next()
                if 192 <= plain[1] < 224:
                    break
            (figures,) = rtcp.parse(plain) or [None]
            assert figures is not None
            if figures.blocks:
                senders.add((figures.ssrc, figures.blocks[0].ssrc))
        assert senders <= {(browser.audio.ssrc, 111), (browser.video.ssrc, 112)}
        assert browser.audio.rtcp.reported_at > 0
        assert browser.video.rtcp.reported_at > 0
        # ... as long as that is agreed on.
        agree(browser.transport, [StreamTerms(browser.audio, "0"), StreamTerms(browser.video, "1")])
        assert browser.transport.reports is None
        assert browser.transport.demux.arrived is None
        browser.close()

    run(scenario)


def test_who_is_shown_later_is_asked_for_a_whole_picture(run) -> None:
    async def scenario(media: Media) -> None:
        browser, screen = Browser(media), video_leg(media)
        browser.send(96, b"x", 111, "1")
        await until(lambda: browser.video.remote_ssrc == 111)
        browser.video.relay_to(screen.session)
        pli = await browser.control(feedback.PLI)
        assert struct.unpack_from("!I", pli, 8) == (111,)
        browser.close()
        screen.session.close()

    run(scenario)


def test_reports_reach_their_stream(run) -> None:
    async def scenario(media: Media) -> None:
        browser = Browser(media)
        browser.send(0, b"\x55" * 160, 222, "0")
        browser.send(96, b"x", 111, "1")
        await until(lambda: browser.video.remote_ssrc == 111 and browser.audio.remote_ssrc == 222)
        blocks = tuple(
            rtcp.ReportBlock(one.ssrc, 0, lost, 0, 0, 0, 0) for one, lost in ((browser.audio, 3), (browser.video, 5))
        )
        browser.report(rtcp.build(rtcp.Report(rtcp.SR, 222, 1 << 40, 0, 1, 1, blocks), b"browser"))
        await until(lambda: browser.video.quality.tx_lost == 5 and browser.audio.quality.tx_lost == 3)
        browser.close()

    run(scenario)


def test_new_keys_forget_what_was_sent_under_the_old(run) -> None:
    async def scenario(media: Media) -> None:
        browser = Browser(media)
        browser.send(96, b"x", 111, "1")
        await until(lambda: browser.video.remote is not None)
        browser.video.send_packet(96, 0, b"picture")
        history = browser.transport.socket_of(browser.video).history
        assert history is not None
        assert len(history) == 1
        browser.peer.rekey()
        peer = browser.peer
        browser.transport.apply(RemoteTransport(peer.address, mux=True, sent=peer.theirs, received=peer.own))
        assert len(history) == 0
        browser.close()

    run(scenario)
