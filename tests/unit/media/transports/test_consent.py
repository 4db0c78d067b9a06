"""A pair in use whose peer no longer answers: how long it is kept, and what takes its place (RFC 7675)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from ice_kit import Network, Side, VirtualLoop, connect

from asterism.media.transports import stun

Run = Callable[[Callable[[Network], Coroutine[Any, Any, None]]], None]


@pytest.fixture
def run() -> Iterator[Run]:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:

        def play(scenario: Callable[[Network], Coroutine[Any, Any, None]]) -> None:
            runner.run(scenario(Network(runner.get_loop())))

        yield play


async def with_two_pairs(network: Network) -> tuple[Side, Side]:
    """A peer that is reached by two addresses, both of which work."""
    ours, theirs = Side(network, "192.0.2.1", 5000), Side(network, "198.51.100.2", 6000)
    network.receivers["198.51.100.3", 6000] = lambda data, source: theirs.agent.receive(data, source, 1)
    told = theirs.agent.local
    second = told.candidates[0].replace("198.51.100.2", "198.51.100.3").replace("2130706431", "2130706175")
    theirs.agent.apply(ours.agent.local, controlling=False)
    # What comes to the second address is answered from there.
    answer = network.receivers["198.51.100.3", 6000]

    def at_second(data: bytes, source: tuple[str, int]) -> None:
        send, theirs.addresses[0] = theirs.addresses[0], ("198.51.100.3", 6000)
        answer(data, source)
        theirs.addresses[0] = send

    network.receivers["198.51.100.3", 6000] = at_second
    ours.agent.apply(told._replace(candidates=(*told.candidates, second)), controlling=True)
    await asyncio.sleep(2)
    checks = ours.agent._current.checks
    assert checks is not None
    for pair in checks._pairs.of(1):
        if pair.remote.host == "198.51.100.3":
            checks._trigger(pair)
    await asyncio.sleep(1)
    assert len(checks._pairs.working(1)) == 2
    assert ours.selected[1][0] == "198.51.100.2"
    return ours, theirs


def test_an_outage_of_ten_seconds_ends_nothing(run: Run) -> None:
    """Whatever other pairs there are: the peer's consent lasts for thirty (RFC 7675 5.1)."""

    async def scenario(network: Network) -> None:
        ours, _theirs = await with_two_pairs(network)
        await asyncio.sleep(60)
        network.passes = lambda source, target: False
        await asyncio.sleep(22)
        assert not ours.failures
        network.passes = lambda source, target: True
        await asyncio.sleep(60)
        assert not ours.failures
        assert ours.selected[1][0] == "198.51.100.2"
        network.passes = lambda source, target: False
        await asyncio.sleep(42)
        assert ours.failures == ["ICE: the peer no longer answers checks"]

    run(scenario)


def test_another_pair_that_works_is_used_within_seconds(run: Run) -> None:
    async def scenario(network: Network) -> None:
        ours, _theirs = await with_two_pairs(network)
        await asyncio.sleep(60)
        network.passes = lambda source, target: "198.51.100.2" not in (source[0], target[0])
        await asyncio.sleep(13)
        assert ours.selected[1][0] == "198.51.100.3"
        assert not ours.failures

    run(scenario)


def test_nothing_is_sent_by_a_pair_that_has_not_answered_for_long(run: Run) -> None:
    """When the pair in use is lost, one that last answered minutes ago does not take its place unasked."""

    async def scenario(network: Network) -> None:
        ours, _theirs = await with_two_pairs(network)
        await asyncio.sleep(300)
        network.passes = lambda source, target: False
        told = len(ours.told)
        await asyncio.sleep(60)
        assert len(ours.told) == told
        assert len(ours.failures) == 1

    run(scenario)


def test_who_asks_that_much_is_asked_little(run: Run) -> None:
    """However many addresses a peer has, a change of its address has eight asked for at one time."""

    async def scenario(network: Network) -> None:
        ours, _theirs = await with_two_pairs(network)
        checks = ours.agent._current.checks
        assert checks is not None
        used = checks.used[1]
        for number in range(60):
            candidate = used.remote._replace(port=7000 + number)
            pair = checks._pairs.add(used.base, candidate)
            assert pair is not None
            pair.state = type(pair.state).SUCCEEDED
        sent = len(network.sent)
        checks._consent.verify(used)
        assert len(network.sent) - sent == 8
        checks._consent.verify(used)
        assert len(network.sent) - sent == 8

    run(scenario)


def test_the_port_of_rtcp_is_lost_alone(run: Run) -> None:
    async def scenario(network: Network) -> None:
        ours, theirs = (Side(network, host, 5000, mux=False) for host in ("192.0.2.1", "198.51.100.2"))
        lost: list[int] = []
        ours.agent.on_failed = lambda component, reason: lost.append(component)
        connect(ours, theirs)
        await asyncio.sleep(1)
        network.passes = lambda source, target: 5001 not in (source[1], target[1])
        await asyncio.sleep(60)
        assert lost == [2]
        assert not ours.agent.lost

    run(scenario)


def test_an_answer_without_the_password_is_no_consent(run: Run) -> None:
    async def scenario(network: Network) -> None:
        ours, theirs = Side(network, "192.0.2.1", 5000), Side(network, "198.51.100.2", 6000)
        connect(ours, theirs)
        await asyncio.sleep(1)

        def forge(data: bytes, source: tuple[str, int]) -> None:
            asked = stun.read(data)
            assert asked is not None
            network.send(("198.51.100.2", 6000), stun.success(asked, source, b"another password"), source)

        network.receivers["198.51.100.2", 6000] = forge
        await asyncio.sleep(45)
        assert ours.failures == ["ICE: the peer no longer answers checks"]

    run(scenario)
