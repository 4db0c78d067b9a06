"""What STUN servers say of our ports: in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from aioice.stun import Class, Message, Method
from ice_kit import Network, Side, VirtualLoop, connect

from asterism.data.network import AccessRule, Rules
from asterism.media.transports import stun
from asterism.media.transports.ice_services import IceServices
from asterism.media.transports.ice_settings import Advertised, IceSettings

SERVER = ("203.0.113.1", 3478)


def play(scenario: Callable[[Network], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(scenario(Network(runner.get_loop())))


def serve(network: Network, server: Any = SERVER, found: Any = None) -> list[Any]:
    """A STUN server, which says that it sees ``found``, or what it sees; who has asked."""
    asked: list[Any] = []

    def answer(data: bytes, source: Any) -> None:
        asked.append(source)
        message = stun.read(data)
        assert message is not None
        response = Message(
            Method.BINDING, Class.RESPONSE, message.transaction_id, {"XOR-MAPPED-ADDRESS": found or source}
        )
        network.send(server, bytes(response), source)

    network.receivers[server] = answer
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


def test_addresses_from_which_no_server_is_asked_are_those_that_would_be_sent_from() -> None:
    """A socket that is bound to all of them sends from the one on the way to the server."""

    async def scenario(network: Network) -> None:
        asked = serve(network, ("127.0.0.9", 3478))
        for rule, count in (("127.0.0.0/8", 0), ("10.0.0.0/8", 1)):
            rules = AccessRule(False).parse(rule, Rules())
            settings = IceSettings(stun=("127.0.0.9", 3478), stun_rules=rules, loopback=True)
            side = Side(network, "0.0.0.0", 5000, settings)
            await side.agent.gather()
            assert len(asked) == count
            side.agent.close()

    play(scenario)


@pytest.mark.parametrize(
    "found",
    [
        ("0.0.0.0", 41000), ("224.0.0.1", 41000), ("127.0.0.1", 41000), ("2001:db8::1", 41000), ("192.0.2.5", 0),
        ("255.255.255.255", 1),
    ],
)  # fmt: skip
def test_what_a_server_says_that_cannot_be_is_not_told(found: Any) -> None:
    async def scenario(network: Network) -> None:
        serve(network, found=found)
        side = Side(network, "10.0.0.2", 5000, IceSettings(stun=SERVER))
        await side.agent.gather()
        assert [line.split()[4] for line in side.agent.local.candidates] == ["10.0.0.2"]
        side.agent.close()

    play(scenario)


def test_an_address_that_is_not_to_be_told_is_told_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither behind another candidate nor in its foundation, nor because a server has seen it."""
    monkeypatch.setattr(IceServices, "_all_hosts", lambda _self: ("10.0.0.2",))

    async def scenario(network: Network) -> None:
        serve(network)
        denied = IceSettings(stun=SERVER, host_rules=AccessRule(False).parse("10.0.0.0/8", Rules()))
        mapped = IceSettings(stun=SERVER, advertised={"10.0.0.2": Advertised("203.0.113.80")})
        for settings in (denied, mapped):
            side = Side(network, "10.0.0.2", 5000, settings)
            network.seen_as["10.0.0.2", 5000] = ("192.0.2.5", 41000)
            await side.agent.gather()
            line = side.agent.local.candidates[-1]
            assert line == "Sc0000205 1 UDP 1694498815 192.0.2.5 41000 typ srflx raddr 0.0.0.0 rport 9"
            assert "10.0.0.2" not in str(side.agent.local)
            side.agent.close()
            network.seen_as["10.0.0.2", 5000] = ("10.0.0.2", 41000)
            side = Side(network, "10.0.0.2", 5000, settings)
            await side.agent.gather()
            assert "10.0.0.2" not in str(side.agent.local)
            side.agent.close()

    play(scenario)


def test_after_a_loss_the_servers_are_asked_again() -> None:
    async def scenario(network: Network) -> None:
        asked = serve(network)
        ours = Side(network, "10.0.0.2", 5000, IceSettings(stun=SERVER))
        theirs = Side(network, "198.51.100.2", 6000)
        network.seen_as["10.0.0.2", 5000] = ("192.0.2.5", 41000)
        await ours.agent.gather()
        connect(ours, theirs)
        await asyncio.sleep(1)
        assert ours.selected
        network.passes = lambda source, target: "198.51.100.2" not in (source[0], target[0])
        await asyncio.sleep(50)
        assert ours.failures
        assert ours.agent.gathers
        network.seen_as["10.0.0.2", 5000] = ("192.0.2.6", 42000)
        await ours.agent.gather()
        assert [line.split()[4] for line in ours.agent.local.candidates] == ["10.0.0.2", "192.0.2.6"]
        assert len(asked) == 2
        assert not ours.agent.gathers
        ours.agent.close()
        theirs.agent.close()

    play(scenario)


def test_nothing_that_was_asked_outlives_the_agent() -> None:
    """A server that is silent, and a name that is looked up for ever."""

    async def scenario(network: Network) -> None:
        forever = asyncio.Event()

        async def lookup(*_: object, **__: object) -> None:
            await forever.wait()

        network.loop.getaddrinfo = lookup
        for server in (SERVER, ("stun.example.com", 3478)):
            tasks = asyncio.all_tasks()
            side = Side(network, "10.0.0.2", 5000, IceSettings(stun=server))
            waiting = asyncio.ensure_future(side.agent.gather())
            await asyncio.sleep(0.1)
            assert asyncio.all_tasks() != tasks
            side.agent.close()
            ended = network.loop.time()
            await waiting
            await asyncio.sleep(0)
            assert asyncio.all_tasks() == tasks
            assert network.loop.time() == ended

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
