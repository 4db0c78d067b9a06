"""Calls of a SIP.js phone in Chromium: audio by content, hold, digits, a transfer, an ICE restart."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from browser_driver import Page, bundle, until_told
from browser_phone_kit import HEARD, HTTP, browser_server, heard, media_chromium
from peers import LIMIT

from asterism.testing import Phone, until

pytestmark = pytest.mark.e2e

STREAM = "document.querySelector('#line-%d audio').srcObject"


async def hears(page: Page, *frequencies: float) -> None:
    script = HEARD.replace(STREAM, "window.phone.stream") % json.dumps([440, 660, 880, 1000])
    await until_told(lambda: page.run(script), heard(*frequencies), f"{frequencies} Hz")


async def state(page: Page, wanted: str) -> None:
    await until_told(lambda: page.run("phone.state"), lambda now: now == wanted, wanted)


async def test_a_sipjs_phone_talks(tmp_path: Path) -> None:
    await asyncio.to_thread(bundle, "sipjs_calls", tmp_path / "etc" / "var" / "static-http")
    async with (
        browser_server(tmp_path, http=HTTP + "enable_static=yes\n") as server,
        media_chromium(tmp_path) as browser,
        Phone("101", server, "secret") as ann,
        Phone("102", server, "secret") as bob,
    ):
        await ann.register()
        await bob.register()
        http = server.modules.find("http")
        assert http is not None
        host, port = http.instance.address  # type: ignore[attr-defined]
        page = await browser.open(f"http://{host}:{port}/static/sipjs_calls.html", "window.phone")
        url = f"ws://{host}:{port}/ws"
        assert await page.run(f"phone.start('{url}', '{host}', '104', 'secret')") == "registered"
        # It is called.
        call = await ann.dial("104")
        await call.ringing()
        await page.run("phone.answer()")
        await state(page, "Established")
        call.play(880)
        await hears(page, 880)
        await call.hears(660)
        await page.run("phone.end()")
        await call.ended()
        # It calls, holds, goes on by another path, and sends the call elsewhere (T7).
        await page.run(f"phone.dial('101', '{host}')")
        call = await ann.incoming()
        call.answer()
        call.play(880)
        await state(page, "Established")
        await hears(page, 880)
        await call.hears(660)
        assert await page.run("phone.again({ hold: true })") == "accepted"
        await until(lambda: call.audio.level(660) < 0.05, LIMIT, "it is on hold")
        assert await page.run("phone.again({ hold: false })") == "accepted"
        await call.hears(660)
        ufrag = "phone.connection.currentLocalDescription.sdp.match(/ice-ufrag:(.*)/)[1]"
        before = await page.run(ufrag)
        assert await page.run("phone.again({ offerOptions: { iceRestart: true } })") == "accepted"
        assert await page.run(ufrag) != before
        await hears(page, 880)
        await call.hears(660)
        await page.run(f"void phone.refer('102', '{host}')")
        target = await bob.incoming()
        target.answer()
        target.play(1000)
        await call.hears(1000)
        await target.hears(880)
        await state(page, "Terminated")
        await call.hangup()
        await target.ended()
