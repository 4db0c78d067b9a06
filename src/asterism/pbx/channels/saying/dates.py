"""The format of SayUnixTime: a letter for each part of a moment, and names of prompts in single quotes.

| letter | said |
|---|---|
| ``A`` ``a`` | day of the week |
| ``B`` ``b`` ``h`` | month |
| ``m`` | month, as a number |
| ``d`` ``e`` | day of the month |
| ``Y`` | year |
| ``I`` ``l`` | hour, 1 to 12 |
| ``H`` | hour, 0 to 23, with its leading zero |
| ``k`` | hour, 0 to 23 |
| ``M`` | minute |
| ``N`` | minute, full hours as in armed forces ("hundred") |
| ``P`` ``p`` | a.m. or p.m. |
| ``S`` | second |
| ``R`` | ``HM`` |
| ``T`` | ``HMS`` |
| ``Q`` | today, yesterday, tomorrow; the day of the week if it was less than a week ago; else the date |
| ``q`` | the same, but nothing for today |
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from asterism.pbx.channels.saying.rules import Rules

MOST_FORMAT = 1024
"""Characters of a format that are read."""


def moment_names(
    rules: Rules, moment: datetime, now: datetime, form: str = "", complain: Callable[[str, int], None] | None = None
) -> list[str]:
    """The prompts that say ``moment`` in the format ``form``, by default the language's.

    ``now`` is in the same time zone and decides what is today. ``complain`` is told each letter that means nothing, and
    its place.
    """
    return _Reader(rules, moment, now, complain).read(form[:MOST_FORMAT] or rules.default_format(moment))


class _Reader:
    """What the letters of one format say of one moment."""

    __slots__ = ("complain", "moment", "now", "rules")

    def __init__(
        self, rules: Rules, moment: datetime, now: datetime, complain: Callable[[str, int], None] | None
    ) -> None:
        self.rules = rules
        self.moment = moment
        self.now = now
        self.complain = complain

    def read(self, form: str) -> list[str]:
        """All of a format."""
        said: list[str] = []
        place = 0
        while place < len(form):
            letter = form[place]
            if letter == "'":
                end = form.find("'", place + 1)
                end = len(form) if end < 0 else end
                said += [name] if (name := form[place + 1 : end].strip()) else []
                place = end + 1
                continue
            if not letter.isspace():
                part = self.part(letter)
                if part is not None:
                    said += part
                elif self.complain is not None:
                    self.complain(letter, place)
            place += 1
        return said

    def part(self, letter: str) -> list[str] | None:
        """What one letter says; ``None`` for one without a meaning."""
        rules, moment = self.rules, self.moment
        match letter:
            case "A" | "a":
                return [f"digits/day-{moment.isoweekday() % 7}"]
            case "B" | "b" | "h":
                return [f"digits/mon-{moment.month - 1}"]
            case "m":
                return rules.month_number(moment.month)
            case "d" | "e":
                return rules.day(moment.day)
            case "Y":
                return rules.year(moment.year)
            case "I" | "l":
                return rules.hour_of_half(moment.hour % 12 or 12)
            case "H" | "k":
                return rules.hour(moment.hour, letter == "H")
            case "M" | "N":
                return rules.minute(moment.minute, letter == "N")
            case "P" | "p":
                return ["digits/a-m" if moment.hour < 12 else "digits/p-m"]
            case "S":
                return rules.second(moment.second)
            case "R":
                return self.read("HM")
            case "T":
                return self.read("HMS")
            case "Q" | "q":
                return self.relative(letter == "Q")
        return None

    def relative(self, today: bool) -> list[str]:
        """The day as seen from now."""
        ago = (self.now.date() - self.moment.date()).days
        if ago == 0:
            return ["digits/today"] if today else []
        if ago in (1, -1):
            return ["digits/yesterday" if ago > 0 else "digits/tomorrow"]
        return self.read("A" if 1 < ago < 7 else self.rules.date)
