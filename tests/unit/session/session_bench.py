"""A server without sockets for SIP: messages are put into the stack by hand, what it sends is kept."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, overload

from asterism.applications.session.module import SessionModule
from asterism.applications.session.sdp_handlers.rtp import RtpModule
from asterism.applications.session.sdp_handlers.t38 import T38Module
from asterism.applications.session.supplements.callerid import CallerIdModule
from asterism.applications.session.supplements.client_code import ClientCodeModule
from asterism.applications.session.supplements.diversion import DiversionModule
from asterism.applications.session.supplements.dtmf_info import DtmfInfoModule
from asterism.applications.session.supplements.empty_info import EmptyInfoModule
from asterism.applications.session.supplements.media_control import MediaControlModule
from asterism.applications.session.supplements.nat import NatModule
from asterism.applications.session.supplements.rel100 import Rel100Module
from asterism.applications.session.supplements.replaces import ReplacesModule
from asterism.applications.session.supplements.rfc3326 import ReasonModule
from asterism.applications.session.supplements.rtp_quality import RtpQualityModule
from asterism.applications.session.supplements.text import TextModule
from asterism.applications.session.supplements.timers import SessionTimersModule
from asterism.data import Missing
from asterism.data.options import ConfiguredObject
from asterism.pbx.vocabulary.controls import Control
from asterism.server.server import Server
from asterism.sip.decision import Decision, Outcome
from asterism.sip.module import SipModule
from asterism.sip.objects.endpoint import Endpoint
from asterism.sip.service import InterceptionStep
from asterism.stack.flow import Flow
from asterism.stack.message import Request, Response
from asterism.stack.parser import parse_message
from asterism.stack.timers import TimerQueue
from asterism.stack.transactions.config import TimerConfig
from asterism.stack.transactions.layer import TransactionLayer

MODULES = (
    SipModule,
    SessionModule,
    RtpModule,
    T38Module,
    CallerIdModule,
    DiversionModule,
    DtmfInfoModule,
    ClientCodeModule, EmptyInfoModule, MediaControlModule,
    NatModule,
    ReasonModule,
    SessionTimersModule,
    Rel100Module,
    ReplacesModule,
    RtpQualityModule,
    TextModule,
)  # fmt: skip

CONFIG = """
[global]
user_agent=Test PBX
[alice]
type=endpoint
context=internal
aors=alice
allow=ulaw,alaw,g722
callerid="Alice Example" <6001>
accountcode=acct-alice
set_var=DEPT=sales
[alice]
type=aor
contact=sip:alice@127.0.0.1:5071
[bob]
type=endpoint
context=internal
aors=bob
allow=ulaw,alaw,g722
callerid="Bob Example" <6002>
[bob]
type=aor
contact=sip:bob@127.0.0.1:5072
[lonely]
type=endpoint
context=internal
allow=ulaw
[trunk]
type=endpoint
context=internal
aors=trunk
allow=ulaw,alaw
from_user=pbxuser
from_domain=pbx.example.test
send_pai=yes
redirect_method=uri_pjsip
outbound_auth=trunk-auth
[trunk-auth]
type=auth
username=trunkuser
password=trunkpass
[trunk]
type=aor
contact=sip:127.0.0.1:5073
[passing]
type=endpoint
context=internal
aors=passing
allow=ulaw
moh_passthrough=yes
[passing]
type=aor
contact=sip:passing@127.0.0.1:5076
[anon]
type=endpoint
context=internal
aors=anon
allow=ulaw
send_rpid=yes
[anon]
type=aor
contact=sip:anon@127.0.0.1:5074
""".replace("type=endpoint\n", "type=endpoint\ndirect_media=no\n")
"""Without direct media: where it is not what a test is about, its re-INVITEs would only be in the way."""

SDP = (
    "v=0\r\no=ua 1000 {version} IN IP4 127.0.0.1\r\ns=call\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 31800 RTP/AVP {formats}\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
    "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na={direction}\r\n"
)


def sdp(formats: str = "0 8 101", direction: str = "sendrecv", version: int = 1) -> str:
    return SDP.format(formats=formats, direction=direction, version=version)


def set_options(item: ConfiguredObject | Missing | None, **options: Any) -> None:
    """Give an object options, each through the text that would stand in the file."""
    assert isinstance(item, ConfiguredObject)
    specs = {spec.attribute: spec for spec in item.OPTIONS}
    for name, value in options.items():
        kind = specs[name].kind
        setattr(item, name, kind.parse(kind.format(value), specs[name].default))


class MemoryFlow(Flow):
    """Keeps what is sent."""

    __slots__ = ("more", "sent")

    def __init__(self, port: int) -> None:
        super().__init__("UDP", ("127.0.0.1", 5060), ("127.0.0.1", port), name="udp")
        self.sent: list[bytes] = []
        self.more = asyncio.Event()

    def send(self, data: bytes) -> None:
        self.sent.append(data)
        self.more.set()


class MemoryTransports:
    """Flows by the peer's port."""

    def __init__(self) -> None:
        self.transports: dict[str, object] = {}
        self.flows: dict[int, MemoryFlow] = {}
        self.bound: dict[str, MemoryFlow] = {}

    def close(self) -> None:
        """Nothing to close."""

    def flow_for(
        self, host: str, port: int, protocol: str = "udp", name: str = "", server_name: str = ""
    ) -> MemoryFlow:
        if port not in self.flows:
            self.flows[port] = MemoryFlow(port)
        return self.flows[port]


class Identify(InterceptionStep):
    """Takes the From user for the endpoint, as if it had authenticated."""

    name = "test-identify"
    priority = 1

    def __init__(self, server: Server) -> None:
        self.server = server

    def evaluate(self, rx: Any) -> Decision | None:
        endpoint = self.server.data.get(Endpoint, rx.request.from_.uri.user)
        if isinstance(endpoint, Endpoint):
            rx.endpoint = endpoint
            return None
        return Decision(Outcome.REJECT, "unknown", 403)

    def apply(self, decision: Decision, rx: Any) -> bool:
        rx.respond_stateless(decision.status)
        return True


class Bench:
    """One server and the phones around it, by their ports."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.now = 1000.0
        self.timers = TimerQueue(lambda: self.now)
        self.transports = MemoryTransports()
        self.layer = TransactionLayer(TimerConfig(), self.timers, server.sip.distributor)
        self.numbers = itertools.count(1)

    def phone(self, port: int) -> Phone:
        return Phone(self, port)

    def advance(self, seconds: float) -> None:
        """Let time pass, firing each timer at its own time."""
        end = self.now + seconds
        while (when := self.timers.next_timer()) is not None and when <= end:
            self.now = max(self.now, when)
            self.timers.handle_timers(self.now)
        self.now = end

    async def until(self, condition: Callable[[], object]) -> None:
        for _ in range(500):
            if condition():
                return
            await asyncio.sleep(0)
        raise AssertionError("it did not happen")

    async def turn(self) -> None:
        """Let what is ready run."""
        for _ in range(10):
            await asyncio.sleep(0)

    @property
    def idle(self) -> bool:
        return not len(self.server.pbx.channels) and not len(self.server.sip.dialogs) and not self.sessions.live

    @property
    def sessions(self) -> Any:
        return self.server.modules.find("session").instance.sessions  # type: ignore[attr-defined]


def answers_later(bench: Bench) -> asyncio.Event:
    """Have 700 in ``internal`` ring with media, and answer once the event is set."""
    answer = asyncio.Event()

    @bench.server.pbx.extension("internal", "700")
    async def answering(channel: Any) -> None:
        channel.indicate(Control.PROGRESS)
        await answer.wait()
        await channel.answer()
        await asyncio.sleep(100)

    return answer


class Phone:
    """A peer at 127.0.0.1:port: reads what was sent to it, message by message."""

    def __init__(self, bench: Bench, port: int) -> None:
        self.bench = bench
        self.port = port
        self.flow = bench.transports.flow_for("127.0.0.1", port)
        self.read = 0
        self.invite: Request | None = None

    def messages(self) -> list[Request | Response]:
        return [parse_message(data) for data in self.flow.sent[self.read :]]

    @overload
    async def next(self, kind: int) -> Response: ...

    @overload
    async def next(self, kind: str) -> Request: ...

    async def next(self, kind: int | str) -> Request | Response:
        """The next message that is the response (number) or request (method) wanted; others are passed over."""

        for _ in range(500):
            message = self._find(kind)
            if message is not None:
                return message
            await asyncio.sleep(0)
        starts = [message.start_line() for message in self.messages()]
        raise AssertionError(f"no {kind} came, but {starts}")

    async def later(self, kind: str) -> Request:
        """The next request of a method, which comes when some time is over."""
        while (message := self._find(kind)) is None:
            self.flow.more.clear()
            await asyncio.wait_for(self.flow.more.wait(), 5)
        assert isinstance(message, Request)
        return message

    def _find(self, kind: int | str) -> Request | Response | None:
        for index, message in enumerate(self.messages()):
            what = message.status if isinstance(message, Response) else message.method
            if what == kind:
                self.read += index + 1
                return message
        return None

    def receive(self, text: str) -> None:
        self.bench.layer.receive(text.encode(), self.flow, self.bench.now)

    def request(
        self, method: str, uri: str, user: str, to: str, body: str = "", extra: str = "", number: int = 1,
        call: str = "", content_type: str = "application/sdp", branch: str = "", tag: str = "t1",
    ) -> None:  # fmt: skip
        kind = f"Content-Type: {content_type}\r\n" if body else ""
        branch = branch or f"z9hG4bK{next(self.bench.numbers):08d}"
        self.receive(
            f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{self.port};rport;branch={branch}\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:{user}@127.0.0.1>;tag={tag}\r\nTo: {to}\r\n"
            f"Call-ID: {call or f'call-{self.port}'}\r\nCSeq: {number} {method}\r\n"
            f"Contact: <sip:{user}@127.0.0.1:{self.port}>\r\n{extra}{kind}Content-Length: {len(body)}\r\n\r\n{body}"
        )

    def call(self, exten: str, user: str = "alice", body: str | None = None, **more: Any) -> None:
        """Send an INVITE; ``self.branch`` is kept for a CANCEL."""
        self.branch = f"z9hG4bK{next(self.bench.numbers):08d}"
        self.user, self.exten = user, exten
        text = sdp() if body is None else body
        to = f"<sip:{exten}@127.0.0.1>"
        self.request("INVITE", f"sip:{exten}@127.0.0.1", user, to, text, branch=self.branch, **more)

    def in_dialog(self, method: str, response: Response, number: int, body: str = "", **more: Any) -> None:
        target = "sip:127.0.0.1:5060"
        self.request(method, target, self.user, str(response.to), body, number=number, **more)

    def cancel(self, extra: str = "") -> None:
        to = f"<sip:{self.exten}@127.0.0.1>"
        self.request("CANCEL", f"sip:{self.exten}@127.0.0.1", self.user, to, branch=self.branch, extra=extra)

    def respond(self, request: Request, status: int, reason: str = "", body: str = "", tag: str = "b1", extra: str = "",
                contact: bool = True) -> None:  # fmt: skip
        kind = "Content-Type: application/sdp\r\n" if body else ""
        where = f"Contact: <sip:bob@127.0.0.1:{self.port}>\r\n" if contact else ""
        to = request.get("To")
        if ";tag=" not in (to or "") and status > 100:
            to = f"{to};tag={tag}"
        self.receive(
            f"SIP/2.0 {status} {reason or 'x'}\r\nVia: {request.get('Via')}\r\nFrom: {request.get('From')}\r\n"
            f"To: {to}\r\nCall-ID: {request.call_id}\r\nCSeq: {request.get('CSeq')}\r\n"
            f"{where}{extra}{kind}Content-Length: {len(body)}\r\n\r\n{body}"
        )


async def make_bench(folder: Path) -> Bench:
    """Assemble the server, without opening it."""
    (folder / "pjsip.conf").write_text(CONFIG)
    server = Server.from_config(folder)
    for module in MODULES:
        server.modules.add(module)
    for module in MODULES:
        await server.modules.load(module.name)
    report = server.data.load()
    assert not report.errors
    server.sip.location.index()
    server.sip.register_step(Identify(server))
    bench = Bench(server)
    server.sip.attach(bench.layer, bench.transports)  # type: ignore[arg-type]
    return bench


def on_bench(test: Callable[[Bench], Awaitable[None]]) -> Callable[[Path], None]:
    """Run ``async def test(bench)`` with a server of its own, and see that it leaves nothing behind."""

    async def main(folder: Path) -> None:
        bench = await make_bench(folder)
        try:
            await test(bench)
            for channel in bench.server.pbx.channels:
                channel.soft_hangup()
            await bench.until(lambda: not len(bench.server.pbx.channels))
            bench.advance(64)
            await bench.until(lambda: bench.idle)
            assert not bench.server.media.sessions
            assert not bench.server.media.udptl.open_ports
            assert len(bench.server.sip.servants) == 0
            assert bench.layer.live_transactions == 0
        finally:
            await bench.server.stop()

    def run(tmp_path: Path) -> None:
        asyncio.run(main(tmp_path))

    run.__name__ = test.__name__
    run.__doc__ = test.__doc__
    return run
