"""What the far end says, piece by piece."""

from __future__ import annotations

import asyncio

import pytest
from fake_technology import FakeServer, FakeStream, run, settle

from asterism.media.formats import ULAW
from asterism.media.g711 import linear_to_ulaw
from asterism.media.stream import Frame
from asterism.media.taps import Direction
from asterism.pbx.channels.hearing import Hearing, wait_for_silence
from asterism.pbx.vocabulary.errors import ChannelHangup
from asterism.testing.tone import make_tone

LOUD = Frame(ULAW, linear_to_ulaw(make_tone(700, seconds=0.02)))
QUIET = Frame(ULAW, b"\xff" * 160)


def test_pieces_gaps_and_the_hang_up() -> None:
    async def scenario(server: FakeServer) -> None:
        stream = FakeStream(ULAW)
        server.sip.stream = lambda: stream
        alice = server.sip.incoming("alice", "1")
        with Hearing(alice) as hearing:
            hearing.take(LOUD)
            hearing.take(QUIET)
            level, ms = await hearing.next()
            assert (level > 2000, ms) == (True, 20)
            assert await hearing.next() == (0, 20)
            assert await hearing.next() == (0, 100)  # nothing came
            waiting = asyncio.create_task(hearing.next())
            await settle()
            hearing.take(LOUD)
            assert (await waiting).ms == 20
            waiting = asyncio.create_task(hearing.next())
            await settle()
            alice.queue_hangup()
            with pytest.raises(ChannelHangup):
                await waiting
        assert alice.taps is None or not alice.taps.taps

    run(scenario)


def test_waiting_for_silence_and_for_noise() -> None:
    async def scenario(server: FakeServer) -> None:
        stream = FakeStream(ULAW)
        server.sip.stream = lambda: stream
        alice = server.sip.incoming("alice", "1")

        async def say(*frames: Frame) -> None:
            for frame in frames:
                assert stream.taps_in is not None
                for tap in list(stream.taps_in.taps):
                    tap.take(frame)
                await settle()

        waiting = asyncio.create_task(wait_for_silence(alice, 0.06))
        await settle()
        await say(QUIET, QUIET, LOUD, QUIET, QUIET)
        assert not waiting.done()
        await say(QUIET)
        assert await waiting == 60
        waiting = asyncio.create_task(wait_for_silence(alice, 0.04, noise=True))
        await settle()
        await say(LOUD, QUIET, LOUD, LOUD)
        assert await waiting == 40
        assert await wait_for_silence(alice, 0.04, 0.05, noise=True) == 0

    run(scenario)
    assert Direction.IN
