"""Date (RFC 3261 20.17), Retry-After (20.33), Expires-like numbers, Timestamp."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import ClassVar, Self

from asterism.stack.errors import ParseError
from asterism.stack.grammar import check_value, format_params, parse_number, parse_params, printable
from asterism.stack.headers.base import HeaderValue

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_date = re.compile(
    rf"({'|'.join(_DAYS)}), ([0-9]{{1,2}}) ({'|'.join(_MONTHS)}) ([0-9]{{4}})"
    r" ([0-9]{2}):([0-9]{2}):([0-9]{2}) GMT"
).fullmatch
_delta_seconds = re.compile(r"[0-9]+").match
_comment_part = re.compile(r"\\.|[^\\]", re.DOTALL).match


class Date(HeaderValue):
    """A moment, in GMT."""

    NAME: ClassVar[str] = "Date"
    __slots__ = ("moment",)

    def __init__(self, moment: datetime) -> None:
        self.moment = moment.astimezone(UTC)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse an RFC 1123 date; only GMT is allowed. Raises ParseError."""
        found = _date(text.strip())
        if found is None:
            raise ParseError(f"bad Date: {printable(text)!r}")
        _, day, month, year, hour, minute, second = found.groups()
        try:
            moment = datetime(
                int(year), _MONTHS.index(month) + 1, int(day), int(hour), int(minute), min(int(second), 59), tzinfo=UTC
            )
        except ValueError:
            raise ParseError(f"bad Date: {printable(text)!r}") from None
        return cls(moment)

    def __str__(self) -> str:
        at = self.moment
        return f"{_DAYS[at.weekday()]}, {at.day:02} {_MONTHS[at.month - 1]} {at.year:04} {at:%H:%M:%S} GMT"


class RetryAfter(HeaderValue):
    """When to try again: seconds, a comment (which may hold others in parentheses), the ``duration`` of availability.

    The constructor raises ValueError for a comment whose parentheses do not match.
    """

    NAME: ClassVar[str] = "Retry-After"
    __slots__ = ("comment", "duration", "params", "seconds")

    def __init__(self, seconds: int, comment: str = "", duration: int | None = None) -> None:
        self.seconds = seconds
        self.comment = check_value(comment)
        if comment and _comment_end(f"({comment})") != len(comment) + 2:
            raise ValueError(f"the parentheses of a comment do not match: {printable(comment)!r}")
        self.duration = duration
        self.params: dict[str, str | None] = {} if duration is None else {"duration": str(duration)}

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a value. Raises ParseError."""
        text = text.strip()
        found = _delta_seconds(text)
        if found is None:
            raise ParseError(f"bad Retry-After: {printable(text)!r}")
        rest = text[found.end() :].lstrip()
        end = _comment_end(rest)
        params = rest[end:].lstrip()
        if params and params[0] != ";":
            raise ParseError(f"bad Retry-After: {printable(text)!r}")
        made = cls(parse_number(found.group(), "Retry-After"), rest[1 : end - 1] if end else "")
        made.params = parse_params(params)
        duration = made.params.get("duration")
        made.duration = None if not duration else parse_number(duration, "duration")
        return made

    def __str__(self) -> str:
        comment = f" ({self.comment})" if self.comment else ""
        return f"{self.seconds}{comment}{format_params(self.params)}"


def _comment_end(text: str) -> int:
    """Where the comment ends that the text starts with (RFC 3261 25.1: comments nest); 0 if there is no whole one."""
    depth = position = 0
    while position < len(text):
        part = _comment_part(text, position)
        if part is None:
            return 0
        depth += {"(": 1, ")": -1}.get(part.group(), 0)
        position = part.end()
        if depth <= 0:
            return position if part.group() == ")" else 0
    return 0
