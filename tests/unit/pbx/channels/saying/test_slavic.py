"""The forms of what is counted in Slavic languages."""

from __future__ import annotations

from asterism.pbx.channels.saying.slavic import Slavic


def test_nouns() -> None:
    forms = {number: Slavic().noun(number, "call") for number in (0, 1, 2, 4, 5, 11, 12, 14, 21, 22, 111, 112)}
    assert [number for number, form in forms.items() if form == "call"] == [1, 21]
    assert [number for number, form in forms.items() if form == "callx1"] == [2, 4, 22]
    assert [number for number, form in forms.items() if form == "callx2"] == [0, 5, 11, 12, 14, 111, 112]


def test_adjectives() -> None:
    assert Slavic().adjective(1, "new", "f") == "newa"
    assert Slavic().adjective(21, "new", "m") == "new"
    assert Slavic().adjective(5, "new", "f") == "newx"
    assert Slavic().adjective(11, "new", "f") == "newx"
