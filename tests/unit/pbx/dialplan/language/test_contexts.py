"""Finding lines in contexts and their includes."""

import pytest

from asterism.pbx.dialplan.language.contexts import ContextTable, Include


def table() -> ContextTable:
    found = ContextTable()

    def add(context: str, exten: str, priority: int, text: str, callerid: str | None = None) -> None:
        found.context(context, "t").add(exten, priority, "NoOp", text, "t", callerid=callerid)

    add("own", "_9XX", 1, "own pattern")
    add("own", "500", 1, "own 500")
    add("own", "_5XX", 2, "own pattern second")
    add("own", "77", 1, "anybody")
    add("own", "77", 1, "1234", "1234")
    add("own", "77", 1, "1XX", "_1XX")
    add("own", "77", 1, "nobody", "")
    add("first", "911", 1, "included exact")
    add("first", "_2XX", 1, "first pattern")
    add("first", "500", 2, "included 500")
    add("first", "500", 3, "included third")
    add("second", "200", 1, "second exact")
    found.context("own", "t").includes += [Include("first", "t"), Include("second", "t")]
    found.context("second", "t").includes.append(Include("own", "t"))
    return found


@pytest.mark.parametrize(
    ("exten", "priority", "caller", "expected"),
    [
        ("911", 1, "", "own pattern"),  # a context's own pattern beats an included exact name
        ("200", 1, "", "first pattern"),  # an earlier include's pattern beats a later one's exact name
        ("500", 1, "", "own 500"),
        ("500", 2, "", "own pattern second"),  # each priority is looked up on its own
        ("500", 3, "", "included third"),
        ("77", 1, "1234", "1234"), ("77", 1, "155", "1XX"), ("77", 1, "", "nobody"), ("77", 1, "9", "anybody"),
    ],
)  # fmt: skip
def test_finding(exten: str, priority: int, caller: str, expected: str) -> None:
    found = table().find("own", exten, priority, caller)
    assert found is not None
    assert found.data == expected


def test_not_found_and_include_circles() -> None:
    assert table().find("own", "12", 1) is None
    assert table().find("nowhere", "12", 1) is None
    assert [context.name for context in table().reachable("own")] == ["first", "second"]


def test_more_digits() -> None:
    found = table()
    assert found.matches_more("own", "5")
    assert not found.matches_more("own", "500")
