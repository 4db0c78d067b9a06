"""Call forwarding in the demo's own configuration: by feature codes, in the database, told to everyone concerned."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from asterism.command.demo.configuration import ACCOUNTS, create, read
from asterism.server.server import Server
from asterism.testing import Phone, PhoneCall, assert_idle, free_port


@asynccontextmanager
async def demo(folder: Path) -> AsyncIterator[tuple[Server, Phone, Phone, Phone]]:
    """The demo with its three phones; at the end nothing is left."""
    create(folder, "127.0.0.1", free_port(), 0, 0, 0)
    (folder / "manager.conf").write_text("[general]\nenabled = no\n")
    rtp = folder / "rtp.conf"
    rtp.write_text("[general]\nrtpstart = 20000\nrtpend = 29999\n")
    server = Server.from_config(folder / "asterisk.conf")
    await server.start()
    try:
        async with AsyncExitStack() as stack:
            phones = []
            passwords = read(folder).passwords
            for number in ACCOUNTS:
                phone = await stack.enter_async_context(Phone(number, server, passwords[number]))
                await phone.register()
                phones.append(phone)
            one, two, three = phones
            yield server, one, two, three
            for phone in phones:
                await phone.unregister()  # the next ones are at other ports
            await assert_idle(server)
    finally:
        await server.stop()


async def dial_code(phone: Phone, code: str) -> None:
    """Dial a feature code, and hear it confirmed to its end."""
    call = await phone.dial(code)
    await call.answered()
    await call.ended(20)


async def talk(call: PhoneCall, incoming: PhoneCall) -> None:
    incoming.ring()
    await call.ringing()
    incoming.answer()
    await call.answered()
    await incoming.answered()
    await call.hangup()
    await incoming.ended()


def statuses(call: PhoneCall) -> list[int]:
    return [response.status for response in call.responses]


async def test_all_calls_are_forwarded_until_it_is_ended(tmp_path: Path) -> None:
    """Also after a restart; the caller is told (181), and the target who sent the call."""
    async with demo(tmp_path) as (_, one, two, three):
        await dial_code(one, "*72103")
        call = await two.dial("101")
        incoming = await three.incoming()
        assert incoming.request.get("Diversion") == "<sip:101@127.0.0.1>;reason=unconditional"
        assert incoming.request.from_.uri.user == "102"
        await talk(call, incoming)
        assert 181 in statuses(call)
        assert "<sip:103@" in (next(one for one in call.responses if one.status == 181).get("Diversion") or "")
    async with demo(tmp_path) as (_, one, two, three):
        call = await two.dial("101")
        await talk(call, await three.incoming())
        await dial_code(one, "*73")
        call = await two.dial("101")
        incoming = await one.incoming()
        assert incoming.request.get("Diversion") is None
        await talk(call, incoming)
        assert 181 not in statuses(call)


@pytest.mark.parametrize(("code", "status", "reason"), [("*90103", 486, "user-busy"), ("*92103", 480, "no-answer")])
async def test_calls_that_fail_are_forwarded(code: str, status: int, reason: str, tmp_path: Path) -> None:
    async with demo(tmp_path) as (_, one, two, three):
        await dial_code(one, code)
        call = await two.dial("101")
        first = await one.incoming()
        first.reject(status)
        incoming = await three.incoming()
        assert incoming.request.get("Diversion") == f"<sip:101@127.0.0.1>;reason={reason}"
        await talk(call, incoming)
        call = await two.dial("101")
        first = await one.incoming()
        first.reject(480 if status == 486 else 486)
        assert await call.refused() in (480, 486, 403)


async def test_a_chain_is_followed_and_a_circle_is_not(tmp_path: Path) -> None:
    async with demo(tmp_path) as (_, one, two, three):
        await dial_code(one, "*72102")
        await dial_code(two, "*72103")
        call = await three.dial("101")
        incoming = await three.incoming()
        assert [one.uri.user for one in incoming.request.addresses("Diversion")] == ["102", "101"]
        await talk(call, incoming)
        await dial_code(two, "*72101")
        call = await three.dial("101")
        incoming = await two.incoming()  # five forwards later
        await talk(call, incoming)


@pytest.mark.parametrize("code", ["*72101", "*72999", "*9299"])
async def test_what_cannot_be_a_target_is_not_kept(code: str, tmp_path: Path) -> None:
    async with demo(tmp_path) as (server, one, two, _):
        await dial_code(one, code)
        assert not server.astdb.entries()
        call = await two.dial("101")
        incoming = await one.incoming()
        await talk(call, incoming)
