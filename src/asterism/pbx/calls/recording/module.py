"""``app_mixmonitor``: the recordings of calls in the dialplan, the manager and the console."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from asterism.core.commands import ActionCall, CommandCall, action, command
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import CommandError, UsageError
from asterism.media.recording.mixdown import Source
from asterism.media.taps import Direction
from asterism.pbx.calls.recording import events
from asterism.pbx.calls.recording.onetouch import press
from asterism.pbx.calls.recording.recording import Recording
from asterism.pbx.calls.recording.settings import RecordingError, RecordingSettings, parse_mixmonitor
from asterism.pbx.dialplan.language.arguments import split_arguments
from asterism.pbx.dialplan.language.foreign import joined, shadow
from asterism.pbx.vocabulary.flow import FunctionError, needs_channel
from asterism.pbx.vocabulary.marks import application, function
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import HostServer

_CLOSING = 5.0
"""Seconds for which StopMixMonitor waits for the files to be closed."""
_DIRECTIONS = {
    "read": (Direction.IN,),
    "write": (Direction.OUT,),
    "both": (Direction.IN, Direction.OUT),
}
_OPTIONS = (
    ("a", "append to files that are there"),
    ("b", "record only while the channel is in a bridge"),
    ("B(seconds)", "both parties hear a beep every so many seconds (15)"),
    ("c", "with m: no effect, there are no mailboxes"),
    ("d", "delete the files when the recording and its command are over"),
    ("D", "the file is stereo: what the channel says is left, what it hears right; linear or G.711"),
    ("i(variable)", "put the recording's id into this variable"),
    ("m(mailboxes)", "no effect, which is logged: there are no mailboxes"),
    ("n", "with r and t: leave out the silence where nothing comes"),
    ("p", "the channel hears a beep when the recording begins"),
    ("P", "the channel hears a beep when the recording ends"),
    ("r(file)", "record what the channel says to this file as well"),
    ("s(seconds)", "leave out so many seconds at the beginning"),
    ("S", "with r and t: keep the silence where nothing comes, which is done anyhow"),
    ("t(file)", "record what the channel hears to this file as well"),
    ("v(number)", "-4 to 4: what the channel hears is recorded so many times as loud, negative: softer"),
    ("V(number)", "the same of what it says"),
    ("W(number)", "the same of both"),
)
_CHANNEL = Argument("Channel", "Name of the channel, or its uniqueid.", True)
_ID = Argument("MixMonitorID", "Only this recording, by its id (option i). Without it all of the channel.")


def unescaped(command: str) -> str:
    """A command with ``^{NAME}`` as ``${NAME}``; text from outside stays as it is, and refers to nothing."""
    if "^{" not in shadow(command):
        return command
    scan = shadow(command)
    parts, position = [], 0
    while (found := scan.find("^{", position)) >= 0:
        parts += [command[position:found], "${"]
        position = found + 2
    return joined([*parts, command[position:]])


def with_command(settings: RecordingSettings, text: str, channel: Channel) -> RecordingSettings:
    """Settings with the command ``text``, in which what ``^{...}`` names is put in, as the channel has it now.

    ``MIXMONITOR_FILENAME`` is the file that the settings name: the variable is set when the recording begins.
    """
    if "^{" not in text:
        return settings
    parts = unescaped(text).split("${MIXMONITOR_FILENAME}")
    command = joined([piece for part in parts for piece in (settings.filename, part)][1:])
    return replace(settings, command=channel.pbx.dialplan.expand(command, channel).strip())


class MixMonitor(PbxModule):
    """MixMonitor and what belongs to it."""

    name: ClassVar[str] = "app_mixmonitor"
    description: ClassVar[str] = "Mixed Audio Monitoring Application"

    def load(self, server: HostServer) -> None:
        """Register everything."""
        super().load(server)
        server.register_events(*events.ALL)
        self.pbx.features.actions["automixmon"] = press

    async def unload(self) -> None:
        """End the announced recordings, and what is done afterwards."""
        self.pbx.features.actions.pop("automixmon", None)
        await self.pbx.recordings.finish_announced()

    def _start(self, channel: Channel, file: str, options: str = "", text: str = "") -> Recording:
        """Begin a recording by the application's arguments; raises ``RecordingError``."""
        settings, problems = parse_mixmonitor(file, options, text, self.pbx.recordings.folder)
        settings = with_command(settings, text, channel)
        for problem in problems:
            self.pbx.log.warning("MixMonitor on %s: %s", channel.name, problem)
        return self.pbx.recordings.start(channel, settings)

    def _try(self, channel: Channel, *args: str) -> Recording | None:
        try:
            return self._start(channel, *args)
        except RecordingError as error:
            self.pbx.log.warning("MixMonitor on %s: %s", channel.name, error)
            return None

    def _chosen(self, channel: Channel, identifier: str) -> list[Recording]:
        if not identifier.strip():
            return self.pbx.recordings.of(channel)
        found = self.pbx.recordings.find(channel, identifier)
        return [] if found is None else [found]

    # -- the dialplan -----------------------------------------------------------------------------------------

    @application(
        "MixMonitor",
        Documentation(
            "Record a call, both directions mixed.",
            "MixMonitor(file[,options[,command]])",
            "Records from now on, until StopMixMonitor or the end of the channel; through bridges, holds and "
            "transfers. The kind of the file is told by its extension: wav (8 kHz), wav16, WAV (GSM), sln to sln192, "
            "ulaw, alaw, au, gsm, g722, g726-32, g729, ilbc, opus, ogg (Opus), spx, spx16 and their other names; raw, "
            "which is sln, without one. A relative name is below the folder "
            "monitor of the spool folder and cannot leave it. Files are whole up to their last second at any "
            "time. A recording whose file cannot be written any more ends; the call goes on.\n"
            "The command is run by the shell when the recording is over, if recording_commands is on in asterisk.conf; "
            "^{NAME} in it is ${NAME} when the recording begins. Text of a caller in it must be filtered "
            "(FILTER): a command with such text that is more than a word to the shell is not run.\n"
            "MIXMONITOR_FILENAME is the file.",
            (
                Argument("file", "Its name. Empty: only what r and t name.", True),
                Argument("options", "Letters.", values=_OPTIONS),
                Argument("command", "What to run afterwards."),
            ),
            ("StopMixMonitor", "MIXMONITOR", "Record"),
        ),
    )
    async def mixmonitor(self, channel: Channel, args: str) -> None:
        """Run MixMonitor."""
        self._try(channel, *split_arguments(args, limit=3))

    @application(
        "StopMixMonitor",
        Documentation(
            "End recordings of the channel, and wait until their files are closed.",
            "StopMixMonitor([id])",
            "Ends all that MixMonitor began, or the one that has this id.",
            (Argument("id", "Id of a recording: the variable named by MixMonitor's option i."),),
            ("MixMonitor",),
        ),
    )
    async def stop_mixmonitor(self, channel: Channel, args: str) -> None:
        """Run StopMixMonitor."""
        recordings = self._chosen(channel, args)
        for recording in recordings:
            recording.stop()
        for recording in recordings:
            with suppress(TimeoutError):
                await recording.wait(_CLOSING)

    @function(
        "MIXMONITOR",
        Documentation(
            "Tell something of a recording of the channel.",
            "MIXMONITOR(id,key)",
            arguments=(
                Argument("id", "Id of the recording: the variable named by MixMonitor's option i.", True),
                Argument("key", "What to tell.", True, (("filename", "the path of its file"),)),
            ),
            see_also=("MixMonitor",),
        ),
        marks=True,
    )
    def read(self, channel: Channel | None, args: str) -> str:
        """What is known of a recording."""
        identifier, _, key = args.partition(",")
        channel = needs_channel(channel)
        recording = self.pbx.recordings.find(channel, identifier)
        if recording is None:
            raise FunctionError(f"{channel.name} has no recording '{identifier.strip()}'")
        if key.strip().lower() != "filename":
            raise FunctionError("the key is filename")
        return recording.settings.filename or str(recording.path)

    # -- the manager ------------------------------------------------------------------------------------------

    def _channel_of(self, call: ActionCall) -> Channel | None:
        name = call.get("Channel")
        if not name:
            call.error("No channel specified")
            return None
        channel = self.pbx.channels.get(name)
        if channel is None or channel.dead:
            call.error("No such channel")
            return None
        return channel

    @action(
        "MixMonitor",
        "system",
        Documentation(
            "Record a call, both directions mixed.",
            description="As the application MixMonitor. With option i the response has MixMonitorID.",
            arguments=(
                _CHANNEL,
                Argument("File", "Name of the file. Not needed where Options name files by r or t."),
                Argument("Options", "Letters.", values=_OPTIONS),
                Argument("Command", "What to run when the recording is over."),
            ),
            see_also=("StopMixMonitor", "MixMonitorMute"),
        ),
    )
    def start_action(self, call: ActionCall) -> None:
        """Run the action."""
        channel = self._channel_of(call)
        if channel is None:
            return
        recording = self._try(channel, call.get("File"), call.get("Options"), call.get("Command"))
        if recording is None:
            call.error("Could not start monitoring channel")
            return
        call.success(fields=(("MixMonitorID", recording.identifier),) if recording.settings.variable else ())

    @action(
        "StopMixMonitor",
        "system,call",
        Documentation(
            "End recordings of a channel.",
            description="Ends all that MixMonitor began, or one of them.",
            arguments=(_CHANNEL, _ID),
            see_also=("MixMonitor",),
        ),
    )
    def stop_action(self, call: ActionCall) -> None:
        """Run the action."""
        channel = self._channel_of(call)
        if channel is None:
            return
        recordings = self._chosen(channel, call.get("MixMonitorID"))
        for recording in recordings:
            recording.stop()
        if recordings:
            call.success()
        else:
            call.error("Could not stop monitoring channel")

    @action(
        "MixMonitorMute",
        "system,call",
        Documentation(
            "Record silence instead of a direction of a channel, or what is said again.",
            description="The recording goes on. It holds for the recordings that run.",
            arguments=(
                _CHANNEL,
                Argument(
                    "Direction",
                    "Which.",
                    True,
                    (("read", "what the channel says"), ("write", "what it hears"), ("both", "both")),
                ),
                Argument("State", "What to do.", True, (("1", "silence"), ("0", "what is said"))),
                _ID,
            ),
            see_also=("MixMonitor",),
        ),
    )
    def mute_action(self, call: ActionCall) -> None:
        """Run the action."""
        channel = self._channel_of(call)
        if channel is None:
            return
        direction, state = call.get("Direction").strip().lower(), call.get("State").strip()
        if direction not in _DIRECTIONS:
            call.error("Invalid direction specified. Must be read, write or both")
            return
        if state not in ("0", "1"):
            call.error("Invalid state specified. Must be 0 or 1")
            return
        recordings = self._chosen(channel, call.get("MixMonitorID"))
        if not recordings:
            call.error("Cannot set mute flag")
            return
        for recording in recordings:
            for each in _DIRECTIONS[direction]:
                recording.mute(each, state == "1")
        self.pbx.bus.publish(events.MIXMONITOR_MUTE, channel, direction, state == "1")
        call.success()

    # -- the console ------------------------------------------------------------------------------------------

    def _words(self, words: list[str]) -> list[str]:
        if len(words) == 1:
            return ["start", "stop", "list"]
        return [channel.name for channel in self.pbx.channels] if len(words) == 2 else []

    @command(
        "mixmonitor",
        Documentation(
            "Begin, end or list recordings of a channel.",
            "mixmonitor {start|stop|list} <channel> [arguments]",
            "The arguments of start are those of the application MixMonitor: a file, options, a command. That of "
            "stop is the id of one recording; without it all of the channel end.",
            see_also=("MixMonitor",),
        ),
        "_words",
    )
    def console(self, call: CommandCall) -> str:
        """Run the command."""
        if len(call.args) < 2:
            raise UsageError
        what, name, args = call.args[0].lower(), call.args[1], " ".join(call.args[2:])
        channel = self.pbx.channels.get(name)
        if what not in ("start", "stop", "list"):
            raise UsageError
        if channel is None or channel.dead:
            raise CommandError(f"No channel matching '{name}' found.")
        if what == "start":
            if not args:
                raise UsageError
            try:
                self._start(channel, *split_arguments(args, limit=3))
            except RecordingError as error:
                raise CommandError(str(error)) from error
            return ""
        if what == "stop":
            for recording in self._chosen(channel, args):
                recording.stop()
            return ""
        lines = ["MixMonitor ID\tFile\tReceive File\tTransmit File", "=" * 73]
        for recording in self.pbx.recordings.of(channel):
            paths = [
                recording.settings.path(*sources)
                for sources in ((Source.MIXED, Source.STEREO), (Source.RECEIVED,), (Source.SENT,))
            ]
            shown = ["" if path is None else str(path.with_suffix("")) for path in paths]
            lines.append("\t".join([recording.identifier, *shown]))
        return "\n".join(lines) + "\n"
