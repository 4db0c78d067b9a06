"""What the tests of calls share: two phones, one server, one dial plan."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from asterism.core.events import EventType
from asterism.pbx.dialplan.applications.userevent import USER_EVENT
from asterism.server.server import Server
from asterism.testing import Phone, PhoneCall, assert_idle, running_server

PJSIP = """
[global]
type=global
default_realm=pbx.example.test

[phone](!)
type=endpoint
context=phones
disallow=all
allow=ulaw,alaw

[101](phone)
auth=101
aors=101
callerid="Ann Example" <101>
[101]
type=auth
username=101
password=ann's secret
[101]
type=aor
max_contacts=2

[102](phone)
auth=102
aors=102
callerid="Bob Example" <102>
[102]
type=auth
username=102
password=bob's secret
[102]
type=aor
max_contacts=2

[103](phone)
auth=102
aors=103
[103]
type=aor
max_contacts=1
"""

EXTENSIONS = """
[phones]
exten => 101,1,Dial(PJSIP/101,30)
 same => n,Hangup()
exten => 102,1,Dial(PJSIP/102,30)
 same => n,UserEvent(Dialled,Status: ${DIALSTATUS},Cause: ${HANGUPCAUSE})
 same => n,Hangup()
exten => 122,1,Dial(PJSIP/102,1)
 same => n,UserEvent(Dialled,Status: ${DIALSTATUS},Cause: ${HANGUPCAUSE})
 same => n,Hangup()
exten => 132,1,Dial(${PJSIP_DIAL_CONTACTS(102)},30)
exten => 103,1,Dial(PJSIP/103,30)
 same => n,UserEvent(Dialled,Status: ${DIALSTATUS},Cause: ${HANGUPCAUSE})
 same => n,Hangup()
exten => 104,1,Dial(PJSIP/nobody,30)
 same => n,UserEvent(Dialled,Status: ${DIALSTATUS},Cause: ${HANGUPCAUSE})
 same => n,Hangup()
exten => 600,1,Answer()
 same => n,Echo()
exten => 601,1,Busy(3)
exten => 602,1,Congestion(3)
exten => _8XXX,1,Hangup($[${EXTEN:1}+0])
"""

CONFIG = {"pjsip.conf": PJSIP, "extensions.conf": EXTENSIONS}
RELAYED = {"pjsip.conf": PJSIP.replace("[phone](!)\n", "[phone](!)\ndirect_media=no\n")}
"""For tests of the relay: without it the phones send to each other as soon as they talk."""


@dataclass
class World:
    """A server and its two phones, ``ann`` (101) and ``bob`` (102)."""

    server: Server
    ann: Phone
    bob: Phone
    dialled: list[tuple[str, str]]
    """``DIALSTATUS`` and ``HANGUPCAUSE`` after each Dial of the dial plan."""

    async def connect(self, number: str = "102", *, offer: bool = True) -> tuple[PhoneCall, PhoneCall]:
        """Ann calls, Bob's phone rings, Bob answers: both ends of the call."""
        call = await self.ann.dial(number, offer=offer)
        incoming = await self.bob.incoming()
        incoming.ring()
        await call.ringing()
        incoming.answer()
        await call.answered()
        await incoming.answered()
        return call, incoming


@asynccontextmanager
async def two_phones(
    config: Mapping[str, str] | None = None, *, register: bool = True, idle: bool = True
) -> AsyncIterator[World]:
    """A server on a port of its own and two phones; at the end nothing may be left over in the server."""
    async with (
        running_server({**CONFIG, **(config or {})}) as server,
        Phone("101", server, "ann's secret") as ann,
        Phone("102", server, "bob's secret") as bob,
    ):
        if register:
            await ann.register()
            await bob.register()
        dialled: list[tuple[str, str]] = []

        def note(_type: EventType, published: tuple[Any, ...]) -> None:
            fields = dict(USER_EVENT.render(*published))
            if "Status" in fields:
                dialled.append((str(fields["Status"]), str(fields["Cause"])))

        server.subscribe(USER_EVENT, note)
        yield World(server, ann, bob, dialled)
        if idle:
            await assert_idle(server)
