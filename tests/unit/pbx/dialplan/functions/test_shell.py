"""SHELL: its output, its bounds, and what of a caller reaches the shell."""

# ruff: noqa: ASYNC240

from __future__ import annotations

from pathlib import Path

from functions_kit import Functions, warnings

from asterism.core.restriction import DANGEROUS_FUNCTIONS, restricted
from asterism.pbx.dialplan.functions.shell import ShellFunction


async def test_what_a_command_writes() -> None:
    functions = Functions(ShellFunction())
    assert await functions.read("SHELL(echo a; echo b)") == "a\nb\n"
    assert await functions.read("SHELL(printf '%s' \"a, b\")") == "a, b"
    assert await functions.read("SHELL(nosuchcommand)") == ""
    with warnings(functions) as lines:
        assert await functions.read("SHELL()") == ""
    assert lines == ["SHELL(): it needs a command"]


async def test_calls_go_on_while_a_command_runs() -> None:
    functions = Functions(ShellFunction())
    found, turns = await functions.meanwhile("SHELL(sleep 0.3; echo x)")
    assert found == "x\n"
    assert turns > 10


async def test_a_command_that_does_not_end_and_one_that_writes_without_end_are_ended() -> None:
    module = ShellFunction()
    module.timeout = 0.3
    functions = Functions(module)
    with warnings(functions) as lines:
        assert await functions.read("SHELL(sleep 60)") == ""
        assert len(await functions.read("SHELL(yes)")) == 65536
    assert [line.partition("'")[2] for line in lines] == [
        "sleep 60' takes over 0.3 s and was ended", "yes' writes more than 65536 octets and was ended",
    ]  # fmt: skip


async def test_what_a_caller_sends_is_no_syntax_of_the_shell(tmp_path: Path) -> None:
    functions = Functions(ShellFunction())
    evil = f"$(touch {tmp_path}/a) `touch {tmp_path}/b`; touch {tmp_path}/c #\"'|&*"
    functions.caller_says(evil)
    for command in ("printf %s ${SAID}", 'printf %s "${SAID}"', "printf %s '${SAID}'"):
        assert await functions.read(f"SHELL({command})") == evil
    assert list(tmp_path.iterdir()) == []


async def test_refused_from_outside(tmp_path: Path) -> None:
    functions = Functions(ShellFunction())
    with restricted(DANGEROUS_FUNCTIONS), warnings(functions) as lines:
        assert await functions.read(f"SHELL(touch {tmp_path}/a)") == ""
        assert await functions.read("EVAL(${SHELL(touch " + str(tmp_path) + "/a)})") == ""
    assert list(tmp_path.iterdir()) == []
    assert len(lines) == 2


async def test_off_unless_allowed(tmp_path: Path) -> None:
    functions = Functions(ShellFunction())
    functions.world.server.options.dialplan_commands = False
    with warnings(functions) as lines:
        assert await functions.read(f"SHELL(touch {tmp_path}/a)") == ""
    assert list(tmp_path.iterdir()) == []
    (line,) = lines
    assert "dialplan_commands = yes" in line
