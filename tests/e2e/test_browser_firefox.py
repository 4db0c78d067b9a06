"""Calls of the browser phone in Debian's Firefox: with a SIP phone and with Chromium."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

import av
import pytest
from browser_driver import until_told
from browser_phone_kit import WATCH, PhonePage, browser_server, media_chromium, page_url
from firefox_driver import TONE, Firefox, FirefoxPage, firefox
from test_browser_calls import frames

from asterism.server.server import Server
from asterism.testing import Phone, assert_idle, detect

pytestmark = pytest.mark.e2e

KEYS = {"Enter": "\ue007", "Escape": "\ue00c", "Tab": "\ue004"}
# Half a second of what a line plays, as a file in base64.
RECORD = """
(async () => {
  const stream = document.querySelector('#line-%d audio').srcObject;
  const recorder = new MediaRecorder(new MediaStream(stream.getAudioTracks()));
  const stopped = new Promise((resolve) => { recorder.ondataavailable = ({ data }) => resolve(data); });
  recorder.start();
  await new Promise((resolve) => setTimeout(resolve, 600));
  recorder.stop();
  return btoa(String.fromCharCode(...new Uint8Array(await (await stopped).arrayBuffer())));
})()
"""


def decoded(file: bytes) -> bytes:
    """The last 300 ms of a recorded file as linear PCM at 8000 Hz."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=8000)
    with av.open(io.BytesIO(file)) as container:
        frames = [part for frame in container.decode(audio=0) for part in resampler.resample(frame)]
    return b"".join(frame.to_ndarray().tobytes() for frame in frames)[-4800:]


class FirefoxPhonePage(PhonePage):
    """The page in a tab of Firefox."""

    page: FirefoxPage  # type: ignore[assignment]

    @classmethod
    async def open_in(cls, browser: Firefox, url: str) -> Self:
        await browser.call("script.addPreloadScript", {"functionDeclaration": f"() => {{ {WATCH} }}"})
        phone = cls(await browser.open(url))  # type: ignore[arg-type]
        await phone.until("document.documentElement.dataset.ready")
        return phone

    async def key(self, key: str, modifiers: int = 0) -> None:
        value = KEYS.get(key, key)
        actions = [{"type": kind, "value": value} for kind in ("keyDown", "keyUp")]
        await self.page.actions({"type": "key", "id": "keyboard", "actions": actions})

    async def hears(self, line: int, *frequencies: float, among: tuple[float, ...] = (440, 660, 880, 1000)) -> None:
        """By a recording: without a sound card, Firefox has no running AudioContext to measure in."""

        async def heard() -> list[float]:
            recorded = base64.b64decode(str(await self.run(RECORD % line)))
            return sorted(detect(await asyncio.to_thread(decoded, recorded), among))

        await until_told(heard, lambda found: found == sorted(frequencies), f"{frequencies} Hz on line {line}")

    async def _press(self, x: float, y: float) -> None:
        move = {"type": "pointerMove", "x": int(x), "y": int(y)}
        presses = [{"type": kind, "button": 0} for kind in ("pointerDown", "pointerUp")]
        await self.page.actions({"type": "pointer", "id": "mouse", "actions": [move, *presses]})


@asynccontextmanager
async def signed_in(folder: Path) -> AsyncIterator[tuple[Server, FirefoxPhonePage]]:
    async with browser_server(folder) as server:
        async with firefox() as browser:
            page = await FirefoxPhonePage.open_in(browser, page_url(server))
            await page.sign_in("106", "secret")
            yield server, page
        await assert_idle(server)


async def test_firefox_and_a_phone_hear_each_other(tmp_path: Path) -> None:
    """Both ways of calling, with hold and digits."""
    async with signed_in(tmp_path) as (server, page), Phone("101", server, "secret") as phone:
        await phone.register()
        call = await phone.dial("106")
        await page.state(1, "incoming")
        await page.key("Enter")
        await page.state(1, "talking")
        await call.answered()
        call.play(880)
        await page.hears(1, 880)
        await call.hears(TONE)
        await page.do(1, "hold")
        await page.state(1, "held")
        await page.hears(1)
        await page.do(1, "hold")
        await page.hears(1, 880)
        await page.key("Escape")
        await call.ended()
        await page.dial("101")
        call = await phone.incoming()
        call.answer()
        call.play(880)
        line = await page.line("talking")
        await page.hears(line, 880)
        await call.hears(TONE)
        await call.hangup()
        await page.state(line, "over")
        await page.dial("610")
        line = await page.line("talking")
        await page.type("4*71")
        await page.hears(line, 880)
        await page.key("Escape")
        await page.state(line, "over")


async def test_firefox_and_chromium_hear_and_see_each_other(tmp_path: Path) -> None:
    async with signed_in(tmp_path) as (server, page), media_chromium(tmp_path) as browser:
        other = await PhonePage.open(browser, page_url(server))
        await other.sign_in("105", "secret")
        await page.click("#with-camera")
        await other.click("#with-camera")
        await page.dial("105")
        await other.state(1, "incoming")
        await other.do(1, "answer")
        await page.state(1, "talking")
        await page.hears(1, 660)
        await other.hears(1, TONE)
        await frames(page)
        await frames(other)
        await other.do(1, "hangUp")
        await page.state(1, "over")
        assert await page.run("window.connections.length") == 1
