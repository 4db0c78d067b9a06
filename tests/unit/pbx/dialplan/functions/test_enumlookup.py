"""ENUMLOOKUP, ENUMQUERY and ENUMRESULT against a name server, and enum.conf."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from functions_kit import Functions, warnings
from name_server_kit import NameServer, name_server

from asterism.config import ConfigFile
from asterism.pbx.dialplan.functions import enumlookup
from asterism.pbx.dialplan.functions.enumlookup import EnumFunctions, read_settings
from asterism.pbx.dialplan.language.foreign import is_foreign

ZONE = {
    ("1.5.5.5.1.e164.arpa.", "NAPTR"): [
        '20 10 "u" "E2U+sip" "!^.*$!sip:second@b.test!" .',
        '10 10 "u" "E2U+sip" "!^\\\\+1(.*)$!sip:\\\\1@a.test!" .',
        '10 20 "u" "E2U+tel" "!^.*$!tel:+15550!" .',
    ],
    ("2.5.5.5.1.e164.test.", "NAPTR"): ['10 10 "u" "E2U+sip" "!^.*$!sip:own@tree.test!" .'],
    ("1.5.5.5.i.1.e164.arpa.", "NAPTR"): ['10 10 "u" "E2U+sip" "!^.*$!sip:carrier@c.test!" .'],
    ("4.3.2.1.256.freenum.org.", "NAPTR"): ['10 10 "u" "E2U+sip" "!^(.*)\\\\*(.*)$!sip:\\\\1@org\\\\2!" .'],
    ("direct.e164.test.", "NAPTR"): ['10 10 "u" "E2U+sip" "!^.*$!sip:d@d.test!" .'],
}


@asynccontextmanager
async def asking(folder: Path | None = None) -> AsyncIterator[tuple[NameServer, Functions]]:
    async with name_server(ZONE) as server:
        module = EnumFunctions()
        module.timeout = 0.3
        functions = Functions()
        if folder is not None:
            functions.world.server.paths.etc = folder
        module.load(functions.world.server)
        functions.modules = (module,)
        functions.world.server.name_servers = [("127.0.0.1", server.port)]
        yield server, functions


@pytest.mark.parametrize(
    ("args", "found"),
    [
        ("+15551", "5551@a.test"), ("15551", "5551@a.test"), ("+15551,sip,,2", "second@b.test"),
        ("+15551,sip,u", "sip:5551@a.test"), ("+15551,tel", "+15550"), ("+15551,sip,c", "2"), ("+15551,ALL,c", "3"),
        ("+15551,ALL,u,2", "tel:+15550"), ("+15551,sip,,3", ""), ("+15551,h323", ""), ("+15559", ""),
        ("+15559,sip,c", "0"), ("+15552,sip,,,e164.test", "own@tree.test"), ("+15551,sip,i", "carrier@c.test"),
        ("1234*256,sip,su,1,freenum.org", "sip:1234@org256"), ("direct,sip,d,,e164.test", "d@d.test"),
        ("silent,sip,cd,,test", "-1"), ("nothing,sip,c", "-1"),
    ],
)  # fmt: skip
async def test_numbers_are_looked_up(args: str, found: str) -> None:
    async with asking() as (_, functions):
        with warnings(functions) as lines:
            assert await functions.read(f"ENUMLOOKUP({args})") == found
        assert lines == []


async def test_a_query_and_its_results() -> None:
    async with asking() as (server, functions):
        world = functions.world
        world.say(
            "[default]\nexten => 100,1,Set(ID=${ENUMQUERY(+15551)})\n same => n,Set(ALL=${ENUMQUERY(+15551,ALL)})\n"
            " same => n,NoOp(${ENUMRESULT(${ID},getnum)} ${ENUMRESULT(${ID},1)} ${ENUMRESULT(${ID},2)})\n"
            " same => n,NoOp(${ENUMRESULT(${ALL},getnum)} ${ENUMRESULT(${ALL},2)})\n"
        )
        await world.call()
        assert world.steps()[-2:] == ["NoOp(2 5551@a.test second@b.test)", "NoOp(3 tel:+15550)"]
        assert len(server.asked) == 2


async def test_what_cannot_be_found_is_one_line() -> None:
    async with asking() as (_, functions):
        key = await functions.read("ENUMQUERY(+15551)")
        for text in ("ENUMLOOKUP()", "ENUMLOOKUP(abc)", "ENUMLOOKUP(+15551,sip,,x)", "ENUMRESULT(77,1)",
                     f"ENUMRESULT({key},3)", f"ENUMRESULT({key})", "ENUMLOOKUP(silent,sip,d,,test)",
                     "ENUMLOOKUP(a..b,sip,d)"):  # fmt: skip
            with warnings(functions) as lines:
                assert await functions.read(text) == ""
            assert len(lines) == 1, text
        assert is_foreign(await functions.read("ENUMLOOKUP(+15551)"))
        for number in range(enumlookup.MOST_KEPT + 5):
            await functions.read(f"ENUMQUERY(+1{number})")
        assert len(functions.channel.data["enum"]) == enumlookup.MOST_KEPT


async def test_the_zones_of_the_file_are_searched_in_their_order(tmp_path: Path) -> None:
    (tmp_path / "enum.conf").write_text("[general]\nsearch => e164.test\nsearch => e164.arpa\nienum_branchlabel => x\n")
    async with asking(tmp_path) as (server, functions):
        assert await functions.read("ENUMLOOKUP(+15552)") == "own@tree.test"
        assert await functions.read("ENUMLOOKUP(+15551)") == "5551@a.test"
        await functions.read("ENUMLOOKUP(+15551,sip,i)")
        assert [name for name, _ in server.asked] == [
            "2.5.5.5.1.e164.test.", "1.5.5.5.1.e164.test.", "1.5.5.5.1.e164.arpa.", "1.5.5.5.x.1.e164.test.",
            "1.5.5.5.x.1.e164.arpa.",
        ]  # fmt: skip


async def test_a_file_with_a_syntax_error_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "enum.conf").write_text("[general]\nsearch => e164.test\n")
    async with asking(tmp_path) as (_, functions):
        (tmp_path / "enum.conf").write_text("[general\nsearch => e164.arpa\n")
        with warnings(functions) as lines:
            functions.modules[0].reload()
        assert "enum.conf is not used" in str(lines)
        assert await functions.read("ENUMLOOKUP(+15552)") == "own@tree.test"


def test_wrong_lines_of_the_file_are_told() -> None:
    found, problems = read_settings(
        ConfigFile.parse("[general]\nsearch=a\nsearch=\nienum_branchlabel=a.b\nh323driver=1\n", "enum.conf")
    )
    assert found.search == ["a"]
    assert found.branch == "i"
    assert len(problems) == 3
