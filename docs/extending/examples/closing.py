"""A console command and a manager action with an event: refusing new calls while the office is closed."""

from asterism.core.commands import ActionCall, CommandCall, action, command
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import UsageError
from asterism.core.events import EventType, Fields
from asterism.core.module import Module
from asterism.sip.decision import Decision, Outcome
from asterism.sip.rx import Rx
from asterism.sip.server import SipServer
from asterism.sip.service import InterceptionStep


def _changed(closed: bool, by: str) -> Fields:
    return [("Office", "closed" if closed else "open"), ("ChangedBy", by)]


CHANGED = EventType(
    "OfficeChanged",
    "system",
    _changed,
    Documentation(
        "The office has been closed or opened.",
        arguments=(
            Argument("Office", values=(("closed", "New calls are refused."), ("open", "They are taken."))),
            Argument("ChangedBy", "console, or manager."),
        ),
    ),
)


class RefuseCalls(InterceptionStep):
    """Answers new calls with 503 while ``closed`` is set."""

    name = "closing"
    priority = 10  # before identification and authentication

    def __init__(self) -> None:
        self.closed = False

    def evaluate(self, rx: Rx) -> Decision | None:
        """Decide, changing nothing; ``None`` lets the request pass."""
        if self.closed and rx.request.method == "INVITE":
            return Decision(Outcome.REJECT, "the office is closed", 503)
        return None

    def apply(self, decision: Decision, rx: Rx) -> bool:
        """Answer; the request goes no further."""
        rx.respond_stateless(decision.status, headers=[("Retry-After", "60")])
        return True


class Closing(Module):
    """``office close|open`` on the console, ``Action: Office`` for programs."""

    name = "closing"
    requires = ("res_pjsip",)
    description = "Refusal of new calls"

    def load(self, server: SipServer) -> None:
        """Register everything."""
        self._server = server
        self._step = RefuseCalls()
        server.sip.register_step(self._step)
        server.register_events(CHANGED)
        server.register_marked(self)

    def _switch(self, closed: bool, by: str) -> None:
        if self._step.closed is not closed:
            self._step.closed = closed
            self._server.bus.publish(CHANGED, closed, by)

    @command("office", Documentation("Refuse new calls, or take them again.", "office {close|open}"), ("close", "open"))
    def on_command(self, call: CommandCall) -> str:
        """``call.args`` are the words after the command's own; what is returned is printed."""
        if call.args not in (["close"], ["open"]):
            raise UsageError("it takes close or open")
        self._switch(call.args == ["close"], "console")
        return f"The office is {'closed' if self._step.closed else 'open'}.\n"

    @action(
        "Office",
        "system",
        Documentation(
            "Refuse new calls, or take them again.", arguments=(Argument("State", "closed or open", required=True),)
        ),
    )
    def on_action(self, call: ActionCall) -> None:
        """Exactly one of ``success``, ``error`` and ``begin_list`` answers."""
        state = call.get("State").lower()
        if state not in ("closed", "open"):
            call.error("State must be closed or open")
            return
        self._switch(state == "closed", "manager")
        call.success(f"The office is {state}")
