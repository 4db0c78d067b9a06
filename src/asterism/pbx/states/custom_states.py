"""Device states that users set themselves, ``Custom:lamp``: kept in the internal database, shown in hints."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, Protocol, cast

from asterism.core.commands import CommandCall, command
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import CommandError, UsageError
from asterism.pbx.vocabulary.device_state import DeviceState, parse_device_state
from asterism.pbx.vocabulary.flow import FunctionError
from asterism.pbx.vocabulary.host import HostServer
from asterism.pbx.vocabulary.marks import function, function_preparer, function_writer
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.data import AstDb
    from asterism.pbx.channels.channel import Channel

FAMILY = "CustomDevstate"
PREFIX = "Custom:"

_RULE = "-" * 69


class CustomStateServer(HostServer, Protocol):
    """A server with the internal database."""

    astdb: AstDb


class CustomStates(PbxModule):
    """``Custom:`` devices: ``Set(DEVICE_STATE(Custom:lamp)=INUSE)``, ``devstate list``, ``devstate change``."""

    name: ClassVar[str] = "func_devstate"
    description: ClassVar[str] = "Device states, and those that users set"

    def load(self, server: HostServer) -> None:
        """Register function and commands; the states kept are back."""
        self._database = cast(CustomStateServer, server).astdb
        super().load(server)
        states = server.pbx.device_states
        states.register_provider(server.owner, PREFIX[:-1], self._state, self._names)
        for name in self._database.keys(FAMILY):
            states.changed(PREFIX + name)

    def _state(self, name: str) -> DeviceState:
        value = self._database.get(FAMILY, name)
        return (parse_device_state(value) if value else None) or DeviceState.UNKNOWN

    def _names(self) -> Iterable[str]:
        return self._database.keys(FAMILY)

    def _change(self, name: str, state: DeviceState) -> None:
        self._database.put(FAMILY, name, state.name)
        self.pbx.device_states.changed(PREFIX + name)

    @function(
        "DEVICE_STATE",
        Documentation(
            "The state of a device; writing sets that of a Custom: device.",
            "DEVICE_STATE(device)",
            arguments=(Argument("device", "PJSIP/alice, Custom:lamp, ...", True),),
            see_also=("EXTENSION_STATE",),
        ),
    )
    def read(self, channel: Channel | None, args: str) -> str:
        """UNKNOWN, NOT_INUSE, ..."""
        if not args.strip():
            raise FunctionError("it needs a device")
        return self.pbx.device_states.get(args.strip()).name

    @function_preparer("DEVICE_STATE")
    async def fetch_device(self, args: str) -> None:
        """Load the data of a device that is kept only in a database."""
        await self.pbx.prepare((args.strip(),))

    @function_writer("DEVICE_STATE")
    def write(self, channel: Channel | None, args: str, value: str) -> None:
        """Set the state of a device; only of ``Custom:`` devices."""
        name, state = args.strip(), parse_device_state(value)
        if not name.startswith(PREFIX) or name == PREFIX:
            raise FunctionError("only the state of a Custom: device can be set")
        if state is None:
            raise FunctionError(f"'{value}' is not a device state")
        self._change(name[len(PREFIX) :], state)

    @command("devstate list", Documentation("List the custom device states.", "devstate list"))
    def list_states(self, call: CommandCall) -> str:
        """``devstate list``."""
        if call.args:
            raise UsageError
        title = "--- Custom Device States "
        lines = ["", _RULE, title + "-" * (len(_RULE) - len(title)), _RULE, "---"]
        for name in self._database.keys(FAMILY):
            lines += [f"--- Name: '{PREFIX}{name}'  State: '{self._state(name).name}'", "---"]
        return "".join(f"{line}\n" for line in (*lines, _RULE, _RULE, ""))

    def _complete(self, words: list[str]) -> Iterable[str]:
        if len(words) == 1:
            return [PREFIX + name for name in self._database.keys(FAMILY)]
        return [state.name for state in DeviceState] if len(words) == 2 else ()

    @command(
        "devstate change",
        Documentation(
            "Change a custom device state.",
            "devstate change <device> <state>",
            "The device is a 'Custom:' one. The states are:\n"
            "UNKNOWN | NOT_INUSE | INUSE | BUSY | INVALID | UNAVAILABLE | RINGING\n"
            "RINGINUSE | ONHOLD",
        ),
        "_complete",
    )
    def change(self, call: CommandCall) -> str:
        """``device state``."""
        if len(call.args) != 2:
            raise UsageError
        device, text = call.args
        if not device.lower().startswith(PREFIX.lower()):
            raise CommandError("The devstate command can only be used to set 'Custom:' device state!")
        state, name = parse_device_state(text), device[len(PREFIX) :]
        if state is None or state is DeviceState.UNKNOWN or not name:
            raise UsageError
        self._change(name, state)
        return f"Changing {name} to {state.name}\n"
