"""What STUN servers say of our ports: in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from aioice.stun import Class, Message, Method
from ice_kit import Network, Side, VirtualLoop

from asterism.data.network import AccessRule, Rules
from asterism.media.transports import stun
from asterism.media.transports.ice_settings import IceSettings

SERVER = ("203.0.113.1", 3478)


def play(scenario: Callable[[Network], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(scenario(Network(runner.get_loop())))


def serve(network: Network) -> list[Any]:
    asked: list[Any] = []

    def answer(data: bytes, source: Any) -> None:
        asked.append(source)
        message = stun.read(data)
        assert message is not None
        response = Message(Method.BINDING, Class.RESPONSE, message.transaction_id, {"XOR-MAPPED-ADDRESS": source})
        network.send(SERVER, bytes(response), source)

    network.receivers[SERVER] = answer
    return asked


def test_behind_nat_there_is_one_candidate_more() -> None:
    async def scenario(network: Network) -> None:
        asked = serve(network)
        side = Side(network, "10.0.0.2", 5000, IceSettings(stun=SERVER))
        network.seen_as["10.0.0.2", 5000] = ("192.0.2.5", 41000)
        assert side.agent.gathers
        await asyncio.gather(side.agent.gather(), side.agent.gather())
        assert not side.agent.gathers
        assert side.agent.local.candidates[1] == (
            "Sa000002 1 UDP 1694498815 192.0.2.5 41000 typ srflx raddr 10.0.0.2 rport 5000"
        )
        assert len(asked) == 1
        # The port is kept open until there is a path, for some minutes.
        await asyncio.sleep(61)
        assert len(asked) == 5
        await asyncio.sleep(1000)
        assert len(asked) == 21
        side.agent.close()

    play(scenario)


def test_without_nat_there_is_nothing_new() -> None:
    async def scenario(network: Network) -> None:
        serve(network)
        side = Side(network, "192.0.2.1", 5000, IceSettings(stun=SERVER))
        await side.agent.gather()
        assert len(side.agent.local.candidates) == 1
        side.agent.close()

    play(scenario)


def test_a_silent_server_is_waited_for_two_seconds() -> None:
    async def scenario(network: Network) -> None:
        side = Side(network, "10.0.0.2", 5000, IceSettings(stun=SERVER))
        began = network.loop.time()
        await side.agent.gather()
        assert network.loop.time() - began <= 2.1
        assert len(network.sent) <= 4
        assert len(side.agent.local.candidates) == 1
        side.agent.close()

    play(scenario)


def test_addresses_from_which_no_server_is_asked() -> None:
    async def scenario(network: Network) -> None:
        asked = serve(network)
        rules = AccessRule(False).parse("10.0.0.0/8", Rules())
        side = Side(network, "10.0.0.2", 5000, IceSettings(stun=SERVER, stun_rules=rules))
        await side.agent.gather()
        assert not asked
        side.agent.close()

    play(scenario)


def test_an_agent_that_ends_meanwhile() -> None:
    async def scenario(network: Network) -> None:
        side = Side(network, "10.0.0.2", 5000, IceSettings(stun=SERVER))
        waiting = asyncio.ensure_future(side.agent.gather())
        await asyncio.sleep(0.1)
        side.agent.close()
        await asyncio.wait_for(waiting, 3)
        count = len(network.sent)
        await asyncio.sleep(100)
        assert len(network.sent) == count

    play(scenario)
