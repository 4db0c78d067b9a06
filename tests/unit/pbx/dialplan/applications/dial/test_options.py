"""The letters of Dial."""

from __future__ import annotations

import pytest

from asterism.pbx.dialplan.applications.dial.options import Warnings, parse_options, split_options
from asterism.pbx.dialplan.language.places import Place, parse_place


def test_option_text() -> None:
    assert split_options("Ttb(a^b(c)^1)r") == [("T", None), ("t", None), ("b", "a^b(c)^1"), ("r", None)]
    assert parse_place("ctx^s^1(x^y)") == Place("ctx", "s", 1, ("x", "y"))
    assert parse_place("5") == Place("", "", 5)
    assert parse_options("L(5000:x)").problems == ("option L needs milliseconds",)
    assert parse_options("S(5)L(2000)").limit == 2.0
    assert parse_options("Q(none)").losers_cause == 0
    assert parse_options("Q(USER_BUSY)").losers_cause == 17
    assert parse_options("ZS(x)").problems == ("Unrecognized option: 'Z'", "option S needs seconds")


@pytest.mark.parametrize(
    ("text", "warnings"),
    [
        ("4000:2000:1000", Warnings(2.0, 1.0)),
        ("4000:2000", Warnings(2.0, 0.0)),
        ("4000", Warnings()),
        ("4000:9000", Warnings()),
        ("4000:9000:2000", Warnings(3.0, 2.0)),
        ("4000:4000:2000", Warnings(4.0, 2.0)),
        ("4000:5000:50000", Warnings()),
    ],
)
def test_a_warning_comes_within_the_call(text: str, warnings: Warnings) -> None:
    assert parse_options(f"L({text})").warnings == warnings


def test_arguments_of_letters() -> None:
    options = parse_options("A(one&two:three)D(1:2:3:4:5:6:7:8)r(busy)P(boss)n(1)O(2)jC")
    assert options.announcements == (("one", "two"), ("three",))
    assert options.digits == ("1", "2", "3", "4", "5", "6", "7")
    assert (options.ring_tone, options.privacy, options.delete_introduction) == ("busy", "boss", True)
    assert options.problems == ()
    assert parse_options("A(:three)").announcements == ((), ("three",))


@pytest.mark.parametrize(
    ("text", "args"),
    [
        ("U(sub^a^b)", ("a", "b")),
        ("U(sub,a,b)", ("a", "b")),
        ('U(sub^"a,b"^c)', ('"a,b"', "c")),
        ("U(sub^f(a,b)^c)", ("f(a,b)", "c")),
        ("U(sub)", ()),
    ],
)
def test_arguments_of_a_subroutine(text: str, args: tuple[str, ...]) -> None:
    assert parse_options(text).answered_gosub == Place("sub", "s", 1, args)


def test_only_options_that_do_something_at_the_answer_cost_a_step() -> None:
    assert not parse_options("TtgL(5000)b(s^1)").between
    assert all(parse_options(letter).between for letter in "ADGPpU")
