"""One log channel: a handler that takes chosen levels and writes them to a console, a file or syslog."""

from __future__ import annotations

import contextlib
import logging
import logging.handlers
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from asterism.core.log import DEBUG, DTMF, LEVEL_NAMES, NOTICE, SECURITY, TRACE, VERBOSE, ServerLogger
from asterism.interfaces.logger.settings import ChannelSettings

_SYSLOG = {
    TRACE: "debug",
    DEBUG: "debug",
    VERBOSE: "debug",
    DTMF: "info",
    SECURITY: "info",
    NOTICE: "notice",
    logging.WARNING: "warning",
    logging.ERROR: "err",
}


RETRY_SECONDS = 5.0
"""How long a channel that failed writes nothing before it is tried again."""


class LogChannel(logging.Handler):
    """Base of channels: decides by level; ``write`` gets the finished line."""

    kind = "File"

    def __init__(self, settings: ChannelSettings, log: ServerLogger, formatter: logging.Formatter) -> None:
        self._numbers = {LEVEL_NAMES[name] for name in settings.levels}
        super().__init__(min(self._numbers, default=logging.CRITICAL + 1))
        self.settings = settings
        self.failed = False
        """Whether the last record could not be written."""
        self.lost = 0
        """How many records have not been written since the channel failed."""
        self.on_change: Callable[[LogChannel], None] | None = None
        """Told when the channel fails, and when it can be written again."""
        self._silent_until = 0.0
        self.verbose_level = settings.levels.get("verbose", 0)
        self._log = log
        self.setFormatter(formatter)

    @property
    def title(self) -> str:
        """The name in ``logger show channels``."""
        return self.settings.name

    def verbosity(self, server_level: int) -> int:
        """The highest level of verbose lines that are written here."""
        return (self.verbose_level or server_level) if VERBOSE in self._numbers else 0

    def takes(self, record: logging.LogRecord) -> bool:
        """Whether this channel wants the record."""
        if record.levelno not in self._numbers:
            return False
        if record.levelno == VERBOSE:
            return int(getattr(record, "verbose", 0)) <= (self.verbose_level or self._log.verbose_level)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record; a channel that fails (a full disk) never harms the caller, and is tried again by itself.

        While it fails, one record every :data:`RETRY_SECONDS` is tried; the first that gets through is preceded by a
        line that tells how many are missing.
        """
        if not self.takes(record):
            return
        now = time.monotonic()
        if now < self._silent_until:
            self.lost += 1
            return
        try:
            if self.lost:
                self.write(self.format(self._missing()), logging.WARNING)
            self.lost = 0
            self.write(self.format(record), record.levelno)
        except Exception as error:
            self.lost += 1
            self._silent_until = now + RETRY_SECONDS
            if not self.failed:
                self.failed = True
                with contextlib.suppress(Exception):
                    sys.stderr.write(f"log channel {self.title} cannot be written: {error}; it is tried again\n")
                    self._changed()
        else:
            self._silent_until = 0.0
            if self.failed:
                self.failed = False
                with contextlib.suppress(Exception):
                    self._changed()

    def _changed(self) -> None:
        if self.on_change is not None:
            self.on_change(self)

    def _missing(self) -> logging.LogRecord:
        text = "%d records before this one could not be written"
        return self._log.makeRecord(self._log.name, logging.WARNING, __file__, 0, text, (self.lost,), None)

    def write(self, line: str, level: int) -> None:
        """Put one finished line where it belongs."""

    def rotate(self, strategy: str) -> str:
        """Begin a new file; returns the name of the old one, or nothing."""
        return ""


class ConsoleChannel(LogChannel):
    """The terminal of a server in the foreground."""

    kind = "Console"
    muted = False
    attached = False
    """Whether an interactive console on the same terminal shows the lines (``-c``)."""

    @property
    def title(self) -> str:
        """The console has no name in listings."""
        return ""

    def verbosity(self, server_level: int) -> int:
        """As of any channel, while it speaks."""
        return 0 if self.muted or self.attached else super().verbosity(server_level)

    def write(self, line: str, level: int) -> None:
        """Print the line."""
        if not (self.muted or self.attached):
            try:
                sys.stdout.write(line + "\n")
            except UnicodeEncodeError:  # a terminal that has not all characters
                sys.stdout.write(line.encode("ascii", "backslashreplace").decode() + "\n")
            sys.stdout.flush()


class FileChannel(LogChannel):
    """A file, appended to."""

    def __init__(self, settings: ChannelSettings, log: ServerLogger, formatter: logging.Formatter, path: Path) -> None:
        super().__init__(settings, log, formatter)
        self.path = path
        self._file: int | None = None
        self._torn = False

    @property
    def title(self) -> str:
        """The whole path."""
        return str(self.path)

    def open_file(self) -> int:
        """Open the file unless it is open, so that whoever follows it finds it from the start; raises ``OSError``.

        Others than the server's group cannot read it: it shows who called whom, and from where.
        """
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        return self._file

    def write(self, line: str, level: int) -> None:
        """Append the line. It goes out at once: nothing is kept that a full disk could make fail later."""
        file = self.open_file()
        data = f"{line}\n".encode("utf-8", "backslashreplace")
        if self._torn:
            data = b"\n" + data
        try:
            while data:
                written = os.write(file, data)
                data, self._torn = data[written:], True
        except OSError:
            self.close_file()  # a disk that was taken away comes back as another
            raise
        self._torn = False

    def rotate(self, strategy: str) -> str:
        """Move the file aside as ``rotatestrategy`` says: ``.0`` oldest or newest, a time, or not at all."""
        self.close_file()
        if strategy == "none" or not self.path.exists():
            return ""
        if strategy == "timestamp":
            target = self.path.with_name(f"{self.path.name}.{int(time.time())}")
        elif strategy == "rotate":
            number = self._first_free()
            while number > 0:
                self._numbered(number - 1).rename(self._numbered(number))
                number -= 1
            target = self._numbered(0)
        else:
            target = self._numbered(self._first_free())
        self.path.rename(target)
        return str(target)

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")

    def _first_free(self) -> int:
        number = 0
        while self._numbered(number).exists():
            number += 1
        return number

    def close_file(self) -> None:
        """Close; the next line opens the file again."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def close(self) -> None:
        """Close for good."""
        self.close_file()
        super().close()


class SyslogChannel(LogChannel):
    """The machine's syslog, at the facility that the channel's name gives (``syslog.local0``)."""

    kind = "Syslog"

    def __init__(
        self, settings: ChannelSettings, log: ServerLogger, formatter: logging.Formatter, address: str = "/dev/log"
    ) -> None:
        super().__init__(settings, log, formatter)
        facility = settings.name.partition(".")[2]
        codes = logging.handlers.SysLogHandler.facility_names
        if facility not in codes:
            raise ValueError(f"'{facility}' is not a syslog facility; accepted: {', '.join(sorted(codes))}")
        self._facility = facility
        self._address = address
        self._handler: logging.handlers.SysLogHandler | None = None

    def write(self, line: str, level: int) -> None:
        """Send the line; connects on the first one."""
        if self._handler is None:
            self._handler = logging.handlers.SysLogHandler(self._address, self._facility)
            self._handler.ident = "asterisk: "
        priority = self._handler.encodePriority(self._facility, _SYSLOG.get(level, "info"))
        try:
            # Each line is a message: not every syslog takes line breaks for what they are.
            for each in line.split("\n"):
                message = f"<{priority}>{self._handler.ident}{each}\x00".encode("utf-8", "backslashreplace")
                self._handler.socket.send(message)  # type: ignore[attr-defined]
        except OSError:
            self._handler.close()
            self._handler = None
            raise

    def close(self) -> None:
        """Disconnect."""
        if self._handler is not None:
            self._handler.close()
        super().close()
