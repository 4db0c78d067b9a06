"""Places in the dialplan as options write them."""

from __future__ import annotations

import pytest

from asterism.pbx.dialplan.language.places import Place, parse_place


@pytest.mark.parametrize(
    ("text", "args"), [("sub,s,1(a,b)", ("a", "b")), ("sub^s^1(a^b)", ("a", "b")), ("sub,s,1", ())]
)
def test_a_place_in_options_is_written_with_commas_or_carets(text: str, args: tuple[str, ...]) -> None:
    assert parse_place(text) == Place("sub", "s", 1, args)
