"""A console command and a manager action with an event: refusing new calls during maintenance."""

from asterism.core.commands import ActionCall, CommandCall, action, command
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import UsageError
from asterism.core.events import EventType, Fields
from asterism.core.module import Module
from asterism.sip.decision import Decision, Outcome
from asterism.sip.rx import Rx
from asterism.sip.server import SipServer
from asterism.sip.service import InterceptionStep


def _changed(on: bool, by: str) -> Fields:
    return [("Maintenance", "on" if on else "off"), ("ChangedBy", by)]


CHANGED = EventType(
    "MaintenanceChanged",
    "system",
    _changed,
    Documentation(
        "Maintenance has begun or ended.",
        arguments=(
            Argument("Maintenance", values=(("on", "New calls are refused."), ("off", "They are taken."))),
            Argument("ChangedBy", "console, or manager."),
        ),
    ),
)


class RefuseCalls(InterceptionStep):
    """Answers new calls with 503 while ``on`` is set."""

    name = "maintenance"
    priority = 10  # before identification and authentication

    def __init__(self) -> None:
        self.on = False

    def evaluate(self, rx: Rx) -> Decision | None:
        """Decide, changing nothing; ``None`` lets the request pass."""
        if self.on and rx.request.method == "INVITE":
            return Decision(Outcome.REJECT, "maintenance is on", 503)
        return None

    def apply(self, decision: Decision, rx: Rx) -> bool:
        """Answer; the request goes no further."""
        rx.respond_stateless(decision.status, headers=[("Retry-After", "60")])
        return True


class Maintenance(Module):
    """``maintenance on|off`` on the console, ``Action: Maintenance`` for programs."""

    name = "maintenance"
    requires = ("res_pjsip",)
    description = "Refusal of new calls"

    def load(self, server: SipServer) -> None:
        """Register everything."""
        self._server = server
        self._step = RefuseCalls()
        server.sip.register_step(self._step)
        server.register_events(CHANGED)
        server.register_marked(self)

    def _switch(self, on: bool, by: str) -> None:
        if self._step.on is not on:
            self._step.on = on
            self._server.bus.publish(CHANGED, on, by)

    @command(
        "maintenance", Documentation("Refuse new calls, or take them again.", "maintenance {on|off}"), ("on", "off")
    )
    def on_command(self, call: CommandCall) -> str:
        """``call.args`` are the words after the command's own; what is returned is printed."""
        if call.args not in (["on"], ["off"]):
            raise UsageError("it takes on or off")
        self._switch(call.args == ["on"], "console")
        return f"Maintenance is {call.args[0]}.\n"

    @action(
        "Maintenance",
        "system",
        Documentation(
            "Refuse new calls, or take them again.", arguments=(Argument("State", "on or off", required=True),)
        ),
    )
    def on_action(self, call: ActionCall) -> None:
        """Exactly one of ``success``, ``error`` and ``begin_list`` answers."""
        state = call.get("State").lower()
        if state not in ("on", "off"):
            call.error("State must be on or off")
            return
        self._switch(state == "on", "manager")
        call.success(f"Maintenance is {state}")
