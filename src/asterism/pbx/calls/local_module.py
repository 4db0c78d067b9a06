"""The module of Local channels: registers the technology, lists the channels for the console."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.commands import CommandCall, command
from asterism.core.documentation import Documentation
from asterism.core.errors import UsageError
from asterism.core.module import Module
from asterism.pbx.calls import local_events
from asterism.pbx.calls.local import LocalTechnology

if TYPE_CHECKING:
    from asterism.pbx.vocabulary.host import HostServer


class LocalModule(Module):
    """The technology ``Local``, its events and its command."""

    name: ClassVar[str] = "pbx_local"
    part_of: ClassVar[tuple[str, ...]] = ("core",)
    description: ClassVar[str] = "Local channels"

    def load(self, server: HostServer) -> None:
        """Register everything."""
        self.technology = LocalTechnology(server.pbx)
        server.pbx.register_technology(self.technology)
        server.register_events(*local_events.ALL)
        server.register_marked(self)

    def use_count(self) -> int:
        """How many Local channels there are."""
        return len(self.technology.pairs)

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
