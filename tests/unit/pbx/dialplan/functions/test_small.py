"""ICONV, STRBETWEEN, SYSINFO, IFMODULE, ClearHash, HangupCauseClear."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from functions_kit import Functions, warnings

from asterism.pbx.dialplan.functions.small import SmallFunctions


@pytest.mark.parametrize(
    ("args", "found"),
    [
        ("iso-8859-1,utf-8,gr\udcfcn", "grün"), ("utf-8,ascii,grün", "gr?n"), ("utf-8,ASCII//TRANSLIT,a,b", "a,b"),
        ("utf-8,iso-8859-1,ü", "\udcfc"),
    ],
)  # fmt: skip
async def test_character_sets(args: str, found: str) -> None:
    assert await Functions(SmallFunctions()).read(f"ICONV({args})") == found


async def test_a_text_between_characters() -> None:
    functions = Functions(SmallFunctions())
    functions.channel.set_variable("PIN", "1234")
    assert await functions.read("STRBETWEEN(PIN,w)") == "1w2w3w4"
    assert await functions.read("STRBETWEEN(NONE,w)") == ""


@pytest.mark.parametrize("fact", ["loadavg", "numcalls", "uptime", "totalram", "freeram", "bufferram", "totalswap",
                                  "freeswap", "numprocs"])  # fmt: skip
async def test_facts_of_the_system(fact: str) -> None:
    assert float(await Functions(SmallFunctions()).read(f"SYSINFO({fact})")) >= 0


async def test_modules() -> None:
    module = SmallFunctions()
    functions = Functions(module)
    there = {"func_x": SimpleNamespace(instance=object()), "func_y": SimpleNamespace(instance=None)}
    functions.world.server.modules = SimpleNamespace(find=there.get)
    assert [await functions.read(f"IFMODULE({name})") for name in ("func_x.so", "func_x", "func_y", "func_z")] == [
        "1", "1", "0", "0",
    ]  # fmt: skip


async def test_what_is_forgotten() -> None:
    functions = Functions(SmallFunctions())
    world = functions.world
    world.say(
        "[default]\nexten => 100,1,Set(HASH(a,x)=1)\n same => n,ClearHash(a)\n same => n,NoOp([${HASHKEYS(a)}])\n"
        " same => n,HangupCauseClear()\n same => n,NoOp([${HANGUPCAUSE_KEYS()}])\n"
    )
    channel = world.channel()
    channel.data["HANGUPCAUSE"] = {"PJSIP/x": ("a", "b")}
    await world.pbx.start(channel)
    assert [step for step in world.steps() if step.startswith("NoOp")] == ["NoOp([])", "NoOp([])"]


@pytest.mark.parametrize(
    "text",
    ["ICONV(utf-8,nosuch,a)", "ICONV(utf-8,a)", "ICONV(hex,utf-8,zz)", "STRBETWEEN(a)", "SYSINFO(x)", "IFMODULE()"],
)
async def test_what_is_wrong_is_one_line(text: str) -> None:
    functions = Functions(SmallFunctions())
    with warnings(functions) as lines:
        assert await functions.read(text) == ""
    assert len(lines) == 1
