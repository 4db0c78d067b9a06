import pytest
from dialplan_world import World
from hypothesis import given
from hypothesis import strategies as st

from asterism.pbx.dialplan.language.substitution import compile_text


@pytest.fixture
def world() -> World:
    return World()


def expand(world: World, text: str, **variables: str) -> str:
    world.dialplan.globals.update(variables)
    return str(world.dialplan.expand(text))


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("plain", "plain"), ("${V}", "abcdef"), ("<${V}>", "<abcdef>"), ("${NOPE}", ""),
        ("${V:-3:2}", "de"), ("${V:1:-1}", "bcde"), ("${V:-10:3}", "abc"), ("${V:2:0}", ""), ("${V:0:-10}", ""),
        ("${V:2}", "cdef"), ("${V:9}", ""), ("${${W}}", "abcdef"), ("${${W}:1:2}", "bc"), ("${LEN(a,b)}", "3"),
        ("${LEN(${V})}", "6"), ("${TOUPPER(${V}):0:2}", "AB"), ("$[1 + ${LEN(${V})}]", "7"), ("\\${V}", "\\abcdef"),
        ("${nosuch(1)}", ""), ("$5 ${", "$5 "), ("${LEN(a)b)}", "3"), ("$[${NOPE} = 1]", ""),
        ('$["${NOPE}" = ""]', "1"),
        ("$[LEN(abc) + 1]", "4"), ('${REGEX("^[0-9]{3}$" 123)}', "1"), ("${ENV(NO_SUCH_VARIABLE_HERE)}", ""),
        ("${len(a)}", ""),
    ],
)  # fmt: skip
def test_replacement(world: World, text: str, result: str) -> None:
    assert expand(world, text, V="abcdef", W="V") == result


def test_a_text_without_references_is_not_a_template() -> None:
    assert compile_text("Dial $ { [") == "Dial $ { ["


@given(st.text(alphabet='${}[]():,ab1-\\"', max_size=40))
def test_never_raises(text: str) -> None:
    world = WORLD
    assert isinstance(world.dialplan.expand(text), str)


WORLD = World()


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("${IF($[1]?a:b)}", "a"), ("${IF(?a:b)}", ""), ("${IF(0?a:b)}", "b"), ("${MATH(7/2)}", "3.500000"),
        ("${MATH(7/2,int)}", "3"), ("${MATH(5>3)}", "TRUE"), ("${MATH(2^3)}", "8.000000"), ("${MATH(255+0,hex)}", "ff"),
        ("${SORT(a:3,b:1)}", "b,a"), ("${CUT(LIST,-,2)}", "b"), ("${CUT(LIST,-,2-)}", "b-c"),
        ("${CUT(LIST,-,-2)}", "a-b"),
        ("${CUT(LIST,-,1&3)}", "a-c"), ("${FIELDQTY(LIST,-)}", "3"), ("${FIELDNUM(LIST,-,c)}", "3"),
        ("${LISTFILTER(LIST,-,b)}", "a-c"), ("${FILTER(0-9,a1b2)}", "12"), ("${REPLACE(LIST,-,+)}", "a+b+c"),
        ("${STRREPLACE(LIST,b,xx)}", "a-xx-c"), ("${KEYPADHASH(Les)}", "537"), ("${QUOTE(a\"b)}", '"a\\"b"'),
        ("${CSV_QUOTE(a\"b)}", '"a""b"'), ("${URIENCODE(a b/c)}", "a%20b%2Fc"), ("${URIDECODE(a%20b)}", "a b"),
        ("${BASE64_ENCODE(abc)}", "YWJj"), ("${BASE64_DECODE(YWJj)}", "abc"),
        ("${MD5(abc)}", "900150983cd24fb0d6963f7d28e17f72"),
        ("${SHA1(abc)}", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        ("${STRFTIME(0,UTC,%Y-%m-%d %H:%M:%S)}", "1970-01-01 00:00:00"),
        ("${STRPTIME(1970-01-02,UTC,%Y-%m-%d)}", "86400"), ("${SPRINTF(%03d-%s,7,x)}", "007-x"), ("${ISNULL()}", "1"),
        ("${EXISTS(x)}", "1"), ("${TRIM( a )}", "a"), ("${TOLOWER(AB)}", "ab"), ("${PASSTHRU(x)}", "x"),
        ("${EVAL($" + "{INNER})}", "a-b-c"), ("${RAND(4,4)}", "4"), ("${VERSION()}", "1.2.3"),
        ("${DIALPLAN_EXISTS(none,1,1)}", "0"), ("${IFTIME(*,*,*,*?yes:no)}", "yes"), ("${SET(X=5)}${X}", "55"),
        ("${INC(NUMBER)}", "8"), ("${DEC(NUMBER)}", "6"), ("${MATH(1)}", ""), ("${HINT(1@nowhere)}", ""),
        ("${EXTENSION_STATE(1@nowhere)}", "UNKNOWN"), ("${GLOBAL(LIST)}", "a-b-c"),
        ("${SHIFT(LIST,-)}|${LIST}", "a|b-c"),
        ("${POP(LIST,-)}|${LIST}", "c|a-b"), ("${MATH(9223372036854775807+1e3,int)}", ""),
    ],
)  # fmt: skip
def test_functions(world: World, text: str, result: str) -> None:
    assert expand(world, text, LIST="a-b-c", INNER="${LIST}", NUMBER="7") == result


@given(st.sampled_from(sorted(entry.name for entry in WORLD.pbx.functions)), st.text(max_size=30))
def test_no_function_harms_the_caller(name: str, args: str) -> None:
    if name not in ("ENV", "SET"):
        assert isinstance(WORLD.dialplan.environment.function(None, name, args), str)
