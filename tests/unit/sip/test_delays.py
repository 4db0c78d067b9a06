"""Seconds that a server asks for."""

from __future__ import annotations

import pytest

from asterism.sip.delays import MAX_SECONDS, seconds_of
from asterism.stack.message import Response


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30", 30),
        (" 30 ", 30),
        ("18000;duration=3600", 18000),
        ("120 (I'm in a meeting)", 120),
        ("9999999999", MAX_SECONDS),
        ("99999999999", 0),
        ("-1", 0),
        ("soon", 0),
        ("\u0665", 0),
        ("", 0),
    ],
)
def test_the_leading_number(text: str, seconds: int) -> None:
    assert seconds_of(Response(503, "", [("Retry-After", text)]), "Retry-After") == seconds


def test_no_header() -> None:
    assert seconds_of(Response(503, "", []), "Retry-After") == 0
