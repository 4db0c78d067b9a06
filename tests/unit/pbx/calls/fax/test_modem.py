"""A modem on a channel's audio: what it hears, in order and with gaps told; what it says, whatever else is there."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from faxing_kit import World, faxing

from asterism.media.formats import SLIN, ULAW
from asterism.media.stream import Frame
from asterism.media.taps import Direction, Tap
from asterism.pbx.calls.fax.modem import ModemOnChannel


class Fake:
    def __init__(self) -> None:
        self.told: list[tuple[str, int]] = []
        self.said = 0

    def hear(self, pcm: bytes) -> None:
        self.told.append(("hear", len(pcm) // 2))

    def miss(self, samples: int) -> None:
        self.told.append(("miss", samples))

    def say(self, samples: int) -> bytes:
        self.said += 1
        return self.said.to_bytes(2, "little") * samples


class Louder(Tap):
    changes = True

    def change(self, frame: Frame) -> Frame | None:
        return frame._replace(payload=bytes(len(frame.payload)))


def test_what_is_said_is_paced_and_unchanged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(world: World) -> None:
        fake, loop, heard = Fake(), world.pbx.loop, []
        world.alice.attach(Louder(), Direction.OUT)
        world.streams[1].sink = lambda frame: heard.append((loop.time(), frame))
        began, steps = loop.time(), []
        modem = ModemOnChannel(world.alice, fake, lambda: steps.append(loop.time()))
        world.alice.attach(Louder(), Direction.OUT)  # nor by what comes later
        with pytest.raises(RuntimeError):
            ModemOnChannel(world.alice, fake, lambda: None)
        await asyncio.sleep(0.99)
        world.streams[0].write(Frame(SLIN, bytes(320)))  # somebody else: not sent
        modem.stop()
        modem.stop()
        count = len(heard)
        assert count == len(steps) == 50
        assert [round((at - began) * 1000) for at, _ in heard] == [20 * index for index in range(50)]
        assert [frame.payload[0] for _, frame in heard] == list(range(1, 51))
        await asyncio.sleep(1)
        assert len(heard) == count
        assert world.alice.speaks is None
        assert [type(tap) for tap in world.alice.taps.taps] == [Louder, Louder]

    faxing(tmp_path, scenario, monkeypatch)


def test_what_is_heard_is_in_order_and_gaps_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(world: World) -> None:
        fake = Fake()
        modem = ModemOnChannel(world.alice, fake, lambda: None)
        await asyncio.sleep(0)
        for number in (0, 2, 1, 3, 5, 6, 7):
            world.streams[1].write(Frame(ULAW, bytes(160), 160 * number))
        assert fake.told == [("hear", 160)] * 4 + [("miss", 160)] + [("hear", 160)] * 3
        fake.told.clear()
        await asyncio.sleep(0.49)
        assert fake.told == []
        await asyncio.sleep(0.2)  # nothing comes at all: time passes for the modem
        assert set(fake.told) == {("miss", 160)}
        assert 8 <= len(fake.told) <= 11
        modem.stop()

    faxing(tmp_path, scenario, monkeypatch)
