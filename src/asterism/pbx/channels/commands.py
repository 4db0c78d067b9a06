"""Console commands on channels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from asterism.core.commands import CommandCall, command
from asterism.core.documentation import Documentation
from asterism.core.errors import CommandError, UsageError
from asterism.core.module import Module
from asterism.media.formats import FORMATS
from asterism.pbx.channels.listing import call_lines, clock, count_lines, formats_of
from asterism.pbx.vocabulary.controls import STATE_NAMES, SoftHangup
from asterism.pbx.vocabulary.errors import Goto

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import Host, HostServer

_SHORT = "%-64.64s %-32.32s %-7.7s %-30.30s"
_VERBOSE = (
    "%-80.80s %-24.24s %-24.24s %4.4s %-7.7s %-12.12s %-25.25s %-15.15s %8.8s %-11.11s %-11.11s %-20.20s"
)  # fmt: skip
_TYPE = "%-15.15s  %-40.40s %-13.13s %-13.13s %-13.13s %-13.13s"


def _lines(lines: Iterable[str]) -> str:
    return "".join(line + "\n" for line in lines)


class ChannelCommands(Module):
    """``core show channels`` and its kin, ``channel request hangup``, ``channel redirect``."""

    name: ClassVar[str] = "pbx_channels_console"
    part_of: ClassVar[tuple[str, ...]] = ("core",)
    description: ClassVar[str] = "Console commands of channels"

    def load(self, server: HostServer) -> None:
        """Register the commands."""
        self._pbx: Host = server.pbx
        server.register_marked(self)

    def _channel_names(self, words: list[str]) -> list[str]:
        return [channel.name for channel in self._pbx.channels] if len(words) == 1 else []

    def _channel_names_or_all(self, words: list[str]) -> list[str]:
        return [*self._channel_names(words), "all"] if len(words) == 1 else []

    def _technology_names(self, words: list[str]) -> list[str]:
        return [entry.name for entry in self._pbx.technologies] if len(words) == 1 else []

    def _count(self) -> list[str]:
        return count_lines(len(self._pbx.channels), self._pbx.active_calls, self._pbx.processed_calls)

    @command(
        "core show channels",
        Documentation(
            "List the live channels.",
            "core show channels [concise|verbose|count]",
            "One line per channel and the number of calls. 'concise' separates more fields by exclamation marks, "
            "for programs; 'verbose' shows more and wider fields; 'count' only counts.",
        ),
        ("concise", "verbose", "count"),
    )
    def show_channels(self, call: CommandCall) -> str:
        """Run the command."""
        form = call.args[0].lower() if len(call.args) == 1 else ""
        if len(call.args) > 1 or form not in ("", "concise", "verbose", "count"):
            raise UsageError("core show channels [concise|verbose|count]")
        if form == "count":
            return _lines(self._count())
        if form == "concise":
            return _lines(map(self._concise, self._pbx.channels))
        if form == "verbose":
            header = _VERBOSE % (
                "Channel", "Context", "Extension", "Prio", "State", "Application", "Data", "CallerID", "Duration",
                "Accountcode", "PeerAccount", "BridgeID",
            )  # fmt: skip
            return _lines([header, *map(self._verbose, self._pbx.channels), *self._count()])
        header = _SHORT % ("Channel", "Location", "State", "Application(Data)")
        return _lines([header, *map(self._short, self._pbx.channels), *self._count()])

    @staticmethod
    def _short(channel: Channel) -> str:
        location = f"{channel.exten}@{channel.context}:{channel.priority}" if channel.exten else "(None)"
        running = f"{channel.application}({channel.appdata})" if channel.application else "(None)"
        return _SHORT % (channel.name, location, STATE_NAMES[channel.state], running)

    @staticmethod
    def _concise(channel: Channel) -> str:
        return "!".join(
            (
                channel.name,
                channel.context,
                channel.exten,
                str(channel.priority),
                STATE_NAMES[channel.state],
                channel.application or "(None)",
                channel.appdata,
                channel.caller.number,
                channel.accountcode,
                channel.peeraccount,
                str(channel.amaflags),
                str(channel.duration),
                "(None)" if channel.bridge is None else channel.bridge.uniqueid,
                channel.uniqueid,
            )
        )

    @staticmethod
    def _verbose(channel: Channel) -> str:
        return _VERBOSE % (
            channel.name,
            channel.context,
            channel.exten,
            channel.priority,
            STATE_NAMES[channel.state],
            channel.application or "(None)",
            channel.appdata,
            channel.caller.number,
            clock(channel.duration),
            channel.accountcode,
            channel.peeraccount,
            "" if channel.bridge is None else channel.bridge.uniqueid,
        )

    @command("core show calls", Documentation("Count the calls.", "core show calls"))
    def show_calls(self, call: CommandCall) -> str:
        """Run the command."""
        if call.args:
            raise UsageError("core show calls")
        return _lines(call_lines(self._pbx.active_calls, self._pbx.processed_calls))

    @command(
        "core show channel",
        Documentation("Show one channel in detail.", "core show channel <channel>"),
        "_channel_names",
    )
    def show_channel(self, call: CommandCall) -> str:
        """Run the command."""
        if len(call.args) != 1:
            raise UsageError("core show channel <channel>")
        channel = self._pbx.channels.get(call.args[0])
        if channel is None:
            return f"{call.args[0]} is not a known channel\n"
        return _lines(_detail(channel))

    @command(
        "channel request hangup",
        Documentation("Ask a channel, or all of them, to hang up.", "channel request hangup <channel>|<all>"),
        "_channel_names_or_all",
    )
    def request_hangup(self, call: CommandCall) -> str:
        """Run the command."""
        if len(call.args) != 1:
            raise UsageError("channel request hangup <channel>|<all>")
        name = call.args[0]
        if name.lower() == "all":
            channels = [channel for channel in self._pbx.channels if not channel.dead]
        else:
            found = self._pbx.channels.get(name)
            if found is None:
                return f"{name} is not a known channel\n"
            channels = [found]
        for channel in channels:
            channel.soft_hangup(SoftHangup.EXPLICIT)
        return _lines(f"Requested Hangup on channel '{channel.name}'" for channel in channels)

    @command(
        "channel redirect",
        Documentation(
            "Send a channel elsewhere in the dialplan.", "channel redirect <channel> <[[context,]exten,]priority>"
        ),
        "_channel_names",
    )
    def redirect(self, call: CommandCall) -> str:
        """Run the command."""
        if len(call.args) != 2:
            raise UsageError("channel redirect <channel> <[[context,]exten,]priority>")
        name, target = call.args
        channel = self._pbx.channels.get(name)
        if channel is None or not channel.alive:
            return f"Channel '{name}' not found\n"
        parts = target.split(",")
        if len(parts) > 3:
            raise UsageError("channel redirect <channel> <[[context,]exten,]priority>")
        context, exten, priority = [*[""] * (3 - len(parts)), *parts]
        context, exten = context or channel.context, exten or channel.exten
        number = int(priority) if priority.isascii() and priority.isdigit() and len(priority) < 10 else None
        if number is None:
            number = self._pbx.dialplan.resolve_priority(context, exten, priority)
        if not number:
            return f"'{target}' is not a place in the dialplan\n"
        channel.redirect(Goto(context, exten, number))
        return f"Channel '{channel.name}' successfully redirected to {target}\n"

    @command("core show channeltypes", Documentation("List the channel technologies.", "core show channeltypes"))
    def show_channel_types(self, call: CommandCall) -> str:
        """Run the command."""
        if call.args:
            raise UsageError("core show channeltypes")
        rows = [
            _TYPE % ("Type", "Description", "Devicestate", "Presencestate", "Indications", "Transfer"),
            _TYPE % ("-------------", "-------------", *["-------------"] * 4),
        ]
        for entry in self._pbx.technologies:
            transfer = "yes" if getattr(entry.item, "can_transfer", True) else "no"
            rows.append(_TYPE % (entry.item.name, entry.item.description, "yes", "no", "yes", transfer))
        rows += ["----------", f"{len(self._pbx.technologies)} channel drivers registered."]
        return _lines(rows)

    @command(
        "core show channeltype",
        Documentation("Show one channel technology.", "core show channeltype <technology>"),
        "_technology_names",
    )
    def show_channel_type(self, call: CommandCall) -> str:
        """Run the command."""
        if len(call.args) != 1:
            raise UsageError("core show channeltype <technology>")
        technology = self._pbx.technologies.get(call.args[0])
        if technology is None:
            raise CommandError(f"\n{call.args[0]} is not a registered channel driver.")
        transfer = "yes" if getattr(technology, "can_transfer", True) else "no"
        return _lines(
            [
                f"-- Info about channel driver: {technology.name} --",
                "  Device State: yes",
                "Presence State: no",
                "    Indication: yes",
                f"     Transfer : {transfer}",
                f"  Capabilities: ({'|'.join(FORMATS)})",
                "   Digit Begin: yes",
                "     Digit End: yes",
                "    Send HTML : no",
                " Image Support: no",
                "  Text Support: yes",
            ]
        )


def _detail(channel: Channel) -> list[str]:
    native, read, write = formats_of(channel)
    seconds = channel.duration
    connected = channel.connected
    rows = [
        " -- General --",
        f"           Name: {channel.name}",
        f"           Type: {channel.technology.name}",
        f"       UniqueID: {channel.uniqueid}",
        f"       LinkedID: {channel.linkedid}",
        f"      Caller ID: {channel.caller.number or '(N/A)'}",
        f" Caller ID Name: {channel.caller.name or '(N/A)'}",
        f"Connected Line ID: {connected.number or '(N/A)'}",
        f"Connected Line ID Name: {connected.name or '(N/A)'}",
        f"Eff. Connected Line ID: {connected.number or '(N/A)'}",
        f"Eff. Connected Line ID Name: {connected.name or '(N/A)'}",
        f"    DNID Digits: {channel.dialed or '(N/A)'}",
        f"       Language: {channel.language}",
        f"          State: {STATE_NAMES[channel.state]} ({int(channel.state)})",
        f"  NativeFormats: {native}",
        f"    WriteFormat: {write}",
        f"     ReadFormat: {read}",
        " WriteTranscode: No ",
        "  ReadTranscode: No ",
        " Time to Hangup: 0",
        f"   Elapsed Time: {seconds // 3600}h{seconds // 60 % 60}m{seconds % 60}s",
        f"      Bridge ID: {'(Not bridged)' if channel.bridge is None else channel.bridge.uniqueid}",
        " --   PBX   --",
        f"        Context: {channel.context}",
        f"      Extension: {channel.exten}",
        f"       Priority: {channel.priority}",
        f"     Call Group: {channel.call_group}",
        f"   Pickup Group: {channel.pickup_group}",
        f"    Application: {channel.application or '(N/A)'}",
        f"           Data: {channel.appdata or '(Empty)'}",
        f" Call Identifier: [C-{channel.callid:08x}]",
        "      Variables:",
    ]
    rows += [f"{name}={value}" for name, value in reversed(channel.variables.items())]
    stream = channel.stream
    if stream is not None:
        names = "|".join(fmt.name for fmt in stream.formats)
        rows += [
            "",
            " -- Streams --",
            "Name: audio-0",
            "    Type: audio",
            "    State: sendrecv",
            "    Group: -1",
            f"    Formats: ({names})",
            "    Metadata:",
        ]
    return rows
