"""ABS, MIN, MAX, DIGIT_SUM, UUID."""

from __future__ import annotations

import uuid

import pytest
from functions_kit import Functions, warnings

from asterism.pbx.dialplan.functions.arithmetic import ArithmeticFunctions


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ABS(-4)", "4"), ("ABS(-2.5)", "2.5"), ("MIN(5,4)", "4"), ("MAX(5,4)", "5"), ("MAX(-1,-2.5)", "-1"),
        ("DIGIT_SUM(1234)", "10"), ("DIGIT_SUM(a٣1)", "1"), ("DIGIT_SUM()", "0"),
    ],
)  # fmt: skip
async def test_numbers(text: str, found: str) -> None:
    assert await Functions(ArithmeticFunctions()).read(text) == found


@pytest.mark.parametrize("text", ["ABS(x)", "MIN(1)", "MAX(1,)", "ABS(nan)", "ABS(1e400)", "ABS(1e300)"])
async def test_no_numbers(text: str) -> None:
    functions = Functions(ArithmeticFunctions())
    with warnings(functions) as lines:
        assert await functions.read(text) == ""
    assert len(lines) == 1


async def test_each_uuid_is_another() -> None:
    functions = Functions(ArithmeticFunctions())
    found = [await functions.read("UUID()") for _ in range(2)]
    assert uuid.UUID(found[0]).version == 4
    assert found[0] != found[1]
