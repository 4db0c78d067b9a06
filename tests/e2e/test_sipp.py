"""SIPp as phones: scenarios of our own that fail on any message they do not expect."""

from __future__ import annotations

from pathlib import Path

import pytest
from peers import SCENARIOS, finish_sipp, own_host, server_process, sipp, start_sipp

pytestmark = pytest.mark.e2e

EXTENSIONS = """
[phones]
exten => 102,1,Dial(PJSIP/102,10)
 same => n,Hangup()
exten => 600,1,Answer()
 same => n,Echo()
exten => 601,1,Busy(1)
exten => 602,1,Congestion(1)
"""


def account(user: str, number: str = "") -> list[str]:
    """SIPp's options for an account, and the number it calls."""
    found = ["-s", user, "-au", user, "-ap", f"secret{user}", "-m", "1", "-p", "5060"]
    return [*found, "-key", "number", number] if number else found


async def test_register(tmp_path: Path) -> None:
    host = own_host()
    async with server_process(tmp_path / "server", host, EXTENSIONS) as server:
        phone = own_host()
        await sipp("register", f"{host}:5060", phone, *account("101"), folder=tmp_path / "phone")
        assert f"101/sip:101@{phone}:5060" in server.rx("pjsip show contacts").stdout


async def test_a_burst_of_registers(tmp_path: Path) -> None:
    host = own_host()
    async with server_process(tmp_path / "server", host, EXTENSIONS) as server:
        options = [*account("101"), "-m", "300", "-r", "300", "-l", "100"]
        await sipp("register", f"{host}:5060", own_host(), *options, folder=tmp_path / "phone")
        assert server.rx("pjsip show contacts").stdout.count("  Contact:  101/") == 1


async def test_calls_to_the_echo(tmp_path: Path) -> None:
    host = own_host()
    async with server_process(tmp_path / "server", host, EXTENSIONS):
        options = [*account("101", "600"), "-m", "20", "-r", "20"]
        await sipp("call", f"{host}:5060", own_host(), *options, folder=tmp_path / "phone")


async def test_a_call_between_two(tmp_path: Path) -> None:
    host, callee = own_host(), own_host()
    async with server_process(tmp_path / "server", host, EXTENSIONS, options="direct_media=no\n"):
        await sipp("register", f"{host}:5060", callee, *account("102"), folder=tmp_path / "register")
        called = await start_sipp("answer", f"{host}:5060", callee, "-m", "5", "-p", "5060", folder=tmp_path / "callee")
        await sipp("call", f"{host}:5060", own_host(), *account("101", "102"), "-m", "5", folder=tmp_path / "caller")
        await finish_sipp(called, tmp_path / "callee", "answer")


async def test_two_that_send_to_each_other(tmp_path: Path) -> None:
    """Direct media, the default: each is told the other's address and port; the called one comes back before BYE."""
    host, caller, callee = own_host(), own_host(), own_host()
    async with server_process(tmp_path / "server", host, EXTENSIONS):
        await sipp("register", f"{host}:5060", callee, *account("102"), folder=tmp_path / "register")
        keys = ["-m", "5", "-p", "5060", "-key", "other", caller, "-key", "server", host]
        called = await start_sipp("direct_answer", f"{host}:5060", callee, *keys, folder=tmp_path / "callee")
        options = [*account("101", "102"), "-m", "5", "-key", "other", callee]
        await sipp("direct_call", f"{host}:5060", caller, *options, folder=tmp_path / "caller")
        await finish_sipp(called, tmp_path / "callee", "direct_answer")


async def test_a_busy_phone(tmp_path: Path) -> None:
    host, callee = own_host(), own_host()
    async with server_process(tmp_path / "server", host, EXTENSIONS):
        await sipp("register", f"{host}:5060", callee, *account("102"), folder=tmp_path / "register")
        called = await start_sipp("busy", f"{host}:5060", callee, "-m", "1", "-p", "5060", folder=tmp_path / "callee")
        await refused(tmp_path / "caller", host, "102", "486")
        await finish_sipp(called, tmp_path / "callee", "busy")


def expecting(status: str, folder: Path) -> str:
    """The scenario ``refused`` for one status: SIPp takes no variable there."""
    folder.mkdir(parents=True, exist_ok=True)
    text = (SCENARIOS / "refused.xml").read_text().replace("[expected]", status)
    (folder / "refused.xml").write_text(text)
    return str(folder / "refused")


async def refused(folder: Path, host: str, number: str, status: str, payload: str = "0") -> None:
    options = [*account("101", number), "-key", "payload", payload]
    await sipp(expecting(status, folder), f"{host}:5060", own_host(), *options, folder=folder)


async def test_every_kind_of_refusal(tmp_path: Path) -> None:
    host = own_host()
    async with server_process(tmp_path / "server", host, EXTENSIONS):
        for number, status, payload in (
            ("601", "486", "0"), ("602", "503", "0"), ("102", "404", "0"), ("999", "404", "0"), ("600", "488", "18"),
        ):  # fmt: skip
            await refused(tmp_path / f"{number}-{status}", host, number, status, payload)
