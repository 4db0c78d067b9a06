"""What one does with the two lines of the browser phone: a second call, sending one away, other devices, leaving."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from browser_driver import chromium
from browser_phone_kit import PhonePage, browser_server, page_url, tone_file
from peers import LIMIT
from test_browser_calls import called, signed_in

from asterism.testing import Phone, assert_idle, until

pytestmark = pytest.mark.e2e

SENDER = "window.connections.at(-1).getSenders().find(({ track }) => track?.kind === 'audio')"


async def test_a_second_call_by_digits_while_one_talks(tmp_path: Path) -> None:
    """Digits are the first call's while that talks; *Second call* holds it, and then they are a number."""
    async with signed_in(tmp_path) as (server, page), Phone("101", server, "secret") as ann:
        await ann.register()
        first = await called(page, ann)
        assert await page.text("#call") == "Second call"
        await page.click("#call")
        await page.state(1, "held")
        assert await page.run("document.activeElement.id") == "number"
        await page.type("602")
        assert await page.run("document.getElementById('number').value") == "602"
        await page.key("Enter")
        await page.state(2, "talking")
        await page.hears(2, 440)
        await until(lambda: first.audio.level(660) < 0.05, LIMIT, "the first one is on hold")
        # To and fro: only one talks.
        for talks, waits in ((1, 2), (2, 1)):
            await page.do(talks, "hold")
            await page.state(talks, "talking")
            await page.state(waits, "held")
        await page.do(2, "hangUp")
        await page.state(2, "over")
        await page.do(1, "hold")
        await page.hears(1, 880)
        await first.hears(660)
        await first.hangup()


@pytest.mark.parametrize("line", [1, 2], ids=["the held one", "the talking one"])
async def test_either_of_two_calls_is_sent_away(tmp_path: Path, line: int) -> None:
    async with (
        signed_in(tmp_path) as (server, page),
        Phone("101", server, "secret") as ann,
        Phone("102", server, "secret") as bob,
        Phone("103", server, "secret") as cat,
    ):
        for phone in (ann, bob, cat):
            await phone.register()
        calls = {1: await called(page, ann), 2: await bob.dial("104")}
        await page.state(2, "incoming")
        await page.do(2, "answer")
        await page.state(2, "talking")
        calls[2].play(1000)
        await page.do(line, "transfer")
        await page.type("103")
        await page.key("Enter")
        target = await cat.incoming()
        target.answer()
        target.play(440)
        await page.state(line, "over")
        await calls[line].hears(440)
        other = 3 - line
        if other == 1:
            await page.state(1, "held")
            await page.do(1, "hold")
        await page.state(other, "talking")
        await page.hears(other, {1: 880, 2: 1000}[other])
        await calls[other].hears(660)
        await page.do(other, "hangUp")
        await calls[other].ended()
        await calls[line].hangup()
        await target.ended()


async def test_another_microphone_in_the_middle_of_a_call(tmp_path: Path) -> None:
    """Chosen, or taken over when the one in use is gone; who was muted stays so."""
    flags = [
        "--use-fake-device-for-media-stream=device-count=2", "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={tone_file(tmp_path / 'tone.wav', 660)}",
        "--allow-loopback-in-peer-connection", "--autoplay-policy=no-user-gesture-required",
    ]  # fmt: skip
    async with browser_server(tmp_path) as server, chromium(*flags) as browser, Phone("101", server, "secret") as ann:
        page = await PhonePage.open(browser, page_url(server))
        await page.sign_in("104", "secret")
        await ann.register()
        call = await called(page, ann)
        await page.do(1, "mute")
        await page.until("document.querySelector('#line-1 [data-do=mute]').ariaPressed === 'true'")
        await page.run(f"window.first = {SENDER}.track")
        await page.click("#open-devices")
        await page.until("document.getElementById('microphone').options.length > 1")
        chosen = await page.run(
            "(() => { const one = document.getElementById('microphone'); one.selectedIndex = one.options.length - 1;"
            " one.dispatchEvent(new Event('change')); return one.value; })()"
        )
        await page.until(f"{SENDER}.track.getSettings().deviceId === {chosen!r}", "the other microphone")
        assert await page.run("first.readyState") == "ended"
        assert await page.run(f"{SENDER}.track.enabled") is False
        await page.key("Escape")
        await page.do(1, "mute")
        await call.hears(660)
        # It is pulled out.
        await page.run(f"window.second = {SENDER}.track; second.stop(); second.dispatchEvent(new Event('ended'))")
        await page.until(f"{SENDER}.track !== second && {SENDER}.track.readyState === 'live'", "another one")
        await call.hears(660)
        await page.do(1, "mute")
        await until(lambda: call.audio.level(660) < 0.05, LIMIT, "it is muted")
        await call.hangup()
        await page.state(1, "over")
        assert await page.run(f"{SENDER}?.track?.readyState !== 'live'"), "and nothing listens any more"
        await page.run("document.getElementById('sign-out').click()")
    await assert_idle(server)


async def test_a_tab_that_is_closed_hangs_up_and_signs_out(tmp_path: Path) -> None:
    async with signed_in(tmp_path) as (server, page), Phone("101", server, "secret") as ann:
        await ann.register()
        call = await called(page, ann)
        asked = asyncio.Event()
        page.page.on_event(lambda name, _: asked.set() if name == "Page.javascriptDialogOpening" else None)
        await page.page.call("Page.close", {})
        await asyncio.wait_for(asked.wait(), LIMIT)
        await page.page.call("Page.handleJavaScriptDialog", {"accept": True})
        await call.ended()
        await until(lambda: not server.sip.location.contacts("104"), LIMIT, "it is not registered any more")
