"""MASTER_CHANNEL, EXPORT, IMPORT, CHANNELS, CHANNEL_EXISTS."""

from __future__ import annotations

from functions_kit import Functions, warnings

from asterism.core.restriction import WRITES, restricted
from asterism.pbx.dialplan.functions.elsewhere import OtherChannelFunctions
from asterism.pbx.dialplan.language.foreign import foreign, is_foreign


async def test_the_channel_that_began_the_call() -> None:
    functions = Functions(OtherChannelFunctions())
    master, other = functions.channel, functions.world.channel(caller="6002")
    other.linkedid = master.uniqueid
    assert await functions.write("MASTER_CHANNEL(FOO)", "1", other)
    assert master.variables["FOO"] == "1"
    assert "FOO" not in other.variables
    assert await functions.read("MASTER_CHANNEL(FOO)", other) == "1"
    assert await functions.read("MASTER_CHANNEL(CALLERID(num))", other) == "6001"
    assert await functions.write("MASTER_CHANNEL(CALLERID(num))", "77", other)
    assert master.caller.number == "77"
    master.set_variable("SAID", foreign("a&b"))
    assert is_foreign(await functions.read("MASTER_CHANNEL(SAID)", other))
    other.linkedid = "gone"
    assert await functions.read("MASTER_CHANNEL(FOO)", other) == ""
    with warnings(functions) as lines:
        assert not await functions.write("MASTER_CHANNEL()", "1")
        with restricted(WRITES):
            await functions.write("MASTER_CHANNEL(FOO)", "2")
    assert len(lines) == 2
    assert master.variables["FOO"] == "1"


async def test_variables_and_functions_of_other_channels() -> None:
    functions = Functions(OtherChannelFunctions())
    other = functions.world.channel(caller="6002")
    assert await functions.write(f"EXPORT({other.name},FOO)", "a,b")
    assert other.variables["FOO"] == "a,b"
    assert await functions.write(f"EXPORT({other.name},CALLERID(name))", "Bob")
    assert other.caller.name == "Bob"
    assert await functions.read(f"IMPORT({other.name},FOO)") == "a,b"
    assert await functions.read(f"IMPORT({other.name},CALLERID(name))") == "Bob"
    with warnings(functions) as lines:
        assert not await functions.write("EXPORT(nosuch,FOO)", "1")
        assert not await functions.write("EXPORT(FOO)", "1")
    assert len(lines) == 2
    assert await functions.read("IMPORT(nosuch,FOO)") == ""


async def test_text_from_outside_names_no_function_of_another_channel() -> None:
    functions = Functions(OtherChannelFunctions())
    other = functions.world.channel()
    functions.caller_says("CALLERID(num)")
    assert await functions.read(f"IMPORT({other.name},${{SAID}})") == ""


async def test_which_channels_there_are() -> None:
    functions = Functions(OtherChannelFunctions())
    names = [functions.channel.name, functions.world.channel().name]
    assert (await functions.read("CHANNELS()")).split() == names
    assert await functions.read(f"CHANNELS({names[1][-8:]}$)") == names[1]
    assert await functions.read(f"CHANNEL_EXISTS({names[1]})") == "1"
    assert await functions.read(f"CHANNEL_EXISTS({functions.channel.uniqueid})") == "1"
    assert await functions.read("CHANNEL_EXISTS(nosuch)") == "0"
    with warnings(functions) as lines:
        assert await functions.read("CHANNELS(()") == await functions.read("CHANNEL_EXISTS()") == ""
    assert len(lines) == 2
