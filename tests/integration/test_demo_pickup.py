"""Pickup in the demo's own configuration: by dialling, as phones do whose lamp has a prefix, and by Replaces."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from test_demo_forwarding import demo


@pytest.mark.parametrize("way", ["**102", "*8", "Replaces"])
async def test_a_call_that_rings_is_picked_up(way: str, tmp_path: Path) -> None:
    async with demo(tmp_path) as (_server, one, two, three):
        lamp = await three.subscribe("102", "dialog")
        await lamp.next()
        call = await one.dial("102")
        incoming = await two.incoming()
        incoming.ring()
        await call.ringing()
        dialog = ET.fromstring((await lamp.next()).body)[0]
        if way == "Replaces":
            value = f"{dialog.get('call-id')};to-tag={dialog.get('remote-tag')};from-tag={dialog.get('local-tag')}"
            picked = await three.dial("102", headers=[("Require", "replaces"), ("Replaces", f"{value};early-only")])
        else:
            picked = await three.dial(way)
        await picked.answered()
        await call.answered()
        assert await incoming.ended() == "cancelled"
        call.play(440)
        picked.play(660)
        await call.hears(660)
        await picked.hears(440)
        await picked.hangup()
        await call.ended()
        await lamp.end()
