"""The browser phone's page and what is amiss: hostile callers, crafted addresses, absent devices, a busy server."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from browser_driver import Browser
from browser_phone_kit import PhonePage, browser_server, media_chromium, page_url
from peers import LIMIT

from asterism.interfaces.console.runner import CommandRunner
from asterism.server.server import Server
from asterism.testing import Phone, until

pytestmark = pytest.mark.e2e

CALLERS = """
[default]
exten => _10X,1,Dial(PJSIP/${EXTEN},20)
exten => 600,1,Answer()
 same => n,Echo()
; Calls 104 as one whose number only begins like an escape, and as one whose name writes backwards.
exten => 611,1,Set(CALLERID(num)=50%)
 same => n,Dial(PJSIP/104,20)
exten => 612,1,Set(CALLERID(name)=\u202e101 \u200bmoB<img src=x onerror=alert(1)>%s)
 same => n,Dial(PJSIP/104,20)
"""
TRACKS = "window.connections.at(-1).getSenders().map(({ track }) => track?.kind)"


@asynccontextmanager
async def page(folder: Path, **conf: str) -> AsyncIterator[tuple[Server, Browser, PhonePage]]:
    async with browser_server(folder, **conf) as server, media_chromium(folder) as browser:
        yield server, browser, await PhonePage.open(browser, page_url(server))


async def test_what_callers_say_of_themselves_is_only_text(tmp_path: Path) -> None:
    """Also where it is no text that could be decoded; signs that nobody can see are left out, and it ends somewhere."""
    extensions = CALLERS.replace("%s", "x" * 200)
    async with (
        page(tmp_path, extensions=extensions) as (server, _browser, phone),
        Phone("101", server, "secret") as ann,
    ):
        await phone.sign_in("104", "secret")
        call = await ann.dial("611")
        await phone.state(1, "incoming")
        assert await phone.text("#line-1 [data-part=who]") == "50%"
        await call.cancel()
        await phone.state(1, "free")
        call = await ann.dial("612")
        await phone.state(1, "incoming")
        who = await phone.text("#line-1 [data-part=who]")
        name, _, number = who.rpartition(" ")
        assert (number, len(name)) == ("(101)", 81)
        assert name.startswith("101 moB<img src=x onerror=alert(1)>xxx")
        assert await phone.run("document.images.length") == 1  # the page's own
        await call.cancel()


@pytest.mark.parametrize(("fragment", "user"), [("%", "%"), ("%22%3E%3Cb%3E", '"><b>'), ("a%zz", "a%zz")])
async def test_a_crafted_address_is_a_user_name_and_nothing_more(tmp_path: Path, fragment: str, user: str) -> None:
    async with page(tmp_path) as (server, browser, _):
        phone = await PhonePage.open(browser, f"{page_url(server)}#{fragment}")
        assert await phone.run("document.getElementById('user').value") == user
        assert await phone.run("document.getElementById('problem').hidden")


async def test_a_number_that_is_dialled_does_not_become_the_name_of_who_calls(tmp_path: Path) -> None:
    async with page(tmp_path) as (_server, _browser, phone):
        said = await phone.run(
            "import('/phone/line.js').then(async ({ Line }) => {"
            " const line = new Line(1, {}, {}); line.offered({ on() {} }, 'Ann'); await line.dial({}, 'sip:x', 'Bob');"
            " return [line.state, line.who]; })"
        )
        assert said == ["incoming", "Ann"]


async def test_without_a_camera_there_is_a_call_all_the_same(tmp_path: Path) -> None:
    async with page(tmp_path) as (_server, _browser, phone):
        await phone.run(
            "window.asked = []; const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);"
            "navigator.mediaDevices.getUserMedia = async (wanted) => {"
            " asked.push(Object.keys(wanted).join());"
            " if (wanted.video) throw new DOMException('', 'NotFoundError'); return await real(wanted); }"
        )
        await phone.sign_in("104", "secret")
        await phone.click("#with-camera")
        await phone.dial("600")
        await phone.state(1, "talking")
        assert await phone.problem() == "The camera cannot be had: the call goes on without it."
        assert await phone.run(TRACKS) == ["audio"]
        assert await phone.run("asked") == ["audio,video", "audio"]
        await phone.hears(1, 660)


async def test_without_a_microphone_it_is_told_and_nothing_is_called(tmp_path: Path) -> None:
    async with page(tmp_path) as (_server, _browser, phone):
        await phone.run(
            "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', 'NotFoundError'); }"
        )
        await phone.sign_in("104", "secret")
        await phone.dial("600")
        assert await phone.problem() == "There is no microphone. Connect one, or choose another under Devices."
        assert await phone.text("#line-1 [data-part=state]") == "No microphone"


async def test_where_browsers_give_no_microphone_it_is_told_at_once(tmp_path: Path) -> None:
    """By plain http on another machine; with the address to open instead."""
    async with page(tmp_path) as (server, browser, _):
        tab = await browser.open("about:blank", "true")
        await tab.call("Page.enable", {})
        script = "Object.defineProperty(navigator, 'mediaDevices', { value: undefined })"
        await tab.call("Page.addScriptToEvaluateOnNewDocument", {"source": script})
        await tab.call("Page.navigate", {"url": page_url(server)})
        phone = PhonePage(tab)
        assert await phone.problem() == (
            "Browsers give a microphone only to pages with https, or of the same machine."
            " The server has no https yet (tlsenable in http.conf)."
        )
        await phone.until("document.documentElement.dataset.ready")


async def test_a_server_that_takes_nobody_now_is_asked_again(tmp_path: Path) -> None:
    """Somebody who is signed in stays so: 503 says nothing of the password."""
    async with page(tmp_path) as (server, _browser, phone):

        async def console(line: str) -> None:
            await CommandRunner(server).run(line, lambda text: None)

        await console("pjsip set maintenance on 104")
        await phone.sign_in("104", "secret", registered=False)
        assert await phone.problem() == "The server cannot sign you in now. It is tried again."
        assert await phone.text("#account-text") == "No connection, trying again …"
        assert await phone.text("#sign-out") == "Cancel"
        await console("pjsip set maintenance off 104")
        await phone.until("document.getElementById('account').dataset.state === 'registered'")
        assert await phone.run("document.getElementById('problem').hidden")


async def test_a_server_that_does_not_answer_is_asked_over_another_connection(tmp_path: Path) -> None:
    """The one that there is may be dead without anybody having told the browser."""
    async with page(tmp_path) as (_server, _browser, phone):
        # What the first connection sends gets lost; JsSIP waits 32 s for an answer, the test one.
        await phone.run(
            "window.sockets = []; const send = WebSocket.prototype.send;"
            "WebSocket.prototype.send = function (data) {"
            " if (!sockets.includes(this)) sockets.push(this);"
            " if (this !== sockets[0]) send.call(this, data); };"
            "const later = window.setTimeout;"
            "window.setTimeout = (what, wait, ...all) => later(what, wait >= 4000 ? 1000 : wait, ...all); void 0"
        )
        await phone.sign_in("104", "secret")
        assert await phone.run("[sockets.length, sockets[0].readyState >= WebSocket.CLOSING]") == [2, True]


async def test_what_was_kept_is_forgotten_where_that_is_not_wished_any_more(tmp_path: Path) -> None:
    async with page(tmp_path) as (server, _browser, phone):
        await phone.sign_in("104", "secret")
        assert await phone.run("sessionStorage.length") == 1
        await phone.run("location.hash = '105'")
        await phone.reload()
        await phone.until("document.activeElement.id === 'password'")
        await phone.click("#keep")
        await phone.sign_in("105", "secret")
        assert await phone.run("sessionStorage.length") == 0
        await until(lambda: not server.sip.location.contacts("104"), LIMIT)


async def test_figures_begin_anew_with_another_source(tmp_path: Path) -> None:
    """And are those of the time between two looks, not of the whole call."""
    looks = [
        {"packetsReceived": 1000, "packetsLost": 500},
        {"packetsReceived": 1090, "packetsLost": 510},
        {"packetsReceived": 60, "packetsLost": 0},
        {"packetsReceived": 60, "packetsLost": 0},
    ]
    async with page(tmp_path) as (_server, _browser, phone):
        found = await phone.run(
            f"import('/phone/quality.js').then(async ({{ measure }}) => {{ const looks = {json.dumps(looks)};"
            " const found = []; let before;"
            " for (const one of looks) {"
            "  const report = new Map([['a', { type: 'inbound-rtp', kind: 'audio', jitter: 0.002, ...one }]]);"
            "  const now = await measure({ getStats: async () => report }, before);"
            "  before = now.sums; found.push([now.word, Math.round(now.loss)]); }"
            " return found; })"
        )
        assert isinstance(found, list)
        assert found[1:] == [["Poor", 10], ["Good", 0], ["No sound arrives", 0]]


async def test_rings_that_the_browser_did_not_allow_are_not_heard_all_at_once(tmp_path: Path) -> None:
    async with page(tmp_path) as (_server, _browser, phone):
        made = await phone.run(
            "import('/phone/tones.js').then(async ({ Tones }) => {"
            " let allow; const leave = new Promise((resolve) => { allow = resolve; });"
            " const real = window.AudioContext; let made = 0; let tick;"
            " window.AudioContext = class extends real {"
            "  get state() { return allow ? 'suspended' : 'running'; } resume() { return leave; } };"
            " const oscillator = window.OscillatorNode;"
            " window.OscillatorNode = class extends oscillator { constructor(...all) { super(...all); made += 1; } };"
            " window.setInterval = (beep) => { tick = beep; return 0; };"
            " const tones = new Tones({ chosen: {} }); tones.play('ring');"
            " for (let missed = 0; missed < 10; missed += 1) tick();"
            " const before = made; const go = allow; allow = null; go();"
            " await new Promise((resolve) => setTimeout(resolve)); return [before, made]; })"
        )
        assert made == [0, 2]  # one ring of two tones


async def test_a_page_with_a_call_is_not_left_by_accident(tmp_path: Path) -> None:
    async with page(tmp_path) as (_server, _browser, phone):
        leaving = "!dispatchEvent(new Event('beforeunload', { cancelable: true }))"
        await phone.sign_in("104", "secret")
        assert await phone.run(leaving) is False
        await phone.dial("600")
        await phone.state(1, "talking")
        assert await phone.run(leaving) is True
        await phone.key("Escape")
        await phone.state(1, "over")
        assert await phone.run(leaving) is False


async def test_a_chosen_microphone_that_is_gone_is_no_reason_to_have_no_call(tmp_path: Path) -> None:
    async with page(tmp_path) as (_server, _browser, phone):
        await phone.run("localStorage.setItem('asterism-phone-devices', '{\"microphone\": \"gone\"}')")
        await phone.reload()
        await phone.sign_in("104", "secret")
        await phone.dial("600")
        await phone.hears(1, 660)
