"""English: "twenty one", "two thousand twenty three", "oh five"."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.pbx.channels.saying.rules import Rules

if TYPE_CHECKING:
    from datetime import datetime

_SCALES = ((10**9, "digits/billion"), (10**6, "digits/million"), (1000, "digits/thousand"), (100, "digits/hundred"))


class English(Rules):
    """English as it is said in North America: no "and" within numbers, dollars and cents."""

    language: ClassVar[str] = "en"
    date: ClassVar[str] = "BdY"

    def count(self, number: int, gender: str = "") -> list[str]:
        """Hundreds and the rest, scale by scale; without genders."""
        said: list[str] = []
        for scale, name in _SCALES:
            times, number = divmod(number, scale)
            if times:
                said += [*self.count(times), name]
        if number > 20:
            said.append(f"digits/{number // 10 * 10}")
            number %= 10
        if number:
            said.append(f"digits/{number}")
        return said

    def money(self, whole: int, cents: int, negative: bool = False) -> list[str]:
        """As Asterisk's: one dollar is ``letters/dollar``, ``letters/dollar_`` before cents, and nothing is 0 cents."""
        if not whole and not cents:
            return ["digits/0", "cents"]
        said = super().money(whole, cents, negative)
        return [(f"letters/dollar{'_' if cents else ''}" if name == "dollar" else name) for name in said]

    def default_format(self, moment: datetime) -> str:
        """Tuesday November 14th 2023 at 10 13 p m."""
        return "ABdY 'digits/at' IMp"

    def year(self, year: int) -> list[str]:
        """19 70, 19 hundred, 19 oh 5, but 2 thousand 5; 21 15."""
        century, rest = divmod(year, 100)
        if year < 1100 or not century % 10:
            return self.number(year)
        said = self.count(century)
        if not rest:
            return [*said, "digits/hundred"]
        return [*said, "digits/oh", f"digits/{rest}"] if rest < 10 else [*said, *self.count(rest)]

    def day(self, day: int) -> list[str]:
        """An ordinal."""
        return self.ordinal(day)

    def month_number(self, month: int) -> list[str]:
        """An ordinal."""
        return self.ordinal(month)

    def hour(self, hour: int, padded: bool = False) -> list[str]:
        """A number; padded: "oh five", and "oh" for midnight."""
        if padded and hour < 10:
            return ["digits/oh", *self.count(hour)]
        return self.number(hour)

    def minute(self, minute: int, military: bool = False) -> list[str]:
        """O'clock (military: hundred), "oh five", or a number."""
        if not minute:
            return ["digits/hundred" if military else "digits/oclock"]
        return ["digits/oh", f"digits/{minute}"] if minute < 10 else self.count(minute)
