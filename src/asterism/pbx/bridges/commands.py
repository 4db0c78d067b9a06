"""Bridges at the console and for the manager: show, kick, destroy, technologies."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.commands import ActionCall, CommandCall, action, command
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import CommandError, UsageError
from asterism.core.module import Module
from asterism.pbx.channels.listing import clock
from asterism.pbx.vocabulary.events import bridge_fields, channel_fields

if TYPE_CHECKING:
    from asterism.pbx.bridges.bridge import Bridge
    from asterism.pbx.vocabulary.host import Host, HostServer

_BRIDGE = Argument("BridgeUniqueid", "Id of the bridge.", True)
_ROW = "%-36s %-36s %5s %-15s %-15s %s"
_TECHNOLOGIES = (("simple_bridge", "1to1Mix", 50),)
"""Name, type and priority of what mixes: two channels, frame by frame or relayed by the media layer."""


class BridgeCommands(Module):
    """``bridge show|kick|destroy``; BridgeList, BridgeInfo, BridgeKick, BridgeDestroy, BridgeTechnologyList."""

    name: ClassVar[str] = "pbx_bridges"
    part_of: ClassVar[tuple[str, ...]] = ("core",)
    description: ClassVar[str] = "Console commands and manager actions of bridges"

    def load(self, server: HostServer) -> None:
        """Register commands and actions."""
        self._pbx: Host = server.pbx
        server.register_marked(self)

    def complete_bridge(self, words: list[str]) -> list[str]:
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
            "Video-Mode: none",
            "Video-Source-Id: ",
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
            "The channel is hung up, and a two-party bridge ends with it.",
        ),
        "complete_bridge",
    )
    def kick(self, call: CommandCall) -> str:
        """``bridge kick ID CHANNEL``."""
        if len(call.args) != 2:
            raise UsageError
        uniqueid, name = call.args
        for channel in self._bridge(uniqueid).channels:
            if channel.name.lower() == name.lower():
                channel.soft_hangup()
                return f"Kicking channel '{channel.name}' from bridge '{uniqueid}'\n"
        raise CommandError(f"Channel '{name}' not found in bridge '{uniqueid}'")

    @command(
        "bridge destroy",
        Documentation("End a bridge and its calls.", "bridge destroy <bridge-id>"),
        "complete_bridge",
    )
    def destroy(self, call: CommandCall) -> str:
        """``bridge destroy ID``."""
        if len(call.args) != 1:
            raise UsageError
        for channel in list(self._bridge(call.args[0]).channels):
            channel.soft_hangup()
        return f"Destroying bridge '{call.args[0]}'\n"

    @command(
        "bridge technology show",
        Documentation("List what mixes the channels of bridges.", "bridge technology show"),
    )
    def show_technologies(self, call: CommandCall) -> str:
        """``bridge technology show``."""
        if call.args:
            raise UsageError
        row = "%-20s %-20s %8s %s\n"
        lines = [row % (name, kind, priority, "No") for name, kind, priority in _TECHNOLOGIES]
        return row % ("Name", "Type", "Priority", "Suspended") + "".join(lines)

    @action(
        "BridgeKick",
        "system,call",
        Documentation(
            "Kick a channel from a bridge.",
            description="The channel is hung up, and a bridge of two ends with it. Needs a class, unlike in "
            "Asterisk: it ends a call.",
            arguments=(
                Argument("BridgeUniqueid", "Only if it is in this bridge."),
                Argument("Channel", "Name of the channel.", True),
            ),
        ),
    )
    def kick_action(self, call: ActionCall) -> None:
        """Hang up one channel of a bridge."""
        uniqueid, name = call.get("BridgeUniqueid"), call.get("Channel")
        if not name:
            call.error("Channel must be provided")
            return
        if uniqueid and uniqueid not in self._pbx.bridges:
            call.error("Bridge not found")
            return
        channel = self._pbx.channels.get(name)
        if channel is None:
            call.error("Channel not found")
        elif channel.bridge is None or (uniqueid and channel.bridge.uniqueid != uniqueid):
            call.error("Channel not in bridge" if uniqueid else "Channel is not in a bridge")
        else:
            channel.soft_hangup()
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
        """What mixes."""
        call.begin_list("Bridge technology listing will follow")
        for name, kind, priority in _TECHNOLOGIES:
            call.item(
                "BridgeTechnologyListItem",
                [
                    ("BridgeTechnology", name),
                    ("BridgeType", kind),
                    ("BridgePriority", priority),
                    ("BridgeSuspended", "No"),
                ],
            )
        call.end_list("BridgeTechnologyListComplete")

    @action(
        "BridgeList",
        "",
        Documentation(
            "List the bridges.",
            description="Each bridge comes as an event BridgeListItem, then BridgeListComplete.",
            arguments=(Argument("BridgeType", "Only this type."),),
        ),
    )
    def bridge_list(self, call: ActionCall) -> None:
        """Run the action."""
        kind = call.get("BridgeType")
        call.begin_list("Bridge listing will follow")
        for bridge in list(self._pbx.bridges.values()):
            if not kind or bridge.type == kind:
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
            description="All channels of the bridge are hung up. Needs a class, unlike in Asterisk: it ends calls.",
            arguments=(_BRIDGE,),
        ),
    )
    def bridge_destroy(self, call: ActionCall) -> None:
        """Run the action."""
        bridge = self._named(call)
        if bridge is None:
            return
        for channel in list(bridge.channels):
            channel.soft_hangup()
        call.success("Bridge has been destroyed")

    def _named(self, call: ActionCall) -> Bridge | None:
        uniqueid = call.get("BridgeUniqueid")
        if not uniqueid:
            call.error("BridgeUniqueid must be provided")
            return None
        bridge = self._pbx.bridges.get(uniqueid)
        if bridge is None:
            call.error("Bridge not found")
        return bridge
