"""Calls with several streams: how they are answered, what is offered on, and what is passed on."""

from __future__ import annotations

import asyncio
import random
import re
import socket
import struct
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from call_steps import refused
from session_bench import Bench, on_bench
from stream_phone import Port, audio, describe, h264, rtp, sections, t140

from asterism.media import feedback, rtcp
from asterism.pbx.calls.local import LocalTechnology
from asterism.sip.objects.codecs import CodecList
from asterism.sip.objects.endpoint import Endpoint
from asterism.stack.message import Request, Response

RECORD = Path(__file__).resolve().parents[2] / "data" / "record" / "sdp_streams.txt"
ENDPOINTS: dict[str, dict[str, Any]] = {
    "video": {"allow": CodecList(("ulaw", "h264", "vp8"))},
    "novid": {"allow": CodecList(("ulaw", "h264", "vp8")), "max_video_streams": 0},
    "multi": {"allow": CodecList(("ulaw", "alaw", "h264", "vp8")), "max_audio_streams": 2, "max_video_streams": 2},
    "text": {"allow": CodecList(("ulaw", "t140", "red"))},
}
VIDEO = CodecList(("ulaw", "h264", "vp8"))


def change(bench: Bench, name: str, **options: Any) -> None:
    """Set options of an endpoint; numbers as if they stood in the file."""
    endpoint = bench.server.data.get(Endpoint, name)
    for spec in Endpoint.OPTIONS:
        if spec.name in options:
            value = options[spec.name]
            if type(value) is int:
                value = spec.kind.parse(str(value), getattr(endpoint, spec.name))
            setattr(endpoint, spec.name, value)


def exchanges() -> list[tuple[str, str, str]]:
    parts = re.split(r"^# (\w+): incoming offer (.*)\n", RECORD.read_text(), flags=re.M)[1:]
    found = []
    for endpoint, title, body in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        offer, answer = re.split(r"---- (?:SEND|RECV) ----\n", body)[1:]
        found.append((f"{endpoint}: {title}", offer.strip(), answer.strip()))
    return found


def cname_of(report: bytes) -> bytes:
    """The CNAME in a compound packet: what other packets of it hold may look like anything."""
    while report:
        _, packet_type, words = struct.unpack_from("!BBH", report)
        packet, report = report[: 4 * (words + 1)], report[4 * (words + 1) :]
        if packet_type == rtcp.SDES:
            assert packet[8] == 1, "the first item is the CNAME"
            return packet[10 : 10 + packet[9]]
    raise AssertionError("there is no SDES packet")


def streams_of(text: str) -> list[str]:
    """The lines from the first section on, without port numbers that are not 0."""
    lines = text.replace("\r\n", "\n").strip().split("\n")
    start = next(index for index, line in enumerate(lines) if line.startswith("m="))
    return [re.sub(r"^(m=\w+) [1-9]\d*", r"\1 PORT", line) for line in lines[start:]]


@pytest.mark.parametrize(("title", "offer", "answer"), exchanges(), ids=[one[0] for one in exchanges()])
def test_offers_of_several_streams_are_answered_as_recorded(
    title: str, offer: str, answer: str, tmp_path: Path
) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        @bench.server.pbx.extension("internal", "700")
        async def answering(channel: Any) -> None:
            await channel.answer()
            await asyncio.sleep(100)

        change(bench, "alice", **ENDPOINTS[title.split(":")[0]])
        alice = bench.phone(5071)
        alice.call("700", body=offer.replace("\n", "\r\n") + "\r\n")
        ok = await alice.next(200)
        assert streams_of(ok.body.decode()) == streams_of(answer)
        alice.in_dialog("ACK", ok, 1)
        alice.in_dialog("BYE", ok, 2)
        await alice.next(200)

    test(tmp_path)


@on_bench
async def test_a_type_of_which_no_stream_is_allowed_makes_no_call(bench: Bench) -> None:
    change(bench, "alice", allow=VIDEO, max_video_streams=0)
    port = Port()
    bench.server.pbx.extension("internal", "6002")(_dial_bob)
    refusal = await refused(bench, "6002", body=describe(h264(port)))
    assert refusal.status == 488
    port.close()


class Call:
    """Alice has called Bob, both with streams of their own."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.alice, self.bob = bench.phone(5071), bench.phone(5072)
        self.ports = [Port() for _ in range(6)]
        self.a_audio, self.a_video, self.a_text, self.b_audio, self.b_video, self.b_text = self.ports
        self.number = 1
        self.invite: Request
        self.ok: Response

    async def begin(self, offer: str, answer: str, destination: str = "PJSIP/bob") -> None:
        @self.bench.server.pbx.extension("internal", "6002")
        async def dial(channel: Any) -> None:
            await channel.dial(destination, 20)

        self.alice.call("6002", body=offer)
        self.invite = await self.bob.next("INVITE")
        self.bob.respond(self.invite, 200, body=answer)
        await self.bob.next("ACK")
        self.ok = await self.alice.next(200)
        self.alice.in_dialog("ACK", self.ok, 1)
        await self.bench.turn()

    async def reinvite(self, offer: str) -> Response:
        self.number += 1
        self.alice.in_dialog("INVITE", self.ok, self.number, body=offer)
        ok = await self.alice.next(200)
        self.alice.in_dialog("ACK", self.ok, self.number)
        await self.bench.turn()
        return ok

    async def end(self) -> None:
        self.alice.in_dialog("BYE", self.ok, self.number + 1)
        await self.alice.next(200)
        self.bob.respond(await self.bob.next("BYE"), 200)
        for port in self.ports:
            port.close()


def video_call(test: Callable[[Call], Awaitable[None]], **options: Any) -> Callable[[Path], None]:
    async def main(bench: Bench) -> None:
        for name in ("alice", "bob"):
            change(bench, name, allow=VIDEO, **options)
        call = Call(bench)
        await test(call)
        await call.end()

    main.__name__ = test.__name__
    return on_bench(main)


FRAMES = [bytes((number, number * 7 & 0xFF)) * (300 + number) for number in range(6)]


async def video_passes(source: Port, to: int, number: int, target: Port, expected: int, start: int = 1000) -> None:
    """Three frames of two packets each: the octets, the ends of frames, the gap and the time are the sender's."""
    sequences = [start, start + 1, start + 2, start + 3, start + 5, start + 6]
    first = None
    for index, (sequence, payload) in enumerate(zip(sequences, FRAMES, strict=True)):
        sent = rtp(number, sequence, payload, 3000 * (index // 2), index % 2 == 1)
        source.send(to, sent)
        packet = await target.receive()
        first = first or packet
        assert packet.payload == payload
        assert packet.payload_type == expected
        assert packet.marker is (index % 2 == 1)
        assert packet.sequence - first.sequence & 0xFFFF == sequence - start
        assert packet.timestamp - first.timestamp & 0xFFFFFFFF == 3000 * (index // 2)


@video_call
async def test_video_is_passed_on_octet_by_octet(call: Call) -> None:
    await call.begin(
        describe(audio(call.a_audio), h264(call.a_video, 99)), describe(audio(call.b_audio), h264(call.b_video, 121))
    )
    offered = sections(call.invite.body)
    assert [one.type for one in offered] == ["audio", "video"]
    assert "a=fmtp:99 profile-level-id=42E01F" in offered[1].lines
    assert {"a=rtpmap:99 H264/90000", "a=rtpmap:100 VP8/90000"} <= set(offered[1].lines)
    answered = sections(call.ok.body)
    assert answered[1].payload_type("H264") == 99
    await video_passes(call.a_video, answered[1].port, 99, call.b_video, 121)
    await video_passes(call.b_video, offered[1].port, 99, call.a_video, 99, start=65533)
    channels = {one.device: one for one in call.bench.server.pbx.channels}
    assert [(one.type, one.direction) for one in channels["PJSIP/alice"].streams] == [
        ("audio", "sendrecv"), ("video", "sendrecv")
    ]  # fmt: skip
    assert [one.name for one in channels["PJSIP/bob"].streams[1].formats] == ["h264"]


@video_call
async def test_video_comes_back_after_hold(call: Call) -> None:
    both = h264(call.a_video, 99)
    await call.begin(describe(audio(call.a_audio), both), describe(audio(call.b_audio), h264(call.b_video, 97)))
    to_bob, to_alice = sections(call.ok.body)[1].port, sections(call.invite.body)[1].port
    await video_passes(call.a_video, to_bob, 99, call.b_video, 97)
    await call.reinvite(describe(audio(call.a_audio, "sendonly"), both + "a=inactive\r\n"))
    call.b_video.send(to_alice, rtp(99, 5, b"unseen"))
    call.b_audio.send(sections(call.invite.body)[0].port, rtp(0, 5, b"\xff" * 160))
    await call.bench.turn()
    again = await call.reinvite(describe(audio(call.a_audio), h264(call.a_video, 102)))
    assert sections(again.body)[1].payload_type("H264") == 102
    await video_passes(call.b_video, to_alice, 99, call.a_video, 102, start=6)
    await video_passes(call.a_video, to_bob, 102, call.b_video, 97, start=2000)


@video_call
async def test_video_that_is_added_is_offered_on_and_goes_with_it(call: Call) -> None:
    await call.begin(describe(audio(call.a_audio)), describe(audio(call.b_audio)))
    assert [one.type for one in sections(call.invite.body)] == ["audio"]
    ok = await call.reinvite(describe(audio(call.a_audio), h264(call.a_video, 99)))
    offer = await call.bob.next("INVITE")
    assert [(one.type, one.port > 0) for one in sections(offer.body)] == [("audio", True), ("video", True)]
    call.bob.respond(offer, 200, body=describe(audio(call.b_audio), h264(call.b_video, 97)))
    await call.bob.next("ACK")
    await video_passes(call.a_video, sections(ok.body)[1].port, 99, call.b_video, 97)
    await video_passes(call.b_video, sections(offer.body)[1].port, 99, call.a_video, 99, start=10)
    for _ in range(3):  # each time in the same place
        await call.reinvite(describe(audio(call.a_audio), h264(None)))
        offer = await call.bob.next("INVITE")
        assert [(one.type, one.port > 0) for one in sections(offer.body)] == [("audio", True), ("video", False)]
        call.bob.respond(offer, 200, body=describe(audio(call.b_audio), h264(None)))
        await call.bob.next("ACK")
        ok = await call.reinvite(describe(audio(call.a_audio), h264(call.a_video, 99)))
        offer = await call.bob.next("INVITE")
        assert [(one.type, one.port > 0) for one in sections(offer.body)] == [("audio", True), ("video", True)]
        call.bob.respond(offer, 200, body=describe(audio(call.b_audio), h264(call.b_video, 97)))
        await call.bob.next("ACK")
    await video_passes(call.a_video, sections(ok.body)[1].port, 99, call.b_video, 97, start=3000)


@pytest.mark.parametrize("status", [200, 488])
def test_a_phone_that_does_not_want_video_has_none(status: int, tmp_path: Path) -> None:
    @video_call
    async def test(call: Call) -> None:
        await call.begin(describe(audio(call.a_audio)), describe(audio(call.b_audio)))
        await call.reinvite(describe(audio(call.a_audio), h264(call.a_video)))
        offer = await call.bob.next("INVITE")
        call.bob.respond(offer, status, body=describe(audio(call.b_audio), h264(None)) if status == 200 else "")
        await call.bob.next("ACK")
        bob = next(one for one in call.bench.sessions.live if one.endpoint.id == "bob")
        assert [None if one is None else one.type for one in bob.media.streams] == ["audio", None][
            : 1 + (status == 200)
        ]
        bob.refresh("INVITE")  # a later offer of ours does not ask again
        offer = await call.bob.next("INVITE")
        assert not any(one.port for one in sections(offer.body)[1:])
        call.bob.respond(offer, 200, body=describe(audio(call.b_audio), *[h264(None)] * (status == 200)))
        await call.bob.next("ACK")

    test(tmp_path)


@on_bench
async def test_who_may_have_no_video_is_offered_none(bench: Bench) -> None:
    change(bench, "alice", allow=VIDEO)
    change(bench, "bob", allow=VIDEO, max_video_streams=0)
    call = Call(bench)
    await call.begin(describe(audio(call.a_audio), h264(call.a_video)), describe(audio(call.b_audio)))
    assert [one.type for one in sections(call.invite.body)] == ["audio"]
    await call.reinvite(describe(audio(call.a_audio), h264(None)))
    await call.reinvite(describe(audio(call.a_audio), h264(call.a_video)))
    assert not [one for one in call.bob.messages() if isinstance(one, Request)]
    await call.end()


@video_call
async def test_video_goes_through_local_channels(call: Call) -> None:
    server = call.bench.server
    server.pbx.register_technology(LocalTechnology(server.pbx))
    server.pbx.extension("internal", "77")(_dial_bob)
    await call.begin(
        describe(audio(call.a_audio), h264(call.a_video, 99)),
        describe(audio(call.b_audio), h264(call.b_video, 121)),
        "Local/77@internal/n",
    )
    await video_passes(call.a_video, sections(call.ok.body)[1].port, 99, call.b_video, 121)
    await video_passes(call.b_video, sections(call.invite.body)[1].port, 99, call.a_video, 99)


async def _dial_bob(channel: Any) -> None:
    await channel.dial("PJSIP/bob", 20)


@video_call
async def test_feedback_of_a_receiver_reaches_the_source_under_its_numbers(call: Call) -> None:
    await call.begin(
        describe(audio(call.a_audio), h264(call.a_video, 99)), describe(audio(call.b_audio), h264(call.b_video, 97))
    )
    call.a_video.send(sections(call.ok.body)[1].port, rtp(99, 500, b"frame", ssrc=1234))
    packet = await call.b_video.receive()
    server = ("127.0.0.1", sections(call.invite.body)[1].port + 1)
    report = rtcp.build(rtcp.Report(rtcp.RR, 9), b"bob")

    def packets(*found: feedback.Feedback) -> bytes:
        return report + b"".join(feedback.build(one, 9, packet.ssrc, lambda number: number) for one in found)

    nack = struct.pack("!HH", packet.sequence, 0b101)
    fir = struct.pack("!IBBBB", packet.ssrc, 3, 0, 0, 0)
    sent = packets(
        feedback.Feedback(feedback.PLI, packet.ssrc, b""),
        feedback.Feedback(feedback.NACK, packet.ssrc, nack),
        feedback.Feedback(feedback.FIR, packet.ssrc, fir),
    )
    call.b_video.rtcp.sendto(sent, server)
    got = await call.a_video.control()
    assert rtcp.parse(got) is not None
    assert feedback.parse(got) == [
        feedback.Feedback(feedback.PLI, 1234, b""),
        feedback.Feedback(feedback.NACK, 1234, struct.pack("!HH", 500, 0b101)),
    ], "of two requests for a whole picture one is passed on"
    # Of a request about several sources, that about ours is.
    entries = struct.pack("!IBBBB", 4711, 1, 0, 0, 0) + fir
    several = struct.pack("!BBHII", 0x84, 206, 2 + len(entries) // 4, 9, 0) + entries
    short = struct.pack("!BBHII", 0x84, 206, 2, 9, packet.ssrc)
    call.b_video.rtcp.sendto(short, server)
    call.b_video.rtcp.sendto(several, server)
    assert feedback.parse(await call.a_video.control()) == [
        feedback.Feedback(feedback.FIR, 1234, struct.pack("!IBBBB", 1234, 3, 0, 0, 0))
    ]


@pytest.mark.parametrize("most", [0, 1])
def test_text_passes_where_it_is_allowed(most: int, tmp_path: Path) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        for name in ("alice", "bob"):
            change(bench, name, allow=CodecList(("ulaw", "t140")), max_text_streams=most)
        call = Call(bench)
        answer = [audio(call.b_audio), *[t140(call.b_text, 111)] * most]
        await call.begin(describe(audio(call.a_audio), t140(call.a_text, 98)), describe(*answer))
        offered, answered = sections(call.invite.body), sections(call.ok.body)
        assert [one.type for one in offered] == ["audio", "text"][: 1 + most]
        assert bool(answered[1].port) is bool(most)
        if most:
            number = offered[1].payload_type("t140")
            for sequence, text in enumerate(("Grüß", "e dich", "\u2028", "€" * 40)):
                call.a_text.send(answered[1].port, rtp(98, sequence, text.encode(), 300 * sequence))
                packet = await call.b_text.receive()
                assert (packet.payload_type, packet.payload.decode()) == (111, text)
            call.b_text.send(offered[1].port, rtp(number, 1, b"hello", 1))
            assert (await call.a_text.receive()).payload == b"hello"
        await call.end()

    test(tmp_path)


@on_bench
async def test_the_marks_of_video_packets_are_those_of_video(bench: Bench) -> None:
    for name in ("alice", "bob"):
        change(bench, name, allow=VIDEO, tos_video=0x88, cos_video=4, tos_audio=0xB8, cos_audio=5)
    call = Call(bench)
    await call.begin(
        describe(audio(call.a_audio), h264(call.a_video)), describe(audio(call.b_audio), h264(call.b_video))
    )
    for session in bench.sessions.live:
        marks = {}
        for kind in ("audio", "video"):
            sock = session.media.port(kind)._socket
            marks[kind] = (
                sock.getsockopt(socket.IPPROTO_IP, socket.IP_TOS),
                sock.getsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY),
            )
        assert marks == {"audio": (0xB8, 5), "video": (0x88, 4)}
    await call.end()


@on_bench
async def test_two_streams_of_audio_and_video_each_find_their_own(bench: Bench) -> None:
    for name in ("alice", "bob"):
        change(bench, name, **ENDPOINTS["multi"])
    call = Call(bench)
    more = [Port() for _ in range(4)]
    call.ports += more
    await call.begin(
        describe(h264(call.a_video), audio(call.a_audio), audio(more[0]), h264(more[1], 98)),
        describe(h264(call.b_video), audio(call.b_audio), audio(more[2]), h264(more[3], 98)),
    )
    answered = sections(call.ok.body)
    assert [one.type for one in sections(call.invite.body)] == ["video", "audio", "audio", "video"]
    await video_passes(call.a_video, answered[0].port, 99, call.b_video, 99)
    await video_passes(more[1], answered[3].port, 98, more[3], 98)
    for index, (source, target) in enumerate(((call.a_audio, call.b_audio), (more[0], more[2]))):
        payload = bytes((index + 1,)) * 160
        source.send(answered[1 + index].port, rtp(0, 1, payload))
        assert (await target.receive()).payload == payload
    await call.end()


@video_call
async def test_an_item_of_the_video_stream(call: Call) -> None:
    await call.begin(
        describe(audio(call.a_audio), h264(call.a_video)), describe(audio(call.b_audio), h264(call.b_video))
    )
    alice = next(one for one in call.bench.server.pbx.channels if one.device == "PJSIP/alice")
    assert alice.driver.channel_item("rtp,dest,video") == f"127.0.0.1:{call.a_video.number}"
    assert alice.driver.channel_item("rtp,dest") == f"127.0.0.1:{call.a_audio.number}"
    assert alice.driver.channel_item("rtp,dest,text") is None
    assert alice.driver.channel_item("rtp,dropped,video") == "0"
    port = sections(call.ok.body)[1].port
    call.b_video.send(port, rtp(99, 1, b"x"))  # who is not the far end
    call.a_video.send(port, rtp(3, 2, b"x"))  # of no codec that was agreed on
    await call.bench.until(lambda: alice.driver.channel_item("rtp,dropped,video") == "2")
    assert alice.driver.channel_item("rtp,dropped") == "0"


FORMATS = {
    "audio": ((0, "PCMU/8000"), (8, "PCMA/8000"), (18, "G729/8000"), (101, "telephone-event/8000")),
    "video": ((99, "H264/90000"), (97, "VP8/90000"), (31, "H261/90000"), (120, "unheard-of/90000")),
    "text": ((98, "t140/1000"), (100, "red/1000")),
    "image": ((96, "jpeg/90000"),),
    "message": ((96, "x/1"),),
}
LIMITS = {"audio": "max_audio_streams", "video": "max_video_streams", "text": "max_text_streams"}
ALLOWED = {"PCMU/8000", "PCMA/8000", "H264/90000", "VP8/90000", "t140/1000"}


def random_offer(rng: random.Random) -> list[tuple[str, int, str, list[tuple[int, str]]]]:
    found = []
    for index in range(rng.randint(1, 20)):
        kind = rng.choice(("audio", "audio", "video", "video", "text", "image", "message"))
        known = FORMATS[kind]
        port = 0 if rng.random() < 0.2 else 32000 + 2 * index
        protocol = "RTP/AVP" if rng.random() < 0.8 else rng.choice(("RTP/SAVP", "udptl", "TCP/BFCP"))
        found.append((kind, port, protocol, rng.sample(known, rng.randint(1, len(known)))))
    return found


def written(offer: list[tuple[str, int, str, list[tuple[int, str]]]]) -> str:
    text = ""
    for kind, port, protocol, formats in offer:
        text += f"m={kind} {port} {protocol} {' '.join(str(number) for number, _ in formats)}\r\n"
        text += "".join(f"a=rtpmap:{number} {name}\r\n" for number, name in formats)
    return describe(text)


@pytest.mark.parametrize("seed", range(6))
def test_whatever_sections_an_offer_has_each_is_answered_in_its_place(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)

    @on_bench
    async def test(bench: Bench) -> None:
        @bench.server.pbx.extension("internal", "700")
        async def answering(channel: Any) -> None:
            await channel.answer()
            await asyncio.sleep(1000)

        for turn in range(12):
            limits = {kind: rng.randint(0, 3) for kind in LIMITS}
            change(bench, "alice", allow=CodecList(("ulaw", "alaw", "h264", "vp8", "t140")),
                   **{LIMITS[kind]: most for kind, most in limits.items()})  # fmt: skip
            bench.sessions.profiles.clear()
            alice = bench.phone(5071)
            alice.read = len(alice.flow.sent)
            call, number, up = f"many-{seed}-{turn}", 1, None
            for _ in range(4):  # the first offer, and others in the same call
                offer = random_offer(rng)
                usable = [
                    index
                    for index, (kind, port, protocol, formats) in enumerate(offer)
                    if port and protocol == "RTP/AVP" and ALLOWED & {name for _, name in formats} and kind in LIMITS
                ]
                taken: list[int] = []
                for index in usable:
                    kind = offer[index][0]
                    if sum(offer[one][0] == kind for one in taken) < limits[kind]:
                        taken.append(index)
                if up is None:
                    alice.call("700", body=written(offer), call=call)
                else:
                    number += 1
                    alice.in_dialog("INVITE", up, number, body=written(offer), call=call)
                if not taken:
                    refusal = await alice.next(488)
                    to = str(refusal.to)
                    alice.request(
                        "ACK", "sip:700@127.0.0.1", "alice", to, number=number, call=call, branch=alice.branch
                    )
                    if up is None:
                        break
                    continue
                ok = await alice.next(200)
                up = up or ok
                alice.in_dialog("ACK", up, number, call=call)
                answer = sections(ok.body)
                assert [one.type for one in answer] == [kind for kind, *_ in offer]
                assert [index for index, one in enumerate(answer) if one.port] == taken
                ports = [one.port for one in answer if one.port]
                assert len(set(ports)) == len(ports)
                for index in taken:
                    assert set(answer[index].formats) <= {str(number) for number, _ in offer[index][3]}
                (session,) = bench.sessions.live
                assert len(bench.server.media.sessions) == len(taken)
                assert [one.type for one in session.channel.streams] == [offer[index][0] for index in taken]
            if up is not None:
                alice.in_dialog("BYE", up, number + 1, call=call)
                await alice.next(200)
            await bench.until(lambda: not bench.sessions.live)
            bench.advance(64)

    test(tmp_path)


@on_bench
async def test_video_goes_from_phone_to_phone_where_audio_does(bench: Bench) -> None:
    for name in ("alice", "bob"):
        change(bench, name, allow=VIDEO, direct_media=True)
    call = Call(bench)
    await call.begin(
        describe(audio(call.a_audio), h264(call.a_video)), describe(audio(call.b_audio), h264(call.b_video))
    )
    moved = await call.bob.next("INVITE")
    assert [one.port for one in sections(moved.body)] == [call.a_audio.number, call.a_video.number]
    call.bob.respond(moved, 200, body=describe(audio(call.b_audio), h264(call.b_video)))
    moved = await call.alice.next("INVITE")
    assert [one.port for one in sections(moved.body)] == [call.b_audio.number, call.b_video.number]
    call.alice.respond(moved, 200, body=describe(audio(call.a_audio), h264(call.a_video)))
    await bench.turn()
    call.alice.in_dialog("BYE", call.ok, 2)
    await call.alice.next(200)
    await bench.turn()
    for message in call.bob.messages():
        if isinstance(message, Request) and message.method in ("INVITE", "BYE"):
            call.bob.respond(message, 200, body=describe(audio(call.b_audio), h264(call.b_video)))
            await bench.turn()
    for port in call.ports:
        port.close()


@video_call
async def test_audio_and_video_of_one_party_have_one_name(call: Call) -> None:
    await call.begin(
        describe(audio(call.a_audio), h264(call.a_video)), describe(audio(call.b_audio), h264(call.b_video))
    )
    names = []
    for session, ports in ((call.alice, (call.a_audio, call.a_video)), (call.bob, (call.b_audio, call.b_video))):
        user = "alice" if session is call.alice else "bob"
        found = next(one for one in call.bench.sessions.live if one.endpoint.id == user)
        for kind, port in zip(("audio", "video"), ports, strict=True):
            stream = found.media.port(kind)
            port.send(stream.local[1], rtp(0 if kind == "audio" else 99, 1, b"\xff" * 160))
            await call.bench.until(partial(getattr, stream, "rx_packets"))
            stream.rtcp.send_report()
            report = await port.control()
            names.append(cname_of(report))
    assert names[0] == names[1] != names[2] == names[3]
    assert all(len(name) == 16 for name in names)


@pytest.mark.parametrize("status", [200, 488])
def test_more_streams_of_video_are_offered_once_the_answer_is_acknowledged(status: int, tmp_path: Path) -> None:
    async def main(bench: Bench) -> None:
        change(bench, "alice", allow=VIDEO, max_video_streams=3)
        ports = [Port() for _ in range(4)]
        alice, channels = bench.phone(5071), []

        @bench.server.pbx.extension("internal", "700")
        async def show(channel: Any) -> None:
            channel.raw_answer()
            channels.append(channel)
            channel.driver.show_videos(9, (), ())
            await channel.wait(30)

        alice.call("700", body=describe(audio(ports[0]), h264(ports[1])))
        ok = await alice.next(200)
        await bench.turn()
        alice.in_dialog("ACK", ok, 1)
        invite = await alice.next("INVITE")
        offered = sections(invite.body)
        assert [one.type for one in offered] == ["audio", "video", "video", "video"], "as many as it may have"
        assert ["a=sendonly" in one.lines for one in offered] == [False, False, True, True]
        if status == 200:
            answer = describe(audio(ports[0]), h264(ports[1]), h264(ports[2]), h264(None))
            alice.respond(invite, 200, body=answer)
        else:
            alice.respond(invite, status)
        await alice.next("ACK")
        await bench.turn()
        (channel,) = channels
        videos = [one.port for one in channel.streams if one.type == "video"]
        assert len(videos) == (2 if status == 200 else 1)
        assert channel.alive
        if status == 200:
            channel.driver.show_videos(1, (videos[1],), ())
            invite = await alice.next("INVITE")
            offered = sections(invite.body)
            assert [bool(one.port) for one in offered] == [True, True, False, False]
            alice.respond(invite, 200, body=describe(audio(ports[0]), h264(ports[1]), h264(None), h264(None)))
            await alice.next("ACK")
            channel.driver.show_videos(2, (), ())
            invite = await alice.next("INVITE")
            assert [bool(one.port) for one in sections(invite.body)] == [True, True, True, False], "the place again"
            alice.respond(invite, 488)
            await alice.next("ACK")
            await bench.turn()
            assert [one.type for one in channel.streams] == ["audio", "video"]
            channel.driver.show_videos(1, (), ())  # nothing to offer
            await bench.turn()
        channel.hang_up()
        bye = await alice.next("BYE")
        assert bye.cseq.number == invite.cseq.number + 1, "no other request"
        alice.respond(bye, 200)
        for port in ports:
            port.close()

    main.__name__ = "test"
    on_bench(main)(tmp_path)
