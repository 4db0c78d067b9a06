"""How a log record reads: Asterisk's line, the plain one, and JSON."""

from __future__ import annotations

import json
import logging
import os
import re
import time
from typing import ClassVar

from asterism.core.log import SECURITY, VERBOSE, printable_lines

DEFAULT_DATE = "%b %e %T"
_PID = os.getpid
_INDENT = "\n    "
"""Before the second and each further line of a record: wide enough that no reader of logs finds a date there."""
_INDENTS = ("", "", "  == ", "    -- ", "       > ")
"""What verbose lines of level 0, 1, ... begin with on a console; the last is that of all higher ones."""
_NEXT_LINE = re.compile(r"\n(?=[^\n])")
_UNSAFE = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")


_FRACTION = re.compile("%([1-9])q")


def on_lines(text: str, record: logging.LogRecord, formatter: logging.Formatter) -> str:
    """The ``text`` of a record and the traceback of its exception, all but the first line indented."""
    if record.exc_info:
        text += "\n" + printable_lines(formatter.formatException(record.exc_info))
    return _NEXT_LINE.sub(_INDENT, text) if "\n" in text else text


def source_of(record: logging.LogRecord) -> str:
    """Where a record comes from: the file, for security records the name that log readers expect."""
    return "res_security_log.c" if record.levelno == SECURITY else record.filename


def date_of(form: str, seconds: float) -> str:
    """A time as ``dateformat`` wants it: as ``strftime``, and ``%3q`` for thousandths (``%1q`` to ``%9q``)."""
    if "q" in form:
        fraction = f"{int(seconds % 1 * 1e6):06d}000"
        form = _FRACTION.sub(lambda found: fraction[: int(found[1])], form)
    return time.strftime(form, time.localtime(seconds))


class DefaultFormat(logging.Formatter):
    """``[date] LEVEL[pid][call] file: message``."""

    def __init__(self, date: str = DEFAULT_DATE, call_ids: bool = True) -> None:
        super().__init__()
        self._date = date
        self._call_ids = call_ids

    def format(self, record: logging.LogRecord) -> str:
        """One record, with the traceback of its exception on the lines below."""
        date = date_of(self._date, record.created)
        call = getattr(record, "call", "") if self._call_ids else ""
        call = f"[{call}]" if call else ""
        prefix = f"[{date}] {record.levelname}[{_PID()}]{call} {source_of(record)}: "
        return on_lines(prefix + record.getMessage(), record, self)


class ConsoleFormat(logging.Formatter):
    """The format of the console: verbose lines indented, others with their level, in colour on a terminal."""

    _COLORS: ClassVar = {
        "ERROR": "31;1",
        "WARNING": "31",
        "NOTICE": "33",
        "DEBUG": "32",
        "DTMF": "36",
        "SECURITY": "35",
    }

    def __init__(self, color: bool, timestamp: bool, date: str = DEFAULT_DATE) -> None:
        super().__init__()
        self._color = color
        self._timestamp = timestamp
        self._date = date

    def format(self, record: logging.LogRecord) -> str:
        """One record."""
        message = record.getMessage()
        date = date_of(self._date, record.created)
        if record.levelno == VERBOSE:
            indent = _INDENTS[min(max(record.__dict__.get("verbose", 0), 0), 4)]
            return on_lines((f"[{date}] " if self._timestamp else "") + indent + message, record, self)
        level = record.levelname
        if self._color and level in self._COLORS:
            level = f"\x1b[{self._COLORS[level]}m{level}\x1b[0m"
        call = getattr(record, "call", "")
        text = f"[{date}] {level}[{_PID()}]{f'[{call}]' if call else ''}: {source_of(record)} {message}"
        return on_lines(text, record, self)


class PlainFormat(DefaultFormat):
    """The default line; kept apart because ``logger.conf`` names it."""


class JsonFormat(logging.Formatter):
    """One JSON object a line, with the channel and Call-ID when the record has them."""

    def format(self, record: logging.LogRecord) -> str:
        """One record."""
        fields: dict[str, object] = {
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname,
            "file": source_of(record),
            "line": record.lineno,
            "message": record.getMessage(),
        }
        for name in ("call", "channel", "call_id", "verbose"):
            value = getattr(record, name, None)
            if value not in (None, ""):
                fields[name] = value
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(fields, ensure_ascii=False))


FORMATS = ("default", "plain", "json")
"""The formatters that ``logger.conf`` may name in brackets before the levels."""
