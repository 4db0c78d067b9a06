"""Bridges at the console and for the manager: show, kick, end, technologies."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.commands import ActionCall, CommandCall, action, command
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import CommandError, UsageError
from asterism.core.module import Module
from asterism.core.words import yes_or_no
from asterism.pbx.channels.listing import clock
from asterism.pbx.vocabulary.events import bridge_fields, channel_fields

if TYPE_CHECKING:
    from asterism.pbx.bridges.bridge import Bridge
    from asterism.pbx.bridges.table import Technologies
    from asterism.pbx.vocabulary.host import Host, HostServer

_BRIDGE = Argument("BridgeUniqueid", "Id of the bridge.", True)
_TECHNOLOGY = Argument("BridgeTechnology", "Name of the technology.", True)
_ROW = "%-36s %-36s %5s %-15s %-15s %s"
_TECHNOLOGY_ROW = "%-20s %-20s %8s %s\n"


class BridgeCommands(Module):
    """The commands ``bridge ...`` and the actions Bridge..., but for Bridge itself."""

    name: ClassVar[str] = "pbx_bridges"
    part_of: ClassVar[tuple[str, ...]] = ("core",)
    description: ClassVar[str] = "Console commands and manager actions of bridges"

    def load(self, server: HostServer) -> None:
        """Register commands and actions."""
        self._pbx: Host = server.pbx
        server.register_marked(self)

    def complete_bridge(self, words: list[str]) -> list[str]:
        """Ids of bridges."""
        return list(self._pbx.bridges) if len(words) == 1 else []

    def complete_member(self, words: list[str]) -> list[str]:
        """Ids of bridges, then names of their channels."""
        if len(words) == 1:
            return list(self._pbx.bridges)
        found = self._pbx.bridges.get(words[0])
        return [channel.name for channel in found.channels] if found is not None and len(words) == 2 else []

    def _bridge(self, uniqueid: str) -> Bridge:
        found = self._pbx.bridges.get(uniqueid)
        if found is None:
            raise CommandError(f"Bridge '{uniqueid}' not found")
        return found

    @command("bridge show all", Documentation("List the bridges.", "bridge show all"))
    def show_bridges(self, call: CommandCall) -> str:
        """Run the command."""
        if call.args:
            raise UsageError("bridge show all")
        rows = [_ROW % ("Bridge-ID", "Name", "Chans", "Type", "Technology", "Duration")]
        rows += [
            _ROW
            % (
                bridge.uniqueid,
                bridge.name or "<unknown>",
                bridge.reported_count,
                bridge.type,
                bridge.technology,
                clock(bridge.duration),
            )
            for bridge in self._pbx.bridges.values()
        ]
        return "".join(row + "\n" for row in rows)

    @command(
        "bridge show",
        Documentation(
            "Show one bridge and its channels.", "bridge show <bridge-id>", "By its id in 'bridge show all'."
        ),
        "complete_bridge",
    )
    def show(self, call: CommandCall) -> str:
        """``bridge show ID``."""
        if len(call.args) != 1:
            raise UsageError
        bridge = self._pbx.bridges.get(call.args[0])
        if bridge is None:
            return f"Bridge '{call.args[0]}' not found\n"
        rows = [
            f"Id: {bridge.uniqueid}",
            f"Type: {bridge.type}",
            f"Technology: {bridge.technology}",
            f"Subclass: {bridge.type}",
            f"Creator: {bridge.creator}",
            f"Name: {bridge.name}",
            f"Video-Mode: {bridge.video_mode}",
            f"Video-Source-Id: {bridge.video_source}",
            f"Num-Channels: {len(bridge.channels)}",
            f"Num-Active: {len(bridge.channels)}",
            f"Duration: {clock(bridge.duration)}",
            *(f"Channel: {channel.name}" for channel in bridge.channels),
        ]
        return "".join(f"{row}\n" for row in rows)

    @command(
        "bridge kick",
        Documentation(
            "Take a channel out of a bridge.",
            "bridge kick <bridge-id> <channel-name>",
            "Its dialplan goes on; a channel without one is hung up. A bridge of two ends with it.",
        ),
        "complete_member",
    )
    def kick(self, call: CommandCall) -> str:
        """``bridge kick ID CHANNEL``."""
        if len(call.args) != 2:
            raise UsageError
        uniqueid, name = call.args
        bridge = self._bridge(uniqueid)
        for channel in bridge.channels:
            if channel.name.lower() == name.lower():
                bridge.depart(channel)
                return f"Kicking channel '{channel.name}' from bridge '{uniqueid}'\n"
        raise CommandError(f"Channel '{name}' not found in bridge '{uniqueid}'")

    # -- technologies --------------------------------------------------------------------------------------------

    def complete_technology(self, words: list[str]) -> list[str]:
        """Names of technologies."""
        return [kind.name for kind in self._technologies.kinds] if len(words) == 1 else []

    @property
    def _technologies(self) -> Technologies:
        return self._pbx.bridges.technologies

    def _suspended(self, name: str) -> str:
        return yes_or_no(name in self._technologies.suspended)

    @command(
        "bridge technology show",
        Documentation("List what may carry the audio of bridges.", "bridge technology show"),
    )
    def show_technologies(self, call: CommandCall) -> str:
        """``bridge technology show``."""
        if call.args:
            raise UsageError
        rows = [("Name", "Type", "Priority", "Suspended")]
        rows += [
            (kind.name, kind.kind, str(kind.priority), self._suspended(kind.name)) for kind in self._technologies.kinds
        ]
        return "".join(_TECHNOLOGY_ROW % row for row in rows)

    @command(
        "bridge technology suspend",
        Documentation(
            "Have a technology not be chosen any more.",
            "bridge technology suspend <technology-name>",
            "Bridges that have it keep it until they choose again.",
        ),
        "complete_technology",
    )
    def suspend(self, call: CommandCall) -> str:
        """``bridge technology suspend NAME``."""
        return f"Suspended bridge technology '{self._switch(call, True)}'\n"

    @command(
        "bridge technology unsuspend",
        Documentation(
            "Have a technology be chosen again.",
            "bridge technology unsuspend <technology-name>",
            "Bridges that are there keep what they have until they choose again.",
        ),
        "complete_technology",
    )
    def unsuspend(self, call: CommandCall) -> str:
        """``bridge technology unsuspend NAME``."""
        return f"Unsuspended bridge technology '{self._switch(call, False)}'\n"

    def _switch(self, call: CommandCall, suspended: bool) -> str:
        if len(call.args) != 1:
            raise UsageError
        kind = self._technologies.named(call.args[0])
        if kind is None:
            raise CommandError(f"Bridge technology '{call.args[0]}' not found")
        self._technologies.suspend(kind, suspended)
        return kind.name

    @action(
        "BridgeTechnologySuspend",
        "call",
        Documentation(
            "Suspend a bridging technology.",
            description="It is not chosen any more; bridges that have it keep it until they choose again.",
            arguments=(_TECHNOLOGY,),
            see_also=("BridgeTechnologyUnsuspend", "BridgeTechnologyList"),
        ),
    )
    def suspend_action(self, call: ActionCall) -> None:
        """Suspend one."""
        self._switch_action(call, True)

    @action(
        "BridgeTechnologyUnsuspend",
        "call",
        Documentation(
            "Unsuspend a bridging technology.",
            description="It may be chosen again; bridges that are there keep what they have until they choose again.",
            arguments=(_TECHNOLOGY,),
            see_also=("BridgeTechnologySuspend", "BridgeTechnologyList"),
        ),
    )
    def unsuspend_action(self, call: ActionCall) -> None:
        """Let one be chosen again."""
        self._switch_action(call, False)

    def _switch_action(self, call: ActionCall, suspended: bool) -> None:
        name = call.get("BridgeTechnology")
        if not name:
            call.error("BridgeTechnology must be provided")
            return
        kind = self._technologies.named(name)
        if kind is None:
            call.error("BridgeTechnology not found")
            return
        self._technologies.suspend(kind, suspended)
        call.success(f"{'Suspended' if suspended else 'Unsuspended'} bridge technology")

    @action(
        "BridgeKick",
        "system,call",
        Documentation(
            "Kick a channel from a bridge.",
            description="Its dialplan goes on; a channel without one is hung up. A bridge of two ends with it. Needs a "
            "class, unlike in Asterisk: it ends a call.",
            arguments=(
                Argument("BridgeUniqueid", "Only if it is in this bridge."),
                Argument("Channel", "Name of the channel.", True),
            ),
        ),
    )
    def kick_action(self, call: ActionCall) -> None:
        """Take one channel out of a bridge."""
        uniqueid, name = call.get("BridgeUniqueid"), call.get("Channel")
        if not name:
            call.error("Channel must be provided")
            return
        channel = self._pbx.channels.get(name)
        if channel is None:
            call.error("Channel does not exist")
            return
        if uniqueid and uniqueid not in self._pbx.bridges:
            call.error("Specified BridgeUniqueid not found")
            return
        bridge = channel.bridge
        if bridge is None or (uniqueid and bridge.uniqueid != uniqueid):
            call.error("Channel not in bridge" if uniqueid else "Channel is not in a bridge")
            return
        bridge.depart(channel)
        call.success("Channel has been kicked")

    @action(
        "BridgeTechnologyList",
        "",
        Documentation(
            "List available bridging technologies and their statuses.",
            description="Each technology comes as an event BridgeTechnologyListItem, then "
            "BridgeTechnologyListComplete.",
        ),
    )
    def technology_list(self, call: ActionCall) -> None:
        """List the bridge technologies."""
        call.begin_list("Bridge technology listing will follow")
        for kind in self._technologies.kinds:
            call.item(
                "BridgeTechnologyListItem",
                [
                    ("BridgeTechnology", kind.name),
                    ("BridgeType", kind.kind),
                    ("BridgePriority", kind.priority),
                    ("BridgeSuspended", self._suspended(kind.name)),
                ],
            )
        call.end_list("BridgeTechnologyListComplete")

    @action(
        "BridgeList",
        "",
        Documentation(
            "List the bridges.",
            description="Each bridge comes as an event BridgeListItem, then BridgeListComplete.",
            arguments=(Argument("BridgeType", "Only those with this technology."),),
        ),
    )
    def bridge_list(self, call: ActionCall) -> None:
        """Run the action."""
        kind = call.get("BridgeType")
        call.begin_list("Bridge listing will follow")
        for bridge in list(self._pbx.bridges.values()):
            # As in Asterisk 22, where "basic" finds no call: the filter is compared with the technology.
            if not kind or bridge.technology == kind:
                call.item("BridgeListItem", bridge_fields(bridge))
        call.end_list("BridgeListComplete")

    @action(
        "BridgeInfo",
        "",
        Documentation(
            "Tell who is in a bridge.",
            description="Each channel of the bridge comes as an event BridgeInfoChannel, then "
            "BridgeInfoComplete with the bridge itself.",
            arguments=(_BRIDGE,),
        ),
    )
    def bridge_info(self, call: ActionCall) -> None:
        """Run the action."""
        bridge = self._named(call)
        if bridge is None:
            return
        call.begin_list("Bridge channel listing will follow")
        for channel in sorted(bridge.channels, key=lambda one: one.created):
            call.item("BridgeInfoChannel", channel_fields(channel))
        call.end_list("BridgeInfoComplete", bridge_fields(bridge))

    @action(
        "BridgeDestroy",
        "system,call",
        Documentation(
            "End a bridge and its calls.",
            description="All channels leave it. Their dialplan goes on; those without one are hung up. Needs a class, "
            "unlike in Asterisk: it ends calls.",
            arguments=(_BRIDGE,),
        ),
    )
    def bridge_destroy(self, call: ActionCall) -> None:
        """Run the action."""
        bridge = self._named(call)
        if bridge is None:
            return
        bridge.dismiss()
        call.success("Bridge has been destroyed")

    def _named(self, call: ActionCall) -> Bridge | None:
        uniqueid = call.get("BridgeUniqueid")
        if not uniqueid:
            call.error("BridgeUniqueid must be provided")
            return None
        bridge = self._pbx.bridges.get(uniqueid)
        if bridge is None:
            call.error("Specified BridgeUniqueid not found")
        return bridge
