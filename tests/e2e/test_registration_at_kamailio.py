"""This server registers at Kamailio, and calls come in by the registration."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from peers import own_host, require

from asterism.core.commands import CommandCall
from asterism.server.server import Server
from asterism.stack.message import Response
from asterism.stack.parser import parse_message
from asterism.testing import free_port, running_server, until

pytestmark = pytest.mark.e2e

KAMAILIO = """
debug=0
log_stderror=yes
fork=yes
children=1
auto_aliases=no
listen=udp:{host}:5060
listen=tcp:{host}:5060
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules:/usr/lib/kamailio/modules:/usr/lib64/kamailio/modules"
loadmodule "pv.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
loadmodule "xlog.so"
modparam("usrloc", "db_mode", 0)
modparam("registrar", "max_expires", 60)
modparam("registrar", "min_expires", 5)
request_route {{
    if (is_method("REGISTER")) {{
        if ($fU == "forbidden") {{ sl_send_reply("403", "Forbidden"); exit; }}
        if (!pv_www_authenticate("$fd", "kamailiopw", "0")) {{ www_challenge("$fd", "1"); exit; }}
        append_to_reply("Service-Route: <sip:{host}:5060;lr>\\r\\n");
        if (!save("location")) {{ sl_reply_error(); }}
        exit;
    }}
    if (!lookup("location")) {{ sl_send_reply("404", "Not Found"); exit; }}
    t_relay();
}}
"""

PJSIP = """
[udp]
type=transport
protocol=udp
bind={own}:{port}
[tcp]
type=transport
protocol=tcp
bind={own}:{port}
[provider]
type=endpoint
context=from-provider
allow=ulaw
[kamailio]
type=registration
server_uri=sip:{host}:5060\\;transport={transport}
client_uri=sip:1000@{host}
contact_user=1000
outbound_auth=kamailio
expiration=3600
max_random_initial_delay=0
line=yes
endpoint=provider
[kamailio]
type=auth
username=1000
password={password}
[refused]
type=registration
server_uri=sip:{host}:5060
client_uri=sip:forbidden@{host}
max_random_initial_delay=0
"""


@asynccontextmanager
async def kamailio(folder: Path, host: str) -> AsyncIterator[None]:
    """Kamailio as a registrar and proxy on one address."""
    config, output = folder / "kamailio.cfg", folder / "kamailio.log"
    await asyncio.to_thread(folder.mkdir)
    await asyncio.to_thread(config.write_text, KAMAILIO.format(host=host))
    with output.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            require("kamailio"), "-f", str(config), "-DD", "-E", "-m", "32", "-M", "4", "-Y", str(folder),
            "-w", str(folder),
            stdout=log, stderr=log, stdin=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            await until(
                lambda: process.returncode is not None or listens(host),
                20,
                lambda: output.read_text(),
            )
            assert process.returncode is None, await asyncio.to_thread(output.read_text)
            yield
        finally:
            if process.returncode is None:
                process.terminate()
                await process.wait()


def listens(host: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((host, 5060)) == 0


def console(server: Server, line: str) -> str:
    words = line.split()
    command = server.commands.get(" ".join(words[:3]))
    assert command is not None
    result = command.run(CommandCall(words[3:], lambda text: None))
    assert isinstance(result, str)
    return result


def row(server: Server, name: str) -> str:
    """A registration's line of ``pjsip show registrations``."""
    return next(
        line for line in console(server, "pjsip show registrations").splitlines() if line.startswith(f" {name}/")
    )


async def becomes(server: Server, name: str, state: str) -> None:
    await until(lambda: f" {state} " in row(server, name), 10, lambda: row(server, name))


async def options(host: str, user: str) -> Response:
    """The answer to an OPTIONS that a stranger sends to Kamailio for one of its users."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.setblocking(False)
        phone.bind((host, 0))
        port = phone.getsockname()[1]
        text = (
            f"OPTIONS sip:{user}@{host} SIP/2.0\r\nVia: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{port}x{user};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:stranger@{host}>;tag=s\r\nTo: <sip:{user}@{host}>\r\n"
            f"Call-ID: c{port}@{host}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        )
        await loop.sock_sendto(phone, text.encode(), (host, 5060))
        while True:
            answer = parse_message(await asyncio.wait_for(loop.sock_recv(phone, 65535), 10))
            assert isinstance(answer, Response)
            if answer.status >= 200:
                return answer


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_calls_come_in_by_the_registration(tmp_path: Path, transport: str) -> None:
    host, own = own_host(), own_host()
    pjsip = PJSIP.format(host=host, own=own, port=free_port(own), transport=transport, password="kamailiopw")
    config = {
        "pjsip.conf": pjsip,
        "extensions.conf": "[from-provider]\nexten => 1000,1,Answer()\n same => n,Echo()\n",
    }
    async with kamailio(tmp_path / "kamailio", host), running_server(config) as server:
        await becomes(server, "kamailio", "Registered")
        await becomes(server, "refused", "Rejected")
        # Kamailio grants a minute at most.
        assert 50 <= int(row(server, "kamailio").partition("(exp. ")[2].partition("s")[0]) <= 60
        assert server.sip.state.service_routes == {"provider": (f"<sip:{host}:5060;lr>",)}
        assert (await options(host, "1000")).status == 200
        console(server, "pjsip send unregister kamailio")
        await becomes(server, "kamailio", "Unregistered")
        assert (await options(host, "1000")).status == 404
        console(server, "pjsip send register kamailio")
        await becomes(server, "kamailio", "Registered")
        assert (await options(host, "1000")).status == 200


async def test_a_wrong_password_is_not_tried_again(tmp_path: Path) -> None:
    host, own = own_host(), own_host()
    pjsip = PJSIP.format(host=host, own=own, port=free_port(own), transport="udp", password="wrong")
    async with kamailio(tmp_path / "kamailio", host), running_server({"pjsip.conf": pjsip}) as server:
        await becomes(server, "kamailio", "Rejected")
        client = server.modules.find("outbound_registration").instance.registrations.get("kamailio")  # type: ignore[attr-defined]
        assert client.given_up
        assert (await options(host, "1000")).status == 404
