"""The browser phone's page in Chromium, where no call is answered: signing in, ringing, keys, what is said aloud."""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from browser_driver import CACHE, SOURCES, Browser
from browser_phone_kit import HTTP, PhonePage, browser_server, media_chromium, page_url
from peers import LIMIT, require

from asterism.interfaces.phone.pages import load_pages
from asterism.server.server import Server
from asterism.testing import Phone, free_port, until

pytestmark = pytest.mark.e2e

COMPLAINTS = ("Runtime.exceptionThrown", "Log.entryAdded")


@asynccontextmanager
async def page(folder: Path, **conf: str) -> AsyncIterator[tuple[Server, Browser, PhonePage]]:
    async with browser_server(folder, **conf) as server, media_chromium(folder) as browser:
        yield server, browser, await PhonePage.open(browser, page_url(server))


async def axe(phone: PhonePage, where: str) -> None:
    """Nothing that keeps anybody out: the rules of WCAG 2.2 A and AA, and best practices."""
    source = (CACHE / "node_modules" / "axe-core" / "axe.min.js").read_text()
    await phone.run(f"{source};void 0")
    found = await phone.run(
        "axe.run().then(({ violations }) => violations.map((one) =>"
        " `${one.id}: ${one.help}: ${one.nodes.map((node) => node.html).join(' ')}`))"
    )
    assert found == [], where


async def test_signing_in_and_out(tmp_path: Path) -> None:
    async with page(tmp_path) as (server, browser, phone):
        location = server.sip.location
        assert await phone.run("document.activeElement.id") == "user"
        await phone.sign_in("104", "wrong", registered=False)
        assert await phone.problem() == "The server does not know the user 104 with this password."
        assert await phone.run("document.getElementById('password').value") == ""
        await phone.sign_in("104", "secret")
        assert await phone.run("document.getElementById('problem').hidden")
        assert await phone.text("#account-text") == "Signed in as 104"
        assert await phone.run("document.activeElement.id") == "number"
        assert len(location.contacts("104")) == 1
        # A reload signs in anew, another tab does not; nothing is kept but in this tab.
        assert await phone.run("[localStorage.length, document.cookie]") == [0, ""]
        await phone.reload()
        await phone.until("document.getElementById('account')?.dataset.state === 'registered'")
        other = await PhonePage.open(browser, f"{page_url(server)}#105")
        assert await other.run("[document.getElementById('user').value, document.activeElement.id]") == [
            "105",
            "password",
        ]
        await phone.click("#sign-out")
        await phone.until("document.getElementById('account').dataset.state === 'signed-out'")
        await until(lambda: not location.contacts("104"), LIMIT)
        assert await phone.run("sessionStorage.length") == 0
        assert await phone.run("document.activeElement.id") == "user"


async def test_nothing_is_kept_where_that_is_not_wished(tmp_path: Path) -> None:
    async with page(tmp_path) as (_server, _browser, phone):
        await phone.click("#keep")
        await phone.sign_in("104", "secret")
        assert await phone.run("[sessionStorage.length, localStorage.length]") == [0, 0]


async def test_it_comes_back_after_the_connection_is_lost(tmp_path: Path) -> None:
    http = HTTP.replace("bindport=0", f"bindport={free_port()}")
    async with page(tmp_path, http=http) as (server, _browser, phone):
        await phone.sign_in("104", "secret")
        (tmp_path / "etc" / "http.conf").write_text("[general]\nenabled=no\n")
        await server.modules.reload("http")
        await phone.until("document.getElementById('account').dataset.state === 'lost'")
        assert "trying again" in await phone.text("#account-text")
        assert "cannot be reached" in await phone.problem()
        (tmp_path / "etc" / "http.conf").write_text(http)
        await server.modules.reload("http")
        await phone.until("document.getElementById('account').dataset.state === 'registered'")
        assert await phone.run("document.getElementById('problem').hidden")


async def test_a_call_rings_and_is_declined_by_key_and_by_click(tmp_path: Path) -> None:
    async with page(tmp_path) as (server, _browser, phone), Phone("101", server, "secret", display="Ann <b>") as ann:
        await phone.sign_in("104", "secret")
        for decline in (lambda: phone.key("Escape"), lambda: phone.do(1, "decline")):
            call = await ann.dial("104")
            await phone.state(1, "incoming")
            assert await phone.text("#line-1 [data-part=who]") == "Ann <b> (101)"
            assert "Ann <b> (101) calls" in str(await phone.run("document.title"))
            assert await phone.text("#said") == ("Line 1: Ann <b> (101): Incoming call. Enter answers, Escape declines")
            await call.ringing()
            await decline()
            assert await call.refused() == 486
            await phone.state(1, "over")
            assert await phone.text("#said") == "Line 1: Ann <b> (101): Declined"
            assert await phone.run("document.title") == "Asterism phone"
            await phone.state(1, "free")


async def test_a_caller_who_gives_up_is_a_missed_call(tmp_path: Path) -> None:
    async with page(tmp_path) as (server, _browser, phone), Phone("101", server, "secret") as ann:
        await phone.sign_in("104", "secret")
        call = await ann.dial("104")
        await phone.state(1, "incoming")
        await call.cancel()
        await phone.state(1, "over")
        assert await phone.text("#line-1 [data-part=state]") == "Missed call"
        await phone.state(1, "free")


async def test_two_lines_ring_and_a_third_call_is_told_busy(tmp_path: Path) -> None:
    async with (
        page(tmp_path) as (server, _browser, phone),
        Phone("101", server, "secret") as ann,
        Phone("102", server, "secret") as bob,
        Phone("103", server, "secret") as cat,
    ):
        await phone.sign_in("104", "secret")
        first, second = await ann.dial("104"), await bob.dial("104")
        await phone.state(1, "incoming")
        await phone.state(2, "incoming")
        third = await cat.dial("104")
        assert await third.refused() == 486
        await phone.do(2, "decline")
        assert await second.refused() == 486
        assert await phone.run("document.querySelector('#line-1').dataset.state") == "incoming"
        await first.cancel()


async def test_what_is_dialled(tmp_path: Path) -> None:
    """By the pad and by the keyboard, erased, and told why it cannot be called."""
    async with page(tmp_path) as (_server, _browser, phone):
        await phone.sign_in("104", "secret")
        for key in "*70#":
            await phone.click(f"[data-key='{key}']")
        assert await phone.run("document.getElementById('number').value") == "*70#"
        await phone.click("#erase")
        # Digits count wherever the focus is.
        await phone.run("document.activeElement.blur()")
        await phone.type("12")
        assert await phone.run("document.getElementById('number').value") == "*7012"
        await phone.run("document.getElementById('number').value = ''")
        await phone.dial("nobody")
        await phone.state(1, "over")
        assert await phone.text("#line-1 [data-part=state]") == "There is no such number"


async def test_a_microphone_that_is_refused_is_told(tmp_path: Path) -> None:
    async with browser_server(tmp_path) as server, media_chromium(tmp_path, asks=True) as browser:
        origin = page_url(server).removesuffix("/phone/")
        permission = {"permission": {"name": "microphone"}, "setting": "denied", "origin": origin}
        await browser.call("Browser.setPermission", permission)
        phone = await PhonePage.open(browser, page_url(server))
        await phone.sign_in("104", "secret")
        await phone.dial("600")
        assert "does not let this page use the microphone" in await phone.problem()
        assert await phone.text("#line-1 [data-part=state]") == "No microphone"


async def test_devices_are_chosen_and_kept(tmp_path: Path) -> None:
    async with page(tmp_path) as (_server, _browser, phone):
        # Chromium's fake devices have no sinks.
        await phone.run("window.sinks = []; HTMLMediaElement.prototype.setSinkId = async (id) => { sinks.push(id); }")
        await phone.click("#open-devices")
        await phone.until("document.getElementById('microphone').options.length > 1")
        assert await phone.run("document.activeElement.closest('dialog')?.id") == "devices"
        chosen = await phone.run(
            "(() => { const one = document.getElementById('speaker'); one.selectedIndex = one.options.length - 1;"
            " one.dispatchEvent(new Event('change')); return one.value; })()"
        )
        assert chosen
        await phone.until(f"window.sinks.filter((id) => id === '{chosen}').length === 2", "the speaker")
        await phone.key("Escape")
        await phone.until("!document.getElementById('devices').open")
        assert await phone.run("document.activeElement.id") == "open-devices"
        await phone.reload()
        await phone.click("#open-devices")
        await phone.until(f"document.getElementById('speaker').value === '{chosen}'", "the speaker is kept")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1000])
async def test_nobody_is_kept_out(tmp_path: Path, dark: bool, width: int) -> None:
    """axe finds no violation in any state, and nothing is wider than the screen."""
    async with page(tmp_path) as (server, _browser, phone), Phone("101", server, "secret") as ann:
        await phone.screenshot(tmp_path / "page.png", width, 800, dark)
        await axe(phone, "signed out")
        await phone.sign_in("104", "wrong", registered=False)
        await phone.problem()
        await axe(phone, "a problem")
        await phone.sign_in("104", "secret")
        await axe(phone, "signed in")
        call = await ann.dial("104")
        await phone.state(1, "incoming")
        await axe(phone, "an incoming call")
        # All that there is can be reached by Tab, and shows that it is.
        reached = []
        for _ in range(40):
            await phone.key("Tab")
            reached.append(await phone.run("document.activeElement.dataset.do ?? document.activeElement.id"))
        assert {"number", "call", "with-camera", "open-devices", "sign-out", "answer", "decline"} <= set(reached)
        assert await phone.run("document.documentElement.scrollWidth <= innerWidth")
        await call.cancel()
        await phone.click("#open-devices")
        await axe(phone, "devices")


def test_the_library_is_what_npm_has(tmp_path: Path) -> None:
    """The file in the repository is what its script makes of the package."""
    require("node")
    made = tmp_path / "jssip.js"
    subprocess.run([SOURCES / "vendor", made], check=True, env=os.environ.copy())
    assert made.read_bytes() == load_pages()["vendor/jssip.js"].content


async def test_the_page_runs_under_its_policy(tmp_path: Path) -> None:
    """No complaint of the browser's, at any time."""
    async with page(tmp_path) as (server, browser, _):
        blank = await browser.open("about:blank", "true")
        told: list[str] = []
        blank.on_event(
            lambda method, data: (
                told.append(f"{data}") if method in ("Runtime.exceptionThrown", "Log.entryAdded") else None
            )
        )
        await blank.call("Runtime.enable", {})
        await blank.call("Log.enable", {})
        phone = PhonePage(blank)
        await blank.call("Page.navigate", {"url": page_url(server)})
        await phone.until("document.documentElement.dataset.ready")
        await phone.sign_in("104", "secret")
        assert told == []
        violations = await phone.run(
            "new Promise((resolve) => { document.addEventListener('securitypolicyviolation', (event) =>"
            " resolve(event.violatedDirective)); const one = document.createElement('script');"
            " one.textContent = 'window.broken = true'; document.head.append(one); })"
        )
        assert violations == "script-src-elem"
        assert await phone.run("window.broken") is None
