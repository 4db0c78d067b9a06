"""Maintenance mode: endpoints that take no new requests and get no new calls, while what goes on goes on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from asterism.core.commands import ActionCall, CommandCall, action, command
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import UsageError
from asterism.core.events import EventType, Fields
from asterism.core.module import Module
from asterism.sip.decision import Decision, Outcome
from asterism.sip.objects.endpoint import Endpoint
from asterism.sip.service import InterceptionStep

if TYPE_CHECKING:
    from asterism.sip.core import SipCore
    from asterism.sip.rx import Rx
    from asterism.sip.server import SipServer

_LEAVING = frozenset({"REGISTER", "SUBSCRIBE"})


def _status(endpoint: str, on: bool) -> Fields:
    return (("Endpoint", endpoint), ("Status", "enabled" if on else "disabled"))


MAINTENANCE_STATUS = EventType(
    "PJSIPMaintenanceStatus",
    "system",
    _status,
    Documentation(
        "An endpoint was put into maintenance mode or taken out of it.",
        arguments=(
            Argument("Endpoint", "The endpoint."),
            Argument("Status", "The mode.", values=(("enabled", "In maintenance."), ("disabled", "In service."))),
        ),
        see_also=("PJSIPSetMaintenance", "PJSIPShowMaintenance"),
    ),
)


class MaintenanceStep(InterceptionStep):
    """Refuses new requests of endpoints in maintenance with 503, but not those that end something."""

    name: ClassVar[str] = "maintenance"
    priority: ClassVar[int] = 48

    def __init__(self, core: SipCore) -> None:
        self.subjects = self._names = core.state.maintenance

    def evaluate(self, rx: Rx) -> Decision | None:
        """Look the endpoint up."""
        endpoint = rx.endpoint
        if endpoint is None or endpoint.id not in self._names:
            return None
        if rx.request.method in _LEAVING and rx.request.expires == 0:
            return None
        return Decision(
            Outcome.REJECT, "the endpoint is in maintenance", 503, f"endpoint {endpoint.id}", endpoint.position
        )

    def apply(self, decision: Decision, rx: Rx) -> bool:
        """Answer 503."""
        rx.respond_stateless(503)
        return True


class Maintenance(Module):
    """Puts endpoints into maintenance mode."""

    name = "sip_maintenance"
    aliases = ("res_pjsip_maintenance",)
    requires = ("sip_authentication",)
    description = "Maintenance mode of SIP endpoints"

    server: SipServer

    def load(self, server: SipServer) -> None:
        """Register the step, the commands and the actions."""
        self.server = server
        server.register_events(MAINTENANCE_STATUS)
        server.sip.register_step(MaintenanceStep(server.sip))
        server.register_marked(self)

    def unload(self) -> None:
        """Take every endpoint out of maintenance."""
        self.server.sip.state.maintenance.clear()

    def _set(self, name: str, on: bool) -> None:
        maintained = self.server.sip.state.maintenance
        if (name in maintained) is not on:
            if on:
                maintained.add(name)
            else:
                maintained.discard(name)
            self.server.bus.publish(MAINTENANCE_STATUS, name, on)

    def _exists(self, name: str) -> bool:
        return isinstance(self.server.data.get(Endpoint, name), Endpoint)

    def complete(self, words: list[str]) -> Iterable[str]:
        """``on`` or ``off``, then an endpoint."""
        if len(words) < 2:
            return ("on", "off")
        return ["all", *(item.id for item in self.server.data.all(Endpoint))] if len(words) == 2 else ()

    @command(
        "pjsip set maintenance",
        Documentation(
            "Put an endpoint into maintenance mode or take it out.",
            "pjsip set maintenance <on|off> <endpoint|all>",
            "In maintenance an endpoint's new requests outside dialogs get 503, except a SUBSCRIBE or REGISTER that"
            " ends something, and calls to it are refused. Calls that are there go on.",
            (
                Argument("mode", "on or off.", required=True),
                Argument("endpoint", "The endpoint's name, or all.", required=True),
            ),
        ),
        "complete",
    )
    def set_mode(self, call: CommandCall) -> str:
        """Set the mode of one endpoint or of all."""
        if len(call.args) != 2 or call.args[0] not in ("on", "off"):
            raise UsageError("on or off, and an endpoint")
        mode, name = call.args
        word = "ENABLED" if mode == "on" else "DISABLED"
        if name == "all":
            for endpoint in self.server.data.all(Endpoint):
                self._set(endpoint.id, mode == "on")
            return f"Maintenance mode {word} for all endpoints\n"
        if not self._exists(name):
            return f"Endpoint '{name}' not found\n"
        self._set(name, mode == "on")
        return f"Maintenance mode {word} for endpoint '{name}'\n"

    @command(
        "pjsip show maintenance",
        Documentation(
            "Show the endpoints in maintenance mode.",
            "pjsip show maintenance [endpoint]",
            arguments=(Argument("endpoint", "Only this one, whatever its mode."),),
        ),
    )
    def show(self, call: CommandCall) -> str:
        """The endpoints in maintenance, or the mode of one."""
        if len(call.args) > 1:
            raise UsageError("at most one endpoint")
        maintained = self.server.sip.state.maintenance
        if call.args and not self._exists(call.args[0]):
            return f"Endpoint '{call.args[0]}' not found\n"
        names = call.args or sorted(maintained)
        rows = "".join(f"  {name:40}  {'ON' if name in maintained else 'OFF'}\n" for name in names)
        count = sum(name in maintained for name in names)
        return (
            f"\n  {'Endpoint':40}  State\n  {'-' * 40}  -----\n{rows}\n"
            f"  {count} endpoint{'' if count == 1 else 's'} in maintenance mode\n\n"
        )

    @action(
        "PJSIPSetMaintenance",
        "system",
        Documentation(
            "Put an endpoint into maintenance mode or take it out.",
            "Action: PJSIPSetMaintenance",
            description="The endpoint's new requests get 503 and calls to it are refused, until it is taken out "
            "again or the server stops. Calls that are there go on.",
            arguments=(
                Argument("Endpoint", "The endpoint's name, or all.", required=True),
                Argument("State", "on or off.", required=True),
            ),
        ),
    )
    def set_action(self, call: ActionCall) -> None:
        """Set the mode of one endpoint or of all."""
        name, state = call.get("Endpoint"), call.get("State").lower()
        if not name:
            call.error("Endpoint parameter missing.")
        elif state not in ("on", "off"):
            call.error("State must be on or off.")
        elif name != "all" and not self._exists(name):
            call.error("Unable to retrieve endpoint")
        else:
            for each in [item.id for item in self.server.data.all(Endpoint)] if name == "all" else [name]:
                self._set(each, state == "on")
            call.success(f"Maintenance mode {'enabled' if state == 'on' else 'disabled'}")

    @action(
        "PJSIPShowMaintenance",
        "system,reporting",
        Documentation(
            "List the endpoints in maintenance mode.",
            "Action: PJSIPShowMaintenance",
            description="Each comes as an event PJSIPMaintenanceStatus, then PJSIPMaintenanceStatusComplete.",
            arguments=(Argument("Endpoint", "Only this one, whatever its mode."),),
        ),
    )
    def show_action(self, call: ActionCall) -> None:
        """One PJSIPMaintenanceStatus event per endpoint."""
        name = call.get("Endpoint")
        if name and not self._exists(name):
            call.error("Unable to retrieve endpoint")
            return
        maintained = self.server.sip.state.maintenance
        call.begin_list("Following are Events for each endpoint in maintenance mode")
        for each in [name] if name else sorted(maintained):
            call.item("PJSIPMaintenanceStatus", _status(each, each in maintained))
        call.end_list("PJSIPMaintenanceStatusComplete")
