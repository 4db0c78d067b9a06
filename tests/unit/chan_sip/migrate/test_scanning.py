"""Parts of lines as they stand."""

from __future__ import annotations

from asterism.chan_sip.migrate.scanning import arguments, atoms, closing, divide, reach, split_comment


def test_comments() -> None:
    assert split_comment("a = b\\;c ; d") == ("a = b\\;c ", "; d")
    assert split_comment("a = b") == ("a = b", "")


def test_brackets() -> None:
    assert closing("f(a(b)c)d", 1) == 7
    assert closing("(a\\)b)", 0) == 5
    assert closing("(a", 0) == 2
    assert [text for _, text in atoms("a${b:${c}}$[1]d")] == ["a", "${b:${c}}", "$[1]", "d"]


def test_separators_count_outside_of_references() -> None:
    assert divide("a/${b/c}/d", "/") == ["a", "${b/c}", "d"]
    assert reach("a(,)b,c", 0, ",") == 5
    assert reach("abc", 0, ",") == 3
    assert arguments('a,"b,c",d(e,f),${g,h}') == ["a", '"b,c"', "d(e,f)", "${g,h}"]
