"""Time specifications of ``include`` lines, ``GotoIfTime`` and ``IFTIME``."""

from __future__ import annotations

import datetime
import zoneinfo
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

TEST_TIME = "TESTTIME"
"""Variable of a channel with the moment that is taken for now, in seconds since 1970."""
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


class TimeSpec:
    """``times,weekdays,mdays,months[,timezone]``: each a ``*``, a value, ranges, or these joined by ``&``."""

    __slots__ = ("days", "months", "text", "times", "weekdays", "zone")

    def __init__(
        self,
        text: str,
        times: tuple[tuple[int, int], ...] | None,
        weekdays: frozenset[int] | None,
        days: frozenset[int] | None,
        months: frozenset[int] | None,
        zone: datetime.tzinfo | None,
    ) -> None:
        self.text = text
        self.times = times
        self.weekdays = weekdays
        self.days = days
        self.months = months
        self.zone = zone

    def matches_for(self, channel: Channel | None) -> bool:
        """Whether now is within, or the moment that the function TESTTIME has set for ``channel``."""
        text = None if channel is None else channel.variables.get(TEST_TIME)
        if not text:
            return self.matches()
        try:
            return self.matches(datetime.datetime.fromtimestamp(int(text), datetime.UTC).astimezone())
        except (ValueError, OverflowError, OSError):
            return self.matches()

    def matches(self, now: datetime.datetime | None = None) -> bool:
        """Whether ``now`` (the current moment by default) is within; the end of a time range is included."""
        if now is None:
            now = datetime.datetime.now(self.zone)
        elif self.zone is not None:
            now = now.astimezone(self.zone)
        minute = now.hour * 60 + now.minute
        if self.times is not None and not any(
            first <= minute <= last if first <= last else (minute >= first or minute <= last)
            for first, last in self.times
        ):
            return False
        return (
            (self.weekdays is None or now.weekday() in self.weekdays)
            and (self.days is None or now.day in self.days)
            and (self.months is None or now.month in self.months)
        )


_MAX_LENGTH = 512


def parse_time_spec(text: str) -> TimeSpec:
    """Read a time specification; missing fields are ``*``. Raises :class:`ValueError` for a wrong one."""
    if len(text) > _MAX_LENGTH:
        raise ValueError(f"a time specification has at most {_MAX_LENGTH} characters")
    return _parsed(text)


@lru_cache(maxsize=256)
def _parsed(text: str) -> TimeSpec:
    parts = [part.strip() for part in text.replace("|", ",").split(",")]
    parts += ["*"] * (5 - len(parts))
    zone: datetime.tzinfo | None = None
    if parts[4] not in ("", "*"):
        try:
            zone = zoneinfo.ZoneInfo(parts[4])
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"unknown time zone '{parts[4]}'") from error
    return TimeSpec(
        text,
        _times(parts[0]),
        _names(parts[1], _DAYS, 0),
        _numbers(parts[2], 1, 31),
        _names(parts[3], _MONTHS, 1),
        zone,
    )


def _times(text: str) -> tuple[tuple[int, int], ...] | None:
    if text in ("", "*"):
        return None
    ranges = []
    for part in text.split("&"):
        first, dash, last = part.partition("-")
        ranges.append((_minute(first), _minute(last if dash else first)))
    return tuple(ranges)


def _minute(text: str) -> int:
    hours, colon, minutes = text.strip().partition(":")
    if not (colon and hours.isdecimal() and minutes.isdecimal() and int(hours) <= 24 and int(minutes) <= 59):
        raise ValueError(f"wrong time '{text}'")
    return int(hours) * 60 + int(minutes)


def _names(text: str, names: tuple[str, ...], base: int) -> frozenset[int] | None:
    if text in ("", "*"):
        return None

    def number(word: str) -> int:
        word = word.strip().lower()[:3]
        if word in names:
            return names.index(word) + base
        raise ValueError(f"'{word}' is not one of {', '.join(names)}")

    return _ranges(text, number, base, base + len(names) - 1)


def _numbers(text: str, low: int, high: int) -> frozenset[int] | None:
    if text in ("", "*"):
        return None

    def number(word: str) -> int:
        if word.strip().isdecimal() and low <= int(word) <= high:
            return int(word)
        raise ValueError(f"'{word}' is not between {low} and {high}")

    return _ranges(text, number, low, high)


def _ranges(text: str, number: Callable[[str], int], low: int, high: int) -> frozenset[int]:
    members: set[int] = set()
    for part in text.split("&"):
        first, dash, last = part.partition("-")
        start = number(first)
        end = number(last) if dash else start
        if start <= end:
            members.update(range(start, end + 1))
        else:  # fri-mon goes round
            members.update(range(start, high + 1))
            members.update(range(low, end + 1))
    return frozenset(members)
