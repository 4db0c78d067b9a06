"""What extensions hear: linear audio, bounded."""

from __future__ import annotations

import asyncio

import pytest
from fake_technology import FakeServer, FakeStream, run, settle

from asterism.media.formats import SLIN, ULAW
from asterism.media.stream import Frame
from asterism.pbx.channels.listening import MAX_FRAMES
from asterism.pbx.vocabulary.errors import ChannelHangup


def test_audio_is_linear_and_bounded() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.stream = lambda: FakeStream(ULAW)
        alice = server.sip.incoming("alice", "1")
        stream = alice.driver.media  # type: ignore[union-attr]
        frames: list[Frame] = []

        async def listen() -> None:
            async for frame in alice.audio():
                frames.append(frame)
                await alice.write_audio(frame)

        task = asyncio.create_task(listen())
        await settle()
        for number in range(MAX_FRAMES + 10):
            stream.sink(Frame(ULAW, bytes([number]) * 160))
        await settle()
        assert len(frames) == MAX_FRAMES
        assert all(frame.format is SLIN and len(frame.payload) == 320 for frame in frames)
        assert stream.written == frames
        alice.queue_hangup(16)
        with pytest.raises(ChannelHangup):
            await task
        assert stream.sink is None

    run(scenario)
