from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from asterism.pbx.calls.overlap import WAIT_FOR_LONGER, WAIT_FOR_MORE, dial_on
from asterism.pbx.vocabulary.errors import Goto

NUMBERS = ("70", "701", "7012")


class Caller:
    """Dials one digit after the other, and nothing when there is no more."""

    context = "internal"

    def __init__(self, number: str, digits: str) -> None:
        self.exten = number
        self.digits = list(digits)
        self.waits: list[float] = []
        self.shown: list[Any] = []
        table = SimpleNamespace(
            matches_more=lambda _context, number: any(one.startswith(number) and one != number for one in NUMBERS)
        )
        self.pbx = SimpleNamespace(
            dialplan=SimpleNamespace(table=table, exists=lambda _context, number: number in NUMBERS)
        )

    def indicate(self, condition: Any) -> None:
        self.shown.append(condition)

    async def read_digit(self, seconds: float) -> str | None:
        self.waits.append(seconds)
        return self.digits.pop(0) if self.digits else None


@pytest.mark.parametrize(
    ("number", "digits", "reached", "waits"),
    [
        ("7", "012", "7012", [WAIT_FOR_MORE, WAIT_FOR_LONGER, WAIT_FOR_LONGER]),  # nothing longer: nobody waits
        ("7", "0", "70", [WAIT_FOR_MORE, WAIT_FOR_LONGER]),
        ("7", "9", "79", [WAIT_FOR_MORE]),
        ("7", "", "7", [WAIT_FOR_MORE]),
    ],
)
def test_digits_are_read_as_long_as_there_is_a_longer_number(
    number: str, digits: str, reached: str, waits: list[float]
) -> None:
    caller: Any = Caller(number, digits)
    with pytest.raises(Goto) as jump:
        asyncio.run(dial_on("internal", caller))
    assert (jump.value.context, jump.value.exten, jump.value.priority) == ("internal", reached, 1)
    assert caller.waits == waits
    assert len(caller.shown) == 1
