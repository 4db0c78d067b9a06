"""``like <pattern>``: one reading for every command that lists things."""

from __future__ import annotations

import pytest

from asterism.core.errors import UsageError
from asterism.core.like import like_pattern, like_text

NAMES = ["alice", "Alice", "bob", "bob.2"]


@pytest.mark.parametrize(
    ("args", "found"),
    [
        ([], NAMES),
        (["like", "alice"], ["alice"]),
        (["LIKE", "^bob$"], ["bob"]),
        (["like", "b.b\\.?"], ["bob", "bob.2"]),
        (["like", ""], NAMES),
    ],
)
def test_a_pattern_is_a_regular_expression(args: list[str], found: list[str]) -> None:
    assert list(filter(like_pattern(args), NAMES)) == found


@pytest.mark.parametrize(
    ("args", "found"), [([], NAMES), (["like", "ALI"], ["alice", "Alice"]), (["Like", "b.2"], ["bob.2"])]
)
def test_a_text_is_found_whatever_its_case(args: list[str], found: list[str]) -> None:
    assert list(filter(like_text(args), NAMES)) == found


@pytest.mark.parametrize("args", [["alice"], ["like"], ["like", "a", "b"], ["unlike", "a"], ["like", "a", "like", "b"]])
def test_other_words_are_refused_and_not_ignored(args: list[str]) -> None:
    for read in (like_pattern, like_text):
        with pytest.raises(UsageError):
            read(args)


@pytest.mark.parametrize("pattern", ["(", "a{99999}", "[", "\\"])
def test_what_is_no_regular_expression_is_said(pattern: str) -> None:
    with pytest.raises(UsageError, match="is not a regular expression"):
        like_pattern(["like", pattern])
    assert like_text(["like", pattern])(f"x{pattern}y")
