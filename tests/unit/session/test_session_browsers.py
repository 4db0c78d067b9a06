"""Calls with a browser's kind of peer (aiortc): ICE, DTLS-SRTP, one transport for all streams."""

from __future__ import annotations

import asyncio
from typing import Any

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack
from secure_phone import call, change, echo, wait_for
from session_bench import Bench, on_bench

from asterism.pbx.calls.originate import OriginateRequest, originate
from asterism.stack.sdp import SessionDescription


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
