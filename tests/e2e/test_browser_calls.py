"""Calls of the browser phone in Chromium: audio and video by their content, and what one does during a call."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from browser_driver import until_told
from browser_phone_kit import PhonePage, browser_server, media_chromium, page_url
from peers import LIMIT
from PIL import Image, ImageChops, ImageStat

from asterism.command.demo.configuration import create, read
from asterism.interfaces.console.runner import CommandRunner
from asterism.server.server import Server
from asterism.testing import Phone, PhoneCall, assert_idle, free_port, until

pytestmark = pytest.mark.e2e

GUIDE_PICTURE = Path(__file__).parents[2] / "docs" / "guide" / "images" / "browser-phone.png"
FRAMES = """
(async () => {
  let found = 0;
  for (const one of (await window.connections.at(-1).getStats()).values())
    if (one.type === 'inbound-rtp' && one.kind === 'video') found += one.framesDecoded;
  return found;
})()
"""

# The next call's session of JsSIP, for the test to use.
WATCH_SESSION = """
import('./vendor/jssip.js').then(({ default: { UA } }) => {
  const call = UA.prototype.call;
  UA.prototype.call = function (...all) { return window.session = call.apply(this, all); };
  return null;
})
"""


@asynccontextmanager
async def signed_in(folder: Path, user: str = "104", **conf: str) -> AsyncIterator[tuple[Server, PhonePage]]:
    async with browser_server(folder, **conf) as server:
        async with media_chromium(folder) as browser:
            page = await PhonePage.open(browser, page_url(server))
            await page.sign_in(user, "secret")
            yield server, page
        await assert_idle(server)


async def called(page: PhonePage, phone: Phone, number: str = "101") -> PhoneCall:
    """The page dials a phone, which answers with a tone of 880 Hz."""
    await page.dial(number)
    call = await phone.incoming()
    call.ring()
    await page.state(1, "ringing")
    call.answer()
    call.play(880)
    await page.state(1, "talking")
    return call


async def frames(page: PhonePage) -> None:
    """Wait until ever more frames of video are decoded."""
    first = await until_told(lambda: page.run(FRAMES), what="a frame of video")
    await until_told(lambda: page.run(FRAMES), lambda now: now > first, f"more than {first} frames")  # type: ignore[operator]


async def test_a_phone_calls_the_browser_and_both_hear(tmp_path: Path) -> None:
    async with signed_in(tmp_path) as (server, page), Phone("101", server, "secret") as phone:
        call = await phone.dial("104")
        await page.state(1, "incoming")
        await call.ringing()
        await page.key("Enter")
        await page.state(1, "talking")
        await call.answered()
        call.play(880)
        await page.hears(1, 880)
        await call.hears(660)
        # What the page says of it.
        await page.until("!document.querySelector('#line-1 .quality').hidden")
        assert (await page.text("#line-1 .quality")).startswith("Good PCMU · loss 0.0 % · jitter ")
        assert await page.text("#said") == "Line 1: 101: Connected"
        await call.hangup()
        await page.state(1, "over")
        assert await page.text("#line-1 [data-part=state]") == "The other side hung up"


async def test_the_browser_calls_a_phone_holds_and_is_muted(tmp_path: Path) -> None:
    async with signed_in(tmp_path) as (server, page), Phone("101", server, "secret") as phone:
        await phone.register()
        call = await called(page, phone)
        await page.hears(1, 880)
        await call.hears(660)
        await page.do(1, "mute")
        assert await page.text("#line-1 [data-part=state]") == "Connected, you are muted"
        await until(lambda: call.audio.level(660) < 0.05, LIMIT, "it is muted")
        await page.do(1, "mute")
        await call.hears(660)
        await page.do(1, "hold")
        await page.state(1, "held")
        await until(lambda: call.audio.level(660) < 0.05, LIMIT, "it is on hold")
        await page.hears(1)
        await page.do(1, "hold")
        await page.state(1, "talking")
        await page.hears(1, 880)
        await call.hears(660)
        # The other side holds us.
        await call.hold()
        await page.hears(1)
        await call.unhold()
        await page.hears(1, 880)
        await call.hears(660)
        await page.do(1, "hangUp")
        await call.ended()
        await page.state(1, "over")
        assert await page.text("#line-1 [data-part=state]") == "Call ended"


async def test_digits_of_the_pad_and_of_the_keyboard(tmp_path: Path) -> None:
    """By RFC 4733, as the page does it; and one by INFO, as other pages may do with this library."""
    async with signed_in(tmp_path) as (server, page):
        await page.run(WATCH_SESSION)
        await page.dial("610")
        await page.state(1, "talking")
        # It overtakes those that follow.
        await page.run("void window.session.sendDTMF('4', { transportType: 'INFO' })")
        await page.click("[data-key='*']")
        await page.click("[data-key='7']")
        await page.type("1")
        await page.hears(1, 880)
        printed: list[str] = []
        await CommandRunner(server).run("dialplan show globals", printed.append)
        assert "SAID=4*71" in "".join(printed)
        assert await page.run("document.getElementById('number').value") == ""
        await page.key("Escape")
        await page.state(1, "over")


async def test_two_lines_one_held_while_the_other_talks(tmp_path: Path) -> None:
    async with (
        signed_in(tmp_path) as (server, page),
        Phone("101", server, "secret") as ann,
        Phone("102", server, "secret") as bob,
    ):
        await ann.register()
        first = await called(page, ann)
        second = await bob.dial("104")
        await page.state(2, "incoming")
        await page.do(2, "answer")
        await page.state(2, "talking")
        await page.state(1, "held")
        second.play(1000)
        await page.hears(2, 1000)
        await second.hears(660)
        await until(lambda: first.audio.level(660) < 0.05, LIMIT, "the first line is on hold")
        # And the other way round.
        await page.do(1, "hold")
        await page.state(1, "talking")
        await page.state(2, "held")
        await page.hears(1, 880)
        await first.hears(660)
        # Both are connected, without the browser (T2).
        await page.do(1, "join")
        await page.state(1, "over")
        await page.state(2, "over")
        await first.hears(1000)
        await second.hears(880)
        assert await page.text("#line-1 [data-part=state]") == "Transferred to 102"
        await first.hangup()
        await second.ended()


async def test_a_call_is_sent_elsewhere(tmp_path: Path) -> None:
    """A blind transfer (T7); one to a number that does not exist comes back with words."""
    async with (
        signed_in(tmp_path) as (server, page),
        Phone("101", server, "secret") as ann,
        Phone("102", server, "secret") as bob,
    ):
        await ann.register()
        await bob.register()
        call = await called(page, ann)
        await page.do(1, "transfer")
        await page.type("999")
        await page.key("Enter")
        assert await page.problem() == "The call could not be transferred to 999: there is no such number."
        await page.state(1, "talking")
        await page.hears(1, 880)
        await page.do(1, "transfer")
        await page.type("102")
        await page.key("Enter")
        target = await bob.incoming()
        target.answer()
        target.play(1000)
        await page.state(1, "over")
        await call.hears(1000)
        await target.hears(880)
        assert await page.text("#line-1 [data-part=state]") == "Transferred to 102"
        await call.hangup()
        await target.ended()


async def test_two_browsers_hear_and_see_each_other(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    async with (
        signed_in(tmp_path) as (server, page),
        media_chromium(tmp_path / "other", 1000) as browser,
    ):
        other = await PhonePage.open(browser, page_url(server))
        await other.sign_in("105", "secret")
        await page.click("#with-camera")
        await other.click("#with-camera")
        await page.dial("105")
        await other.state(1, "incoming")
        await other.do(1, "answer")
        await page.state(1, "talking")
        await page.hears(1, 1000)
        await other.hears(1, 660)
        for each in (page, other):
            await frames(each)
            await each.until("document.querySelector('#line-1 [data-part=remote-video]').checkVisibility()")
            await each.until("document.querySelector('#line-1 [data-part=remote-video]').videoWidth > 0")
        await page.until("document.querySelector('#line-1 .quality').textContent.includes('video')")
        await page.do(1, "hangUp")
        await other.state(1, "over")


async def test_the_camera_comes_during_a_call(tmp_path: Path) -> None:
    async with signed_in(tmp_path) as (server, page), media_chromium(tmp_path, 1000) as browser:
        other = await PhonePage.open(browser, page_url(server))
        await other.sign_in("105", "secret")
        await page.dial("105")
        await other.state(1, "incoming")
        await other.do(1, "answer")
        await page.state(1, "talking")
        await page.hears(1, 1000)
        assert await page.run(FRAMES) == 0
        # The first offer of video is for the server; what goes through needs the other's too.
        await page.do(1, "camera")
        await page.until("document.querySelector('#line-1 [data-part=local-video]').videoWidth > 0")
        await other.do(1, "camera")
        await frames(other)
        await frames(page)
        await page.hears(1, 1000)
        await other.hears(1, 660)
        await page.do(1, "hangUp")


async def test_a_call_outlives_the_connection_and_finds_a_new_path(tmp_path: Path) -> None:
    """The WebSocket is lost: the page comes back, says where it is now, and ICE begins anew."""
    async with signed_in(tmp_path) as (server, page), Phone("101", server, "secret") as phone:
        await phone.register()
        call = await called(page, phone)
        await page.hears(1, 880)
        ufrag = "window.connections[0].currentLocalDescription.sdp.match(/ice-ufrag:(.*)/)[1]"
        before = await page.run(ufrag)
        websockets = server.modules.find("websocket")
        assert websockets is not None
        websockets.instance.unload()  # closes the connections; the next opens anew
        await page.until("document.getElementById('account').dataset.state === 'lost'")
        await page.until("document.getElementById('account').dataset.state === 'registered'")
        await page.until(f"{ufrag} !== {before!r}", "ICE begins anew")
        await page.hears(1, 880)
        await call.hears(660)
        await page.do(1, "hold")
        await page.state(1, "held")
        await page.do(1, "hold")
        await page.state(1, "talking")
        await page.hears(1, 880)
        await call.hangup()
        await page.state(1, "over")


def difference(one: Path, other: Path) -> float:
    """How much two pictures differ, seen from afar so that figures and fonts do not count: 0 to 1."""
    found = []
    for path in (one, other):
        with Image.open(path) as image:
            found.append(image.convert("L").resize((96, 62), Image.Resampling.BOX))
    return float(ImageStat.Stat(ImageChops.difference(*found)).mean[0]) / 255


async def test_how_the_page_looks(tmp_path: Path) -> None:
    """Where the environment has BROWSER_PHONE_PICTURE, the picture of the guide is made anew."""
    wanted = os.environ.get("BROWSER_PHONE_PICTURE")
    async with (
        signed_in(tmp_path) as (server, page),
        Phone("101", server, "secret", display="Ann Miller") as ann,
        Phone("102", server, "secret", display="Bob Jones") as bob,
    ):
        first = await ann.dial("104")
        await page.state(1, "incoming")
        await page.key("Enter")
        await first.answered()
        first.play(880)
        await page.hears(1, 880)
        second = await bob.dial("104")
        await page.state(2, "incoming")
        await page.until("document.querySelector('#line-1 .quality:not([hidden])')?.innerText.startsWith('Good')")
        picture = Path(wanted) if wanted else tmp_path / "page.png"
        await page.screenshot(picture, 960, 620, scale=1.5)
        assert await asyncio.to_thread(difference, picture, GUIDE_PICTURE) < 0.02, f"make it anew: {GUIDE_PICTURE}"
        # What the picture shows: the pad beside the lines, each thing where it can be seen, nothing over another.
        boxes = await page.run(
            "Object.fromEntries(['.pad', '#line-1', '#line-2', '#line-2 [data-do=answer]', 'body > header'].map("
            "(one) => [one, document.querySelector(one).getBoundingClientRect().toJSON()]))"
        )
        assert isinstance(boxes, dict)
        assert boxes["body > header"]["bottom"] <= boxes[".pad"]["top"]
        assert boxes[".pad"]["right"] < boxes["#line-1"]["left"]
        assert boxes["#line-1"]["bottom"] < boxes["#line-2"]["top"]
        assert all(box["left"] >= 0 and box["right"] <= 960 and box["bottom"] <= 620 for box in boxes.values()), boxes
        assert await page.text("#line-1 [data-part=who]") == "Ann Miller (101)"
        await second.cancel()
        await first.hangup()


async def test_the_demo_as_it_is(tmp_path: Path) -> None:
    """Its own certificate and accounts: over https and wss, a tone, and a phone."""
    etc = tmp_path / "demo"
    await asyncio.to_thread(create, etc, "127.0.0.1", free_port(), 0, 0, 0)
    (etc / "manager.conf").write_text("[general]\nenabled=no\n")
    server = Server.from_config(etc / "asterisk.conf")
    await server.start()
    try:
        passwords = (await asyncio.to_thread(read, etc)).passwords
        http = server.modules.find("http")
        assert http is not None
        host, port = http.instance.tls_address  # type: ignore[attr-defined]
        async with media_chromium(tmp_path) as browser, Phone("101", server, passwords["101"]) as phone:
            page = await PhonePage.open(browser, f"https://{host}:{port}/phone/#104")
            await page.sign_in("104", passwords["104"])
            (contact,) = server.sip.location.contacts("104")
            assert server.sip.flows.flow_of(contact).transport == "WSS"
            await page.dial("602")
            await page.state(1, "talking")
            await page.hears(1, 440)
            await page.key("Escape")
            await page.state(1, "free")
            await phone.register()
            call = await called(page, phone)
            await page.hears(1, 880)
            await call.hears(660)
            await page.key("Escape")
            await call.ended()
    finally:
        await server.stop()
