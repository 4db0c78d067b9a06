"""French: "vingt et un", "soixante et onze", "quatre-vingt-dix-neuf"."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.pbx.channels.saying.rules import Rules

if TYPE_CHECKING:
    from datetime import datetime


class French(Rules):
    """French of France and Canada. Prompts beside those that English has: ``et``, ``1F`` (une), ``milliard``."""

    language: ClassVar[str] = "fr"
    own: ClassVar[str] = "digits/et"
    date: ClassVar[str] = "dBY"

    def count(self, number: int, gender: str = "") -> list[str]:
        """A number; one at its end has the gender."""
        said: list[str] = []
        for scale, name in ((10**9, "digits/milliard"), (10**6, "digits/million"), (1000, "digits/thousand")):
            times, number = divmod(number, scale)
            if times:
                # "mille" is never "un mille"
                said += [*([] if scale == 1000 and times == 1 else self._below_thousand(times, "digits/1")), name]
        return said + self._below_thousand(number, "digits/1F" if gender == "f" else "digits/1")

    @staticmethod
    def _below_thousand(number: int, one: str) -> list[str]:
        hundreds, number = divmod(number, 100)
        said = [f"digits/{hundreds}"] if hundreds > 1 else []
        if hundreds:
            said.append("digits/hundred")
        # What has a word of its own: up to 20, and the tens (soixante-dix and quatre-vingt-dix included).
        if number == 1:
            return [*said, one]
        if number <= 20 or not number % 10:
            return [*said, f"digits/{number}"] if number else said
        tens = number // 10 * 10 - (10 if number // 10 in (7, 9) else 0)
        rest = number - tens
        said.append(f"digits/{tens}")
        if rest in (1, 11) and tens < 80:
            said.append("digits/et")
        return [*said, one if rest == 1 else f"digits/{rest}"]

    def ordinal(self, number: int, gender: str = "") -> list[str]:
        """Premier, deuxième, ...; after other words one stays "un": there is no prompt for "unième"."""
        if number > 1 and number % 10 == 1 and number % 100 not in (11, 71, 91):
            return self.number(number, gender)
        return super().ordinal(number, gender)

    @staticmethod
    def nth(name: str) -> str:
        """The ordinal of milliard is where the packages have it."""
        return Rules.nth(name.replace("milliard", "billion"))

    @staticmethod
    def singular(number: int) -> bool:
        """None is singular too."""
        return number < 2

    def default_format(self, moment: datetime) -> str:
        """Mardi quatorze novembre 2023 à 22 heures 13."""
        return "AdBY 'digits/at' kM"

    def year(self, year: int) -> list[str]:
        """A number."""
        return self.number(year)

    def day(self, day: int) -> list[str]:
        """The first is an ordinal, the others are numbers."""
        return self.ordinal(1) if day == 1 else self.number(day)

    def month_number(self, month: int) -> list[str]:
        """A number."""
        return self.number(month)

    def hour(self, hour: int, padded: bool = False) -> list[str]:
        """Une heure, vingt et une heures; a leading zero is not said."""
        return [*self.number(hour, "f"), "digits/oclock"]

    def minute(self, minute: int, military: bool = False) -> list[str]:
        """A number; nothing at the full hour."""
        return self.count(minute, "f")
