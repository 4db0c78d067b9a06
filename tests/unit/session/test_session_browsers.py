"""Calls with a browser's kind of peer (aiortc): ICE, DTLS-SRTP, one transport for all streams."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, VideoStreamTrack
from av import AudioFrame
from secure_phone import call, change, echo, wait_for
from session_bench import Bench, Phone, on_bench

from asterism.pbx.calls.originate import OriginateRequest, originate
from asterism.stack.message import Request, Response
from asterism.stack.sdp import SessionDescription
from asterism.testing import until
from asterism.testing.tone import level, make_tone


class Browser:
    """A peer connection, and the frames that it has received."""

    def __init__(self, *kinds: str) -> None:
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.frames: dict[str, asyncio.Event] = {"audio": asyncio.Event(), "video": asyncio.Event()}
        self._tasks: list[asyncio.Task[None]] = []
        for kind in kinds:
            self.connection.addTrack(AudioStreamTrack() if kind == "audio" else VideoStreamTrack())

        @self.connection.on("track")
        def started(track: Any) -> None:
            self._tasks.append(asyncio.ensure_future(self._receive(track)))

    async def _receive(self, track: Any) -> None:
        count = 0
        while True:
            try:
                await track.recv()
            except Exception:
                return
            count += 1
            if count > 5:
                self.frames[track.kind].set()

    async def offer(self) -> str:
        await self.connection.setLocalDescription(await self.connection.createOffer())
        return self.sdp

    async def answer(self, body: bytes) -> str:
        await self.connection.setRemoteDescription(RTCSessionDescription(body.decode(), "offer"))
        await self.connection.setLocalDescription(await self.connection.createAnswer())
        return self.sdp

    async def take_answer(self, body: bytes) -> None:
        await self.connection.setRemoteDescription(RTCSessionDescription(body.decode(), "answer"))

    @property
    def sdp(self) -> str:
        return str(self.connection.localDescription.sdp)

    async def hears(self, kind: str) -> None:
        async with asyncio.timeout(20):
            await self.frames[kind].wait()

    async def close(self) -> None:
        await self.connection.close()
        for task in self._tasks:
            task.cancel()


@on_bench
async def test_a_browser_calls_and_hears_itself(bench: Bench) -> None:
    change(bench, "alice", webrtc="yes", allow=("opus,ulaw"))
    channels = echo(bench)
    alice, browser = bench.phone(5071), Browser("audio")
    ok = await call(alice, "700", await browser.offer())
    await browser.take_answer(ok.body)
    await browser.hears("audio")
    assert browser.connection.connectionState == "connected"
    assert channels[0].driver.channel_item("rtp,secure") == "1"
    alice.in_dialog("BYE", ok, 2)
    await alice.next(200)
    await browser.close()


@on_bench
async def test_audio_and_video_go_over_one_transport(bench: Bench) -> None:
    change(bench, "alice", webrtc="yes", allow=("opus,ulaw,vp8,h264"))
    echo(bench)
    alice, browser = bench.phone(5071), Browser("audio", "video")
    ok = await call(alice, "700", await browser.offer())
    sections = SessionDescription.parse(ok.body).media
    assert len({section.port for section in sections}) == 1
    assert len(bench.server.media.transports) == 1
    await browser.take_answer(ok.body)
    await browser.hears("audio")
    await browser.hears("video")
    alice.in_dialog("BYE", ok, 2)
    await alice.next(200)
    assert not bench.server.media.transports
    await browser.close()


@on_bench
async def test_a_browser_is_called(bench: Bench) -> None:
    change(bench, "bob", webrtc="yes", allow=("opus,ulaw"))
    bob, browser = bench.phone(5072), Browser("audio")
    task = asyncio.ensure_future(originate(bench.server.pbx, OriginateRequest("PJSIP/bob", "internal", "900")))
    invite = await wait_for(bob, "INVITE")
    bob.respond(invite, 200, body=await browser.answer(invite.body))
    await wait_for(bob, "ACK")
    channel = (await task).channel
    assert channel is not None
    port: Any = channel.streams[0].port
    port.sink = port.write
    await browser.hears("audio")
    channel.hang_up()
    bob.respond(await wait_for(bob, "BYE"), 200)
    await browser.close()


@on_bench
async def test_another_certificate_than_the_one_told_ends_the_call(bench: Bench) -> None:
    change(bench, "alice", webrtc="yes", allow=("opus,ulaw"))
    echo(bench)
    alice, browser = bench.phone(5071), Browser("audio")
    offer = await browser.offer()
    lines = [
        "a=fingerprint:sha-256 " + ":".join(["AB"] * 32) if line.startswith("a=fingerprint:sha-256") else line
        for line in offer.split("\r\n")
        if not line.startswith(("a=fingerprint:sha-384", "a=fingerprint:sha-512"))
    ]
    ok = await call(alice, "700", "\r\n".join(lines))
    await browser.take_answer(ok.body)
    bye = await wait_for(alice, "BYE")
    alice.respond(bye, 200)
    assert not browser.frames["audio"].is_set()
    await browser.close()


@on_bench
async def test_a_browser_is_held_and_heard_again(bench: Bench) -> None:
    """Its keys and its path hold over new offers, which take nothing but the direction."""
    change(bench, "alice", webrtc="yes", allow=("opus,ulaw"))
    echo(bench)
    alice, browser = bench.phone(5071), Browser("audio")
    offer = await browser.offer()
    ok = await call(alice, "700", offer)
    await browser.take_answer(ok.body)
    await browser.hears("audio")
    (transport,) = bench.server.media.transports
    before = SessionDescription.parse(ok.body).media[0]
    for number, direction in ((2, "sendonly"), (3, "sendrecv")):
        body = offer.replace("a=sendrecv", f"a={direction}")
        alice.in_dialog("INVITE", ok, number, body=body)
        again = await wait_for(alice, 200)
        alice.in_dialog("ACK", again, number)
        now = SessionDescription.parse(again.body).media[0]
        for name in ("fingerprint", "ice-ufrag", "ice-pwd", "setup", "mid", "ssrc", "msid"):
            assert now.attribute(name) == before.attribute(name)
        assert now.port == before.port
        assert now.attribute("connection") == "existing"
    assert list(bench.server.media.transports) == [transport]
    browser.frames["audio"].clear()
    await browser.hears("audio")
    alice.in_dialog("BYE", ok, 4)
    await alice.next(200)
    await browser.close()


class Tone(AudioStreamTrack):
    """A microphone in which a tone sounds, at 48 kHz as browsers have it."""

    def __init__(self, frequency: float) -> None:
        super().__init__()
        self.samples = make_tone(frequency / 6, seconds=6.0)  # it counts in samples of 8 kHz
        self.at = 0
        self.begun = 0.0

    async def recv(self) -> AudioFrame:
        loop = asyncio.get_running_loop()
        self.begun = self.begun or loop.time()
        await asyncio.sleep(self.begun + self.at / 48000 - loop.time())
        frame = AudioFrame(format="s16", layout="mono", samples=960)
        start = self.at * 2 % len(self.samples)
        frame.planes[0].update(self.samples[start : start + 1920])
        frame.pts, frame.sample_rate, frame.time_base = self.at, 48000, Fraction(1, 48000)
        self.at += 960
        return frame


class Talker(Browser):
    """Says a tone, and says which one it hears."""

    def __init__(self, frequency: float) -> None:
        super().__init__()
        self.heard: deque[bytes] = deque(maxlen=15)
        self.rate = 48000
        self.connection.addTrack(Tone(frequency))

    async def _receive(self, track: Any) -> None:
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            samples = memoryview(bytes(frame.planes[0])[: frame.samples * 2 * len(frame.layout.channels)]).cast("h")
            self.rate = frame.sample_rate
            self.heard.append(samples[:: len(frame.layout.channels)].tobytes())

    async def hears_tone(self, frequency: float) -> None:
        self.heard.clear()
        await until(lambda: self.level(frequency) > 0.8, 20, lambda: f"{frequency} Hz: {self.level(frequency):.2f}")

    def level(self, frequency: float) -> float:
        if len(self.heard) < 15:
            return 0.0
        return level(b"".join(self.heard), frequency * 8000 / self.rate)  # as above


async def two_talk(bench: Bench, **options: Any) -> tuple[Phone, Response, Talker, Phone, Request, Talker]:
    """Alice calls Bob, both with an aiortc; each is heard by the other."""
    for name in ("alice", "bob"):
        change(bench, name, webrtc="yes", allow="opus,ulaw", **options)

    @bench.server.pbx.extension("internal", "6002")
    async def dial(channel: Any) -> None:
        await channel.dial("PJSIP/bob", 20)

    alice, bob, caller, called = bench.phone(5071), bench.phone(5072), Talker(440), Talker(880)
    alice.call("6002", body=await caller.offer())
    invite = await wait_for(bob, "INVITE")
    bob.respond(invite, 200, body=await called.answer(invite.body))
    ok = await wait_for(alice, 200)
    alice.in_dialog("ACK", ok, 1)
    await caller.take_answer(ok.body)
    await caller.hears_tone(880)
    await called.hears_tone(440)
    return alice, ok, caller, bob, invite, called


async def hang_up(alice: Phone, ok: Response, number: int, bob: Phone, *ends: Talker) -> None:
    alice.in_dialog("BYE", ok, number)
    await wait_for(alice, 200)
    bob.respond(await wait_for(bob, "BYE"), 200)
    for end in ends:
        await end.close()


@pytest.mark.parametrize("lite", [False, True])
def test_what_two_say_is_what_the_other_hears(lite: bool, tmp_path: Path) -> None:
    """In both roles of ICE and of DTLS; the server makes checks, or (``ice_lite``) only answers them."""

    @on_bench
    async def test(bench: Bench) -> None:
        settings = bench.server.media.settings
        bench.server.media.use(replace(settings, ice=replace(settings.ice, lite=lite)))
        alice, ok, caller, bob, invite, called = await two_talk(bench)
        assert (("ice-lite", None) in SessionDescription.parse(ok.body).attributes) is lite
        assert (("ice-lite", None) in SessionDescription.parse(invite.body).attributes) is lite
        await hang_up(alice, ok, 2, bob, caller, called)
        assert not bench.server.media.transports

    test(tmp_path)


@on_bench
async def test_a_peer_that_begins_anew_in_the_middle(bench: Bench) -> None:
    """aiortc has no restart; a page that is loaded again has another agent and another certificate."""
    alice, ok, caller, bob, _, called = await two_talk(bench)
    another = Talker(660)
    alice.in_dialog("INVITE", ok, 2, body=await another.offer())
    answer = await wait_for(alice, 200)
    alice.in_dialog("ACK", answer, 2)
    before, now = (SessionDescription.parse(one.body).media[0] for one in (ok, answer))
    assert now.attribute("ice-ufrag") != before.attribute("ice-ufrag")
    await caller.close()
    await another.take_answer(answer.body)
    await another.hears_tone(880)
    await called.hears_tone(660)
    await hang_up(alice, ok, 3, bob, another, called)
