"""Attended transfers (T2) between legs that are protected in different ways: DTLS (a browser), SDES, and not at all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from browser_phone_kit import PhonePage, browser_server, media_chromium, page_url
from linphone import Linphone
from peers import LIMIT, Baresip, own_host

from asterism.server.server import Server
from asterism.testing import Phone, assert_idle, until

pytestmark = pytest.mark.e2e

# For phones that need a port that is known before.
FURTHER = """
[transport-further]
type=transport
protocol=udp
bind={host}:5060
[201](phone)
media_encryption=sdes
auth=201
aors=201
[201](auth)
username=201
password=secret201
[201](aor)
"""
EXTENSIONS = "[default]\nexten => _X0X,1,Dial(PJSIP/${EXTEN},20)\n"


@asynccontextmanager
async def signed_in(folder: Path, host: str) -> AsyncIterator[tuple[Server, PhonePage]]:
    async with browser_server(folder, FURTHER.format(host=host), extensions=EXTENSIONS) as server:
        async with media_chromium(folder) as browser:
            page = await PhonePage.open(browser, page_url(server))
            await page.sign_in("104", "secret")
            yield server, page
        await assert_idle(server, timeout=LIMIT)


async def test_a_browser_joins_a_phone_with_sdes_and_one_in_the_clear(tmp_path: Path) -> None:
    host = own_host()
    async with (
        signed_in(tmp_path, host) as (server, page),
        Baresip(tmp_path / "ann", "201", host, 440, encryption="srtp-mand", auto_answer=True) as ann,
        Phone("102", server, "secret") as bob,
    ):
        await ann.registered()
        await page.dial("201")
        await page.state(1, "talking")
        await page.hears(1, 440)
        call = await bob.dial("104")
        await page.state(2, "incoming")
        await page.do(2, "answer")
        await page.state(2, "talking")
        call.play(880)
        await page.hears(2, 880)
        await page.do(1, "join")
        await page.state(1, "over")
        await page.state(2, "over")
        await call.hears(440)
        await ann.hears(880)
        await call.hangup()
        await ann.event("CALL_CLOSED")


async def test_a_phone_with_sdes_joins_a_browser_and_a_phone_in_the_clear(tmp_path: Path) -> None:
    host = own_host()
    options = "media_encryption=srtp\nmedia_encryption_mandatory=1\n"
    async with (
        signed_in(tmp_path, host) as (server, page),
        Linphone(tmp_path / "ann", "201", f"{host}:5060", "udp", password="secret201", options=options) as ann,
        Phone("102", server, "secret") as bob,
    ):
        await bob.register()
        await until(lambda: server.sip.location.contacts("201"), LIMIT)
        ann.say(f"call sip:104@{host}")
        await page.state(1, "incoming")
        await page.do(1, "answer")
        await page.state(1, "talking")
        await ann.tells("Media streams established")
        ann.say("pause 1")
        await until(lambda: any(one.on_hold for one in server.pbx.channels), LIMIT)
        ann.say(f"call sip:102@{host}")
        call = await bob.incoming(timeout=LIMIT)
        call.answer()
        call.play(880)
        await ann.tells(f"Media streams established with sip:102@{host}")
        ann.say("transfer 1 --to-call 2")
        await page.hears(1, 880)
        await call.hears(660)
        await until(lambda: len(server.pbx.channels) == 2, LIMIT, lambda: "".join(ann.said))
        await call.hangup()
        await page.state(1, "over")
