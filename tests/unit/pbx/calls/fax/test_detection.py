"""FAXOPT(faxdetect): the tone of a machine that calls, or its request for T.38, leads to the extension fax."""

from __future__ import annotations

import asyncio
import math
import struct
from pathlib import Path

import pytest
from faxing_kit import World, faxing

from asterism.media.formats import SLIN
from asterism.media.stream import Frame
from asterism.pbx.channels.fax_tone import expects_request

TONE = struct.pack("<8000h", *(int(8000 * math.sin(2 * math.pi * 1100 * at / 8000)) for at in range(8000)))


@pytest.mark.parametrize(
    ("value", "wait", "goes", "asked"),
    [
        ("cng", 0, True, False),
        ("yes", 0, True, True),
        ("t38", 0, False, True),
        ("no", 0, False, False),
        ("cng,t38,5", 1, True, True),
        ("yes,2", 3, False, False),
    ],
)
def test_what_leads_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str, wait: float, goes: bool, asked: bool
) -> None:
    async def scenario(world: World) -> None:
        server, alice = world.server, world.alice
        world.pbx.dialplan.add_extension(server.owner, "internal", "fax", 1, "NoOp", "")
        alice.raw_answer()
        world.write(alice, "faxdetect", value)
        alice.task = asyncio.current_task()
        world.streams[1].write(Frame(SLIN, bytes(320)))
        await asyncio.sleep(wait)
        assert expects_request(alice) is asked
        for at in range(0, len(TONE), 320):
            world.streams[1].write(Frame(SLIN, TONE[at : at + 320]))
            await asyncio.sleep(0)
        alice.task = None
        assert (alice.get_variable("FAXEXTEN") == "1") is goes

    faxing(tmp_path, scenario, monkeypatch)


def test_it_can_be_ended_and_begun_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(world: World) -> None:
        for value, taps in (("cng", 1), ("yes", 1), ("no", 0), ("t38", 0), ("cng", 1), ("no", 0)):
            world.write(world.alice, "faxdetect", value)
            assert len(world.alice.taps.taps if world.alice.taps else ()) == taps
            assert world.read(world.alice, "faxdetect") == value

    faxing(tmp_path, scenario, monkeypatch)
