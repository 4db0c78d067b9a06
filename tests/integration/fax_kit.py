"""Two servers that send each other faxes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from asterism.core.events import EventType
from asterism.pbx.channels.channel import Channel
from asterism.server.server import Server
from asterism.testing import assert_idle, free_port, running_server, until

PJSIP = """
[udp]
type=transport
protocol=udp
bind=127.0.0.1:{port}
[other]
type=endpoint
context=trunk
allow=!all,{codec}
direct_media=no
aors=other
{options}
[other]
type=aor
contact=sip:127.0.0.1:{peer}
[other]
type=identify
endpoint=other
match=127.0.0.1
"""
TOLD = "|".join(
    f"${{{name}}}"
    for name in (
        "FAXSTATUS", "FAXSTATUSSTRING", "FAXERROR", "FAXPAGES", "FAXBITRATE", "FAXRESOLUTION", "REMOTESTATIONID",
        "FAXMODE",
    )
)  # fmt: skip
SENDER = """
[send]
exten => s,1,Set(FAXOPT(localstationid)=+49 30 1)
{before} same => n,SendFAX({files},{letters})
 same => n,Hangup()
exten => h,1,Set(GLOBAL(SENT)={told})
"""
RECEIVER = """
[trunk]
exten => fax,1,Set(FAXOPT(localstationid)=+49 40 2)
{before} same => n,ReceiveFAX({file},{letters})
 same => n,Hangup()
exten => h,1,Set(GLOBAL(RECEIVED)={told})
"""
PATIENT = " same => n,Set(FAXOPT(t38timeout)=30000)\n"
"""For who waits for a gateway: it asks when it hears the machine, three and a half seconds after the answer, later on a
machine that is busy."""


@dataclass
class Result:
    """What the dialplan of one side saw at the end."""

    status: str
    text: str
    error: str
    pages: str
    rate: str
    resolution: str
    remote: str
    mode: str


@dataclass
class Faxing:
    """The two servers."""

    sender: Server
    receiver: Server

    async def call(self) -> Channel:
        """The sender calls, and sends."""
        return await self.sender.pbx.originate("PJSIP/fax@other", context="send", exten="s")

    async def told(self, limit: float = 60.0) -> tuple[Result, Result]:
        """What both dialplans saw, once both are through."""
        sent, received = self.sender.pbx.dialplan.globals, self.receiver.pbx.dialplan.globals
        await until(lambda: "SENT" in sent and "RECEIVED" in received, limit)
        return Result(*sent["SENT"].split("|")), Result(*received["RECEIVED"].split("|"))

    async def idle(self) -> None:
        """Nothing is left of it anywhere."""
        for server in (self.sender, self.receiver):
            await assert_idle(server)
            assert not len(server.pbx.faxes)


@asynccontextmanager
async def faxing(
    files: str,
    file: Path,
    *,
    letters: tuple[str, str] = ("", ""),
    codec: str = "ulaw",
    options: tuple[str, str] = ("", ""),
    before: tuple[str, str] = ("", ""),
    config: dict[str, str] | None = None,
) -> AsyncIterator[Faxing]:
    """The servers; of each pair the first is the sender's: options of the applications, of the endpoint, priorities."""
    ports = free_port(), free_port()
    pjsip = [
        PJSIP.format(port=ports[side], peer=ports[1 - side], codec=codec, options=options[side]) for side in (0, 1)
    ]
    plans = (
        SENDER.format(files=files, letters=letters[0], before=before[0], told=TOLD),
        RECEIVER.format(file=file, letters=letters[1], before=before[1], told=TOLD),
    )
    one, two = ({"pjsip.conf": pjsip[side], "extensions.conf": plans[side], **(config or {})} for side in (0, 1))
    async with running_server(one) as sender, running_server(two) as receiver:
        world = Faxing(sender, receiver)
        yield world
        await world.idle()


def heard(server: Server, kind: EventType) -> list[tuple[object, ...]]:
    """The events of a kind from now on, without their channel."""
    found: list[tuple[object, ...]] = []
    server.bus.subscribe(server.owner, kind, lambda _, args: found.append(args[1:]))
    return found
