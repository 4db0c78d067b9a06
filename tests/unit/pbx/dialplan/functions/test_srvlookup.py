"""SRVQUERY and SRVRESULT against a name server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from functions_kit import Functions, warnings
from name_server_kit import NameServer, name_server

from asterism.pbx.dialplan.functions.srvlookup import MOST_KEPT, SrvFunctions
from asterism.pbx.dialplan.language.foreign import is_foreign

SERVICE = "_sip._udp.example.test"
ZONE = {(f"{SERVICE}.", "SRV"): ["20 1 5070 backup.example.test.", "10 7 5060 main.example.test."]}


@asynccontextmanager
async def asking() -> AsyncIterator[tuple[NameServer, Functions]]:
    async with name_server(ZONE) as server:
        module = SrvFunctions()
        module.timeout = 0.3
        functions = Functions(module)
        functions.world.server.name_servers = [("127.0.0.1", server.port)]
        yield server, functions


async def test_a_line_of_the_dialplan_finds_servers() -> None:
    async with asking() as (server, functions):
        world = functions.world
        world.say(
            f"[default]\nexten => 100,1,Set(ID=${{SRVQUERY({SERVICE})}})\n"
            " same => n,NoOp(${SRVRESULT(${ID},getnum)} ${SRVRESULT(${ID},1)}:${SRVRESULT(${ID},1,port)}"
            " ${SRVRESULT(${ID},1,priority)}/${SRVRESULT(${ID},1,weight)} ${SRVRESULT(${ID},2,host)})\n"
        )
        await world.call()
        assert world.steps()[-1] == "NoOp(2 main.example.test:5060 10/7 backup.example.test)"
        assert server.asked == [(f"{SERVICE}.", "SRV")]


async def test_a_result_without_a_query_asks_first_and_is_text_from_outside() -> None:
    async with asking() as (server, functions):
        assert await functions.read(f"SRVRESULT({SERVICE},2)") == "backup.example.test"
        assert is_foreign(await functions.read(f"SRVRESULT({SERVICE},1)"))
        assert await functions.read("SRVRESULT(_sip._udp.none.test,getnum)") == "0"
        assert len(server.asked) == 2


async def test_what_cannot_be_found_is_one_line_and_holds_up_nobody() -> None:
    async with asking() as (_, functions):
        for text in ("SRVQUERY()", f"SRVRESULT({SERVICE},3)", f"SRVRESULT({SERVICE},1,color)", "SRVRESULT(a)",
                     f"SRVRESULT({SERVICE},x)", "SRVQUERY(broken.test)"):  # fmt: skip
            with warnings(functions) as lines:
                assert await functions.read(text) == ""
            assert len(lines) == 1, text
        with warnings(functions) as lines:
            found, turns = await functions.meanwhile("SRVQUERY(silent.test)")
        assert (found, len(lines)) == ("", 1)
        assert turns > 10


async def test_a_channel_keeps_a_bounded_number() -> None:
    async with asking() as (_, functions):
        for number in range(MOST_KEPT + 5):
            await functions.read(f"SRVQUERY(n{number}.test)")
        assert len(functions.channel.data["srv"]) == MOST_KEPT
