"""Stock phones over the stream transports: SIPp, baresip and linphone."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from linphone import Linphone
from peers import LIMIT, SCENARIOS, Baresip, finish_sipp, own_host, sipp, start_sipp
from transport_peers import accounts, make_certificates, transport

from asterism.testing import assert_idle, running_server, until

pytestmark = pytest.mark.e2e

EXTENSIONS = """
[default]
exten => 101,1,Dial(PJSIP/101,20)
exten => 102,1,Dial(PJSIP/102,20)
exten => 600,1,Answer()
 same => n,Echo()
"""


@asynccontextmanager
async def server_on(host: str, folder: Path, *, aor: str = "qualify_frequency=1\n", extra: str = ""):
    """A server on UDP, TCP and TLS of an address of its own."""
    certificates = await asyncio.to_thread(make_certificates, folder)
    sections = [transport("udp", host, port=5060), transport("tcp", host, port=5060)]
    sections += [transport("tls", host, port=5061, **certificates)]
    text = "".join(sections) + accounts("101", "102", aor=aor, extra=extra)
    async with running_server({"pjsip.conf": text, "extensions.conf": EXTENSIONS}) as server:
        yield server
        await assert_idle(server, timeout=LIMIT)


def port_of(protocol: str) -> int:
    return 5061 if protocol == "tls" else 5060


def reachable(server, user: str) -> bool:
    """Whether the user's contact answers our OPTIONS."""
    location = server.sip.location
    return any(location.state(contact).status.name == "REACHABLE" for contact in location.contacts(user))


def over_tcp(folder: Path) -> Path:
    """The scenarios with Contacts that say TCP."""
    folder.mkdir()
    for path in SCENARIOS.glob("*.xml"):
        text = path.read_text().replace("@[local_ip]:[local_port]>", "@[local_ip]:[local_port];transport=tcp>")
        (folder / path.name).write_text(text)
    return folder


async def test_sipp_over_tcp(tmp_path: Path) -> None:
    host, callee = own_host(), own_host()
    async with server_on(host, tmp_path, aor="qualify_frequency=0\n") as server:
        one = ["-t", "t1", "-p", "5060", "-m"]
        account = ["-s", "102", "-au", "102", "-ap", "secret"]
        scenarios = over_tcp(tmp_path / "scenarios")
        await sipp(
            str(scenarios / "register"), f"{host}:5060", callee, *one, "1", *account, folder=tmp_path / "register"
        )
        assert server.sip.location.contacts("102")
        called = await start_sipp(
            str(scenarios / "answer"), f"{host}:5060", callee, *one, "5", folder=tmp_path / "callee"
        )
        account = ["-s", "101", "-au", "101", "-ap", "secret", "-key", "number"]
        await sipp("call", f"{host}:5060", own_host(), *one, "20", *account, "600", folder=tmp_path / "echo")
        await sipp("call", f"{host}:5060", own_host(), *one, "5", *account, "102", folder=tmp_path / "caller")
        await finish_sipp(called, tmp_path / "callee", "answer")


@pytest.mark.parametrize("protocol", ["tcp", "tls"])
async def test_baresip(tmp_path: Path, protocol: str) -> None:
    host = own_host()
    address = f"{host}:{port_of(protocol)};transport={protocol}"
    # By TLS they are reached over their own connections only: they have no certificate to take others.
    async with server_on(host, tmp_path, extra="rewrite_contact=yes\n" if protocol == "tls" else "") as server:
        ann = Baresip(tmp_path / "ann", "101", address, 440)
        bob = Baresip(tmp_path / "bob", "102", address, 660, auto_answer=True)
        for phone in (ann, bob):
            accounts_file = phone.folder / "accounts"
            accounts_file.write_text(accounts_file.read_text().replace(f"secret{phone.user}", "secret"))
        async with ann, bob:
            for user in ("101", "102"):
                await until(lambda u=user: reachable(server, u), LIMIT, lambda: f"{ann.story()}\n{bob.story()}")  # type: ignore[misc]
                (contact,) = server.sip.location.contacts(user)
                assert contact.parsed.param("transport").lower() == protocol
            ann.command("dial", f"sip:102@{address}")
            await ann.event("CALL_ESTABLISHED")
            await bob.hears(440)
            await ann.hears(660)
            ann.command("hangup")
            await bob.event("CALL_CLOSED")


@pytest.mark.parametrize("protocol", ["udp", "tcp", "tls"])
async def test_linphone(tmp_path: Path, protocol: str) -> None:
    host = own_host()
    address = f"{host}:{port_of(protocol)}"
    async with (
        server_on(host, tmp_path) as server,
        Linphone(tmp_path / "ann", "101", address, protocol) as ann,
        Linphone(tmp_path / "bob", "102", address, protocol, auto_answer=True) as bob,
    ):
        for phone in (ann, bob):
            await until(lambda p=phone: reachable(server, p.user), LIMIT, lambda: "".join(ann.said + bob.said))  # type: ignore[misc]
        ann.say(f"call sip:600@{host}")
        await ann.tells("Media streams established")
        ann.say("terminate")
        await until(lambda: not server.pbx.channels, LIMIT)
        ann.said.clear()
        ann.say(f"call sip:102@{host}")
        await ann.tells("Media streams established")
        await bob.tells("Media streams established")
        assert len(server.pbx.channels) == 2
        bob.say("terminate")
        await until(lambda: not server.pbx.channels, LIMIT)
