import pytest
from hypothesis import given
from hypothesis import strategies as st

from asterism.pbx.dialplan.language.expression import evaluate, format_number, is_true

RECORDED = [
    ("1+2", "3"), ("7/2", "3.5"), ("7 % 3", "1"), ("2*(3+4)", "14"), ("1.5+1", "2.5"),
    ('"a"="a"', "1"), ('"1" = "01"', "0"), ('"1.0" = "1"', "0"), ('"10" > "9"', "0"), ("10 > 9", "1"),
    ("1 & 0", "0"), ("5 | 0", "5"), ('"" | foo', '""'), ("!0", "1"), ('! "a"', "1"),
    ('"foobar" : "foo(.*)"', "bar"), ('"foobar" : "bar"', "0"), ('"foobar" =~ "bar"', "3"),
    ('"foobar" =~ "(bar)"', "bar"), ("1 ? 5 :: 6", "5"), ("0 ? 5 :: 6", "6"), ("010 + 1", "11"), ("0x10 + 1", "1"),
    ("foo bar", "foo"), ("1/0", "2147483647"), (" = 1", ""), ("", ""), ("5 % 0", "0"), ("1 +", "0"),
    ('"a" + 1', "1"), ("1e3 + 1", "1"), ("1/3", "0.333333333333333333"), ("0.1 + 0.2", "0.3"),
    ("123456789012345678 + 1", "123456789012345679"), ("2 ~~ 3", "23"), ("POW(2,8)", "256"), ("TRUNC(-2.7)", "-2"),
    ("LEN(abc)", "3"), ("3 & 4", "3"), ("a & b", "a"), ('"" & 1', '""'), ('"0" & 1', '"0"'), ("!5", "0"), ('!""', "1"),
    ("-3 + 5", "2"), ("2 - -3", "5"), ('"" = ""', "1"), ("1 != 2", "1"), ("2 >= 2", "1"), ("a < b", "1"),
    ("ROUND(2.5)", "3"), ("SQRT(16)", "4"), ("SQRT(-1)", "0"), ("ABS(-3)", "3"), ("LOG(0)", "0"), ("NOSUCH(1)", "0"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "result"), RECORDED)
def test_recorded_results(text: str, result: str) -> None:
    assert evaluate(text, lambda name, args: str(len(args)) if name == "LEN" else None) == result


@pytest.mark.parametrize("text", ["", "  ", "0", "00", "0.0", "-0", '"0"', '""', '"0.0"', '" "'])
def test_false(text: str) -> None:
    assert not is_true(text)


@pytest.mark.parametrize("text", ["1", "a", "0a", '"no"', "-1", "0.1", "."])
def test_true(text: str) -> None:
    assert is_true(text)


def test_wrong_expressions_are_complained_about() -> None:
    said: list[str] = []
    assert evaluate("foo bar", warn=said.append) == "foo"
    assert evaluate("= 1", warn=said.append) == ""
    assert len(said) == 2


def test_nesting_is_bounded() -> None:
    assert evaluate("(" * 5000 + "1" + ")" * 3000) == "0"
    assert evaluate("!" * 5000 + "1") == "0"
    assert evaluate("1" * 9000) == ""


@given(st.text(alphabet='0123456789abc"+-*/%&|!=<>~:?(). ,', max_size=60))
def test_operators_never_raise(text: str) -> None:
    assert isinstance(evaluate(text, lambda name, args: None), str)


@given(st.text(max_size=60))
def test_text_never_raises(text: str) -> None:
    assert isinstance(evaluate(text), str)
    is_true(text)


@given(st.integers(-(10**9), 10**9), st.integers(-(10**9), 10**9))
def test_whole_numbers(left: int, right: int) -> None:
    assert evaluate(f"{left} + {right}") == str(left + right)
    assert evaluate(f"{left} > {right}") == str(int(left > right))


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_numbers_can_be_read_back(number: object) -> None:
    float(format_number(number))  # type: ignore[arg-type]
