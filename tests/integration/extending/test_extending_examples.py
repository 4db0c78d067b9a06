"""The tutorials of ``docs/extending``: each module is loaded from a ``modules`` folder and does what its page says."""

from __future__ import annotations

import asyncio
import re
import shutil
import socket
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from asterism.interfaces.console.runner import CommandRunner
from asterism.server.server import Server
from asterism.stack.digest import ha1
from asterism.testing import Phone, assert_idle, running_server

DOCS = Path(__file__).parents[3] / "docs/extending"
EXAMPLES = sorted((DOCS / "examples").glob("*.py"))

PJSIP = """
[101]
type=endpoint
context=phones
allow=ulaw
auth=101
aors=101
[101]
type=auth
username=101
password=secret
[101]
type=aor
max_contacts=1
[acme.example]
type=endpoint
context=phones
allow=ulaw
"""
EXTENSIONS = """
[phones]
exten => 600,1,Answer()
 same => n,Echo()
exten => 700,1,Set(PIN_VALID(ann)=4711)
 same => n,AskPin(4)
 same => n,GotoIf($["${PIN_VALID(ann)}" = "1"]?yes)
 same => n,Hangup(21)
 same => n(yes),Set(GLOBAL(DOOR)=open)
 same => n,Hangup()
"""


@asynccontextmanager
async def server_with(folder: Path, module: str, **more: str) -> AsyncIterator[Server]:
    """A server whose ``modules`` folder holds one example."""
    (folder / "modules").mkdir()
    shutil.copy(DOCS / "examples" / f"{module}.py", folder / "modules")
    config = {"pjsip.conf": PJSIP, "extensions.conf": EXTENSIONS}
    config.update({f"{name}.conf": text for name, text in more.items()})
    async with running_server(config, folder) as server:
        yield server


async def console(server: Server, line: str) -> str:
    """Run a console command and return what it prints."""
    printed: list[str] = []
    await CommandRunner(server).run(line, printed.append)
    return "".join(printed)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_page_prints_the_module_that_is_tested(path: Path) -> None:
    texts = [page.read_text() for page in DOCS.glob("*.md") if f"examples/{path.name}" in page.read_text()]
    assert len(texts) == 1, f"{path.name} must be linked from exactly one page"
    blocks = re.findall(r"```python\n(.*?)```", texts[0], re.DOTALL)
    assert path.read_text() in blocks


async def test_the_service(tmp_path: Path) -> None:
    async with server_with(tmp_path, "greeter") as server, Phone("101", server, "secret") as phone:
        answer = await phone.request(phone.create_request("GREET", phone.uri("lobby")))
        assert (answer.status, answer.body, answer.get("Subject")) == (200, b"Good morning, 101", "greeting")
        explained = await console(server, "sip explain GREET sip:lobby@127.0.0.1 from sip:acme.example@x")
        assert "greeter" in explained
        assert "greets acme.example" in explained
        await server.modules.unload("greeter")
        assert (await phone.request(phone.create_request("GREET", phone.uri("lobby")))).status == 501


async def test_the_endpoint_identifier(tmp_path: Path) -> None:
    async with server_with(tmp_path, "identify_domain") as server, Phone("anybody", server) as phone:
        request = phone.create_request("INVITE", phone.uri("404"))
        assert (await phone.exchange(request)).status == 401
        request = phone.create_request("INVITE", phone.uri("404"))
        request.set_header("From", "<sip:anybody@Acme.Example>;tag=1")
        # Known now, and without auth=: the dialplan has no such extension.
        assert (await phone.exchange(request)).status == 404
        assert "domain" in await console(server, "pjsip show identifiers")


async def test_the_order_of_identifiers(tmp_path: Path) -> None:
    more = {
        "modules": "[modules]\nautoload=yes\npreload=identify_domain\n",
        "pjsip": PJSIP + "[global]\ntype=global\nendpoint_identifier_order=ip\n",
    }
    async with server_with(tmp_path, "identify_domain", **more) as server:
        names = [name for name, _ in server.sip.identifiers if name]
        assert names[:2] == ["chan_sip", "chan_sip_realtime"], "those of sip.conf, which nothing moves"
        assert names[2:4] == ["ip", "domain"]
        assert {"username", "auth_username", "anonymous"} < set(names[4:])


async def test_the_authenticator_with_a_table(tmp_path: Path) -> None:
    table = sqlite3.connect(tmp_path / "accounts.sqlite3")
    table.execute("CREATE TABLE accounts (username TEXT, realm TEXT, ha1 TEXT)")
    table.execute("INSERT INTO accounts VALUES ('101', 'asterisk', ?)", (ha1("101", "asterisk", "of the table"),))
    table.commit()
    table.close()
    more = {
        "modules": "[modules]\nautoload=yes\nnoload=authenticator_digest\n",
        "authenticator_sql": "[general]\ndatabase=accounts.sqlite3\n",
    }
    async with server_with(tmp_path, "authenticator_sql", **more) as server:
        async with Phone("101", server, "secret") as phone:
            assert (await phone.try_register()).status == 401
        async with Phone("101", server, "of the table") as phone:
            assert (await phone.try_register()).status == 200
            # The same credentials once more are a replay: challenged anew.
            request = phone.create_request("REGISTER", phone.uri(), phone.uri("101"))
            assert (await phone.exchange(request)).status == 200
            replayed = request.copy()
            replayed.remove_header("Via")
            replayed.set_header("CSeq", "4711 REGISTER")
            assert (await phone.exchange(replayed)).status == 401
            call = await phone.dial("600")
            await call.answered()
            await call.hangup()
        await assert_idle(server)


async def test_the_authenticator_declines_without_its_file(tmp_path: Path) -> None:
    async with server_with(tmp_path, "authenticator_sql") as server:
        found = server.modules.find("authenticator_sql")
        assert found is not None
        assert found.instance is None
        # The default one is there.
        async with Phone("101", server, "secret") as phone:
            assert (await phone.try_register()).status == 200


async def test_the_application_and_the_function(tmp_path: Path) -> None:
    async with server_with(tmp_path, "pin") as server, Phone("101", server, "secret") as phone:
        call = await phone.dial("700")
        await call.answered()
        call.send_digits("4712")
        await call.ended()
        assert "DOOR" not in server.pbx.dialplan.globals
        call = await phone.dial("700")
        await call.answered()
        call.send_digits("4711")
        await call.ended()
        assert server.pbx.dialplan.globals.get("DOOR") == "open"
        assert "Ask the caller for a PIN." in await console(server, "core show application AskPin")
        assert "PIN_VALID(user)" in await console(server, "core show function PIN_VALID")


async def test_the_command_the_action_and_the_event(tmp_path: Path) -> None:
    manager = "[general]\nenabled=yes\nport=0\nbindaddr=127.0.0.1\n[admin]\nsecret=secret\nread=all\nwrite=all\n"
    async with server_with(tmp_path, "closing", manager=manager) as server:
        assert await console(server, "office close") == "The office is closed.\n"
        async with Phone("101", server, "secret") as phone:
            refused = await phone.exchange(phone.create_request("INVITE", phone.uri("600")))
            assert (refused.status, refused.get("Retry-After")) == (503, "60")
            assert (await phone.try_register()).status == 200
            host, port = server.modules.find("manager").instance.address  # type: ignore[attr-defined]
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(
                b"Action: Login\r\nUsername: admin\r\nSecret: secret\r\n\r\n"
                b"Action: Office\r\nState: open\r\n\r\nAction: Office\r\n\r\nAction: Logoff\r\n\r\n"
            )
            received = (await asyncio.wait_for(reader.read(), 10)).decode()
            writer.close()
            assert "Response: Success\r\nMessage: The office is open\r\n" in received
            assert "Response: Error\r\nMessage: State must be closed or open\r\n" in received
            event = received.partition("Event: OfficeChanged\r\n")[2].partition("\r\n\r\n")[0]
            assert event == "Privilege: system,all\r\nOffice: open\r\nChangedBy: manager"
            call = await phone.dial("600")
            await call.answered()
            await call.hangup()
        assert "office {close|open}" in await console(server, "office perhaps")


async def test_the_sdp_handler(tmp_path: Path) -> None:
    pjsip = PJSIP.replace("auth=101\n", "", 1)
    async with server_with(tmp_path, "text_echo", pjsip=pjsip) as server, Phone("101", server) as phone:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours:
            ours.bind(("127.0.0.1", 0))
            ours.setblocking(False)
            call = await phone.dial("600", offer=False)
            await call.answered()
            # A re-INVITE that adds text to the audio.
            assert call.dialog is not None
            invite = call.dialog.create_request("INVITE")
            invite.add_header("Contact", phone.contact)
            text = f"m=text {ours.getsockname()[1]} RTP/AVP 98\r\na=rtpmap:98 t140/1000\r\n"
            invite.set_body(str(call.description) + text, "application/sdp")
            answer = await phone.exchange(invite, phone.target_of(call.dialog.next_hop))
            phone.wire.layer.send_ack(call.dialog.create_ack(invite), phone.target_of(call.dialog.next_hop))
            assert answer.status == 200
            match = re.search(rb"m=text (\d+) RTP/AVP 98\r\na=rtpmap:98 t140/1000\r\n", answer.body)
            assert match is not None, answer.body
            port = int(match.group(1))
            ours.sendto(b"typed", ("127.0.0.1", port))
            echoed = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(ours, 100), 5)
            assert echoed == b"typed"
            await call.hangup()
            await assert_idle(server)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
                again.bind(("127.0.0.1", port))
