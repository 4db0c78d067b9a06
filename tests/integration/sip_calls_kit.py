"""What the tests of ``SIP/...`` share: a server with ``sip.conf`` and ``pjsip.conf``, and phones of both."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from asterism.core.events import EventType
from asterism.interfaces.console.runner import CommandRunner
from asterism.pbx.dialplan.applications.userevent import USER_EVENT
from asterism.server.server import Server
from asterism.testing import Phone, assert_idle, free_port, running_server

SIP = """
[general]
context=phones
bindaddr=127.0.0.1:{port}
srvlookup=no
disallow=all
allow=ulaw,alaw
callcounter=yes
directmedia=no

[alice]
type=friend
host=127.0.0.1
port={alice}
insecure=invite
callerid="Alice Example" <6001>
accountcode=acct-alice
setvar=DEPT=sales

[bob]
type=friend
host=127.0.0.1
port={bob}
insecure=invite
callerid="Bob Example" <6002>
{bob_options}

{more}
"""
PJSIP = """
[udp]
type=transport
protocol=udp
bind=127.0.0.1:{port}

[101]
type=endpoint
context=phones
disallow=all
allow=ulaw,alaw
aors=101
callerid="Ann Example" <101>
direct_media={direct}

[101]
type=aor
contact=sip:101@127.0.0.1:{ann}

[101]
type=identify
endpoint=101
match=127.0.0.1:{ann}
"""
PHONES = """
[phones]
exten => 101,1,Dial(PJSIP/101,30)
exten => 6001,1,Dial(SIP/alice,30)
 same => n,UserEvent(Dialled,Status: ${DIALSTATUS},Cause: ${HANGUPCAUSE})
 same => n,Hangup()
exten => 6002,1,Dial(SIP/bob,30)
 same => n,UserEvent(Dialled,Status: ${DIALSTATUS},Cause: ${HANGUPCAUSE})
 same => n,Hangup()
exten => 6001,hint,SIP/alice
exten => 6002,hint,SIP/bob
exten => 600,1,Answer()
 same => n,Echo()
"""


@dataclass
class World:
    """A server; ``alice`` and ``bob`` of ``sip.conf``, ``ann`` (101) of ``pjsip.conf``."""

    server: Server
    alice: Phone
    bob: Phone
    ann: Phone
    dialled: list[tuple[str, str]]
    """``DIALSTATUS`` and ``HANGUPCAUSE`` after each Dial."""
    folder: Path
    """Its configuration files."""

    def channels(self) -> list[str]:
        """The devices of the channels, in order."""
        return [channel.device for channel in self.server.pbx.channels]

    async def console(self, line: str) -> str:
        """What the console says to a command."""
        written: list[str] = []
        await CommandRunner(self.server).run(line, written.append)
        return "".join(written)


def _filled(text: str, ports: Mapping[str, int]) -> str:
    """With the phones' ports in it."""
    for name, port in ports.items():
        text = text.replace(f"{{{name}}}", str(port))
    return text


@asynccontextmanager
async def phones(
    extensions: str = "",
    *,
    bob_options: str = "",
    more: str = "",
    sip: str = SIP,
    direct: str = "no",
    pjsip_more: str = "",
    files: Mapping[str, str] | None = None,
    idle: bool = True,
) -> AsyncIterator[World]:
    """The server and three phones; at the end nothing may be left over in the server."""
    where = ("127.0.0.1", free_port())
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="asterism-")))
        alice, bob, ann = [await stack.enter_async_context(Phone(name, where)) for name in ("alice", "bob", "101")]
        ports = {"port": where[1], "alice": alice.port, "bob": bob.port, "ann": ann.port}
        config = {
            "sip.conf": _filled(sip.replace("{bob_options}", bob_options).replace("{more}", more), ports),
            "pjsip.conf": _filled(PJSIP.replace("{direct}", direct) + pjsip_more, ports),
            "extensions.conf": PHONES + _filled(extensions, ports),
            **(files or {}),
        }
        async with running_server(config, folder) as server:
            dialled: list[tuple[str, str]] = []

            def note(_type: EventType, published: tuple[Any, ...]) -> None:
                fields = dict(USER_EVENT.render(*published))
                if "Status" in fields:
                    dialled.append((str(fields["Status"]), str(fields["Cause"])))

            server.subscribe(USER_EVENT, note)
            yield World(server, alice, bob, ann, dialled, folder)
            if idle:
                await assert_idle(server)
