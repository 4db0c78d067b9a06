"""What kind of line calls, as a parameter of From tells it."""

from __future__ import annotations

import asyncio
import socket

import pytest

from asterism.pbx.dialplan.applications.userevent import USER_EVENT
from asterism.testing import running_server, until

PJSIP = """
[office]
type=endpoint
context=phones
allow=ulaw
identify_by=ip
[office]
type=identify
endpoint=office
match=127.0.0.1
"""
EXTENSIONS = """
[phones]
exten => 600,1,UserEvent(Seen,Line: ${CALLERID(ani2)})
 same => n,Set(CALLERID(ani2)=7)
 same => n,UserEvent(Seen,Line: ${CALLERID(ani2)})
"""


@pytest.mark.parametrize(
    ("parameter", "line"), [(";isup-oli=27", "27"), (";ss7-oli=00", "0"), (";oli=1&2", "0"), (";oli=5", "5"), ("", "0")]
)
async def test_the_line_of_from(parameter: str, line: str) -> None:
    async with running_server({"pjsip.conf": PJSIP, "extensions.conf": EXTENSIONS}) as server:
        seen: list[str] = []
        server.bus.subscribe(server.owner, USER_EVENT, lambda kind, args: seen.append(dict(kind.render(*args))["Line"]))  # type: ignore[arg-type]
        [transport] = server.sip.transports.transports.values()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
            phone.bind(("127.0.0.1", 0))
            phone.setblocking(False)
            here = f"127.0.0.1:{phone.getsockname()[1]}"
            invite = (
                f"INVITE sip:600@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK1;rport\r\n"
                f"From: <sip:100@a.example{parameter}>;tag=a\r\nTo: <sip:600@127.0.0.1>\r\nCall-ID: ani2\r\n"
                f"CSeq: 1 INVITE\r\nContact: <sip:100@{here}>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
            )
            await asyncio.get_running_loop().sock_sendto(phone, invite.encode(), ("127.0.0.1", transport.port))
            await until(lambda: len(seen) == 2, 5, "the dialplan did not run")
        assert seen == [line, "7"]
