"""What extensions hear: linear audio, bounded."""

from __future__ import annotations

import asyncio

import pytest
from fake_technology import FakeServer, FakeStream, audio_of, run, set_audio, settle

from asterism.media.formats import SLIN, ULAW
from asterism.media.stream import Frame
from asterism.pbx.channels.listening import MAX_FRAMES
from asterism.pbx.vocabulary.errors import ChannelHangup


def test_audio_is_linear_and_bounded() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.stream = lambda: FakeStream(ULAW)
        alice = server.sip.incoming("alice", "1")
        stream = audio_of(alice)
        frames: list[Frame] = []

        async def listen() -> None:
            async for frame in alice.audio():  # type: ignore[attr-defined]
                frames.append(frame)
                await alice.write_audio(frame)  # type: ignore[attr-defined]

        task = asyncio.create_task(listen())
        await settle()
        for number in range(MAX_FRAMES + 10):
            stream.hear_in(Frame(ULAW, bytes([number]) * 160))
        await settle()
        assert len(frames) == MAX_FRAMES
        assert all(frame.format is SLIN and len(frame.payload) == 320 for frame in frames)
        assert stream.written == frames
        alice.queue_hangup(16)
        with pytest.raises(ChannelHangup):
            await task
        assert stream.taps_in is None

    run(scenario)


def test_frames_come_at_the_rate_asked_for_and_another_task_may_stop_it() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.stream = lambda: FakeStream(ULAW)
        alice = server.sip.incoming("alice", "1")
        stream = alice.stream
        frames: list[Frame] = []
        async with alice.listen(rate=24000) as audio:  # type: ignore[attr-defined]
            with pytest.raises(RuntimeError, match="listens to"):
                async with alice.listen():  # type: ignore[attr-defined]
                    pass

            async def hear() -> str:
                frames.extend([frame async for frame in audio])
                return "stopped"

            task = asyncio.create_task(hear())
            for _ in range(10):
                stream.hear_in(Frame(ULAW, b"\x00" * 160))  # type: ignore[attr-defined]
                await settle()
            audio.stop()
            assert await task == "stopped"
        assert len(frames) in (9, 10)
        assert {(frame.format.sample_rate, len(frame.payload)) for frame in frames} == {(24000, 960)}
        assert alice.listens is None
        assert stream.taps_in is None  # type: ignore[attr-defined]
        with pytest.raises(ValueError, match="none of"):
            alice.listen(rate=11025)  # type: ignore[attr-defined]

    run(scenario)


def test_a_hangup_ends_the_iteration_and_a_slow_reader_is_told_what_it_lost() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.stream = lambda: FakeStream(ULAW)
        alice = server.sip.incoming("alice", "1")
        stream = alice.stream
        async with alice.listen() as audio:  # type: ignore[attr-defined]
            for _ in range(MAX_FRAMES + 7):
                stream.hear_in(Frame(ULAW, b"\x00" * 160))  # type: ignore[attr-defined]
            assert audio.dropped == 7
            alice.queue_hangup(16)
            with pytest.raises(ChannelHangup):
                await anext(audio)
        assert alice.listens is None

    run(scenario)


def test_listening_waits_for_audio_that_opens_later() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = server.sip.incoming("alice", "1")
        async with alice.listen() as audio:  # type: ignore[attr-defined]
            first = asyncio.ensure_future(anext(audio))
            await settle()
            stream = FakeStream(ULAW)
            set_audio(alice, stream)
            alice.streams_changed()
            stream.hear_in(Frame(ULAW, b"\x00" * 160))
            assert (await first).format is SLIN

    run(scenario)
