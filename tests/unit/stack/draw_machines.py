"""Draw the four transaction machines from runs of the code: ``python tests/unit/stack/draw_machines.py``.

Every machine is put into each state that it can reach, and everything that can happen there happens: what it does
then is an arc. The page that is written is ``docs/stack/state-machines.md``; a test compares it with the code.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transaction_kit import Net, RecordingClient, RecordingFlow, new_request, request_text, response_to

from asterism.stack import Request, make_response

PAGE = Path(__file__).parents[3] / "docs" / "stack" / "state-machines.md"

Arc = tuple[str, str, str, str]
"""State, event, what is done, next state."""

TIMERS = {
    "_timer_trying_expired": "no answer in time",
    "_timer_provisional_expired": "every minute",
    "_timer_success_expired": "T1, doubled up to T2",
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


if __name__ == "__main__":
    PAGE.write_text(page())
