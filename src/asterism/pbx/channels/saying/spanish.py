"""Spanish: "veintiuno", "treinta y uno", "ciento uno", "quinientos"; the gender of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.pbx.channels.saying.rules import Rules

if TYPE_CHECKING:
    from datetime import datetime

_ONES = {"m": "digits/1M", "f": "digits/1F"}


class Spanish(Rules):
    """Spanish.

    Prompts beside those that English has: ``1M``, ``1F``, ``and``, ``20-and``, ``21`` to ``29``, ``100-and``,
    ``200`` to ``900``, ``millions``, ``at_s``, ``es-de``.
    """

    language: ClassVar[str] = "es"
    own: ClassVar[str] = "digits/20-and"
    date: ClassVar[str] = "d 'digits/es-de' B 'digits/es-de' Y"

    def count(self, number: int, gender: str = "") -> list[str]:
        """A number; one at its end has the gender. 10⁹ is a thousand millions."""
        millions, number = divmod(number, 10**6)
        said: list[str] = []
        if millions:
            said = [*self._below_million(millions, "m"), "digits/million" if millions == 1 else "digits/millions"]
        return said + self._below_million(number, gender)

    def _below_million(self, number: int, gender: str) -> list[str]:
        thousands, number = divmod(number, 1000)
        said: list[str] = []
        if thousands:  # "mil", not "un mil"
            said = [*(self._below_thousand(thousands, "m") if thousands > 1 else ()), "digits/thousand"]
        return said + self._below_thousand(number, gender)

    @staticmethod
    def _below_thousand(number: int, gender: str) -> list[str]:
        if number == 100:
            return ["digits/hundred"]
        hundreds, number = divmod(number, 100)
        said = [f"digits/{hundreds}00" if hundreds > 1 else "digits/100-and"] if hundreds else []
        one = _ONES.get(gender, "digits/1")
        if number == 1:
            return [*said, one]
        if number == 21 and gender in _ONES:
            return [*said, "digits/20-and", one]
        if number < 30 or not number % 10:
            return [*said, f"digits/{number}"] if number else said
        unit = number % 10
        return [*said, f"digits/{number - unit}", "digits/and", one if unit == 1 else f"digits/{unit}"]

    def ordinal(self, number: int, gender: str = "") -> list[str]:
        """Primero to centésimo nonagésimo noveno, and milésimo; others are said as numbers, as people do."""
        if number == 1000:
            return ["digits/h-thousand"]
        if not 0 < number < 200:
            return self.number(number, gender)
        said = ["digits/h-hundred"] if number >= 100 else []
        number %= 100
        if number > 20 and number % 10:
            said.append(f"digits/h-{number // 10 * 10}")
            number %= 10
        return [*said, f"digits/h-{number}"] if number else said

    def default_format(self, moment: datetime) -> str:
        """Martes 14 de noviembre de 2023 a las 10 y 13 p m; "a la" before one o'clock."""
        at = "digits/at" if moment.hour % 12 == 1 else "digits/at_s"
        return f"A {self.date} '{at}' IMp"

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
        """La una, las veintiuna; a leading zero is not said."""
        return self.number(hour, "f")

    def minute(self, minute: int, military: bool = False) -> list[str]:
        """En punto, or "y" and a number."""
        return ["digits/and", *self.count(minute)] if minute else ["digits/oclock"]
