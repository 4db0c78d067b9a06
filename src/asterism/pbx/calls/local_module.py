"""The module of Local channels: the technology, what the console lists, what the manager may ask."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.commands import ActionCall, CommandCall, action, command
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import UsageError
from asterism.core.module import Module
from asterism.pbx.calls import local_events
from asterism.pbx.calls.local import LocalTechnology, half_of

if TYPE_CHECKING:
    from asterism.pbx.vocabulary.host import Host, HostServer


class LocalModule(Module):
    """The technology ``Local``, its events and its command."""

    name: ClassVar[str] = "pbx_local"
    part_of: ClassVar[tuple[str, ...]] = ("core",)
    description: ClassVar[str] = "Local channels"

    def load(self, server: HostServer) -> None:
        """Register everything."""
        self._pbx: Host = server.pbx
        self.technology = LocalTechnology(server.pbx)
        server.pbx.register_technology(self.technology)
        server.register_events(*local_events.ALL)
        server.register_marked(self)

    def use_count(self) -> int:
        """Number of Local channels."""
        return len(self.technology.pairs)

    @action(
        "LocalOptimizeAway",
        "system,call",
        Documentation(
            "Have a Local channel leave the call.",
            description="The parties are connected without it once both halves are in a bridge, whatever /n said.",
            arguments=(Argument("Channel", "Name of either half.", True),),
            see_also=("LocalBridge", "LocalOptimizationBegin"),
        ),
    )
    def optimize_away(self, call: ActionCall) -> None:
        """Run the action."""
        name = call.get("Channel")
        if not name:
            call.error("'Channel' not specified.")
            return
        channel = self._pbx.channels.get(name)
        half = None if channel is None else half_of(channel)
        if half is None:
            call.error("Channel does not exist.")
            return
        half.pair.optimise_away()
        call.success("Queued channel to be optimized away")

    @command(
        "local show channels",
        Documentation(
            "List the Local channels.",
            "local show channels",
            "Prints the first half of each, or <unowned> when it is gone already, and the place that was called.",
            see_also=("core show channels",),
        ),
    )
    def show_channels(self, call: CommandCall) -> str:
        """``local show channels``."""
        if call.args:
            raise UsageError
        rows = [
            f"{'<unowned>' if pair.one.channel.dead else pair.one.channel.name} -- {pair.exten}@{pair.context}\n"
            for pair in self.technology.pairs
        ]
        return "".join(rows) or "No local channels in use\n"
