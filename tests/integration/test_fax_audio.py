"""Faxes over audio between two servers: received dot by dot; lost packets and hang-ups end with a clear status."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from fax_kit import faxing, heard

from asterism.pbx.calls.fax import events
from fax_pages import assert_same, page, write_pages


@pytest.mark.parametrize("codec", ["ulaw", "alaw"])
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
