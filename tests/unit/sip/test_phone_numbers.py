"""Numbers as people write them."""

from __future__ import annotations

import pytest

from asterism.sip.phone_numbers import shrunk


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("(030) 123-45.6", "030123456"),
        ("+49 30 1234", "+49301234"),
        ("*72#", "*72#"),
        ("1.2.", "12."),
        ("alice-b.c", "alice-b.c"),
        ("6001", "6001"),
        ("", ""),
        ("(x) 1", "(x) 1"),
    ],
)
def test_what_only_helps_the_eye_goes(written: str, number: str) -> None:
    assert shrunk(written) == number
