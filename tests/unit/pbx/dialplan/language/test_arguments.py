"""Splitting what stands between an application's parentheses."""

from __future__ import annotations

import pytest

from asterism.pbx.dialplan.language.arguments import (
    find_outside,
    number,
    option_letters,
    split_arguments,
    split_assignment,
    split_call,
    split_condition,
    split_fields,
    split_letters,
    split_names,
)


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("", [""]),
        ("a,b", ["a", "b"]),
        ('"a,b",c', ["a,b", "c"]),
        (r"a\,b,c", ["a,b", "c"]),
        ("F(a,b),[c,d]", ["F(a,b)", "[c,d]"]),
        ("a),b", ["a)", "b"]),
    ],
)
def test_commas_divide_outside_quotes_and_parentheses(text: str, arguments: list[str]) -> None:
    assert split_arguments(text) == arguments


def test_the_last_of_a_limited_number_keeps_what_is_left() -> None:
    assert split_arguments('a,"b,c",d', limit=2) == ["a", '"b,c",d']
    assert split_arguments('"a,b",c', raw=True) == ['"a,b"', "c"]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("x=1", ("x", "1")),
        ("ARRAY(a=b)=c=d", ("ARRAY(a=b)", "c=d")),
        ("F(a=b", ("F(a", "b")),
        ("nothing", None),
    ],
)
def test_an_assignment_is_divided_at_the_first_outside_parentheses(text: str, parts: tuple[str, str] | None) -> None:
    assert split_assignment(text) == parts


def test_conditions_and_calls() -> None:
    assert split_condition("1?a:b") == ("1", "a", "b")
    assert split_condition("1?Goto(a:b):c") == ("1", "Goto(a:b)", "c")
    assert split_condition("1?a") == ("1", "a", "")
    assert split_condition("1") is None
    assert split_call(" Dial(PJSIP/a(b)) ") == ("Dial", "PJSIP/a(b)")
    assert split_call("Answer") == ("Answer", "")
    assert find_outside('(:)":":', ":") == 6


@pytest.mark.parametrize(("text", "value"), [("1.5", 1.5), (" 0 ", 0.0), ("-1", None), ("1e11", None), ("nan", None)])
def test_seconds(text: str, value: float | None) -> None:
    assert number(text) == value


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("aM(macro^go)b", [("a", None), ("M", None), ("b", None)]),  # there was such an option once
        ("L(1:2)g(ab(c)d)x", [("L", "1:2"), ("g", None), ("x", None)]),
        ("g(ab", [("g", None)]),
    ],
)
def test_what_is_in_parentheses_is_never_a_list_of_letters(text: str, letters: list[tuple[str, str | None]]) -> None:
    assert split_letters(text, frozenset("L")) == letters


def test_as_many_fields_as_there_are_to_be():
    assert split_fields(" a , b", 3) == ["a", "b", ""]
    assert split_fields("", 2) == ["", ""]
    assert split_fields("a,b,c,d", 2) == ["a", "b"], "further ones are passed over"
    assert split_fields("a,b, c,d", 3, rest=True) == ["a", "b", "c,d"]


def test_names_joined_by_ampersands():
    assert split_names(" a & b&&c ") == ["a", "b", "c"]
    assert split_names("") == []


def test_letters_without_arguments():
    assert option_letters("s n(x)s") == {"s", "n"}
