"""What the rules of every language have in common: numbers, ordinals, money, times, plurals."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from datetime import datetime

MOST = 10**12 - 1
"""The largest number that is said, and the smallest with a minus."""


class Rules(ABC):
    """How one language says things, in names of prompts. Rules have no state and read no files.

    Numbers are from ``-MOST`` to ``MOST``; a gender is ``m``, ``f``, ``n``, ``c`` or nothing, of what is counted.
    """

    language: ClassVar[str]
    """Its tag, as in ``CHANNEL(language)``: ``en``."""
    own: ClassVar[str] = ""
    """A prompt that every package of the language has and English has not; ``""`` where its rules need none."""
    date: ClassVar[str]
    """A date without the day of the week, in the format of :mod:`~.dates`."""

    @abstractmethod
    def count(self, number: int, gender: str = "") -> list[str]:
        """A number from 1 to ``MOST``."""

    def number(self, number: int, gender: str = "") -> list[str]:
        """A whole number.

        Raises:
            ValueError: it is larger than ``MOST``, or less than ``-MOST``.
        """
        if abs(number) > MOST:
            raise ValueError("numbers of more than 12 digits are not said")
        if number < 0:
            return ["digits/minus", *self.count(-number, gender)]
        return self.count(number, gender) if number else ["digits/0"]

    def ordinal(self, number: int, gender: str = "") -> list[str]:
        """The number of something in its order: the last word of the number has another form (``digits/h-``).

        Raises:
            ValueError: see :meth:`number`.
        """
        *first, last = self.number(number)
        return [*first, self.nth(last)] if number > 0 else [*first, last]

    @staticmethod
    def nth(name: str) -> str:
        """The ordinal form of one word of a number."""
        return name.replace("digits/", "digits/h-", 1)

    def money(self, whole: int, cents: int, negative: bool = False) -> list[str]:
        """An amount of dollars and cents.

        Raises:
            ValueError: see :meth:`number`.
        """
        said = ["digits/minus"] if negative else []
        if whole or not cents:
            said += [*self.number(whole, "m"), "dollar" if self.singular(whole) else "dollars"]
        if cents:
            said += ["and"] if whole else []
            said += [*self.number(cents, "m"), "cent" if self.singular(cents) else "cents"]
        return said

    @staticmethod
    def singular(number: int) -> bool:
        """Whether so many things are one thing to the grammar."""
        return number == 1

    def noun(self, number: int, name: str) -> str:
        """The form of a noun that so many things have: without or with ``s``."""
        return name if self.singular(number) else name + "s"

    def adjective(self, number: int, name: str, gender: str = "") -> str:
        """The form of an adjective for so many things."""
        return name

    # -- times -------------------------------------------------------------------------------------

    @abstractmethod
    def default_format(self, moment: datetime) -> str:
        """How a moment is said when nothing is told: day, date and time, in the format of :mod:`~.dates`."""

    @abstractmethod
    def year(self, year: int) -> list[str]:
        """A year."""

    @abstractmethod
    def day(self, day: int) -> list[str]:
        """A day of the month."""

    @abstractmethod
    def month_number(self, month: int) -> list[str]:
        """A month by its number, 1 to 12."""

    @abstractmethod
    def hour(self, hour: int, padded: bool = False) -> list[str]:
        """An hour, 0 to 23; ``padded`` where the language says its leading zero."""

    @abstractmethod
    def minute(self, minute: int, military: bool = False) -> list[str]:
        """The minutes after an hour that was said; ``military`` where full hours are said as in armed forces."""

    def hour_of_half(self, hour: int) -> list[str]:
        """An hour of the 12-hour clock, 1 to 12."""
        return self.hour(hour)

    def second(self, second: int) -> list[str]:
        """The seconds after a minute that was said."""
        return self.number(second)
