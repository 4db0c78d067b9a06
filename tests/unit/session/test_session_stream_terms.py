"""What descriptions agree on for each stream of a browser is what its transport does: extensions, feedback, sources."""

from __future__ import annotations

import asyncio
import socket
import struct

from session_bench import Bench, on_bench
from stream_phone import rtp
from test_session_bundle import Answered, BundleCall, audio, body, video

from asterism.media import feedback, header_extensions
from asterism.media.header_extensions import ABS_SEND_TIME, MID, TRANSPORT_SEQUENCE
from asterism.media.transport_cc import KIND

EXTENSIONS = (f"a=extmap:2 {ABS_SEND_TIME}", f"a=extmap:3 {TRANSPORT_SEQUENCE}", f"a=extmap:4 {MID}")
FEEDBACK = ("a=rtcp-fb:96 nack", "a=rtcp-fb:96 nack pli", "a=rtcp-fb:96 transport-cc")


class Browser:
    """A peer with all streams on one port, in the clear."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.port: int = self.socket.getsockname()[1]
        self.server = ("127.0.0.1", 9)

    def take(self, answer: Answered) -> None:
        assert len(set(answer.ports)) == 1
        self.server = ("127.0.0.1", answer.ports[0])

    def send(self, packet: bytes, items: dict[int, bytes] | None = None) -> None:
        if items:
            packet = bytes((packet[0] | 0x10,)) + packet[1:12] + header_extensions.write(items) + packet[12:]
        self.socket.sendto(packet, self.server)

    async def next(self) -> bytes:
        return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self.socket, 4096), 5)

    async def packet(self) -> bytes:
        """The next packet of RTP."""
        while True:
            data = await self.next()
            if not 192 <= data[1] < 224:
                return data

    async def report(self, kind: tuple[int, int]) -> bytes:
        """The next packet of RTCP of a kind."""
        while True:
            data = await self.next()
            while len(data) >= 4 and 192 <= data[1] < 224:
                end = 4 * (int.from_bytes(data[2:4], "big") + 1)
                if (data[1], data[0] & 0x1F) == kind:
                    return data[:end]
                data = data[end:]


def avpf(section: list[str]) -> list[str]:
    return [line.replace("RTP/AVP", "RTP/AVPF") for line in section]


@on_bench
async def test_extensions_lost_packets_and_arrivals(bench: Bench) -> None:
    browser = Browser()
    one = BundleCall(bench, webrtc="yes", media_encryption="no")
    sections = audio("a", browser.port, *EXTENSIONS), video("v", browser.port, *EXTENSIONS, *FEEDBACK)
    browser.take(await one.offer(body(["a v"], *map(avpf, sections))))
    browser.send(rtp(96, 1, b"picture", ssrc=5000), {3: b"\0\x07", 4: b"v"})
    back = await browser.packet()
    items = header_extensions.read(back, len(back))
    assert items[4] == b"v"
    assert len(items[2]) == 3
    assert back.endswith(b"picture")
    # A lost packet comes again, as it was.
    sequence, source = struct.unpack_from("!H4xI", back, 2)
    lost = feedback.Feedback(feedback.NACK, source, struct.pack("!HH", sequence, 0))
    browser.send(feedback.build(lost, 5000, source, lambda number: number))
    assert await browser.packet() == back
    # The browser is told when its packets arrived.
    assert struct.unpack_from("!HH", await browser.report(KIND), 12) == (7, 1)
    await one.end()
    browser.socket.close()


@on_bench
async def test_streams_of_one_type_are_told_apart_by_their_sources(bench: Bench) -> None:
    browser = Browser()
    one = BundleCall(bench, webrtc="yes", media_encryption="no")
    sections = [video(f"v{source}", browser.port, f"a=ssrc:{source} cname:x") for source in (111, 222)]
    answer = await one.offer(body(["a v111 v222"], *map(avpf, [audio("a", browser.port), *sections])))
    browser.take(answer)
    own = [int((each.attribute("ssrc") or "").split()[0]) for each in answer.media[1:]]
    for sequence, (source, expected) in enumerate(((222, own[1]), (111, own[0]), (222, own[1]))):
        browser.send(rtp(96, sequence, b"picture", ssrc=source))
        back = await browser.packet()
        assert struct.unpack_from("!I", back, 8) == (expected,)
    # One that nothing was said of is told by its payload type.
    browser.send(rtp(0, 1, b"\xff" * 160, ssrc=333))
    back = await browser.packet()
    assert back[1] & 0x7F == 0
    await one.end()
    browser.socket.close()
