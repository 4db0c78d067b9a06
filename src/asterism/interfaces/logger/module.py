"""Opens the channels of ``logger.conf`` on the server's log, and the ``logger ...`` commands."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from pathlib import Path
from socket import gethostname

from asterism.config.file import ConfigFile
from asterism.core.commands import ActionCall, CommandCall, action, command
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import CommandError, ConfigError, UsageError
from asterism.core.events import EventType
from asterism.core.log import LEVEL_NAMES
from asterism.core.module import CoreServer, Module
from asterism.core.restriction import file_allowed
from asterism.interfaces.logger.channels import ConsoleChannel, FileChannel, LogChannel, SyslogChannel
from asterism.interfaces.logger.formats import ConsoleFormat, DefaultFormat, JsonFormat
from asterism.interfaces.logger.settings import ChannelSettings, LoggerSettings, parse_levels, read_settings

_DEFAULT_CHANNEL = "console"
_LEVEL_NUMBERS = (
    (0, "DEBUG"), (1, "TRACE"), (2, "NOTICE"), (3, "WARNING"), (4, "ERROR"), (5, "VERBOSE"), (6, "DTMF"),
    (19, "SECURITY"),
)  # fmt: skip


def _log_channel(channel: str, enabled: bool) -> list[tuple[str, object]]:
    return [("Channel", channel), ("Enabled", "Yes" if enabled else "No")]


LOG_CHANNEL = EventType(
    "LogChannel",
    "system",
    _log_channel,
    Documentation(
        "A log channel was opened or closed, cannot be written, or can be written again.",
        arguments=(Argument("Channel", "Path of the file, or name."), Argument("Enabled", "Yes or No.")),
    ),
)


class LoggerModule(Module):
    """The log channels."""

    name = "logger"
    core = True
    description = "Log channels"

    server: CoreServer

    def __init__(self) -> None:
        self.settings = LoggerSettings()
        self.channels: list[LogChannel] = []
        self._attached = False

    def attach_console(self) -> None:
        """An interactive console on the same terminal shows the lines from now on (``-c``).

        Until then, while the server starts, the terminal shows them itself.
        """
        self._attached = True
        for channel in self.channels:
            if isinstance(channel, ConsoleChannel):
                channel.attached = True
        self.server.log.update_verbosity()

    def load(self, server: CoreServer) -> None:
        """Open the channels, first of all modules, so that the others are heard."""
        self.server = server
        server.log.verbose_level = max(server.log.verbose_level, server.options.verbose)
        server.log.debug_level = max(server.log.debug_level, server.options.debug)
        server.register_events(LOG_CHANNEL)
        self._configure()
        server.register_marked(self)

    def unload(self) -> None:
        """Close every channel."""
        self._close()

    def reload(self) -> None:
        """Read ``logger.conf`` again and open its channels anew; added channels go."""
        self._configure()

    def _configure(self) -> None:
        log = self.server.log
        try:
            config = ConfigFile.load(self.server.paths.etc / "logger.conf", missing_ok=True)
        except ConfigError as error:
            log.error("%s", error)
            if self.channels:
                return
            config = ConfigFile()
        settings, errors = read_settings(config)
        if not config.sections:
            settings.channels = [parse_levels(_DEFAULT_CHANNEL, "notice,warning,error,verbose")]
        before = [_name(channel) for channel in self.channels]
        self._close()
        self.settings = settings
        for channel in settings.channels:
            try:
                self._open(channel)
            except ValueError as problem:
                errors.append(ConfigError(f"logger.conf: {problem}"))
        for each in errors:
            log.error("%s", each)
        now = [_name(channel) for channel in self.channels]
        for name in before:
            if name not in now:
                self._tell(name, False)
        for name in now:
            self._tell(name, True)

    def _tell(self, name: str, enabled: bool) -> None:
        self.server.bus.publish(LOG_CHANNEL, name, enabled)

    def _changed(self, channel: LogChannel) -> None:
        """Tell in the next loop pass: a record may be written from anywhere."""
        asyncio.get_running_loop().call_soon(self._tell, _name(channel), not channel.failed)

    def _open(self, settings: ChannelSettings) -> LogChannel:
        channel = self._make(settings)
        if isinstance(channel, FileChannel):
            if not file_allowed(channel.path, self.server.paths.log):
                raise ValueError("a manager client may write files in the folder of the logs only")
            try:
                channel.open_file()
            except OSError as error:
                raise ValueError(f"{channel.title} cannot be written: {error.strerror}") from error
        channel.on_change = self._changed
        self.channels.append(channel)
        self.server.log.addHandler(channel)
        return channel

    def _make(self, settings: ChannelSettings) -> LogChannel:
        log, options = self.server.log, self.server.options
        date, calls = self.settings.dateformat, self.settings.use_callids
        formatter: logging.Formatter
        if settings.format == "json":
            formatter = JsonFormat()
        elif settings.name == "console":
            formatter = ConsoleFormat(sys.stdout.isatty() and not options.nocolor, options.timestamp, date)
        else:
            formatter = DefaultFormat(date, calls)
        if settings.name == "console":
            console = ConsoleChannel(settings, log, formatter)
            console.muted = bool(options.mute or options.quiet)
            console.attached = self._attached
            return console
        if settings.name == "syslog" or settings.name.startswith("syslog."):
            return SyslogChannel(settings, log, formatter)
        name = f"{settings.name}.{gethostname()}" if self.settings.appendhostname else settings.name
        return FileChannel(settings, log, formatter, Path(self.server.paths.log, name))

    def _close(self) -> None:
        for channel in self.channels:
            self.server.log.removeHandler(channel)
            channel.close()
        self.channels = []

    # -- commands ------------------------------------------------------------------------------------

    @command("logger show channels", Documentation("List the log channels.", "logger show channels"))
    def show_channels(self, call: CommandCall) -> str:
        """``logger show channels``."""
        lines = [
            f"Logger queue limit: {self.settings.logger_queue_limit}\n\n",
            f"{'Channel':<35} {'Type':<8} {'Formatter':<10} {'Status':<9} Configuration\n",
            f"{'-------':<35} {'----':<8} {'---------':<10} {'------':<9} -------------\n",
        ]
        for channel in reversed(self.channels):
            status = "Disabled" if channel.failed else "Enabled"
            levels = "".join(f"{name} " for number, name in _LEVEL_NUMBERS if name.lower() in channel.settings.levels)
            lines.append(
                f"{channel.title:<35} {channel.kind:<8} {channel.settings.format:<10} {status:<10} - {levels}\n"
            )
        return "".join([*lines, "\n"])

    @command("logger show levels", Documentation("List the log levels.", "logger show levels"))
    def show_levels(self, call: CommandCall) -> str:
        """``logger show levels``."""
        rows = "".join(f"{number:>5} {name}\n" for number, name in _LEVEL_NUMBERS)
        return f"Level Name\n----- ----\n{rows}\n"

    @command("logger reload", Documentation("Read logger.conf again and open the log files anew.", "logger reload"))
    def reload_command(self, call: CommandCall) -> str:
        """``logger reload``."""
        self.reload()
        return ""

    @command("logger rotate", Documentation("Move the log files aside and begin new ones.", "logger rotate"))
    def rotate_command(self, call: CommandCall) -> str:
        """``logger rotate``."""
        self.rotate()
        return ""

    @command(
        "logger add channel",
        Documentation(
            "Add a log channel until the next reload or restart.",
            "logger add channel <name> <levels>",
            "The levels are separated by commas, as in logger.conf; '[json]' in front chooses the format.",
            (Argument("name", "File name, or console.", True), Argument("levels", "Levels to take.", True)),
        ),
    )
    def add_channel(self, call: CommandCall) -> str:
        """``logger add channel NAME LEVELS``."""
        if len(call.args) != 2:
            raise UsageError
        if any(channel.settings.name == call.args[0] for channel in self.channels):
            raise CommandError(f"Logger channel '{call.args[0]}' already exists")
        try:
            self._tell(_name(self._open(parse_levels(call.args[0], call.args[1]))), True)
        except ValueError as error:
            raise CommandError(f"Unable to add logger channel: {error}") from error
        return ""

    @command(
        "logger remove channel",
        Documentation(
            "Remove a log channel.", "logger remove channel <name>", arguments=(Argument("name", required=True),)
        ),
    )
    def remove_channel(self, call: CommandCall) -> str:
        """``logger remove channel NAME``."""
        if len(call.args) != 1:
            raise UsageError
        for channel in self.channels:
            if call.args[0] in (channel.settings.name, channel.title):
                self.server.log.removeHandler(channel)
                self.channels.remove(channel)
                channel.close()
                self._tell(_name(channel), False)
                return f"Removed dynamic logger channel '{call.args[0]}'\n"
        raise CommandError(f"Unable to find logger channel '{call.args[0]}'")

    @command("logger mute", Documentation("Silence the foreground console's log, or let it speak.", "logger mute"))
    def mute(self, call: CommandCall) -> str:
        """``logger mute``."""
        consoles = [channel for channel in self.channels if isinstance(channel, ConsoleChannel)]
        for console in consoles:
            console.muted = not console.muted
        self.server.log.update_verbosity()
        muted = any(console.muted for console in consoles)
        return f"Console is {'muted' if muted else 'not muted anymore'}.\n"

    @command(
        "logger set level",
        Documentation(
            "Turn one level on or off on the consoles.",
            "logger set level {DEBUG|TRACE|NOTICE|WARNING|ERROR|VERBOSE|DTMF|SECURITY} {on|off}",
        ),
        lambda words: [name.upper() for name in LEVEL_NAMES] if len(words) < 2 else ["on", "off"],
    )
    def set_level(self, call: CommandCall) -> str:
        """``logger set level LEVEL on|off``."""
        if len(call.args) != 2 or call.args[0].lower() not in LEVEL_NAMES or call.args[1] not in ("on", "off"):
            raise UsageError
        level, wanted = call.args[0].lower(), call.args[1] == "on"
        for channel in [channel for channel in self.channels if isinstance(channel, ConsoleChannel)]:
            levels = dict(channel.settings.levels)
            if wanted:
                levels.setdefault(level, 0)
            else:
                levels.pop(level, None)
            self.server.log.removeHandler(channel)
            self.channels.remove(channel)
            self._open(ChannelSettings(channel.settings.name, channel.settings.format, levels))
        return f"Logger Messages for '{call.args[0].upper()}' have been turned {call.args[1]}.\n"

    def rotate(self) -> None:
        """Rotate every file channel, then run ``exec_after_rotate``."""
        for channel in self.channels:
            old = channel.rotate(self.settings.rotatestrategy)
            if old and self.settings.exec_after_rotate:
                text = self.settings.exec_after_rotate.replace("${filename}", old)
                subprocess.Popen(["/bin/sh", "-c", text])

    @action(
        "LoggerRotate",
        "system,reporting",
        Documentation(
            "Begin new log files and read logger.conf again.",
            description="Moves each log file aside as rotatestrategy says, begins a new one, runs "
            "exec_after_rotate, and reads logger.conf again.",
        ),
    )
    def rotate_action(self, call: ActionCall) -> None:
        """``Action: LoggerRotate``."""
        self.rotate()
        self.reload()
        call.success("Reloaded the logger and rotated log files")


def _name(channel: LogChannel) -> str:
    return channel.title or channel.settings.name
