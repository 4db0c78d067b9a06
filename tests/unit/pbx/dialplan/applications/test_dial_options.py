"""The letters of Dial."""

from __future__ import annotations

from asterism.pbx.dialplan.applications.dial_options import parse_options, split_options
from asterism.pbx.dialplan.language.places import Place, parse_place


def test_option_text() -> None:
    assert split_options("Ttb(a^b(c)^1)r") == [("T", None), ("t", None), ("b", "a^b(c)^1"), ("r", None)]
    assert parse_place("ctx^s^1(x^y)") == Place("ctx", "s", 1, ("x", "y"))
    assert parse_place("5") == Place("", "", 5)
    assert parse_options("L(5000:1000)").problems == ("the warnings of option L are not played",)
    assert parse_options("S(5)L(2000)").limit == 2.0
    assert parse_options("Q(none)").losers_cause == 0
    assert parse_options("Q(USER_BUSY)").losers_cause == 17
    assert parse_options("ZS(x)").problems == ("option 'Z' is not supported", "option S needs seconds")
