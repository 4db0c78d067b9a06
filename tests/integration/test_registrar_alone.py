"""``modules.conf`` makes a registrar that takes no calls of the same program."""

from __future__ import annotations

import asyncio
import socket

from asterism.server.server import Server
from asterism.stack.message import Response
from asterism.stack.parser import parse_message
from asterism.testing import Phone, running_server

MODULES = """
[modules]
autoload=no
require=res_pjsip
require=res_pjsip_endpoint_identifier_user
require=res_pjsip_authenticator_digest
require=res_pjsip_registrar
"""
PJSIP = """
[101]
type=endpoint
context=phones
allow=!all,ulaw
auth=101
aors=101
[101]
type=auth
username=101
password=secret
[101]
type=aor
max_contacts=1
[open]
type=endpoint
context=phones
allow=!all,ulaw
"""


async def ask(server: Server, method: str, user: str) -> Response:
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.setblocking(False)
        phone.bind(("127.0.0.1", 0))
        port = phone.getsockname()[1]
        text = (
            f"{method} sip:600@127.0.0.1 SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{method}{port};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:{user}@127.0.0.1>;tag=f\r\nTo: <sip:600@127.0.0.1>\r\nCall-ID: c{port}\r\n"
            f"CSeq: 1 {method}\r\nContact: <sip:{user}@127.0.0.1:{port}>\r\nContent-Length: 0\r\n\r\n"
        )
        await loop.sock_sendto(phone, text.encode(), server.sip_address())
        while True:
            answer = parse_message(await asyncio.wait_for(loop.sock_recv(phone, 65535), 5))
            assert isinstance(answer, Response)
            if answer.status >= 200:
                return answer


async def test_a_registrar_that_takes_no_calls() -> None:
    config = {
        "modules.conf": MODULES,
        "pjsip.conf": PJSIP,
        "extensions.conf": "[phones]\nexten => 600,1,Answer()\n",
    }
    async with running_server(config) as server, Phone("101", server, "secret") as phone:
        assert [service.name for service in server.sip.services] == ["registrar"]
        assert "PJSIP" not in server.pbx.technologies
        await phone.register()
        assert len(server.sip.location.contacts("101")) == 1
        for method in ("INVITE", "MESSAGE", "OPTIONS"):
            assert (await ask(server, method, "open")).status == 501, method
        assert (await ask(server, "SUBSCRIBE", "open")).status == 489
        assert (await ask(server, "INVITE", "101")).status == 401
        assert not len(server.pbx.channels)
        await phone.unregister()
        assert not server.sip.location.contacts("101")


async def test_the_same_configuration_takes_calls_with_all_modules() -> None:
    config = {"pjsip.conf": PJSIP, "extensions.conf": "[phones]\nexten => 600,1,Hangup(17)\n"}
    async with running_server(config) as server:
        assert (await ask(server, "INVITE", "open")).status == 486
