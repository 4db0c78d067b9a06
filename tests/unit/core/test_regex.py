"""Regular expressions of others cannot hold the server, and never raise while they search."""

import time

import pytest

from asterism.core.regex import MAX_LENGTH, RegexError, compile_regex


def test_search_match_and_fullmatch_give_groups_and_spans() -> None:
    regex = compile_regex(r"(\d+)-(x)?")
    found = regex.search("ä 12-")
    assert found is not None
    assert (found.group(), found.group(1), found.group(2)) == ("12-", "12", None)
    assert (found.span(), found.span(2)) == ((2, 5), (-1, -1))
    assert regex.match("ä 12-") is None
    assert regex.match("12-z") is not None
    assert regex.fullmatch("12-z") is None
    assert regex.groups == 2


def test_longest_takes_the_longest_alternative_as_posix_does() -> None:
    found = compile_regex("a|ab", longest=True).search("ab")
    assert found is not None
    assert found.group() == "ab"


@pytest.mark.parametrize("pattern", ["(x+x+)+$", "(a|a|a)+$", "(.*)*y", "(x{1,30}){1,30}$"])
def test_an_expression_that_backtracks_elsewhere_is_linear_here(pattern: str) -> None:
    regex = compile_regex(pattern)
    begin = time.process_time()
    regex.search("x" * 65536 + "z")
    assert time.process_time() - begin < 3


@pytest.mark.parametrize(
    "pattern",
    [
        "(",
        "[",
        "a{2000}",
        "(?=a)",
        r"(a)\1",
        "x" * (MAX_LENGTH + 1),
        "." * MAX_LENGTH,
        "()" * 100,
        "\udc80",
    ],
)
def test_what_is_malformed_or_costs_too_much_is_refused(pattern: str) -> None:
    with pytest.raises(RegexError):
        compile_regex(pattern)


def test_a_text_that_is_no_utf_8_is_searched() -> None:
    found = compile_regex("b+").search("a\udc80bb\udcff")
    assert found is not None
    assert found.span() == (2, 4)


def test_case_can_be_ignored() -> None:
    assert compile_regex("ABC", ignore_case=True).search("abc")
    assert not compile_regex("ABC").search("abc")
