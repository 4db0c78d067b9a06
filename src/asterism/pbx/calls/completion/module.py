"""The module of call completion: ``ccss.conf``, ``cc ...`` on the console, the events and the lamps."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.config import ConfigFile
from asterism.core.commands import CommandCall, command
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import ConfigError, UsageError
from asterism.core.module import Module
from asterism.pbx.calls.completion import events
from asterism.pbx.calls.completion.machine import State
from asterism.pbx.calls.completion.parameters import MOST_REQUESTS, NAMES
from asterism.pbx.calls.completion.table import DEVICE_PREFIX, CompletionSettings
from asterism.pbx.vocabulary.device_state import DeviceState
from asterism.pbx.vocabulary.settings_file import load_settings

if TYPE_CHECKING:
    from asterism.pbx.vocabulary.host import Host, HostServer

FILE = "ccss.conf"


def read_settings(file: ConfigFile) -> tuple[CompletionSettings, list[ConfigError]]:
    """Read the settings of ``ccss.conf`` and its errors; an invalid line leaves the default in force."""
    general = file.options("general")
    defaults = CompletionSettings()
    most, states = defaults.cc_max_requests, dict(defaults.states)
    problems: list[ConfigError] = []
    lamps = {f"cc_{state.value}_devstate": state for state in State}
    for option in general:
        name = option.name.lower()
        if name == "cc_max_requests":
            try:
                most = option.integer(0, MOST_REQUESTS)
            except ConfigError as error:
                problems.append(error)
        elif name in lamps:
            word = option.value.strip().upper()
            if word in DeviceState.__members__:
                states[lamps[name]] = DeviceState[word]
            else:
                problems.append(option.error(f"'{option.value}' is no state", ", ".join(DeviceState.__members__)))
        elif name in NAMES:
            problems.append(option.error(f"'{option.name}' has no effect here: it is an option of endpoints"))
        elif name != "enabled":
            problems.append(option.error(f"'{option.name}' is unknown", ", ".join(("cc_max_requests", *lamps))))
    return CompletionSettings(general.flag("enabled", True), most, states), problems


class CompletionModule(Module):
    """Settings, events, commands."""

    name: ClassVar[str] = "ccss"
    part_of: ClassVar[tuple[str, ...]] = ("core",)
    description: ClassVar[str] = "Call completion"

    def load(self, server: HostServer) -> None:
        """Register everything and read ``ccss.conf``."""
        self._server = server
        self._pbx: Host = server.pbx
        server.register_events(*events.ALL)
        server.register_marked(self)
        completion = self._pbx.completion
        self._pbx.device_states.register_provider(server.owner, DEVICE_PREFIX, completion.state_of)
        self.reload()

    def reload(self) -> None:
        """Read ``ccss.conf`` again; what was requested goes on."""
        settings = load_settings(self._server, FILE, read_settings)
        if settings is None:
            return
        completion = self._pbx.completion
        completion.settings = settings
        for device in {transaction.caller for transaction in completion}:
            self._pbx.device_states.changed(f"{DEVICE_PREFIX}:{device}")

    def unload(self) -> None:
        """End all requests."""
        self._pbx.completion.end_all("call completion was unloaded")

    def use_count(self) -> int:
        """Number of requests."""
        return self._pbx.completion.asked

    @command(
        "cc report status",
        Documentation(
            "Show all call completions.",
            "cc report status",
            "Prints each with its number, caller and state, where the caller had dialled, and whom it waits for.",
            see_also=("cc cancel",),
        ),
    )
    def report(self, call: CommandCall) -> str:
        """Run the command."""
        call.takes_nothing()
        completion = self._pbx.completion
        lines = [f"{len(completion)} Call completion transactions"]
        if len(completion):
            lines += [f"{'Core ID':<16}{'Caller':<32}Status", "-" * 76]
        for one in completion:
            lines.append(f"{one.number:<16}{one.caller:<32}{one.state.value}")
            places = {(one.context, one.exten): [m for m in one.monitors if m.place == (one.context, one.exten)]}
            for monitor in one.monitors:
                if monitor.place != (one.context, one.exten):
                    places.setdefault(monitor.place, []).append(monitor)
            for (context, exten), monitors in places.items():
                lines.append(f"{'':16}|-->{exten}@{context}")
                lines += [f"{'':20}|-->{monitor.device}({monitor.service})" for monitor in monitors]
        return "".join(f"{line}\n" for line in lines)

    def _numbers(self, words: list[str]) -> list[str]:
        if len(words) == 1:
            return [word for word in ("core", "all") if word.startswith(words[0])]
        if len(words) == 2 and words[0] == "core":
            found = (str(one.number) for one in self._pbx.completion)
            return [number for number in found if number.startswith(words[1])]
        return []

    @command(
        "cc cancel",
        Documentation(
            "End one call completion, or all.",
            "cc cancel {core <id>|all}",
            "In any state: the offer or the request is gone, and a recall that was not answered is given up.",
            (
                Argument("core", "The one with this number, as 'cc report status' prints it."),
                Argument("all", "Each."),
            ),
            see_also=("cc report status",),
        ),
        complete="_numbers",
    )
    def cancel(self, call: CommandCall) -> str:
        """Run the command."""
        words = call.args
        completion = self._pbx.completion
        if words == ["all"]:
            completion.end_all("cancelled on the console")
            return ""
        if len(words) != 2 or words[0] != "core":
            raise UsageError
        number = words[1]
        found = None
        if number.isascii() and number.isdigit() and len(number) < 20:
            found = completion.transactions.get(int(number))
        if found is None:
            return f"There is no call completion {number}.\n"
        found.fail("cancelled on the console")
        return ""
