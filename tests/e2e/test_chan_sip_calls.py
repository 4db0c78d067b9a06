"""One sip.conf in two ways, as it is and after ``asterism migrate``: the same calls of SIPp and baresip."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from peers import LIMIT, Baresip, finish_sipp, own_host, sipp, start_sipp
from server_process import ServerProcess
from test_sipp import account, refused

from asterism.command.migrate import run_migrate
from asterism.testing import until

pytestmark = pytest.mark.e2e

SIP = """
; A small office: what is the same for everybody is in a template.
[general]
context=nobody
allowguest=no
udpbindaddr={host}:5060
directmedia=no
disallow=all
allow=ulaw,alaw

[phone](!)
type=friend
host=dynamic
context=phones

[101](phone)
secret=secret101
callerid="Phone 101" <101>
setvar=COLOUR=blue

[102](phone)
secret=secret102
callerid="Phone 102" <102>

[103](phone)
secret=secret103
callerid="Phone 103" <103>

[104](phone)
secret=secret104
"""
EXTENSIONS = """
[globals]
SECOND=SIP/102

[nobody]

[phones]
exten => 101,1,Dial(SIP/101,20)
exten => 102,1,SIPAddHeader(X-Colour: ${COLOUR})
 same => n,Dial(${SECOND},20)
 same => n,Hangup()
exten => 104,1,Dial(SIP/${EXTEN},20)
exten => 600,1,Answer()
 same => n,Echo()
exten => 601,1,Busy(1)
exten => 602,1,GotoIf($["${CHANNEL(peername)}" = "101"]?congested)
 same => n,Busy(1)
 same => n(congested),Congestion(1)
exten => 104,hint,SIP/104
"""


@asynccontextmanager
async def office(root: Path, way: str, host: str) -> AsyncIterator[ServerProcess]:
    """A server process on this sip.conf; at the end nothing is left over and nothing was logged as an error."""
    old = root / "old" if way == "migrated" else root / "etc"
    old.mkdir(parents=True)
    (old / "sip.conf").write_text(SIP.format(host=host))
    (old / "extensions.conf").write_text(EXTENSIONS)
    (old / "logger.conf").write_text("[logfiles]\nconsole => warning,error\n")
    if way == "migrated":
        assert run_migrate([str(old), "--out", str(root / "etc")]) == 0, (root / "etc/migration-report.txt").read_text()
    server = ServerProcess(root)
    try:
        await asyncio.to_thread(server.start)
        yield server
        await until(lambda: server.rx("core show channels count").stdout.startswith("0 active channels"), LIMIT)
        assert await asyncio.to_thread(server.stop) == 0
        assert "ERROR" not in server.output(), server.output()
    finally:
        server.__exit__(None, None, None)


@pytest.mark.parametrize("way", ["direct", "migrated"])
async def test_sipp_and_baresip_call_the_same(way: str, tmp_path: Path) -> None:
    host = own_host()
    async with office(tmp_path / "server", way, host) as server:
        await asyncio.gather(sipp_calls(tmp_path, host), baresip_calls(tmp_path, host, server))


async def sipp_calls(folder: Path, host: str) -> None:
    """A registration, calls to the echo, calls between two, and refusals of each kind."""
    callee = own_host()
    remote = f"{host}:5060"
    await sipp("register", remote, callee, *account("102"), folder=folder / "register")
    options = [*account("101", "600"), "-m", "10", "-r", "20"]
    await sipp("call", remote, own_host(), *options, folder=folder / "echo")
    called = await start_sipp("answer", remote, callee, "-m", "3", "-p", "5060", folder=folder / "callee")
    await sipp("call", remote, own_host(), *account("101", "102"), "-m", "3", folder=folder / "caller")
    await finish_sipp(called, folder / "callee", "answer")
    called = await start_sipp("busy", remote, callee, "-m", "1", "-p", "5060", folder=folder / "busy")
    await refused(folder / "refused-busy", host, "102", "486")
    await finish_sipp(called, folder / "busy", "busy")
    refusals = (("601", "486", "0"), ("602", "503", "0"), ("999", "404", "0"), ("600", "488", "18"))
    await asyncio.gather(
        *(refused(folder / f"refused-{number}", host, number, status, payload) for number, status, payload in refusals)
    )


async def baresip_calls(folder: Path, host: str, server: ServerProcess) -> None:
    """Two phones hear each other; the caller hangs up before the answer, and while they talk."""
    async with Baresip(folder / "ann", "103", host, 440) as ann, Baresip(folder / "bob", "104", host, 660) as bob:
        await ann.registered()
        await bob.registered()
        assert "104@phones" in server.rx("core show hints").stdout
        ann.command("dial", f"sip:104@{host}")
        incoming = await bob.event("CALL_INCOMING")
        assert "103" in incoming["peeruri"]
        await ann.event("CALL_RINGING")
        bob.command("accept")
        await ann.event("CALL_ESTABLISHED")
        await bob.hears(440)
        await ann.hears(660)
        bob.command("hangup")
        await ann.event("CALL_CLOSED")
        ann.command("dial", f"sip:104@{host}")
        await bob.event("CALL_INCOMING", 2)
        await ann.event("CALL_RINGING", 2)
        ann.command("hangup")
        await bob.event("CALL_CLOSED", 2)
