"""Manager actions on channels, and the events of this layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.commands import ActionCall, action
from asterism.core.documentation import Argument, Documentation
from asterism.core.module import Module
from asterism.core.regex import RegexError, compile_regex
from asterism.core.restriction import WRITES, restricted
from asterism.pbx.channels.listing import clock, formats_of
from asterism.pbx.vocabulary import events
from asterism.pbx.vocabulary.causes import parse_cause
from asterism.pbx.vocabulary.errors import Goto
from asterism.pbx.vocabulary.events import channel_fields

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import Host, HostServer

_CHANNEL = Argument("Channel", "Name of the channel, or its uniqueid.", True)


class ChannelActions(Module):
    """Hangup, Redirect, Status, CoreShowChannels and CoreShowChannelMap."""

    name: ClassVar[str] = "pbx_channels_manager"
    part_of: ClassVar[tuple[str, ...]] = ("core",)
    description: ClassVar[str] = "Manager actions and events of channels"

    def load(self, server: HostServer) -> None:
        """Register the events and the actions."""
        self._pbx: Host = server.pbx
        self._live_dangerously = bool(getattr(server.options, "live_dangerously", False))
        server.register_events(*events.ALL)
        server.register_marked(self)

    @action(
        "Hangup",
        "system,call",
        Documentation(
            "Hang up a channel.",
            description="The calls end as if their far ends had hung up. With an expression (RE2, over the "
            "names of channels) each channel that was hung up is told by an event ChannelHungup, "
            "and ChannelsHungupListComplete ends the list.",
            arguments=(
                Argument("Channel", "Name, or /regular expression/ for several.", True),
                Argument("Cause", "Hangup cause, number or name."),
            ),
        ),
    )
    def hangup(self, call: ActionCall) -> None:
        """Run the action."""
        name = call.get("Channel")
        if not name:
            call.error("No channel specified")
            return
        cause = parse_cause(call.get("Cause")) or 0
        if len(name) > 2 and name.startswith("/") and name.endswith("/"):
            try:
                pattern = compile_regex(name[1:-1])
            except RegexError:
                call.error("Regex compile error")
                return
            call.begin_list("Channels hung up will follow")
            for channel in self._pbx.channels:
                if pattern.search(channel.name) and not channel.dead:
                    call.item("ChannelHungup", [("Channel", channel.name)])
                    channel.soft_hangup(cause=cause)
            call.end_list("ChannelsHungupListComplete")
            return
        channel_ = self._pbx.channels.get(name)
        if channel_ is None:
            call.error("No such channel")
            return
        channel_.soft_hangup(cause=cause)
        call.success("Channel Hungup")

    @action(
        "CoreShowChannels",
        "system,reporting",
        Documentation(
            "List the live channels.",
            description="Each channel comes as an event CoreShowChannel with its caller, application and "
            "bridge, then CoreShowChannelsComplete.",
        ),
    )
    def core_show_channels(self, call: ActionCall) -> None:
        """Run the action."""
        call.begin_list("Channels will follow")
        for channel in self._pbx.channels:
            call.item(
                "CoreShowChannel",
                [
                    *channel_fields(channel),
                    ("Application", channel.application),
                    ("ApplicationData", channel.appdata),
                    ("Duration", clock(channel.duration)),
                    ("BridgeId", "" if channel.bridge is None else channel.bridge.uniqueid),
                ],
            )
        call.end_list("CoreShowChannelsComplete")

    @action(
        "CoreShowChannelMap",
        "system,reporting",
        Documentation(
            "List the channels that a channel is connected to.",
            description="Each channel that is in one bridge with it comes as an event CoreShowChannelMap, "
            "then CoreShowChannelMapComplete.",
            arguments=(_CHANNEL,),
        ),
    )
    def core_show_channel_map(self, call: ActionCall) -> None:
        """Run the action."""
        name = call.get("Channel")
        if not name:
            call.error("Channel not specified")
            return
        channel = self._pbx.channels.get(name)
        if channel is None:
            call.error("No such channel")
            return
        call.begin_list("Channel map will follow")
        peer = None if channel.bridge is None else channel.bridge.peer(channel)
        if peer is not None:
            call.item("CoreShowChannelMap", [("Channel", channel.name), ("ConnectedChannel", peer.name)])
        call.end_list("CoreShowChannelMapComplete")

    @action(
        "Status",
        "system,call,reporting",
        Documentation(
            "Tell the state of one channel or all.",
            description="Each channel comes as an event Status with its formats, times and bridge, then "
            "StatusComplete. Functions among Variables may write only for users with the class "
            "call.",
            arguments=(
                Argument("Channel", "Name of a channel; all without it."),
                Argument("Variables", "Variables and functions to tell with it, with commas between."),
                Argument("AllVariables", "true: tell all channel variables."),
            ),
        ),
    )
    def status(self, call: ActionCall) -> None:
        """Run the action."""
        name = call.get("Channel")
        channels: list[Channel]
        if name:
            found = self._pbx.channels.get(name)
            if found is None:
                call.error("No such channel")
                return
            channels = [found]
        else:
            channels = list(self._pbx.channels)
        wanted = _split_names(call.get("Variables"))
        everything = call.get("AllVariables").strip().lower() in ("true", "yes", "1")
        call.begin_list("Channel status will follow")
        with restricted(0 if call.may("call") else WRITES):
            for channel in channels:
                call.item("Status", self._status_fields(channel, wanted, everything))
        call.end_list("StatusComplete", [("Items", len(channels))])

    def _status_fields(self, channel: Channel, wanted: list[str], everything: bool) -> list[tuple[str, object]]:
        native, read, write = formats_of(channel)
        fields: list[tuple[str, object]] = [
            ("Privilege", "Call"),
            *channel_fields(channel),
            ("Type", channel.technology.name),
            ("DNID", channel.dialed),
            ("EffectiveConnectedLineNum", channel.connected.number or events.UNKNOWN),
            ("EffectiveConnectedLineName", channel.connected.name or events.UNKNOWN),
            ("TimeToHangup", 0),
            ("BridgeID", "" if channel.bridge is None else channel.bridge.uniqueid),
            ("Application", channel.application),
            ("Data", channel.appdata),
            ("Nativeformats", native),
            ("Readformat", read),
            ("Readtrans", ""),
            ("Writeformat", write),
            ("Writetrans", ""),
            ("Callgroup", channel.call_group),
            ("Pickupgroup", channel.pickup_group),
            ("Seconds", channel.duration),
        ]
        if everything:
            fields += [("Variable", f"{name}={value}") for name, value in reversed(channel.variables.items())]
        fields += [("Variable", f"{name}={self._read(channel, name) or ''}") for name in wanted]
        return fields

    def _read(self, channel: Channel | None, variable: str) -> str | None:
        """A variable or what a function reads; ``None`` for a function that is not there or not allowed."""
        environment = self._pbx.dialplan.environment
        name, parenthesis, rest = variable.partition("(")
        if not parenthesis:
            found: str | None = environment.variable(channel, variable)
            return found or ""
        function = self._pbx.functions.get(name)
        if function is None or (function.dangerous and not self._live_dangerously):
            return None
        value: str | None = environment.function(channel, name, rest.rpartition(")")[0] if ")" in rest else rest)
        return value

    @action(
        "Redirect",
        "call",
        Documentation(
            "Send one or two channels elsewhere in the dialplan.",
            description="The channel leaves what it does and goes on in the dialplan there; a bridge that it "
            "was in ends. With ExtraChannel both parties of a call are sent at once, so that "
            "neither is hung up in between.",
            arguments=(
                _CHANNEL,
                Argument("Exten", "Extension to go to.", True),
                Argument("Context", "Its context.", True),
                Argument("Priority", "Its priority, a number or a label.", True),
                Argument("ExtraChannel", "The second channel."),
                Argument("ExtraExten", "Extension for the second channel."),
                Argument("ExtraContext", "Context for the second channel."),
                Argument("ExtraPriority", "Priority for the second channel."),
            ),
        ),
    )
    def redirect(self, call: ActionCall) -> None:
        """Run the action."""
        name, extra = call.get("Channel"), call.get("ExtraChannel")
        if not name:
            call.error("Channel not specified")
            return
        channel = self._pbx.channels.get(name)
        if channel is None or not channel.alive:
            call.error(f"Channel does not exist: {name}")
            return
        place = self._place(call, "")
        if place is None:
            call.error("Invalid priority")
            return
        if not extra:
            channel.redirect(place)
            call.success("Redirect successful")
            return
        second = self._pbx.channels.get(extra)
        if second is None or not second.alive:
            call.error(f"ExtraChannel does not exist: {extra}")
            return
        other = self._place(call, "Extra") if call.get("ExtraContext") else place
        if other is None:
            call.error("Invalid extra priority")
            return
        # The channel without a task of its own goes first: leaving the bridge must not end it.
        for one, where in sorted(((channel, place), (second, other)), key=lambda pair: pair[0].task is not None):
            one.redirect(where)
        call.success("Dual Redirect successful")

    def _place(self, call: ActionCall, prefix: str) -> Goto | None:
        context, exten = call.get(prefix + "Context"), call.get(prefix + "Exten")
        text = call.get(prefix + "Priority").strip() or "1"
        if text.isascii() and text.isdigit() and len(text) < 10:
            return Goto(context, exten, int(text)) if int(text) else None
        number = self._pbx.dialplan.resolve_priority(context, exten, text)
        return None if number is None else Goto(context, exten, number)


def _split_names(text: str) -> list[str]:
    """Names with commas between them; commas in a function's parentheses do not count."""
    found: list[str] = []
    depth = start = 0
    for index, character in enumerate(text):
        if character == "(":
            depth += 1
        elif character == ")":
            depth = max(0, depth - 1)
        elif character == "," and not depth:
            found.append(text[start:index].strip())
            start = index + 1
    found.append(text[start:].strip())
    return [name for name in found if name]
