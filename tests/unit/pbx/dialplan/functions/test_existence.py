"""VARIABLE_EXISTS, DELETE, GLOBAL_EXISTS, GLOBAL_DELETE."""

from __future__ import annotations

from functions_kit import Functions, warnings

from asterism.pbx.dialplan.functions.existence import ExistenceFunctions


async def test_variables_of_the_channel() -> None:
    functions = Functions(ExistenceFunctions())
    functions.channel.set_variable("EMPTY", "")
    assert [await functions.read(f"VARIABLE_EXISTS({name})") for name in ("EMPTY", "NONE")] == ["1", "0"]
    assert await functions.write("DELETE(EMPTY)", "x")
    assert await functions.read("VARIABLE_EXISTS(EMPTY)") == "0"


async def test_global_variables() -> None:
    functions = Functions(ExistenceFunctions())
    functions.world.dialplan.set_global("G", "1")
    assert [await functions.read(f"GLOBAL_EXISTS({name})") for name in ("G", "NONE")] == ["1", "0"]
    assert await functions.write("GLOBAL_DELETE(G)", "")
    assert await functions.read("GLOBAL_EXISTS(G)") == "0"
    with warnings(functions) as lines:
        assert not await functions.write("GLOBAL_DELETE()", "")
    assert len(lines) == 1
