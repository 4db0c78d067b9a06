"""A SIP core in memory: objects from a text, messages in through the stack, answers collected."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from asterism.applications.registrar import RegistrarModule
from asterism.core.commands import Action, Command, marks_of
from asterism.core.events import EventBus, EventType
from asterism.core.log import ServerLogger
from asterism.core.registry import Owner, Registry
from asterism.core.security import SecurityEvents
from asterism.core.test_events import TestEvents
from asterism.data.data import Data
from asterism.data.store import Store
from asterism.interception.authentication import Authentication
from asterism.interception.authenticator_digest import AuthenticatorDigest
from asterism.interception.identification import Identification
from asterism.interception.security import SipSecurity
from asterism.sip import lifecycle
from asterism.sip.core import SipCore
from asterism.sip.identifiers.anonymous import EndpointIdentifierAnonymous
from asterism.sip.identifiers.ip import EndpointIdentifierIp
from asterism.sip.identifiers.user import EndpointIdentifierUser
from asterism.sip.objects import TYPES
from asterism.stack.digest import Challenge, ClientSession, ha1
from asterism.stack.flow import Flow
from asterism.stack.message import Request, Response
from asterism.stack.parser import parse_message
from asterism.stack.timers import TimerQueue
from asterism.stack.transactions import TimerConfig, TransactionLayer

MODULES = (
    SipSecurity,
    EndpointIdentifierIp,
    EndpointIdentifierUser,
    EndpointIdentifierAnonymous,
    Identification,
    Authentication,
    AuthenticatorDigest,
    RegistrarModule,
)

PHONES = """
[transport-udp]
type=transport
protocol=udp
bind=127.0.0.1:5060
[phone](!)
type=endpoint
context=internal
allow=ulaw
[alice](phone)
auth=alice-auth
aors=alice
[alice-auth]
type=auth
username=alice
password=alicepw
[alice]
type=aor
max_contacts=2
default_expiration=600
maximum_expiration=3600
[bob](phone)
auth=bob-auth
aors=bob
rewrite_contact=yes
[bob-auth]
type=auth
username=bob
password=bobpw
[bob]
type=aor
max_contacts=1
remove_existing=yes
[noaor](phone)
auth=alice-auth
[open](phone)
aors=closed
[closed]
type=aor
max_contacts=0
[frank](phone)
auth=frank-auth
aors=frank
deny=0.0.0.0/0.0.0.0
permit=127.0.0.77/255.255.255.255
[frank-auth]
type=auth
username=frank
password=frankpw
[frank]
type=aor
max_contacts=1
[trunk](phone)
aors=trunk
[trunk]
type=aor
contact=sip:198.51.100.1:5080
support_path=yes
max_contacts=3
[trunk-id]
type=identify
endpoint=trunk
match=198.51.100.0/24
"""


class FakeFlow(Flow):
    """Keeps what is sent."""

    __slots__ = ("sent",)

    def __init__(self, remote: tuple[str, int] = ("192.0.2.10", 5060), transport: str = "UDP") -> None:
        super().__init__(transport, ("192.0.2.1", 5060), remote, reliable=transport != "UDP")
        self.sent: list[bytes] = []

    def send(self, data: bytes) -> None:
        self.sent.append(data)

    def take(self) -> list[Request | Response]:
        found = [parse_message(data) for data in self.sent]
        self.sent.clear()
        return found


class FakeTransports:
    """Flows to anywhere, all kept."""

    def __init__(self, layer: TransactionLayer, timers: TimerQueue) -> None:
        self.layer = layer
        self.timers = timers
        self.transports: dict[str, Any] = {}
        self.flows: dict[tuple[str, int], FakeFlow] = {}
        self.bound: dict[str, Flow] = {}
        self.loop = SimpleNamespace(call_soon=lambda function, *args: function(*args))
        self.on_trace: Any = None

    def flow_for(self, host: str, port: int, protocol: str = "udp", name: str = "") -> FakeFlow:
        return self.flows.setdefault((host, port), FakeFlow((host, port), protocol.upper()))

    def close(self) -> None:
        pass


class Rig:
    """One SIP core with its data, on a clock of its own. It is also the server that modules see."""

    def __init__(
        self,
        folder: Path,
        pjsip: str,
        *,
        acl: str = "",
        modules: Iterable[type] = MODULES,
        pbx: Any = None,
        wall: float = 1_800_000_000.5,
    ) -> None:
        self.now = 1000.0
        self.wall = wall
        folder.mkdir(exist_ok=True)
        (folder / "pjsip.conf").write_text(pjsip)
        (folder / "acl.conf").write_text(acl)
        self.name, self.version = "rig", "0.0"
        self.options = SimpleNamespace(show_secrets=False)
        self.log = ServerLogger("rig")
        self.owner = Owner("rig")
        self.bus = EventBus(self.log)
        self.test_events = TestEvents(self.bus)
        self.security = SecurityEvents(self.bus, self.log)
        self.security.register(self.owner)
        self.commands: Registry[Command] = Registry("command")
        self.actions: Registry[Action] = Registry("action", str.lower)
        self.pbx = pbx
        self.events: list[tuple[str, list[tuple[str, object]]]] = []
        self.commits: list[Callable[[], object]] = []
        self.store = Store(folder / "store.sqlite3", log=self.log, call_soon=self.commits.append)
        self.data = Data(self.owner, self.log, folder, self.store)
        self.sip = SipCore(self.owner, self.data, self.bus, self.log, "0.0", self.test_events)
        self.sip.location.wall_clock = lambda: self.wall
        for cls in TYPES:
            self.data.register_type(cls)
        self.report = self.data.load()
        self.timers = TimerQueue(lambda: self.now)
        self.layer = TransactionLayer(TimerConfig(), self.timers, self.sip.distributor)
        self.transports = FakeTransports(self.layer, self.timers)
        self.sip.attach(self.layer, self.transports)  # type: ignore[arg-type]
        lifecycle.apply_settings(self.sip)
        self.modules = [cls() for cls in modules]
        for module in self.modules:
            module.load(self)
        self.sip.location.start(self.timers)
        self.flow = FakeFlow()
        self._serial = 0

    # As a server.

    def register_marked(self, holder: object) -> None:
        for mark, method in marks_of(holder):
            if mark.kind == "command":
                item = Command(mark.name, method, mark.extra.get("complete"))
                self.commands.add(self.owner, mark.name, item, mark.documentation)
            elif mark.kind == "action":
                self.actions.add(
                    self.owner, mark.name, Action(mark.name, mark.extra["privilege"], method), mark.documentation
                )

    def register_command(self, item: Command, documentation: Any) -> None:
        self.commands.add(self.owner, item.words, item, documentation)

    def register_action(self, item: Action, documentation: Any) -> None:
        self.actions.add(self.owner, item.name, item, documentation)

    def register_events(self, *types: EventType) -> None:
        self.bus.register(self.owner, *types)

    # Driving.

    def record(self) -> list[tuple[str, list[tuple[str, object]]]]:
        """Collect events from now on."""

        def collect(event_type: EventType, args: tuple[Any, ...]) -> None:
            self.events.append((event_type.name, list(event_type.render(*args))))

        self.bus.subscribe(self.owner, None, collect)
        return self.events

    def commit(self) -> None:
        """Let the loop's next turn come: commit what is written."""
        commits, self.commits[:] = list(self.commits), []
        for commit in commits:
            commit()

    def receive(self, data: bytes | str, flow: FakeFlow | None = None) -> list[Request | Response]:
        """Let a message arrive; what comes back after the commit."""
        flow = flow or self.flow
        if isinstance(data, str):
            data = data.replace("\n", "\r\n").encode()
        self.layer.receive(data, flow, self.now)
        self.commit()
        return flow.take()

    def advance(self, seconds: float) -> None:
        """Let time pass, firing timers."""
        end = self.now + seconds
        while (when := self.timers.next_timer()) is not None and when <= end:
            self.wall += max(when - self.now, 0.0)
            self.now = max(when, self.now)
            self.timers.handle_timers(self.now)
            self.commit()
        self.wall += end - self.now
        self.now = end

    def request(
        self,
        method: str,
        uri: str = "sip:pbx.test",
        user: str = "alice",
        *headers: str,
        to: str = "",
        call_id: str = "",
        cseq: int = 0,
        body: str = "",
    ) -> str:
        """The text of a request."""
        self._serial += 1
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKt{self._serial};rport",
            "Max-Forwards: 70",
            f"From: <sip:{user}@pbx.test>;tag=f{self._serial}",
            f"To: {to or f'<sip:{user}@pbx.test>'}",
            f"Call-ID: {call_id or f'c{self._serial}'}",
            f"CSeq: {cseq or self._serial} {method}",
            *headers,
            f"Content-Length: {len(body)}",
            "",
            body,
        ]
        return "\n".join(lines)

    def answer(self, response: Response, method: str, uri: str, user: str, password: str, nc: int = 1) -> str:
        """The Authorization header that meets a 401."""
        challenge = Challenge.parse(response.get("WWW-Authenticate") or "")
        secret = ha1(user, challenge.realm, password, challenge.algorithm or "MD5")
        session = ClientSession(challenge, user, secret, "cnonce", nc - 1)
        return f"Authorization: {session.authorize(method, uri)}"

    def ask(self, method: str, *headers: str, user: str = "alice", password: str = "", **more: Any) -> Response:
        """A request, sent again with credentials when challenged; the last response."""
        uri = more.pop("uri", "sip:pbx.test")
        auth_user = more.pop("auth_user", user)
        flow = more.pop("flow", None)
        response = self.only(self.receive(self.request(method, uri, user, *headers, **more), flow))
        if response.status != 401:
            return response
        authorization = self.answer(response, method, uri, auth_user, password or f"{auth_user}pw")
        return self.only(self.receive(self.request(method, uri, user, *headers, authorization, **more), flow))

    @staticmethod
    def only(messages: list[Request | Response]) -> Response:
        """The one response among what came back."""
        responses = [message for message in messages if isinstance(message, Response)]
        assert len(responses) == 1, messages
        return responses[0]


async def turn() -> None:
    """Let everything that is ready run."""
    for _ in range(5):
        await asyncio.sleep(0)
