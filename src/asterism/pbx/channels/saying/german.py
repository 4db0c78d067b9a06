"""German: the unit before the ten ("einundzwanzig": ``1-and 20``), and the gender of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.pbx.channels.saying.rules import Rules

if TYPE_CHECKING:
    from datetime import datetime

_ONE = "digits/1"
"""eins: counting, alone."""
_EIN = "digits/1N"
"""ein: before a masculine or neuter noun, and before hundred and thousand."""
_EINE = "digits/1F"
"""eine: before a feminine noun, as Million and Milliarde are."""


class German(Rules):
    """German.

    Prompts beside those that English has: ``1N``, ``1F``, ``1-and`` to ``9-and``, ``millions``, ``milliard(s)``.
    """

    language: ClassVar[str] = "de"
    own: ClassVar[str] = "digits/1-and"
    date: ClassVar[str] = "dBY"

    def count(self, number: int, gender: str = "") -> list[str]:
        """A number; one at its end has the gender."""
        said: list[str] = []
        for scale, name in ((10**9, "digits/milliard"), (10**6, "digits/million")):
            times, number = divmod(number, scale)
            if times:
                said += [*self._below_thousand(times, _EINE), name if times == 1 else name + "s"]
        times, number = divmod(number, 1000)
        if times:
            said += [*self._below_thousand(times, _EIN), "digits/thousand"]
        one = {"f": _EINE, "m": _EIN, "n": _EIN}.get(gender, _ONE)
        return said + self._below_thousand(number, one)

    @staticmethod
    def _below_thousand(number: int, one: str) -> list[str]:
        hundreds, number = divmod(number, 100)
        said = [f"digits/{hundreds}" if hundreds > 1 else _EIN, "digits/hundred"] if hundreds else []
        if number == 1:
            return [*said, one]
        if number > 20 and number % 10:
            return [*said, f"digits/{number % 10}-and", f"digits/{number // 10 * 10}"]
        return [*said, f"digits/{number}"] if number else said

    @staticmethod
    def nth(name: str) -> str:
        """Millions have the ordinal of one."""
        return Rules.nth(name.removesuffix("s") if name.endswith(("ions", "ards")) else name)

    def default_format(self, moment: datetime) -> str:
        """Dienstag, vierzehnter November 2023 um 22 Uhr 13."""
        return "AdBY 'digits/at' kM"

    def year(self, year: int) -> list[str]:
        """Neunzehnhundertsiebzig, zweitausendfünf."""
        century, rest = divmod(year, 100)
        if 1100 <= year < 2000:
            return [*self.count(century), "digits/hundred", *self._below_thousand(rest, _ONE)]
        return self.number(year)

    def day(self, day: int) -> list[str]:
        """An ordinal."""
        return self.ordinal(day)

    def month_number(self, month: int) -> list[str]:
        """An ordinal."""
        return self.ordinal(month)

    def hour(self, hour: int, padded: bool = False) -> list[str]:
        """Ein Uhr, zweiundzwanzig Uhr; a leading zero is not said."""
        return [*self.number(hour, "n"), "digits/oclock"]

    def minute(self, minute: int, military: bool = False) -> list[str]:
        """A number; nothing at the full hour."""
        return self.count(minute)
