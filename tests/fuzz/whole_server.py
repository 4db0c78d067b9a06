"""A whole server for fuzzing: every module loaded, no socket for SIP, a clock that is put forward by hand.

What leaves the server is kept, what a log record says of an exception is kept, and :meth:`World.settle` says what a
sequence of messages has left behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import tempfile
import warnings
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from asterism.applications.pubsub.registry import PubSub, pubsub
from asterism.server.server import Server
from asterism.stack.flow import Flow
from asterism.stack.resolver import Target
from asterism.transport.base import Transport
from asterism.transport.settings import TransportSettings

T = TypeVar("T")

USES = 1500
"""Inputs for one server."""
HARMFUL = frozenset({"system", "trysystem"})
HARMFUL_COMMANDS = ("core stop", "core restart", "core abort", "module ")

PJSIP = """
[global]
user_agent=Fuzz PBX
[alice]
type=endpoint
context=internal
aors=alice
disallow=all
allow=ulaw,alaw,g722
callerid="Alice" <6001>
[alice]
type=aor
contact=sip:alice@127.0.0.1:5071
max_contacts=4
[bob]
type=endpoint
context=internal
aors=bob
incoming_mwi_mailbox=fuzz@x
disallow=all
allow=ulaw,alaw
100rel=yes
timers=yes
send_pai=yes
trust_id_inbound=yes
trust_id_outbound=yes
[bob]
type=aor
contact=sip:bob@127.0.0.1:5072
[trunk]
type=endpoint
context=internal
aors=trunk
allow=all
rtp_symmetric=yes
rewrite_contact=yes
force_rport=yes
send_rpid=yes
moh_passthrough=yes
refer_blind_progress=yes
trust_id_inbound=yes
redirect_method=uri_pjsip
outbound_auth=trunk
[trunk]
type=aor
contact=sip:127.0.0.1:5073
[trunk]
type=auth
username=trunk
password=secret
[trunk]
type=identify
endpoint=trunk
match=127.0.0.3
[carol]
type=endpoint
context=internal
aors=carol
auth=carol
[carol]
type=aor
max_contacts=3
remove_existing=yes
support_path=yes
[carol]
type=auth
username=carol
password=secret
[out]
type=registration
server_uri=sip:127.0.0.9
client_uri=sip:trunk@127.0.0.9
outbound_auth=trunk
[lamps]
type=resource_list
event=dialog
list_item=770,771,inner,lamps
[inner]
type=resource_list
event=dialog
list_item=770,772,lamps
full_state=yes
notification_batch_interval=200
[feed]
type=inbound-publication
event_asterisk-devicestate=ap
event_asterisk-mwi=ap
[ap]
type=asterisk-publication
device_state=yes
mailbox_state=yes
[by-address]
type=identify
endpoint=alice
match=127.0.0.1
[by-address2]
type=identify
endpoint=bob
match=127.0.0.2
"""

EXTENSIONS = """
[globals]
WHO=world
[internal]
exten => 770,hint,PJSIP/bob&Custom:x,CustomPresence:y
exten => _77X,hint,PJSIP/trunk
exten => 770,1,Answer()
 same => n,Echo()
exten => 771,1,Progress()
 same => n,Wait(5)
 same => n,Busy(2)
exten => 772,1,Dial(PJSIP/bob,20,tTr)
 same => n,Hangup()
exten => 773,1,Dial(PJSIP/bob&PJSIP/trunk,15)
 same => n,Goto(h-${DIALSTATUS},1)
exten => 774,1,Ringing()
 same => n,Answer()
 same => n,Read(D,,3,,1,3)
 same => n,SendText(${D} ${CALLERID(all)})
 same => n,SendDTMF(12#)
 same => n,Milliwatt()
exten => 775,1,Answer()
 same => n,Set(A=$["${CALLERID(name)}" = "x" & ${LEN(${PJSIP_HEADER(read,Subject)})} > 3])
 same => n,Set(B=${FILTER(0-9,${CHANNEL(pjsip,remote_tag)})}${CHANNEL(rtp,dest)}${CHANNEL(rtcp,all)})
 same => n,Set(CONNECTEDLINE(name)=${CALLERID(name)})
 same => n,Wait(30)
exten => 776,1,Dial(PJSIP/trunk/sip:x@127.0.0.3:5073,10,g)
 same => n,Transfer(PJSIP/sip:y@127.0.0.3:5073)
exten => 777,1,Dial(PJSIP/carol&PJSIP/alice,10)
exten => _8X.,1,NoOp(${EXTEN:1} ${CALLERID(num)})
 same => n,Congestion(1)
exten => _h-.,1,Hangup(17)
exten => m,1,MessageSend(pjsip:bob,${MESSAGE(from)})
exten => _m!,1,MessageSend(pjsip:${EXTEN:1},${MESSAGE(from)})
exten => h,1,NoOp(${HANGUPCAUSE} ${CHANNEL(state)})
"""

FILES = {
    "pjsip.conf": PJSIP,
    "extensions.conf": EXTENSIONS,
    "logger.conf": "[general]\n[logfiles]\n",
    "manager.conf": (
        "[general]\nenabled=no\n[admin]\nsecret=secret\nread=all\nwrite=all\n"
        "[small]\nsecret=secret\nread=call\nwrite=call,reporting,originate\neventfilter=!Event: Newchannel\n"
    ),
    "rtp.conf": "[general]\nrtpstart=39000\nrtpend=39400\n",
    "asterisk.conf": "",
}


class Loop(asyncio.SelectorEventLoop):
    """A loop whose clock can be put forward."""

    def __init__(self) -> None:
        super().__init__()
        self.ahead = 0.0

    def time(self) -> float:
        return super().time() + self.ahead

    async def advance(self, seconds: float) -> None:
        """Let time pass: every timer fires in its turn."""
        end = self.time() + seconds
        for _ in range(20_000):
            await self.turn()
            waiting = [handle.when() for handle in self._scheduled if not handle.cancelled()]  # type: ignore[attr-defined]
            if not waiting or min(waiting) > end:
                break
            self.ahead += max(0.0, min(waiting) - self.time()) + 1e-6
        else:
            raise AssertionError(f"timers without end within {seconds} s")
        self.ahead += max(0.0, end - self.time())
        await self.turn()

    async def turn(self) -> None:
        """Run what is ready, and what that makes ready."""
        for _ in range(6):
            await asyncio.sleep(0)


class KeptFlow(Flow):
    """Keeps what is sent."""

    __slots__ = ("sent",)

    def __init__(self, sent: list[tuple[Flow, bytes]], host: str, port: int) -> None:
        super().__init__("UDP", ("127.0.0.1", 5060), (host, port), name="udp")
        self.sent = sent

    def send(self, data: bytes) -> None:
        self.sent.append((self, data))
        del self.sent[:-200]


class KeptTransport(Transport):
    """Flows to anywhere, none of which leaves the process."""

    __slots__ = ("flows", "sent")

    def __init__(self) -> None:
        super().__init__(TransportSettings(name="udp", protocol="udp", host="127.0.0.1", port=5060))
        self.flows: dict[tuple[str, int], KeptFlow] = {}
        self.sent: list[tuple[Flow, bytes]] = []

    def flow_to(self, host: str, port: int, server_name: str = "") -> KeptFlow:
        if len(self.flows) > 500:
            self.flows.clear()
        return self.flows.setdefault((host, port), KeptFlow(self.sent, host, port))

    def close(self) -> None:
        self.closed = True


class NoNames:
    """A resolver that knows no name."""

    async def resolve(self, uri: Any, **options: Any) -> list[Target]:
        return []

    async def ask(self, question: Any) -> Any:
        raise OSError("no names here")

    def close(self) -> None:
        """Nothing to close."""


class Complaints(logging.Handler):
    """Keeps log records that carry a traceback."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.found: list[str] = []
        self.formatter = logging.Formatter("%(levelname)s %(message)s")

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)  # every record can be written
        if record.exc_info and record.exc_info[0] is not None:
            self.found.append(text)


class World:
    """One server, its clock, and the peers around it."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="fuzz"))
        for name, text in FILES.items():
            (self.folder / name).write_text(text)
        (self.folder / "asterisk.conf").unlink()
        self.loop = Loop()
        self.loop.set_exception_handler(self._unhandled)
        self.complaints = Complaints()
        self.server = Server.from_config(self.folder)
        self.server.log.addHandler(self.complaints)
        self.transport = KeptTransport()
        self.wait(self._start())
        self.ports = self.server.media.ports_available("0.0.0.0")
        self.uses = 0

    async def _start(self) -> None:
        await self.server.start()
        manager = self.server.sip.transports
        manager.add(self.transport)
        manager._resolver = NoNames()  # type: ignore[assignment]
        self._keep_harmless()
        await self.loop.advance(40)
        self.timers = len(manager.timers)
        self.complaints.found.clear()

    def _keep_harmless(self) -> None:
        """Inputs must not run commands of the system, nor stop the server."""
        for registry in (self.server.pbx.applications, self.server.commands):
            for name in list(registry._entries):
                if name.lower() in HARMFUL or name.startswith(HARMFUL_COMMANDS):
                    del registry._entries[name]

    def _unhandled(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if error is not None:
            self.complaints.found.append(f"{context['message']}: {error!r}")

    def wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run it to its end on the server's loop."""
        asyncio.set_event_loop(self.loop)
        return self.loop.run_until_complete(coroutine)

    def receive(self, data: bytes, host: str, port: int) -> None:
        """A datagram comes."""
        self.server.sip.layer.receive(data, self.transport.flow_to(host, port), self.loop.time())

    async def settle(self) -> None:
        """End all calls and let time pass; what is left then, or was complained of, is a failure."""
        server = self.server
        for _ in range(4):
            for channel in list(server.pbx.channels):
                channel.soft_hangup()
            for subscription in (*self.subscriptions(), *self.pubsub().outgoing):
                subscription.end()
            for publication in tuple(self.pubsub().publications):
                self.pubsub().publications.close(publication)
            await self.loop.advance(70)
            if not self.left():
                break
        assert not self.complaints.found, "\n".join(self.complaints.found)
        assert not self.left(), self.left()

    def subscriptions(self) -> list[Any]:
        """Those of phones to states of this server."""
        return list(self.pubsub())

    def pubsub(self) -> PubSub:
        """The tables of subscriptions and publications."""
        return pubsub(self.server)

    def left(self) -> dict[str, object]:
        """What should not be there in an idle server."""
        server = self.server
        layer = server.sip.layer
        session = server.modules.find("session")
        assert session is not None
        assert session.instance is not None
        registering = "127.0.0.9"
        own = [each for each in layer.transactions() if registering not in str(each.request.uri)]
        counts: dict[str, object] = {
            "channels": [channel.name for channel in server.pbx.channels],
            "bridges": len(server.pbx.bridges),
            "dialogs": list(server.sip.dialogs),
            "sessions": session.instance.sessions.live,  # type: ignore[attr-defined]
            "subscriptions": len(self.subscriptions()),
            "subscriptions of ours": len(self.pubsub().outgoing),
            "publications": len(self.pubsub().publications),
            "media": len(server.media.sessions),
            "works": [work.name for work in server.sip.servants],
            "ports": self.ports - server.media.ports_available("0.0.0.0"),
            "transactions": own,
        }
        return {name: value for name, value in counts.items() if value}

    def close(self) -> None:
        """Stop the server and remove its files."""
        with contextlib.suppress(Exception), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.wait(self.server.stop())
            self.loop.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Worlds:
    """The server in use: made when first wanted, made anew after a failure."""

    def __init__(self) -> None:
        self._world: World | None = None
        self._uses = 0

    def get(self) -> World:
        """The server."""
        if self._world is None:
            self._world = World()
        return self._world

    def used(self) -> None:
        """One more input was taken; a server that has taken many has a long configuration by then."""
        self._uses += 1
        if self._uses % USES == 0:
            self.drop()

    def drop(self) -> None:
        """Forget it: something is wrong with it, or nobody wants it any more."""
        world, self._world = self._world, None
        if world is not None:
            world.close()
