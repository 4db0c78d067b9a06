"""Turns that take long are worked in one thread, whole, in their order; the loop is free meanwhile."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import wait
from functools import partial
from time import thread_time

import pytest

from asterism.media.formats import ULAW
from asterism.media.stream import Frame
from asterism.media.translate import silence
from asterism.pbx.bridges import mixing
from asterism.pbx.bridges.mixing import MOST, Mixer
from asterism.pbx.bridges.running import LONG, MixThread, Running
from asterism.testing import until

LIMIT = 60.0


class Ear(list[Frame]):
    """Keeps what it is sent."""

    write = list.append


class Codec:
    """A codec that takes so many seconds of the processor's time for a frame, and notes in which thread."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
        self.seconds = seconds
        self.threads: list[str] = []
        before = mixing.stream_translator

        def slow(source: object, target: object) -> object:
            plain = before(source, target)  # type: ignore[arg-type]

            def convert(data: bytes) -> bytes:
                self.threads.append(threading.current_thread().name)
                end = thread_time() + self.seconds
                while thread_time() < end:
                    pass
                assert plain is not None
                return plain(data)

            return convert

        monkeypatch.setattr(mixing, "stream_translator", slow)


class World:
    """A mix of one who speaks linear audio at 16 kHz, which is converted, and one who listens."""

    def __init__(self) -> None:
        self.errors: list[BaseException] = []
        self.mixer = Mixer()
        self.thread = MixThread()
        self.running = Running(self.mixer, self.thread, self.errors.append)
        self.ear = Ear()
        self.fmt = mixing.LINEAR[16000]
        self.speaker = self.mixer.add(self.fmt, Ear())
        self.mixer.add(ULAW, self.ear)
        self.said = 0

    def say(self) -> None:
        """20 ms that are louder each time, up to a limit."""
        self.said += 1
        self.speaker(Frame(self.fmt, (100 * self.said).to_bytes(2, "little") * 320))

    def turn(self) -> None:
        self.say()
        self.running.turn()

    def has_heard(self, count: int) -> bool:
        return len(self.ear) == count

    @property
    def heard(self) -> list[int]:
        """How loud each frame was in its middle."""
        decode = mixing._LAWS[ULAW].decode
        return [int(decode(frame.payload)[80]) for frame in self.ear]


async def test_long_turns_go_to_the_thread_and_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    codec = Codec(monkeypatch, 1.6 * LONG)
    world = World()
    for _ in range(3):
        world.turn()
    assert world.running.away
    assert world.thread.running
    assert len(world.ear) < 3  # the last is not waited for
    for _ in range(4):
        world.turn()
    await until(lambda: len(world.ear) == 7, LIMIT)
    assert codec.threads[0] == "MainThread"
    assert codec.threads[-1].startswith("mix")
    levels = [level for level in world.heard if level]
    assert levels == sorted(levels)
    assert len(levels) >= 5  # none is missing but what waits at the beginning

    codec.seconds = 0.0
    count = 7
    while world.running.away:
        world.turn()
        count += 1
        await until(partial(world.has_heard, count), LIMIT)
        assert count < 200
    assert not world.thread.running
    world.turn()
    assert len(world.ear) == count + 1
    assert codec.threads[-1] == "MainThread"


async def test_the_loop_is_free_while_a_turn_is_worked(monkeypatch: pytest.MonkeyPatch) -> None:
    codec = Codec(monkeypatch, 2 * LONG)
    world = World()
    while not world.running.away:
        world.turn()
    codec.seconds = 0.05
    sent = len(world.ear)
    started = thread_time()
    world.turn()
    await asyncio.sleep(0)
    assert thread_time() - started < 0.04
    assert len(world.ear) == sent
    await until(lambda: len(world.ear) > sent, LIMIT)
    world.running.stop()


async def test_what_it_cannot_keep_up_with_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    codec = Codec(monkeypatch, 2 * LONG)
    world = World()
    while not world.running.away:
        world.turn()
    codec.seconds = 0.03
    for _ in range(10 * MOST):
        world.turn()
    assert len(world.running._pending) <= MOST
    assert len(world.speaker.lane.raw) <= MOST
    world.running.stop()


async def test_the_end_sends_what_has_been_worked_and_waits_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    Codec(monkeypatch, 2 * LONG)
    world = World()
    while not world.running.away:
        world.turn()
    before = len(world.ear)
    world.turn()
    wait(world.running._pending)
    release = threading.Event()
    blocked = world.thread.submit(lambda: (float(not release.wait(LIMIT)), []))  # a codec that takes very long
    for _ in range(3):
        world.turn()
    began = time.monotonic()
    world.running.stop()
    took = time.monotonic() - began
    assert not blocked.done()
    release.set()
    assert took < 0.5
    assert not world.running.away
    assert not world.thread.running
    await asyncio.sleep(0)
    assert len(world.ear) == before + 1  # the rest is left out
    levels = [level for level in world.heard if level]
    assert levels == sorted(levels)


async def test_a_party_that_leaves_meanwhile_is_sent_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    Codec(monkeypatch, 2 * LONG)
    world = World()
    while not world.running.away:
        world.turn()
    ear = Ear()
    third = world.mixer.add(ULAW, ear)
    world.turn()
    world.mixer.remove(third)
    await until(lambda: not world.running._pending, LIMIT)
    assert ear == []
    world.running.stop()


async def test_a_turn_that_raises_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    Codec(monkeypatch, 2 * LONG)
    world = World()
    while not world.running.away:
        world.turn()
    monkeypatch.setattr(mixing, "_for_all", lambda *_: 1 / 0)
    world.turn()
    await until(lambda: bool(world.errors), LIMIT)
    assert isinstance(world.errors[0], ZeroDivisionError)
    monkeypatch.undo()
    world.running.stop()
    assert not world.thread.running


async def test_g711_stays_on_the_loop() -> None:
    mixer, thread = Mixer(), MixThread()
    running = Running(mixer, thread, lambda error: None)
    ears = [Ear() for _ in range(50)]
    ports = [mixer.add(ULAW, ear) for ear in ears]
    said = Frame(ULAW, bytes(range(160)))
    for _ in range(20):
        for port in ports:
            port(said)
        running.turn()
    assert not running.away
    assert [len(ear) for ear in ears] == [20] * 50
    assert ears[0][-1].payload != silence(ULAW, 160)


def test_the_packets_of_a_long_interval_are_sent_one_at_a_time() -> None:
    mixer = Mixer(mixing.MixOptions(interval=80))
    ear = Ear()
    speaker = mixer.add(ULAW, Ear())
    mixer.add(ULAW, ear)
    errors: list[BaseException] = []
    running_ = Running(mixer, MixThread(), errors.append)
    counts = []
    for number in range(16):
        speaker(Frame(ULAW, bytes([number + 1]) * 160))
        running_.turn()
        counts.append(len(ear))
    assert counts == list(range(1, 17))
    running_.stop()
    assert not errors
    heard = [frame.payload[0] for frame in ear if frame.payload[0] != 0xFF]
    assert heard == sorted(heard)
    assert len(heard) == 16
