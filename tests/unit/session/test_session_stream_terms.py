"""What descriptions agree on for each stream of a browser is what its transport does: extensions, feedback, sources."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

from secure_phone import change, wait_for
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


@on_bench
async def test_what_a_browser_answers_holds_as_well(bench: Bench) -> None:
    """Extensions, feedback and sources of its answer to our offer, and the names that our offer gives the streams."""
    change(bench, "alice", allow="ulaw,vp8", max_video_streams=2)
    change(bench, "bob", webrtc="yes", media_encryption="no", allow="ulaw,vp8", max_video_streams=2)

    @bench.server.pbx.extension("internal", "6002")
    async def dial(channel: Any) -> None:
        await channel.dial("PJSIP/bob", 20)

    phones = [Browser() for _ in range(3)]
    alice, bob, browser = bench.phone(5071), bench.phone(5072), Browser()
    parts = [audio("a", phones[0].port), video("b", phones[1].port), video("c", phones[2].port)]
    alice.call("6002", body=body([], *([line for line in part if "mid" not in line] for part in parts)))
    invite = await wait_for(bob, "INVITE")
    offer = Answered(invite.body)
    names = [(each.attribute("msid") or "").split()[0] for each in offer.media]
    assert names[0] == names[1] != names[2]
    numbers = {line.split()[1]: int(line.split("/")[0].split()[0]) for line in offer.media[1].attribute_all("extmap")}
    answers = []
    for index, each in enumerate(offer.media):
        lines = [
            f"m={each.media} {browser.port} RTP/AVPF {each.formats[0]}",
            "a=rtcp-mux",
            f"a=mid:{offer.mids[index]}",
        ]
        lines += [
            f"a=rtpmap:{each.formats[0]} {'VP8/90000' if index else 'PCMU/8000'}",
            f"a=ssrc:{111 * index} cname:x",
        ]
        lines += [f"a=extmap:{numbers[uri]} {uri}" for uri in (ABS_SEND_TIME, TRANSPORT_SEQUENCE)]
        answers.append([*lines, "a=rtcp-fb:* nack", "a=rtcp-fb:* transport-cc"] if index == 1 else lines)
    bob.respond(invite, 200, body=body([" ".join(filter(None, offer.mids))], *answers))
    await wait_for(bob, "ACK")
    ok = await wait_for(alice, 200)
    alice.in_dialog("ACK", ok, 1)
    for phone, port in zip(phones, Answered(ok.body).ports, strict=True):
        phone.server = ("127.0.0.1", port)
    browser.take(offer)
    # From the second camera alone, by its source.
    browser.send(rtp(int(offer.media[2].formats[0]), 1, b"second", ssrc=222), {numbers[TRANSPORT_SEQUENCE]: b"\0\x09"})
    assert (await phones[2].packet()).endswith(b"second")
    assert struct.unpack_from("!HH", await browser.report(KIND), 12) == (9, 1)
    phones[1].send(rtp(96, 1, b"picture", ssrc=6000))
    sent = await browser.packet()
    assert set(header_extensions.read(sent, len(sent))) == {numbers[ABS_SEND_TIME]}
    # Its second stream has not agreed on NACK: what is lost there is asked for where it came from.
    phones[2].send(rtp(96, 1, b"picture", ssrc=7000))
    for packet in (await browser.packet(), sent):
        sequence, source = struct.unpack_from("!H4xI", packet, 2)
        lost = feedback.Feedback(feedback.NACK, source, struct.pack("!HH", sequence, 0))
        browser.send(feedback.build(lost, 111, source, lambda number: number))
    assert await browser.packet() == sent
    alice.in_dialog("BYE", ok, 2)
    await wait_for(bob, "BYE")
    for one in (*phones, browser):
        one.socket.close()
