"""Faxes over audio of which packets are lost: whole or failed, never a wrong page that counts as right."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest
from faxing_kit import World, faxing

from asterism.media.formats import ULAW
from asterism.media.stream import Frame
from asterism.pbx.calls.fax.modem import Ear
from fax_pages import assert_same, page, write_pages


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("loss", [0.001, 0.03, 0.3])
def test_a_fax_with_loss_ends_clearly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loss: float, seed: int) -> None:
    sent = page(100)
    file = write_pages(tmp_path / "1.tif", sent)
    dice = random.Random(seed)
    take = Ear.take
    counts: dict[int, int] = {}

    def lossy(ear: Ear, frame: Frame) -> None:
        """As from the network: with the timestamps of all packets, some of which do not come."""
        count = counts[id(ear)] = counts.get(id(ear), 0) + 1
        if dice.random() >= loss:
            take(ear, frame._replace(timestamp=160 * count))

    monkeypatch.setattr(Ear, "take", lossy)
    told: list[str | None] = []

    async def scenario(world: World) -> None:
        assert world.streams[0].format is ULAW
        await asyncio.gather(
            world.start(world.alice, "SendFAX", str(file)), world.start(world.bob, "ReceiveFAX", "in.tif")
        )
        told.extend(world.bob.get_variable(name) for name in ("FAXSTATUS", "FAXERROR", "FAXSTATUSSTRING"))
        assert world.pbx.loop.time() < 200

    faxing(tmp_path, scenario, monkeypatch)
    target = tmp_path / "fax" / "in.tif"
    if told[0] == "SUCCESS":
        assert_same(target, sent)
    else:
        assert told[0] == "FAILED"
        assert told[1] in ("TIMEOUT", "PROTOCOL_ERROR", "HANGUP")
        assert told[2]
        assert list(target.parent.iterdir()) == []
