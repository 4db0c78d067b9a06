"""The paced queue of audio: what is sent when, on a clock of its own."""

from __future__ import annotations

import array
import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from fake_technology import FakeServer, FakeStream, run, settle

from asterism.media.formats import LINEAR, SLIN, ULAW
from asterism.pbx.channels.channel import Channel
from asterism.pbx.channels.speaking import Speaker
from asterism.pbx.vocabulary.errors import ChannelHangup


class Clock:
    """A loop whose time only goes on when told."""

    def __init__(self) -> None:
        self.now = 100.0
        self.timers: list[tuple[float, Any]] = []
        self._loop = asyncio.get_running_loop()
        self.create_future, self.call_soon = self._loop.create_future, self._loop.call_soon
        self.create_task = self._loop.create_task

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Any, *args: Any) -> Any:
        handle = asyncio.TimerHandle(when, callback, args, self._loop)
        self.timers.append((when, handle))
        return handle

    def call_later(self, delay: float, callback: Any, *args: Any) -> Any:
        return self.call_at(self.now + delay, callback, *args)

    async def advance(self, seconds: float, stall: bool = False) -> None:
        """Let time go on; with ``stall`` the loop wakes only at its end."""
        end = self.now + seconds
        if stall:
            self.now = end
        await settle()
        while due := sorted((one for one in self.timers if one[0] <= end + 1e-9), key=lambda one: one[0]):
            when, handle = due[0]
            self.timers.remove(due[0])
            self.now = max(self.now, when)
            if not handle.cancelled():
                handle._run()
            await settle()
        self.now = max(self.now, end)


def speaking(body: Callable[[Channel, FakeStream, Clock], Awaitable[None]]) -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.stream = lambda: FakeStream(ULAW)
        clock = Clock()
        server.pbx.__dict__["loop"] = clock
        alice = server.sip.incoming("alice", "1")
        await body(alice, alice.stream, clock)  # type: ignore[arg-type]

    run(scenario)


def pcm(milliseconds: int, rate: int = 8000, value: int = 1000) -> bytes:
    return array.array("h", [value]).tobytes() * (rate * milliseconds // 1000)


def test_frames_go_out_by_absolute_deadlines_whatever_the_loop_does() -> None:
    async def body(alice: Channel, stream: FakeStream, clock: Clock) -> None:
        async with alice.speaker(depth=1000) as out:  # type: ignore[attr-defined]
            await out.write(pcm(400))
            await clock.advance(0.0)
            assert len(stream.written) == 1
            for number in range(1, 6):
                await clock.advance(0.030, stall=True)  # ten milliseconds late each time
                assert len(stream.written) == 1 + number * 30 // 20
            await clock.advance(0.100, stall=True)  # what is late follows at once
            assert len(stream.written) == 13
            await clock.advance(1.0)
            assert len(stream.written) == 20
            assert all(frame.format is SLIN and frame.payload == pcm(20) for frame in stream.written)

    speaking(body)


def test_a_writer_waits_at_the_depth_and_a_slow_one_is_padded_only_at_its_end() -> None:
    async def body(alice: Channel, stream: FakeStream, clock: Clock) -> None:
        async with alice.speaker(depth=100) as out:  # type: ignore[attr-defined]
            writer = asyncio.create_task(out.write(pcm(300)))
            await clock.advance(0.0)
            assert not writer.done()
            assert out.queued <= 100
            await clock.advance(0.170)
            assert not writer.done()
            await clock.advance(0.020)
            assert writer.done()
            await clock.advance(1.0)
            assert len(stream.written) == 15
            for _ in range(8):  # 10 ms every 10 ms, in odd pieces
                await out.write(pcm(10)[:33])
                await out.write(pcm(10)[33:])
                await clock.advance(0.010)
            await out.write(pcm(5))
            await clock.advance(1.0)
            assert b"".join(frame.payload for frame in stream.written) == pcm(385) + bytes(240)

    speaking(body)


def test_clear_silences_at_once_tells_what_was_heard_and_lets_the_writer_go() -> None:
    async def body(alice: Channel, stream: FakeStream, clock: Clock) -> None:
        async with alice.speaker(depth=100) as out:  # type: ignore[attr-defined]
            writer = asyncio.create_task(out.write(pcm(60_000)))
            await clock.advance(0.050)
            waiting = asyncio.create_task(out.mark("end").wait())
            await settle()
            assert out.clear() == 60
            await settle()
            assert writer.done()
            assert waiting.result() is False
            await clock.advance(1.0)
            assert len(stream.written) == 3
            await out.write(pcm(40))
            await clock.advance(1.0)
            assert out.clear() == 40
            assert out.heard == 100

    speaking(body)


def test_while_the_far_end_holds_it_stands_still_and_counts_nothing() -> None:
    async def body(alice: Channel, stream: FakeStream, clock: Clock) -> None:
        async with alice.speaker(depth=1000) as out:  # type: ignore[attr-defined]
            await out.write(pcm(200))
            end = out.mark("end")
            await clock.advance(0.050)
            stream.hold = True
            await clock.advance(5.0)
            assert len(stream.written) == 3
            assert (out.heard, end.heard) == (60, None)
            assert out.queued == 140
            stream.hold = False
            await clock.advance(0.030)
            assert len(stream.written) == 5
            await clock.advance(1.0)
            assert len(stream.written) == 10
            assert end.heard is True
            stream.hold = True
            await out.write(pcm(100))
            await clock.advance(1.0)
            assert out.clear() == 200
            await clock.advance(0.020)  # nothing keeps it from ending

    speaking(body)


def test_marks_and_drain_tell_when_it_was_heard() -> None:
    async def body(alice: Channel, stream: FakeStream, clock: Clock) -> None:
        async with alice.speaker(depth=1000) as out:  # type: ignore[attr-defined]
            assert await out.mark("nothing yet").wait()
            await out.write(pcm(100))
            first = out.mark("first")
            await out.write(pcm(100))
            drained = asyncio.create_task(out.drain())
            both = [asyncio.create_task(first.wait()) for _ in range(2)]
            await clock.advance(0.090)
            assert first.heard is None
            await clock.advance(0.011)
            assert [await one for one in both] == [True, True]
            assert first.name == "first"
            assert not drained.done()
            await clock.advance(0.110)
            assert drained.done()
            assert out.clear() == 0  # counts from there

    speaking(body)


def test_pause_and_resume() -> None:
    async def body(alice: Channel, stream: FakeStream, clock: Clock) -> None:
        async with alice.speaker(depth=1000) as out:  # type: ignore[attr-defined]
            await out.write(pcm(200))
            await clock.advance(0.050)
            out.pause()
            out.pause()
            await clock.advance(5.0)
            assert len(stream.written) == 3
            out.resume()
            out.resume()
            await clock.advance(0.030)
            assert len(stream.written) == 5
            await clock.advance(1.0)
            assert len(stream.written) == 10

    speaking(body)


@pytest.mark.parametrize("rate", [8000, 12000, 16000, 24000, 32000, 44100, 48000, 96000, 192000])
def test_every_rate_lasts_as_long_as_it_should(rate: int) -> None:
    async def body(alice: Channel, stream: FakeStream, clock: Clock) -> None:
        async with alice.speaker(rate=rate, depth=5000) as out:  # type: ignore[attr-defined]
            await out.write(pcm(1000, rate))
            await clock.advance(3.0)
            assert out.heard == 1000
        assert len(stream.written) == 50
        assert {frame.format for frame in stream.written} == {LINEAR[rate]}
        assert b"".join(frame.payload for frame in stream.written) == pcm(1000, rate)

    speaking(body)


def test_one_speaks_at_a_time_and_the_end_makes_room() -> None:
    async def body(alice: Channel, stream: FakeStream, clock: Clock) -> None:
        speaker: Speaker = alice.speaker()  # type: ignore[attr-defined]
        with pytest.raises(RuntimeError, match="outside of its"):
            await speaker.write(b"")
        async with speaker as out:
            with pytest.raises(RuntimeError, match="speaks to"):
                async with alice.speaker():  # type: ignore[attr-defined]
                    pass
            writer = asyncio.create_task(out.write(pcm(1000)))
            await settle()
            with pytest.raises(RuntimeError, match="room to speak"):
                await out.write(pcm(1000))
            out.clear()
            await writer
            await clock.advance(0.1)

        async def fails() -> None:
            async with alice.speaker() as out:  # type: ignore[attr-defined]
                await out.write(pcm(100))
                raise ZeroDivisionError  # what was not heard is dropped

        with pytest.raises(ZeroDivisionError):
            await fails()
        assert alice.speaks is None
        with pytest.raises(ValueError, match="none of"):
            alice.speaker(rate=11025)  # type: ignore[attr-defined]

    speaking(body)


def test_a_hangup_ends_every_wait_and_the_timer() -> None:
    async def body(alice: Channel, stream: FakeStream, clock: Clock) -> None:
        async def speak() -> None:
            async with alice.speaker(depth=100) as out, asyncio.TaskGroup() as tasks:  # type: ignore[attr-defined]
                tasks.create_task(out.write(pcm(1000)))
                tasks.create_task(out.drain())
                tasks.create_task(out.mark("x").wait())

        task = asyncio.create_task(speak())
        await clock.advance(0.050)
        alice.hang_up()
        with pytest.raises(ExceptionGroup) as caught:
            await task
        assert caught.value.subgroup(lambda one: not isinstance(one, ChannelHangup | ExceptionGroup)) is None
        assert alice.speaks is None
        sent = len(stream.written)
        await clock.advance(1.0)
        assert len(stream.written) == sent

    speaking(body)


def test_a_stream_that_raises_ends_nothing() -> None:
    async def body(alice: Channel, stream: FakeStream, clock: Clock) -> None:
        def fail(frame: Any) -> None:
            raise OSError("broken")

        stream.write = fail
        async with alice.speaker() as out:  # type: ignore[attr-defined]
            await out.write(pcm(40))
            await clock.advance(1.0)
            assert out.heard == 40

    speaking(body)
