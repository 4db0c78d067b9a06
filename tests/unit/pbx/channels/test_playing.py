"""Sounds that are played, and tones in the background."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from fake_technology import FakeServer, FakeStream, run, settle

from asterism.media.formats import ULAW
from asterism.media.stream import Frame
from asterism.pbx.channels.playing import Playing, play_frames, start_tone
from asterism.pbx.vocabulary.errors import ChannelHangup


def test_a_hang_up_ends_the_tone_in_the_background() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.stream = lambda: FakeStream(ULAW)
        alice = server.sip.incoming("alice", "1")
        start_tone(alice, "dial")
        tone = alice.tone
        assert tone is not None
        assert tone.active
        alice.hang_up()
        assert alice.tone is None
        assert not tone.active

    run(scenario)


FRAMES = [Frame(ULAW, b"\xff" * 160)] * 500


def test_another_task_stops_a_sound_and_digits_are_read_meanwhile() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.stream = lambda: FakeStream(ULAW)
        alice = server.sip.incoming("alice", "1")
        playing = Playing(alice, FRAMES)
        waiting = asyncio.create_task(playing.wait())
        digit = asyncio.create_task(alice.read_digit())
        await settle()
        with pytest.raises(RuntimeError, match="another task waits"):
            await playing.wait()
        with pytest.raises(RuntimeError, match="speaks to"):
            await play_frames(alice, FRAMES)
        alice.queue_digit("5")
        assert await digit == "5"
        assert playing.active
        playing.stop()
        assert await waiting == ""
        assert not playing.finished
        assert playing.heard >= 20
        assert alice.speaks is None
        assert await play_frames(alice, FRAMES[:1]) == ""

    run(scenario)


def test_a_sound_ends_by_its_digit_its_end_or_the_hangup() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.stream = lambda: FakeStream(ULAW)
        alice = server.sip.incoming("alice", "1")
        waiting = asyncio.create_task(play_frames(alice, FRAMES, "#"))
        await settle()
        alice.queue_digit("1")
        await settle()
        assert not waiting.done()
        alice.queue_digit("#")
        assert await waiting == "#"
        playing = Playing(alice, FRAMES[:1])
        assert await playing.wait() == ""
        assert playing.finished
        waiting = asyncio.create_task(play_frames(alice, FRAMES))
        await settle()
        alice.hang_up()
        with pytest.raises(ChannelHangup):
            await waiting
        assert alice.speaks is None

    run(scenario)


def test_frames_or_a_stream_that_raise_end_the_wait() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.stream = lambda: FakeStream(ULAW)
        alice = server.sip.incoming("alice", "1")

        def frames(count: int) -> Iterator[Frame]:
            yield from FRAMES[:count]
            raise OSError("broken")

        for count in (0, 1):
            with pytest.raises(OSError, match="broken"):
                await play_frames(alice, frames(count))
            assert alice.speaks is None

    run(scenario)
