"""Text of a caller is never syntax: in expressions, as a name, among arguments, destinations and options."""

import time

import pytest
from dialplan_world import World

from asterism.pbx.dialplan.applications.dial.options import parse_options
from asterism.pbx.dialplan.functions.logic import LogicFunctions
from asterism.pbx.dialplan.language.arguments import find_outside, split_arguments, split_call, split_condition
from asterism.pbx.dialplan.language.expression import evaluate, evaluate_pieces, is_true
from asterism.pbx.dialplan.language.foreign import Foreign, foreign, is_foreign, joined, shadow

EVIL = 'x" | SET(GLOBAL(HACKED)=1) | "'


@pytest.fixture
def world() -> World:
    return World()


def expanded(world: World, text: str, name: str = EVIL, exten: str = "100") -> str:
    channel = world.channel(exten)
    channel.set_caller(channel.caller.with_(name=name))
    return world.dialplan.expand(text, channel)


# -- the marked text -------------------------------------------------------------------------------


def test_letters_and_digits_need_no_mark() -> None:
    assert not is_foreign(foreign("alice1"))
    assert is_foreign(foreign("a,b"))


def test_foreign_separators_divide_nothing() -> None:
    text = joined(("PJSIP/", foreign("1&PJSIP/2,60,i"), "&PJSIP/3,20"))
    assert split_arguments(text) == ["PJSIP/1&PJSIP/2,60,i&PJSIP/3", "20"]
    assert split_arguments(text)[0].split("&") == ["PJSIP/1&PJSIP/2,60,i", "PJSIP/3"]
    assert text.partition("/") == ("PJSIP", "/", "1&PJSIP/2,60,i&PJSIP/3,20")
    assert text.rpartition(",")[0] == "PJSIP/1&PJSIP/2,60,i&PJSIP/3"


def test_parts_keep_their_marks() -> None:
    text = joined(("  ", foreign("a,b"), ",c  ")).strip()
    assert text == "a,b,c"
    assert shadow(text)[3:] == ",c"
    assert isinstance(text[:3], Foreign)
    assert not isinstance(text[3:], Foreign)
    assert split_arguments(joined(('"', foreign('x",y'), '",z'))) == ['x",y', "z"]
    assert find_outside(joined((foreign("("), ":")), ":") == 1
    assert split_condition(joined(("1?", foreign("a:b"), ":c"))) == ("1", "a:b", "c")
    assert split_call(foreign("System(rm)")) == ("System(rm)", "")


def test_a_caller_adds_no_option_to_dial() -> None:
    assert parse_options(joined(("o(", foreign("1)gU(evil"), ")"))).letters == {"o"}


# -- expressions -----------------------------------------------------------------------------------


@pytest.mark.parametrize("put_in", ['x" | "y', EVIL, '" & 1', "(", ")", "1 = 1"])
def test_what_is_put_in_cannot_end_quotes(put_in: str) -> None:
    for value in (put_in, foreign(put_in)):
        assert evaluate_pieces((('"', True), (value, False), ('" = "x"', True))) == "0"
        assert evaluate_pieces((('"', True), (value, False), ('"', True))) == f'"{put_in}"'


@pytest.mark.parametrize("put_in", ["1 | 1", "0 + 5", '"', "(2", "5?6::7", "a~~b"])
def test_foreign_text_without_quotes_is_one_operand(put_in: str) -> None:
    assert evaluate_pieces(((foreign(put_in), False), (" = x", True))) == "0"
    assert evaluate_pieces(((foreign(put_in), False), (" =~ y", True))) == "0"


def test_a_variable_of_the_dialplan_may_hold_an_operator() -> None:
    assert evaluate_pieces((("2 ", True), ("+ 3", False))) == "5"


def test_blanks_around_a_number_from_outside_do_not_matter() -> None:
    assert evaluate_pieces(((foreign(" 5 "), False), (" + 1", True))) == "6"
    assert evaluate_pieces(((foreign("  "), False), (" = 1", True))) == evaluate(" = 1")


def test_what_is_put_in_calls_no_function() -> None:
    called: list[str] = []

    def call(name: str, args: str) -> str:
        called.append(name)
        return "9"

    for pieces in (
        (("LEN(abc)", False),),
        (("LEN", False), ("(abc)", True)),
        (("LEN", True), ("(abc)", False)),
        (("POW(2,3)", False),),
    ):
        assert evaluate_pieces(pieces, call) in ("LEN", "POW")
    assert not called
    assert evaluate_pieces((("LEN(", True), (")x(", False), (")", True)), call) == "9"


def test_a_pattern_means_foreign_text_literally() -> None:
    pattern = joined(("^", foreign("+49.*"), "$"))
    assert evaluate_pieces((('"+49.*" =~ "', True), (pattern, False), ('"', True))) == "5"
    assert evaluate_pieces((('"+4912" =~ "', True), (pattern, False), ('"', True))) == "0"


@pytest.mark.parametrize("name", ["SET(A=1)", "INC(A)", "DB_DELETE(a/b)", "EVAL(${X})", "SHIFT(A)", "ENV(PATH)"])
async def test_functions_with_effects_are_not_called_in_expressions(world: World, name: str) -> None:
    world.dialplan.globals["A"] = "7"
    expanded(world, f"$[{name}]")
    assert world.dialplan.globals["A"] == "7"
    assert expanded(world, "$[SET(A=1) = 0]") == "1"


# -- substitution ----------------------------------------------------------------------------------


async def test_a_name_that_is_put_in_calls_no_function(world: World) -> None:
    world.dialplan.globals["X"] = "SET(GLOBAL(HACKED)=1)"
    for text in (
        "${${X}}",
        "${${CALLERID(name)}}",
        '$["${CALLERID(name)}" = "x"]',
        "$[${X}]",
        "${CUT(${X},-,1)}",
        "${CUT(${CALLERID(name)},-,1)}",
        "${FIELDQTY(${CALLERID(name)},-)}",
        "${SHIFT(${CALLERID(name)})}",
        "${STRREPLACE(${CALLERID(name)},a,b)}",
        "${REPLACE(${CALLERID(name)},a,b)}",
        "${INC(${CALLERID(name)})}",
    ):
        expanded(world, text, name="SET(GLOBAL(HACKED)=1)")
        expanded(world, text)
        assert "HACKED" not in world.dialplan.globals or text == "${CUT(${X},-,1)}"
        world.dialplan.globals.pop("HACKED", None)


async def test_evaluated_text_from_outside_is_not_expanded(world: World) -> None:
    world.dialplan.globals["G"] = "v"
    assert expanded(world, "${EVAL($\\{G\\} ${CALLERID(name)})}", name="${SET(GLOBAL(HACKED)=1)}").endswith("=1)}")
    assert "HACKED" not in world.dialplan.globals


async def test_a_variable_named_by_a_caller_is_no_function(world: World) -> None:
    world.say("[default]\nexten => 100,1,Set(${CALLERID(name)}=1)\n same => n,Exec(${CALLERID(name)})\n")
    channel = world.channel()
    channel.set_caller(channel.caller.with_(name="GLOBAL(HACKED)"))
    await world.pbx.start(channel)
    assert "HACKED" not in world.dialplan.globals


async def test_marks_last_through_variables_arguments_and_functions(world: World) -> None:
    world.say(
        "[default]\nexten => _X!,1,Set(NUMBER=${EXTEN:1})\n same => n,Gosub(sub,s,1(${NUMBER}))\n"
        "[sub]\nexten => s,1,Set(LOWER=${TOLOWER(${ARG1})})\n same => n,Set(ARRAY(A,B)=${CUT(LOWER,x,1)})\n"
    )
    channel = await world.call("0a,B&c")
    assert channel.variables["A"] == "a,b&c"
    assert is_foreign(channel.variables["A"])
    assert channel.variables["B"] == ""


async def test_what_passed_a_filter_is_syntax_again(world: World) -> None:
    world.say("[default]\nexten => _X!,1,Set(ARRAY(A,B)=${FILTER(0-9\\,,${EXTEN})})\n")
    assert (await world.call("1,2x")).variables["B"] == "2"


async def test_a_look_up_gives_the_dialplan_its_own_text(world: World) -> None:
    world.dialplan.globals["GROUP+1"] = "PJSIP/a&PJSIP/b"
    assert not is_foreign(expanded(world, "${GLOBAL(GROUP${EXTEN})}", exten="+1"))
    assert not is_foreign(expanded(world, '${IF($["${CALLERID(name)}" = "x"]?no:PJSIP/a&PJSIP/b)}'))


def test_an_extension_in_a_hint_is_no_syntax(world: World) -> None:
    world.say("[default]\nexten => _X!,hint,PJSIP/${EXTEN}&PJSIP/${EXTEN:1}\n")
    world.dialplan.find_hint("default", "1${SET(GLOBAL(HACKED)=1)}")
    assert "HACKED" not in world.dialplan.globals
    assert world.dialplan.find_hint("default", "123") == "PJSIP/123&PJSIP/23"


async def test_the_old_way_can_be_had(world: World) -> None:
    world.dialplan.environment.plain_text = True
    world.dialplan.globals["X"] = "LEN(abc)"
    assert expanded(world, "${${X}}") == "3"
    assert expanded(world, '$["${CALLERID(name)}" = "y" | 1]', name='x" = "x" & "1') != "0"
    assert expanded(world, "$[SET(A=5)]") == "5"
    assert not is_foreign(expanded(world, "${CALLERID(name)}"))


# -- cost ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "${LEN(" * 5000 + ")}" * 5000,
        "${" * 30000,
        "${A" * 20000,
        "$[" * 30000 + "]" * 30000,
        "${A:${B}" * 5000,
        "${F(${G(" * 8000,
        "${EVAL(${EVAL(" * 4000,
        "}" * 60000,
        "$[" + "(" * 8000 + "]",
        "$[" + "1+" * 4000 + "1]",
        "$[" + "!" * 8000 + "1]",
        "$[" + "1?" * 4000 + "]",
        "$[" + '"' * 8000 + "]",
        "$[" + "LEN(" * 2000 + "]",
        "$[" + "1" * 8000 + "x = 1]",
        "$[" + "ABS(" * 50 + "1" + ")" * 50 + "]",
    ],
)
def test_the_time_is_linear_and_nothing_is_raised(world: World, text: str) -> None:
    begin = time.process_time()
    world.dialplan.expand(text)
    assert time.process_time() - begin < 2


def test_numbers_with_a_letter_behind_are_linear() -> None:
    begin = time.process_time()
    text = "1" * 65536 + "x"
    assert is_true(text)
    World().dialplan.expand("${MATH(" + text + "+1)}")
    assert time.process_time() - begin < 1
    assert LogicFunctions.name == "func_logic"


def test_nesting_is_limited_with_a_message(world: World, caplog: pytest.LogCaptureFixture) -> None:
    complaints: list[str] = []
    assert evaluate("(" * 100 + "1" + ")" * 100, None, complaints.append) == "0"
    assert complaints == ["it is nested too deep"]
    warned: list[str] = []
    world.dialplan.environment.warn = lambda message, *args: warned.append(message % args)
    world.dialplan.expand("${A" * 60 + "}" * 60)
    assert len(warned) == 1
    assert "nested" in warned[0]


def test_texts_that_evaluate_themselves_end(world: World) -> None:
    world.dialplan.globals["A"] = "${EVAL(${A})}" * 50
    begin = time.process_time()
    world.dialplan.expand("${EVAL(${A})}")
    assert time.process_time() - begin < 2


def test_a_result_is_bounded_while_it_is_made(world: World) -> None:
    world.dialplan.globals["A"] = "x" * 65536
    assert len(world.dialplan.expand("${A}" * 10000)) == 65536


@pytest.mark.parametrize(
    "text",
    [
        "${STRREPLACE(A,x,${A})}",
        "${SPRINTF(${B},1)}",
        "${FILTER(${C},${A})}",
        "${REPLACE(A,${C},y)}",
        "${CUT(A,x,${D})}",
        "${SORT(${E})}",
        "${KEYPADHASH(${A})}${URIENCODE(${A})}${QUOTE(${A})}",
        "${IFTIME(${A}?1:2)}",
        "${STRFTIME(0,${A},${A})}",
        "${STRPTIME(${A},,${A})}",
        "${MATH(${F}+1)}",
        '${REGEX("(x+x+)+$" ${A}z)}',
    ],
)
def test_no_function_needs_more_than_its_text_is_long(world: World, text: str) -> None:
    world.dialplan.globals.update(
        A="x" * 65000, B="%9999d" * 10000, C="!-\uffff" * 20000, D="1-&" * 20000, E="a:1," * 16000, F="1" * 65000
    )
    begin = time.process_time()
    assert len(world.dialplan.expand(text)) <= 65536
    assert time.process_time() - begin < 2
