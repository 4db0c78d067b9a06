"""Draw the state machines from the code: ``python tests/unit/stack/draw_machines.py``.

Every transaction machine is put into each state that it can reach, and everything that can happen there happens: what
it does then is an arc. The page that is written is ``docs/stack/state-machines.md``. Offers and answers, and the states
of a session, are tables in the code: ``docs/stack/offer-answer.md`` shows them, and ``subscriptions.md`` those of a
subscription. A test compares the pages with it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transaction_kit import Net, RecordingClient, RecordingFlow, new_request, request_text, response_to

from asterism.applications.pubsub import subscription
from asterism.applications.session.state import MOVES, SessionState
from asterism.pbx.vocabulary.controls import STAGE_MOVES, Stage
from asterism.stack import Request, make_response
from asterism.stack.sdp.exchange import TABLE, Action, Message, Next, OfferState, Side

PAGE = Path(__file__).parents[3] / "docs" / "stack" / "state-machines.md"
OFFERS_PAGE = PAGE.with_name("offer-answer.md")
SUBSCRIPTIONS_PAGE = PAGE.with_name("subscriptions.md")

Arc = tuple[str, str, str, str]
"""State, event, what is done, next state."""

TIMERS = {
    "_timer_100_expired": "no answer in time",
    "_timer_refresh_expired": "every minute",
    "_timer_2xx_expired": "T1, doubled up to T2",
    "_timer_cancel_expired": "Timer B after CANCEL",
}
DEPTH = 4


class Run:
    """One machine on its way: the base of the four."""

    TITLE = ""
    REFERENCE = ""
    EVENTS: tuple[str, ...] = ()
    LAST_TIMER: dict[str, str] = {}  # noqa: RUF012
    START = ""

    def __init__(self, transport: str) -> None:
        self.net = Net()
        self.flow = self.net.flow = RecordingFlow(transport)
        self.client = RecordingClient()
        self.machine: Any = None
        self.begin()
        self.done()

    def begin(self) -> None:
        """Make the machine."""

    def happen(self, event: str) -> None:
        """One of :attr:`EVENTS`."""

    @property
    def state(self) -> str:
        """The state, that of finished transactions included, which are no objects any more."""
        layer = self.net.layer
        if self.machine.key not in layer._servers.entries and self.machine.key not in layer._clients.entries:
            return "Terminated"
        state: str = self.machine.state.value
        # Once the ACK to a 2xx has come, the object is of no use any more; the layer absorbs what belongs to it.
        return "Accepted" if state == "Terminated" else state

    def timers(self) -> dict[str, Any]:
        """The timers that wait, by their names."""
        found = {}
        for _, _, timer in self.net.timers._heap:
            if timer._fn is not None:
                name = timer._fn.__name__
                if getattr(timer._fn, "__self__", None) is self.machine:
                    found[TIMERS.get(name) or f"Timer {name.split('_')[2].upper()}"] = timer
                elif name == "_expire" and self.state in self.LAST_TIMER:
                    found[self.LAST_TIMER[self.state]] = timer
        return found

    def step(self, event: str) -> None:
        """Let an event happen, or a timer of that name expire."""
        timer = self.timers().get(event)
        if timer is None:
            self.happen(event)
        else:
            self.net.now = timer.when
            function, args = timer._fn, timer._args
            timer.cancel()
            function(*args)
        if event == "transport error":
            self.net.timers.handle_timers(self.net.now)

    def done(self) -> str:
        """What was sent and told since the last call."""
        sent = self.flow.take()
        found = [f"send {one.method if isinstance(one, Request) else one.status}" for one in sent]
        told = [*self.client.events, *(kind for kind in self.net.user.kinds() if kind not in ("request", "stray"))]
        found += [f"to user, {event}".replace("_", " ") for event in told]
        self.client.events.clear()
        self.net.user.events.clear()
        return ", ".join(found)


class Client(Run):
    """What both clients share."""

    METHOD = ""

    def begin(self) -> None:
        self.machine = self.net.layer.send_request(new_request(self.METHOD), self.flow, self.client)

    def happen(self, event: str) -> None:
        if event == "transport error":
            self.flow.failed(OSError("gone"))
        elif event == "cancel":
            self.machine.cancel()
        else:
            self.net.receive(response_to(self.machine.request, int(event), "t"))


class InviteClient(Client):
    TITLE, REFERENCE, METHOD, START = "INVITE client", "RFC 3261 figure 5, RFC 6026 figure 1", "INVITE", "Calling"
    EVENTS = ("180", "200", "486", "transport error", "cancel")
    LAST_TIMER = {"Completed": "Timer D"}  # noqa: RUF012


class NonInviteClient(Client):
    TITLE, REFERENCE, METHOD, START = "Non-INVITE client", "RFC 3261 figure 6", "OPTIONS", "Trying"
    EVENTS = ("100", "200", "486", "transport error")
    LAST_TIMER = {"Completed": "Timer K"}  # noqa: RUF012


class Server(Run):
    """What both servers share."""

    METHOD = ""

    def begin(self) -> None:
        self.net.receive(self.text(self.METHOD))
        self.machine = self.net.layer.create_server_transaction(self.net.user.requests[0])

    def text(self, method: str, to: str = "<sip:bob@192.0.2.9>") -> str:
        return request_text(method, transport=self.flow.transport, to=to)

    def happen(self, event: str) -> None:
        if event == "transport error":
            self.flow.failed(OSError("gone"))
        elif event == "ACK":
            self.net.receive(self.text("ACK", f"<sip:bob@192.0.2.9>;tag={self.machine.to_tag}"))
        elif event == self.METHOD:
            self.net.receive(self.text(self.METHOD))
        else:
            status = int(event.rpartition(" ")[2])
            self.machine.respond(make_response(self.machine.request, status))


class InviteServer(Server):
    TITLE, REFERENCE, METHOD, START = "INVITE server", "RFC 3261 figure 7, RFC 6026 figure 2", "INVITE", "Proceeding"
    EVENTS = ("INVITE", "ACK", "respond 180", "respond 200", "respond 486", "transport error")
    LAST_TIMER = {"Confirmed": "Timer I", "Accepted": "Timer L"}  # noqa: RUF012


class NonInviteServer(Server):
    TITLE, REFERENCE, METHOD, START = "Non-INVITE server", "RFC 3261 figure 8, RFC 4320", "OPTIONS", "Trying"
    EVENTS = ("OPTIONS", "respond 100", "respond 200", "respond 486", "transport error")
    LAST_TIMER = {"Completed": "Timer J"}  # noqa: RUF012


MACHINES: tuple[type[Run], ...] = (InviteClient, NonInviteClient, InviteServer, NonInviteServer)


def explore(kind: type[Run], transport: str) -> dict[Arc, None]:
    """Every arc that the machine takes over that transport, in order of discovery."""
    arcs: dict[Arc, None] = {}
    paths: list[tuple[str, ...]] = [()]
    while paths:
        path = paths.pop(0)

        def arrive(path: tuple[str, ...] = path) -> Run:
            run = kind(transport)
            for event in path:
                run.step(event)
            run.done()
            return run

        run = arrive()
        before = run.state
        if before == "Terminated":
            continue
        for event in (*kind.EVENTS, *run.timers()):
            run = arrive()
            run.step(event)
            arc = before, event, run.done(), run.state
            if arc[2] == "" and arc[0] == arc[3]:
                continue
            if arc not in arcs:
                arcs[arc] = None
                if len(path) < DEPTH:
                    paths.append((*path, event))
    return arcs


def _merge(kind: type[Run]) -> dict[tuple[str, str], list[str]]:
    """Labels by arc of the drawing; what only one kind of transport does is said."""
    unreliable, reliable = explore(kind, "UDP"), explore(kind, "TCP")
    drawn: dict[tuple[str, str], list[str]] = {}
    for before, event, done, after in unreliable | reliable:
        arc = before, event, done, after
        where = "" if arc in unreliable and arc in reliable else " (UDP)" if arc in unreliable else " (TCP)"
        label = f"{event}{where}{' / ' + done if done else ''}"
        drawn.setdefault((before, after), []).append(label)
    return drawn


def page() -> str:
    """The whole page."""
    lines = [
        "# State machines",
        "",
        "<!-- Made by tests/unit/stack/draw_machines.py from runs of the code: change that, not this page. -->",
        "",
        "Each arc says what happens, and behind the slash what the machine does: what it sends, and what it tells its",
        "user. What is absorbed without a word is not drawn. `(UDP)` and `(TCP)` stand at what only unreliable",
        "or only reliable transports do; 486 stands for every final response that is no success.",
        "",
        "Two arcs of RFC 3261 are left out on purpose: a transport error in Completed of the INVITE client (the ACK",
        "could not be sent) and of the non-INVITE server (the final response could not, over UDP). The user knows by",
        "then how it ended and can do nothing about it, so that only bytes are kept for repetitions; the other side",
        "asks again, or its timers decide.",
    ]
    for kind in MACHINES:
        lines += ["", f"## {kind.TITLE}", "", f"{kind.REFERENCE}.", "", "```mermaid", "stateDiagram-v2"]
        lines.append(f"    [*] --> {kind.START}")
        for (before, after), labels in _merge(kind).items():
            lines.append(f"    {before} --> {after} : {'<br/>'.join(labels)}")
        lines += ["    Terminated --> [*]", "```"]
    return "\n".join(lines) + "\n"


SECTIONS: tuple[tuple[str, str, tuple[OfferState, ...]], ...] = (
    (
        "Our INVITE",
        "RFC 3261 13.2.1 and 14.1, RFC 3262 5. The offer is in the INVITE, or the peer makes it.",
        (
            OfferState.OFFERED_INVITE, OfferState.PREVIEWED, OfferState.ASKED, OfferState.RECEIVED_RELIABLE,
            OfferState.RECEIVED_2XX,
        ),
    ),
    (
        "The peer's INVITE",
        "RFC 3261 13.2.1 and 14.2, RFC 3262 5. The offer is in the INVITE, or we make it.",
        (
            OfferState.RECEIVED_INVITE, OfferState.ANSWERED_EARLY, OfferState.OWED, OfferState.OFFERED_EARLY,
            OfferState.OFFERED_RELIABLE, OfferState.OFFERED_2XX,
        ),
    ),
    (
        "PRACK and UPDATE",
        "RFC 3262 5, RFC 3311 5.1 and 5.2. They may come while an INVITE is not through, and go back to where it was.",
        (
            OfferState.OFFERED_PRACK, OfferState.RECEIVED_PRACK, OfferState.OFFERED_UPDATE, OfferState.RECEIVED_UPDATE,
        ),
    ),
)  # fmt: skip
"""The states of each diagram; ``NONE`` and ``STABLE`` are in all of them."""

MESSAGES = {
    Message.EARLY: "unreliable 1xx",
    Message.RELIABLE: "reliable 1xx",
    Message.OK: "2xx",
    Message.INVITE_REFUSED: "refusal of INVITE",
    Message.PRACK_OK: "2xx to PRACK",
    Message.PRACK_REFUSED: "refusal of PRACK",
    Message.UPDATE_OK: "2xx to UPDATE",
    Message.UPDATE_REFUSED: "refusal of UPDATE",
}
_BEFORE = "Before"
_CARRIES_NOTHING = (Message.INVITE_REFUSED, Message.PRACK_REFUSED, Message.UPDATE_REFUSED)


def _offer_arcs() -> list[tuple[OfferState, str, str]]:
    """State, label and next state of every row that does anything; a pair that differs in nothing is one arc."""
    arcs: dict[tuple[OfferState, str, str], None] = {}
    for (state, side, message, described), (action, after) in TABLE.items():
        if action is Action.NOTHING and after is state:
            continue
        both = TABLE.get((state, side, message, not described)) == (action, after)
        kind = (
            "" if both or message in _CARRIES_NOTHING else " with description" if described else " without description"
        )
        who = "send" if side is Side.US else "get"
        done = "" if action is Action.NOTHING else f" / {action.name.lower().replace('_', ' ')}"
        where = _BEFORE if after is Next.BACK else OfferState(after).name
        arcs[state, f"{who} {MESSAGES.get(message, message.name)}{kind}{done}", where] = None
    return list(arcs)


def _offer_diagram(states: tuple[OfferState, ...]) -> list[str]:
    drawn: dict[tuple[str, str], dict[str, None]] = {}
    names = {state.name for state in states}
    for state, label, after in _offer_arcs():
        if state in states or after in names:
            before = state.name if state in states else _BEFORE
            drawn.setdefault((before, after), {})[label] = None
    arcs = [f"    {before} --> {after} : {'<br/>'.join(labels)}" for (before, after), labels in drawn.items()]
    return ["```mermaid", "stateDiagram-v2", *arcs, "```"]


def offers_page() -> str:
    """The page of offers and answers, and of the states of a session."""
    lines = [
        "# Offer and answer",
        "",
        "<!-- Made by tests/unit/stack/draw_machines.py from the tables of the code: change those, not this page. -->",
        "",
        "`asterism.stack.sdp.exchange.OfferAnswer` says which message of a dialog may carry a description, and what",
        "that is: an offer, an answer, or nothing. Each arc says what is sent or comes, and behind the slash what is",
        "done. `Before` is the state in which the exchange began: `NONE` (nothing was agreed on yet) or `STABLE`; for",
        "UPDATE also that of an INVITE whose answer only an unreliable response has shown. What is not drawn is not",
        "allowed:",
        "",
        "| message | what becomes of it |",
        "|---|---|",
        "| an INVITE, PRACK or UPDATE with an offer, while our offer or our INVITE is open | 491 |",
        "| the same, while the peer's own offer or INVITE (its ACK included) is open | 500, Retry-After of 0 to 10 s |",
        "| a description in a response or an ACK where none belongs | dropped |",
        "| a request of ours | it waits |",
    ]
    for title, text, states in SECTIONS:
        lines += ["", f"## {title}", "", text, "", *_offer_diagram(states)]
    lines += [
        "",
        "## The states of a session",
        "",
        "How far a call got (`asterism.applications.session.state`). Requests within an answered call do not move it.",
        "",
        "```mermaid",
        "stateDiagram-v2",
        f"    [*] --> {SessionState.NEW.name}",
    ]
    lines += [f"    {before.name} --> {after.name}" for before, found in MOVES.items() for after in found]
    lines += [
        f"    {SessionState.ENDED.name} --> [*]",
        "```",
        "",
        "## The life of a channel",
        "",
        "How far the channel of a call got (`asterism.pbx.vocabulary.controls.Stage`). Its `ChannelState` is another",
        "thing: what the manager shows while it lives.",
        "",
        "```mermaid",
        "stateDiagram-v2",
        f"    [*] --> {Stage.LIVE.name}",
    ]
    lines += [
        f"    {before.name} --> {after.name}" for before in Stage for after in Stage if after in STAGE_MOVES[before]
    ]
    lines += [f"    {Stage.DEAD.name} --> [*]", "```"]
    return "\n".join(lines) + "\n"


def subscriptions_page() -> str:
    """The page of subscriptions."""
    lines = [
        "# Subscriptions",
        "",
        "<!-- Made by tests/unit/stack/draw_machines.py from the tables of the code: change those, not this page. -->",
        "",
        "`asterism.applications.pubsub.subscription.Machine` is one side of one subscription (RFC 6665 4.1.2, 4.2.1).",
        "It is told what happens and says what to do about it. Each arc says what happens, and behind the slash what",
        "is done. What is not drawn changes nothing.",
    ]
    for role in subscription.Role:
        drawn: dict[tuple[str, str], list[str]] = {}
        for (owner, before, event), (action, after) in subscription.TABLE.items():
            if owner is role:
                done = "" if action is subscription.Action.NOTHING else f" / {action.name}"
                label = (event.name + done).lower().replace("_", " ")
                drawn.setdefault((before.name, after.name), []).append(label)
        lines += ["", f"## The {role.name.lower()}", "", "```mermaid", "stateDiagram-v2", "    [*] --> INIT"]
        lines += [f"    {before} --> {after} : {'<br/>'.join(labels)}" for (before, after), labels in drawn.items()]
        lines += ["    TERMINATED --> [*]", "```"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
    OFFERS_PAGE.write_text(offers_page())
    SUBSCRIPTIONS_PAGE.write_text(subscriptions_page())
