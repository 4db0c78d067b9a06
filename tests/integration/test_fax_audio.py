"""Faxes over audio between two servers: received dot by dot; lost packets and hang-ups end with a clear status."""

from __future__ import annotations

import asyncio
import os
import random
import time
from pathlib import Path

import pytest
from fax_kit import faxing, heard

from asterism.media.fax.terminal import AudioTerminal
from asterism.media.rtp import RtpSession
from asterism.media.stream import Frame
from asterism.pbx.calls.fax import events
from fax_pages import assert_same, page, write_pages


@pytest.mark.parametrize("codec", ["ulaw", pytest.param("alaw", marks=pytest.mark.long)])
async def test_pages_of_two_files_are_received_dot_by_dot(tmp_path: Path, codec: str) -> None:
    one, two, three = (page(40, seed) for seed in (1, 2, 3))
    first, second = write_pages(tmp_path / "1.tif", one, two), write_pages(tmp_path / "2.tif", three)
    target = tmp_path / "received.tif"
    async with faxing(f"{first}&{second}", target, codec=codec, letters=("s", "")) as world:
        steps, done = heard(world.sender, events.FAX_STATUS), heard(world.receiver, events.RECEIVE_FAX)
        await world.call()
        sent, received = await world.told()
        assert (sent.status, sent.error, sent.pages, sent.mode) == ("SUCCESS", "", "3", "audio")
        assert (sent.rate, sent.resolution, sent.remote) == ("14400", "8031x3850", "+49 40 2")
        assert (received.status, received.pages, received.remote) == ("SUCCESS", "3", "+49 30 1")
        assert [step[1] for step in steps] == [
            "Allocating Resources", "FAX Transmission In Progress", "Negotiated 14400 bit/s", "Page 1", "Page 2",
            "Page 3", "FAX Transmission Complete: SUCCESS",
        ]  # fmt: skip
        assert len(done) == 1
    assert_same(target, one, two, three)
    assert sorted(os.listdir(tmp_path)) == ["1.tif", "2.tif", "received.tif"]


async def test_a_line_that_loses_packets_ends_it_clearly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fifth of them, which no modem gets a page through: both are told why, and nothing is left."""
    dice, hear, lost = random.Random(38), RtpSession.hear_in, [0]

    def lossy(session: RtpSession, frame: Frame) -> Frame | None:
        if dice.random() < 0.2:
            lost[0] += 1
            return None
        return hear(session, frame)

    monkeypatch.setattr(RtpSession, "hear_in", lossy)
    file, target = write_pages(tmp_path / "1.tif", page(40)), tmp_path / "received.tif"
    target.write_bytes(b"what was there")
    async with faxing(str(file), target) as world:
        await world.call()
        sent, received = await world.told(120)
        for one in (sent, received):
            assert (one.status, one.pages, one.mode) == ("FAILED", "0", "audio")
            assert one.error in ("HANGUP", "TIMEOUT", "PROTOCOL_ERROR")
            assert one.text
    assert lost[0] > 100
    assert target.read_bytes() == b"what was there"
    assert sorted(os.listdir(tmp_path)) == ["1.tif", "received.tif"]


async def test_a_busy_server_does_not_tear_the_signal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop comes late again and again: what is caught up with then is no pause of the modem, and none is heard."""
    missed: list[int] = []
    monkeypatch.setattr(AudioTerminal, "miss", lambda terminal, samples: missed.append(samples))
    sent = page(40)
    file, target = write_pages(tmp_path / "1.tif", sent), tmp_path / "received.tif"
    async with faxing(str(file), target) as world:
        loop = asyncio.get_running_loop()
        stalls: list[asyncio.TimerHandle] = []

        def stall() -> None:
            time.sleep(0.15)
            stalls.append(loop.call_later(0.35, stall))

        await world.call()
        stall()
        one, other = await world.told(90)
        stalls[-1].cancel()
        assert (one.status, one.text, other.status, other.pages) == ("SUCCESS", "OK", "SUCCESS", "1")
        assert len(stalls) > 20
        assert missed == []
    assert_same(target, sent)
