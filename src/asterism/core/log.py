"""The server's log: Asterisk's levels on a logger that belongs to one server.

The logger is made directly, not taken from the process-wide table of :mod:`logging`, so that two
servers in one process never see each other's records. The channels of ``logger.conf`` are its handlers
(``interfaces/logger``).
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import Any, Protocol

TRACE = 5
DEBUG = logging.DEBUG
VERBOSE = 15
DTMF = 16
FAX = 17
SECURITY = 18
NOTICE = 25
WARNING = logging.WARNING
ERROR = logging.ERROR

LEVEL_NAMES = {
    "trace": TRACE,
    "debug": DEBUG,
    "verbose": VERBOSE,
    "dtmf": DTMF,
    "fax": FAX,
    "security": SECURITY,
    "notice": NOTICE,
    "warning": WARNING,
    "error": ERROR,
}
"""Level names as ``logger.conf`` spells them."""


class LogSubject(Protocol):
    """The subject of log lines: a channel or a SIP session."""

    def log_fields(self) -> Mapping[str, str]:
        """``call`` ("C-00000001"), ``channel`` and ``call_id``, as far as there are such."""


log_subject: ContextVar[LogSubject | None] = ContextVar("log_subject", default=None)
"""The subject of the running code: a call's dialplan task sets its channel, a session's work the session.

Every record made meanwhile carries its fields, so that one call can be followed through the log.
"""


CONCEALED = r"\1***"
"""What log lines have in the place of a secret: the first group of its pattern stays."""


class Multiline(str):
    """An argument of a log line that is shown on several lines, as a SIP message in a trace.

    The line breaks of every other argument are escaped. What follows the first line is indented by all
    formats, so that not even this can look like a record of its own.
    """

    __slots__ = ()


def printable(text: str) -> str:
    r"""``text`` on one line: control characters, line breaks, lone surrogates and the like as ``\n``, ``\x1b``, ..."""
    if text.isprintable():
        return text
    return "".join([c if c.isprintable() else c.encode("unicode_escape").decode() for c in text])


def printable_lines(text: str) -> str:
    r"""As :func:`printable`, but ``\n`` and ``\t`` stay what they are; ``\r\n`` counts as ``\n``."""
    if text.isprintable():
        return text
    text = text.replace("\r\n", "\n")
    return "".join([c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text])


class _Inert:
    """An argument of a log line that cannot break out of it."""

    __slots__ = ("_value",)

    def __init__(self, value: object) -> None:
        self._value = value

    def __str__(self) -> str:
        return printable(str(self._value))

    def __repr__(self) -> str:
        return printable(repr(self._value))


def _inert(value: object) -> object:
    if isinstance(value, (int, float)):
        return value
    return printable_lines(value) if isinstance(value, Multiline) else _Inert(value)


class ServerRecord(logging.LogRecord):
    """A log record whose arguments are data: only the message's own text, written in the program, makes lines.

    This holds for whatever handler and format shows it. ``note`` is put behind the message.
    """

    note = ""
    secrets: Sequence[re.Pattern[str]] = ()

    def getMessage(self) -> str:  # noqa: N802 (logging's name)
        """The message with its arguments, its secrets left out; see :func:`printable` for what arguments cannot do."""
        text = self._text()
        for pattern in self.secrets:
            text = pattern.sub(CONCEALED, text)
        return text

    def _text(self) -> str:
        try:
            text = super().getMessage()
        except Exception:  # a mistake in the call is no reason to lose what it tells
            return printable(f"{self.msg} {self.args!r}")
        if not text.isprintable():
            text, args = str(self.msg), self.args
            if isinstance(args, Mapping):
                text %= {name: _inert(value) for name, value in args.items()}
            elif args:
                text %= tuple([_inert(value) for value in args])
            text = printable_lines(text)
        return text + self.note if self.note else text


class RepeatLimit:
    """Bounds what one place in the program may log, however often others make it do so.

    Of the records of one place :data:`LINES` are let through in :data:`PERIOD` seconds, of tracebacks of one kind
    of exception :data:`TRACEBACKS`. The last one says that more are left out, the first one of the next period
    how many were. Levels below notice are somebody's choice and have no limit.
    """

    LINES = 500
    TRACEBACKS = 5
    PERIOD = 10.0  # seconds
    _PLACES = 1024  # places that are counted at a time

    def __init__(self) -> None:
        self._seen: dict[tuple[str, int, object], list[float]] = {}  # place: start of the period, records in it

    def admits(self, record: ServerRecord) -> bool:
        """Whether ``record`` is to be logged; it may get a note."""
        level, kind = record.levelno, record.exc_info[0] if record.exc_info else None
        if level < NOTICE:
            return True
        now = time.monotonic()
        limit = self.LINES if kind is None else self.TRACEBACKS
        place = (record.__dict__.get("extension", record.pathname), record.lineno, kind)
        seen = self._seen.get(place)
        if seen is None or now - seen[0] >= self.PERIOD:
            if seen is not None and seen[1] > limit:
                record.note = f" ({int(seen[1]) - limit} more like this were not logged)"
            if len(self._seen) >= self._PLACES:
                self._seen.clear()
            self._seen[place] = [now, 1]
            return True
        seen[1] += 1
        if seen[1] == limit:
            record.note = f" (more like this within {self.PERIOD:.0f} s are not logged)"
        return seen[1] <= limit


class ServerLogger(logging.Logger):
    """A logger with Asterisk's extra levels.

    ``verbose_level`` and ``debug_level`` are the server's settings (``core set verbose``). A handler may have a level
    of its own: its method ``verbosity(server_level)`` returns the highest that it takes. One without that takes the
    server's.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name, TRACE)
        self.propagate = False
        self._verbose_level = 0
        self.verbosity = 0
        """The highest level of verbose lines that anybody takes: ask before calling :meth:`verbose` where it costs."""
        self.debug_level = 0
        self.repeats = RepeatLimit()
        self.secrets: list[re.Pattern[str]] = []
        """What matches one of these is left out of every line, but for its first group."""

    @property
    def verbose_level(self) -> int:
        """The server's verbosity, for log channels and consoles without one of their own."""
        return self._verbose_level

    @verbose_level.setter
    def verbose_level(self, level: int) -> None:
        self._verbose_level = level
        self.update_verbosity()

    def update_verbosity(self) -> None:
        """Find the highest verbosity that a handler takes; whoever changes a handler's calls this."""
        level = self._verbose_level
        wanted = [each.verbosity(level) if hasattr(each, "verbosity") else level for each in self.handlers]
        self.verbosity = max(wanted, default=0)

    def addHandler(self, hdlr: logging.Handler) -> None:  # noqa: N802 (logging's name)
        """Add a handler."""
        super().addHandler(hdlr)
        self.update_verbosity()

    def removeHandler(self, hdlr: logging.Handler) -> None:  # noqa: N802 (logging's name)
        """Remove a handler."""
        super().removeHandler(hdlr)
        self.update_verbosity()

    def makeRecord(  # noqa: N802 (logging's name)
        self,
        name: str,
        level: int,
        fn: str,
        lno: int,
        msg: object,
        args: Any,
        exc_info: Any,
        func: str | None = None,
        extra: Mapping[str, object] | None = None,
        sinfo: str | None = None,
    ) -> logging.LogRecord:
        """A :class:`ServerRecord` with the fields of the call that is being worked for.

        Python's level INFO is none of Asterisk's, and no channel could ask for it: it is verbose, of level 3 unless
        ``extra`` says another.
        """
        if level == logging.INFO:
            level = VERBOSE
            extra = {"verbose": 3, **(extra or {})}
        record = ServerRecord(name, level, fn, lno, msg, args, exc_info, func, sinfo)
        record.secrets = self.secrets
        if extra is not None:
            record.__dict__.update(extra)
        subject = log_subject.get()
        if subject is not None:
            for field, value in subject.log_fields().items():
                record.__dict__.setdefault(field, value)
        return record

    def handle(self, record: logging.LogRecord) -> None:
        """Give a record to the handlers, unless its place in the program has logged too much of late."""
        if not isinstance(record, ServerRecord) or self.repeats.admits(record):
            super().handle(record)

    def notice(self, message: str, *args: object) -> None:
        """Something worth knowing that needs no action."""
        if self.isEnabledFor(NOTICE):
            self._log(NOTICE, message, args, stacklevel=2)

    def verbose(self, level: int, message: str, *args: object) -> None:
        """Progress for an operator who asked for this much detail (1 least, 10 most; 0 is always told).

        On paths that every call takes ask first, which costs no call: ``if log.verbosity >= 3: log.verbose(3, ...)``.
        """
        if level <= self.verbosity:
            self._log(VERBOSE, message, args, extra={"verbose": level}, stacklevel=2)

    def security(self, message: str, *args: object) -> None:
        """A line of the security log; its format is matched by fail2ban."""
        self._log(SECURITY, message, args, stacklevel=2)

    def dtmf(self, message: str, *args: object) -> None:
        """A DTMF digit received or sent."""
        self._log(DTMF, message, args, stacklevel=2)

    def fax(self, message: str, *args: object) -> None:
        """What the modems and T.30 of a fax do, where somebody wants to know."""
        self._log(FAX, message, args, stacklevel=2)

    def debugging(self, level: int, message: str, *args: object) -> None:
        """Detail for a developer, made only when the server's debug level is at least ``level``."""
        if level <= self.debug_level:
            self._log(DEBUG, message, args, extra={"debug": level}, stacklevel=2)


for _name, _level in LEVEL_NAMES.items():
    logging.addLevelName(_level, _name.upper())
