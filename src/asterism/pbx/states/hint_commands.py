"""Hints and device states for the console and the manager."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.commands import ActionCall, CommandCall, action, command
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import UsageError
from asterism.core.module import Module
from asterism.pbx.states.hints import STATE_TEXTS, extension_state, split_devices

if TYPE_CHECKING:
    from asterism.pbx.vocabulary.host import Host, HostServer

_HINT = "%-30.30s: %-60.60s  State:%-15.15s Presence:%-15.15s Watchers %2d"


class HintCommands(Module):
    """``core show hints``, ``core show hint``; ExtensionState, ExtensionStateList, DeviceStateList."""

    name: ClassVar[str] = "pbx_hints"
    part_of: ClassVar[tuple[str, ...]] = ("core",)
    description: ClassVar[str] = "Extension and device states for console and manager"

    def load(self, server: HostServer) -> None:
        """Register the commands and the actions."""
        self._pbx: Host = server.pbx
        server.register_marked(self)

    def _row(self, context: str, exten: str, hint: str) -> str:
        devices, provider = split_devices(hint)
        states = self._pbx.device_states
        state = extension_state([states.get(device) for device in devices])
        watched = self._pbx.hints.get(context, exten)
        watchers = 0 if watched is None else len(watched.watchers)
        presence = "" if exten.startswith("_") else self._presence(provider)
        return _HINT % (f"{exten}@{context}", hint, STATE_TEXTS[state], presence, watchers)

    def _presence(self, provider: str) -> str:
        kind, colon, name = provider.partition(":")
        find = self._pbx.presence.get(kind) if colon else None
        found = None if find is None else find(name)
        return "not_set" if found is None else found.state

    @command("core show hints", Documentation("List the hints with the states of their extensions.", "core show hints"))
    def show_hints(self, call: CommandCall) -> str:
        """Run the command."""
        if call.args:
            raise UsageError("core show hints")
        lines = self._pbx.dialplan.hint_lines()
        if not lines:
            return "There are no registered dialplan hints\n"
        rows = ["", "    -= Registered Asterisk Dial Plan Hints =-", *(self._row(*line) for line in lines)]
        rows += ["----------------", f"- {len(lines)} hint{'' if len(lines) == 1 else 's'} registered"]
        return "".join(row + "\n" for row in rows)

    def complete_hint(self, words: list[str]) -> list[str]:
        """The extensions that have a hint."""
        return [exten for _, exten, _ in self._pbx.dialplan.hint_lines()] if len(words) == 1 else []

    @command(
        "core show hint",
        Documentation("Show the hints of one extension.", "core show hint <exten>"),
        "complete_hint",
    )
    def show_hint(self, call: CommandCall) -> str:
        """Run the command."""
        if len(call.args) != 1:
            raise UsageError("core show hint <exten>")
        wanted = call.args[0]
        exten, _, context = wanted.partition("@")
        rows = [
            self._row(*line)
            for line in self._pbx.dialplan.hint_lines()
            if line[1] == exten and context in ("", line[0])
        ]
        if not rows:
            return f"No hints matching extension {wanted}\n"
        rows.append(f"{len(rows)} hint{'' if len(rows) == 1 else 's'} matching extension {wanted}")
        return "".join(row + "\n" for row in rows)

    @action(
        "ExtensionState",
        "call,reporting",
        Documentation(
            "Tell the state of an extension that has a hint.",
            description="Tells in the response the state of the devices of an extension's hint: Status is a "
            "number, StatusText its name. -1 when there is no such hint.",
            arguments=(
                Argument("Exten", "The extension.", True),
                Argument("Context", "Its context ('default')."),
            ),
        ),
    )
    def extension_state(self, call: ActionCall) -> None:
        """Run the action."""
        exten, context = call.get("Exten"), call.get("Context") or "default"
        if not exten:
            call.error("Extension not specified")
            return
        state, hint = self._pbx.hints.state(context, exten)
        call.success(
            "Extension Status",
            [
                ("Exten", exten),
                ("Context", context),
                ("Hint", hint),
                ("Status", int(state)),
                ("StatusText", STATE_TEXTS[state]),
            ],
        )

    @action(
        "ExtensionStateList",
        "call,reporting",
        Documentation(
            "List the states of the extensions with hints.",
            description="Each hint comes as an event ExtensionStatus, then ExtensionStateListComplete.",
        ),
    )
    def extension_state_list(self, call: ActionCall) -> None:
        """Run the action."""
        call.begin_list("Extension Statuses will follow")
        for watched in self._pbx.hints.all():
            state, hint = self._pbx.hints.state(watched.context, watched.exten)
            call.item(
                "ExtensionStatus",
                [
                    ("Exten", watched.exten),
                    ("Context", watched.context),
                    ("Hint", hint),
                    ("Status", int(state)),
                    ("StatusText", STATE_TEXTS[state]),
                ],
            )
        call.end_list("ExtensionStateListComplete")

    @action(
        "DeviceStateList",
        "call,reporting",
        Documentation(
            "List the device states that are known.",
            description="Each device whose state is known comes as an event DeviceStateChange, then "
            "DeviceStateListComplete.",
        ),
    )
    def device_state_list(self, call: ActionCall) -> None:
        """Run the action."""
        call.begin_list("Device State Changes will follow")
        for device, state in self._pbx.device_states.known():
            call.item("DeviceStateChange", [("Device", device), ("State", state.name)])
        call.end_list("DeviceStateListComplete")
