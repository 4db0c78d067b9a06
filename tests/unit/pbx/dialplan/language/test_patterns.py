import pytest
from hypothesis import given
from hypothesis import strategies as st

from asterism.pbx.dialplan.language.patterns import compile_pattern, matches, order

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
