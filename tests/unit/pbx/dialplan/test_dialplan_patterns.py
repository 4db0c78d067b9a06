import pytest
from hypothesis import given
from hypothesis import strategies as st

from asterism.pbx.dialplan.language.contexts import ContextTable, Include
from asterism.pbx.dialplan.language.patterns import compile_pattern, matches, order
from asterism.pbx.dialplan.language.timing import parse_time_spec

RECORDED_ORDER = ["1234", "_1[35]XX", "_1NXX", "_1ZXX", "_1XXX", "_1.", "_1!"]
RECORDED_ORDER += ["_55X-X", "_[a-c]x-12", "_X.", "_X!", "_."]


def test_recorded_order_whatever_the_file_order() -> None:
    shuffled = sorted(RECORDED_ORDER)
    assert shuffled != RECORDED_ORDER
    assert sorted(shuffled, key=order) == RECORDED_ORDER


@pytest.mark.parametrize(
    ("name", "digits", "expected"),
    [
        ("_X", "5", True), ("_x", "5", True), ("_X", "x", False), ("_Z", "0", False), ("_N", "1", False),
        ("_n", "2", True),
        ("_[1235-9]", "4", False), ("_[1235-9]", "6", True), ("_[a-c]x", "b7", True), ("_[a-c]x", "bx", False),
        ("_55X-X", "552-3", True), ("_55X-X", "5523", True), ("_1.", "1", False), ("_1.", "12", True),
        ("_1!", "1", True),
        ("_ab", "AB", True), ("Abc", "aBC", True), ("5-5", "55", True), ("_.", "h", True), ("_X.", "h", False),
        ("_+49X.", "+4930", True), ("_[5", "[5", True), ("_", "", True),
    ],
)  # fmt: skip
def test_matching(name: str, digits: str, expected: bool) -> None:
    assert matches(name, digits) is expected


@given(st.text(max_size=30), st.text(max_size=20))
def test_no_pattern_raises(pattern: str, digits: str) -> None:
    matches("_" + pattern, digits)
    compile_pattern("_" + pattern).matches_more(digits)
    order("_" + pattern)


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


def test_time_specifications() -> None:
    import datetime

    monday = datetime.datetime(2024, 1, 1, 12, 30)
    assert parse_time_spec("9:00-17:00,mon-fri,*,*").matches(monday)
    assert not parse_time_spec("9:00-17:00,sat-sun,*,*").matches(monday)
    assert parse_time_spec("22:00-13:00|*|1|jan").matches(monday)
    assert parse_time_spec("*,fri-mon,*,dec-feb").matches(monday)
    for wrong in ("25-3", "*,nonday", "*,*,40", "*,*,*,foo", "*,*,*,*,No/Where"):
        with pytest.raises(ValueError, match=r"\w"):
            parse_time_spec(wrong)
