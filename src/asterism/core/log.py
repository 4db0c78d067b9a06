"""The server's log: Asterisk's levels on a logger that belongs to one server.

The logger is made directly, not taken from the process-wide table of :mod:`logging`, so that two
servers in one process never see each other's records. The channels of ``logger.conf`` are its handlers
(``interfaces/logger``).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, Protocol

TRACE = 5
DEBUG = logging.DEBUG
VERBOSE = 15
DTMF = 16
SECURITY = 18
NOTICE = 25
WARNING = logging.WARNING
ERROR = logging.ERROR

LEVEL_NAMES = {
    "trace": TRACE,
    "debug": DEBUG,
    "verbose": VERBOSE,
    "dtmf": DTMF,
    "security": SECURITY,
    "notice": NOTICE,
    "warning": WARNING,
    "error": ERROR,
}
"""Level names as ``logger.conf`` spells them."""


class LogSubject(Protocol):
    """What log lines may be about: a channel, a SIP session."""

    def log_fields(self) -> Mapping[str, str]:
        """``call`` ("C-00000001"), ``channel`` and ``call_id``, as far as there are such."""


log_subject: ContextVar[LogSubject | None] = ContextVar("log_subject", default=None)
"""What the code that runs now works for: a call's dialplan task sets its channel, a session's work the session.

Every record made meanwhile carries its fields, so that one call can be followed through the log.
"""


class ServerLogger(logging.Logger):
    """A logger with Asterisk's extra levels.

    ``verbose_level`` and ``debug_level`` are the server's settings (``core set verbose``): a
    verbose record of a higher level is not made unless some log channel or console asks for it
    (``verbose_ceiling``, kept by those through :meth:`update_ceiling`).
    """

    def __init__(self, name: str) -> None:
        super().__init__(name, TRACE)
        self.propagate = False
        self.verbose_level = 0
        self.verbose_ceiling = 0
        self.debug_level = 0

    def update_ceiling(self) -> None:
        """Find the highest verbosity that a handler asks for by its ``verbose_level``."""
        self.verbose_ceiling = max((getattr(each, "verbose_level", 0) for each in self.handlers), default=0)

    def makeRecord(self, *args: Any, **keywords: Any) -> logging.LogRecord:  # noqa: N802 (logging's name)
        """A record with the fields of the call that is being worked for."""
        record = super().makeRecord(*args, **keywords)
        subject = log_subject.get()
        if subject is not None:
            for name, value in subject.log_fields().items():
                record.__dict__.setdefault(name, value)
        return record

    def notice(self, message: str, *args: object) -> None:
        """Something worth knowing that needs no action."""
        if self.isEnabledFor(NOTICE):
            self._log(NOTICE, message, args, stacklevel=2)

    def verbose(self, level: int, message: str, *args: object) -> None:
        """Progress for an operator who asked for this much detail (1 least, 10 most)."""
        if level <= self.verbose_level or level <= self.verbose_ceiling:
            self._log(VERBOSE, message, args, extra={"verbose": level}, stacklevel=2)

    def security(self, message: str, *args: object) -> None:
        """A line of the security log; its format is matched by fail2ban."""
        self._log(SECURITY, message, args, stacklevel=2)

    def dtmf(self, message: str, *args: object) -> None:
        """A digit that came or went."""
        self._log(DTMF, message, args, stacklevel=2)

    def debugging(self, level: int, message: str, *args: object) -> None:
        """Detail for a developer, made only when the server's debug level is at least ``level``."""
        if level <= self.debug_level:
            self._log(DEBUG, message, args, extra={"debug": level}, stacklevel=2)


for _name, _level in LEVEL_NAMES.items():
    logging.addLevelName(_level, _name.upper())
