"""Places in the dialplan as options write them."""

from __future__ import annotations

import pytest

from asterism.pbx.dialplan.language.foreign import foreign, joined
from asterism.pbx.dialplan.language.places import Place, parse_place


@pytest.mark.parametrize(
    ("text", "args"), [("sub,s,1(a,b)", ("a", "b")), ("sub^s^1(a^b)", ("a", "b")), ("sub,s,1", ())]
)
def test_a_place_in_options_is_written_with_commas_or_carets(text: str, args: tuple[str, ...]) -> None:
    assert parse_place(text) == Place("sub", "s", 1, args)


@pytest.mark.parametrize(
    ("text", "args"),
    [
        ('sub^s^1("a,b"^c)', ('"a,b"', "c")),
        ("sub,s,1(f(a,b),c)", ("f(a,b)", "c")),
        ("sub^s^1(a(b))", ("a(b)",)),
        ("sub^s^1(a\\,b^c)", ("a\\,b", "c")),
        ("sub^s^1()", ()),
        ("sub^s^1,(a)", ("a",)),
    ],
)
def test_a_comma_in_an_argument_is_in_quotes_or_parentheses(text: str, args: tuple[str, ...]) -> None:
    assert parse_place(text) == Place("sub", "s", 1, args)


def test_text_from_outside_divides_no_arguments() -> None:
    found = parse_place(joined(["sub^s^1(", foreign("a^b,c"), "^d)"]))
    assert found == Place("sub", "s", 1, ("a^b,c", "d"))
