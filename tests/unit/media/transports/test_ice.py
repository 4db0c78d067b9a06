"""Two agents find each other: on a network in memory, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from ice_kit import Network, Side, VirtualLoop, connect

from asterism.media.transports.ice_settings import Advertised, IceSettings
from asterism.media.transports.pairs import State
from asterism.media.transports.parameters import IceParameters

Run = Callable[[Callable[[Network], Coroutine[Any, Any, None]]], None]


@pytest.fixture
def run() -> Iterator[Run]:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:

        def play(scenario: Callable[[Network], Coroutine[Any, Any, None]]) -> None:
            runner.run(scenario(Network(runner.get_loop())))

        yield play


def two(network: Network, **options: Any) -> tuple[Side, Side]:
    return Side(network, "192.0.2.1", 5000, **options), Side(network, "198.51.100.2", 6000, **options)


def test_what_is_told_has_the_recorded_form(run: Run) -> None:
    async def scenario(network: Network) -> None:
        side = Side(network, "192.0.2.2", 15646, mux=False)
        told = side.agent.local
        assert told.candidates == (
            "Hc0000202 1 UDP 2130706431 192.0.2.2 15646 typ host",
            "Hc0000202 2 UDP 2130706430 192.0.2.2 15647 typ host",
        )
        assert len(told.ufrag) == len(told.password) == 32
        assert int(told.ufrag, 16) != int(told.password, 16)
        side.agent.mux = True
        assert len(side.agent.local.candidates) == 1
        assert side.agent.local == side.agent.local

    run(scenario)


@pytest.mark.parametrize("mux", [True, False])
def test_two_agents_find_each_other(run: Run, mux: bool) -> None:
    async def scenario(network: Network) -> None:
        ours, theirs = two(network, mux=mux)
        connect(ours, theirs)
        await asyncio.sleep(1)
        assert ours.selected[1] == ("198.51.100.2", 6000)
        assert theirs.selected[1] == ("192.0.2.1", 5000)
        if not mux:
            assert ours.selected[2] == ("198.51.100.2", 6001)
            assert theirs.selected[2] == ("192.0.2.1", 5001)
        assert len(ours.selected) == (1 if mux else 2)
        assert not ours.failures
        assert not theirs.failures

    run(scenario)


def test_checks_before_the_answer_is_known(run: Run) -> None:
    async def scenario(network: Network) -> None:
        ours, theirs = two(network)
        theirs.agent.apply(ours.agent.local, controlling=False)
        await asyncio.sleep(2)
        answer = theirs.agent.local
        # What it learns from the early checks alone: the answer has no candidates.
        ours.agent.apply(answer._replace(candidates=()), controlling=True)
        await asyncio.sleep(1)
        assert ours.selected == {1: ("198.51.100.2", 6000)}
        assert theirs.selected == {1: ("192.0.2.1", 5000)}

    run(scenario)


def test_both_think_that_they_control(run: Run) -> None:
    async def scenario(network: Network) -> None:
        for both in (True, False):
            ours, theirs = two(network)
            theirs.agent.apply(ours.agent.local, controlling=both)
            ours.agent.apply(theirs.agent.local, controlling=both)
            await asyncio.sleep(2)
            assert ours.selected
            assert theirs.selected
            roles = {side.agent._current.checks.controlling for side in (ours, theirs)}
            assert roles == {True, False}

    run(scenario)


def test_a_peer_that_cannot_be_reached(run: Run) -> None:
    async def scenario(network: Network) -> None:
        ours, theirs = two(network)
        network.passes = lambda source, target: False
        connect(ours, theirs)
        await asyncio.sleep(39)
        assert not ours.failures
        await asyncio.sleep(1)
        assert ours.failures == ["ICE: no candidate of the peer could be reached"]
        # It is found late all the same, by its own checks.
        network.passes = lambda source, target: True
        theirs.agent.apply(ours.agent.local, controlling=False)
        theirs.agent._current.checks._pairs.of(1)[0].state = State.WAITING
        theirs.agent._current.checks._wake()
        await asyncio.sleep(1)
        assert ours.selected

    run(scenario)


def test_consent_ends_after_thirty_seconds(run: Run) -> None:
    async def scenario(network: Network) -> None:
        ours, theirs = two(network)
        connect(ours, theirs)
        await asyncio.sleep(60)
        assert ours.selected
        assert not ours.failures
        network.passes = lambda source, target: False
        await asyncio.sleep(22)
        assert not ours.failures
        await asyncio.sleep(20)
        assert ours.failures == ["ICE: the peer no longer answers checks"]
        count = len(network.sent)
        await asyncio.sleep(60)
        assert len(network.sent) == count

    run(scenario)


@pytest.mark.parametrize("moves", ["offerer", "answerer"])
def test_an_address_changes_in_the_middle(run: Run, moves: str) -> None:
    async def scenario(network: Network) -> None:
        sides = two(network)
        connect(*sides)
        await asyncio.sleep(10)
        mover, other = sides if moves == "offerer" else sides[::-1]
        mover.move("203.0.113.9")
        await asyncio.sleep(9)
        assert other.selected[1][0] == "203.0.113.9"
        assert not other.failures
        assert not mover.failures

    run(scenario)


def test_restart(run: Run) -> None:
    async def scenario(network: Network) -> None:
        ours, theirs = two(network)
        connect(ours, theirs)
        await asyncio.sleep(1)
        before = ours.agent.local, theirs.agent.local
        ours.agent.restart()
        offered = ours.agent.local
        assert offered.ufrag != before[0].ufrag
        theirs.agent.apply(offered, controlling=False)
        answered = theirs.agent.local
        assert answered.ufrag != before[1].ufrag
        assert answered.password != before[1].password
        ours.agent.apply(answered, controlling=True)
        # The old path is still checked until there is the new one.
        assert ours.agent._last is not None
        told = len(ours.told)
        await asyncio.sleep(1)
        assert len(ours.told) == told + 1
        assert ours.agent._last is None
        assert ours.agent.local == offered
        await asyncio.sleep(120)
        assert not ours.failures
        assert not theirs.failures

    run(scenario)


def test_a_restart_that_the_peer_does_not_take(run: Run) -> None:
    async def scenario(network: Network) -> None:
        ours, theirs = two(network)
        connect(ours, theirs)
        await asyncio.sleep(1)
        before = ours.agent.local
        ours.agent.restart()
        ours.agent.apply(theirs.agent.local, controlling=True)
        assert ours.agent.local == before
        ours.agent.restart()
        ours.agent.roll_back()
        assert ours.agent.local == before
        await asyncio.sleep(60)
        assert not ours.failures

    run(scenario)


def test_a_second_phone_answers_the_same_offer(run: Run) -> None:
    async def scenario(network: Network) -> None:
        ours, first = two(network)
        second = Side(network, "198.51.100.3", 6000)
        offer = ours.agent.local
        first.agent.apply(offer, controlling=False)
        second.agent.apply(offer, controlling=False)
        ours.agent.apply(first.agent.local, controlling=True)
        await asyncio.sleep(1)
        assert ours.selected[1] == ("198.51.100.2", 6000)
        ours.agent.apply(second.agent.local, controlling=True)
        await asyncio.sleep(1)
        assert ours.selected[1] == ("198.51.100.3", 6000)
        assert ours.agent.local == offer
        assert second.selected[1] == ("192.0.2.1", 5000)

    run(scenario)


@pytest.mark.parametrize("lite", ["offerer", "answerer", "both"])
def test_lite_agents(run: Run, lite: str) -> None:
    async def scenario(network: Network) -> None:
        ours, theirs = two(network)
        if lite != "answerer":
            ours.settings = IceSettings(lite=True)
        if lite != "offerer":
            theirs.settings = IceSettings(lite=True)
        assert ours.agent.local.lite is (lite != "answerer")
        connect(ours, theirs)
        await asyncio.sleep(2)
        assert ours.selected[1] == ("198.51.100.2", 6000)
        assert theirs.selected[1] == ("192.0.2.1", 5000)
        await asyncio.sleep(100)
        assert not ours.failures
        assert not theirs.failures

    run(scenario)


def test_what_is_no_use_among_the_candidates(run: Run) -> None:
    async def scenario(network: Network) -> None:
        ours, theirs = two(network)
        good = theirs.agent.local
        lines = (
            "1 1 TCP 2105458943 198.51.100.2 9 typ host tcptype active",
            "1 1 UDP 2130706431 phone.example.com 6000 typ host",
            "1 1 UDP 2130706431 127.0.0.1 6000 typ host",
            "1 1 UDP 2130706431 224.0.0.1 6000 typ host",
            "1 1 UDP 2130706431 ::ffff:198.51.100.2 6000 typ host",
            "1 1 UDP 2130706431 fe80::1 6000 typ host",
            "1 1 UDP 2130706431 2001:db8::1 6000 typ host",
            "1 3 UDP 2130706431 198.51.100.2 6000 typ host",
            "1 1 UDP 99999999999 198.51.100.2 6000 typ host",
            "1 1 UDP 2130706431 198.51.100.2 0 typ host",
            "1 1 UDP ² 198.51.100.2 6000 typ host",
            "",
            "x",
        )
        theirs.agent.apply(ours.agent.local, controlling=False)
        ours.agent.apply(good._replace(candidates=lines + good.candidates), controlling=True)
        await asyncio.sleep(1)
        assert ours.selected[1] == ("198.51.100.2", 6000)
        assert {target for source, target, _ in network.sent if source[0] == "192.0.2.1"} == {("198.51.100.2", 6000)}

    run(scenario)


def test_no_more_pairs_than_allowed(run: Run) -> None:
    async def scenario(network: Network) -> None:
        ours = Side(network, "192.0.2.1", 5000)
        lines = tuple(f"1 1 UDP {1000 + n} 198.51.100.2 {1000 + n} typ host" for n in range(500))
        ours.agent.apply(IceParameters("abcd", "p" * 22, lines), controlling=True)
        await asyncio.sleep(60)
        assert len({target for _, target, _ in network.sent}) == 32
        assert len(network.sent) == 32 * 6

    run(scenario)


def test_advertised_instead_of_a_local_address(run: Run) -> None:
    async def scenario(network: Network) -> None:
        side = Side(network, "192.0.2.1", 5000)
        side.settings = IceSettings(advertised={"192.0.2.1": Advertised("203.0.113.1")})
        assert side.agent.local.candidates == ("Hcb007101 1 UDP 2130706431 203.0.113.1 5000 typ host",)
        side.settings = IceSettings(advertised={"192.0.2.1": Advertised("203.0.113.1", with_local=True)})
        assert side.agent.local.candidates == (
            "Hcb007101 1 UDP 2130706431 203.0.113.1 5000 typ host",
            "Hc0000201 1 UDP 2130706175 192.0.2.1 5000 typ host",
        )

    run(scenario)


def test_loopback_is_no_candidate_unless_allowed(run: Run) -> None:
    async def scenario(network: Network) -> None:
        side = Side(network, "127.0.0.1", 5000)
        assert side.agent.local.candidates == ()
        side.settings = IceSettings(loopback=True)
        assert len(side.agent.local.candidates) == 1

    run(scenario)


def test_a_path_that_dies_while_a_restart_looks_for_another(run: Run) -> None:
    """Nothing is sent by the old one any more when its consent has ended (RFC 7675), whatever the new checks do."""

    async def scenario(network: Network) -> None:
        for seconds in (0, 32):
            ours, theirs = two(network)
            connect(ours, theirs)
            await asyncio.sleep(1)
            if not seconds:
                network.passes = lambda source, target: False
            offer = IceParameters("abcd", "p" * 22, ("1 1 UDP 2130706431 203.0.113.99 6000 typ host",))
            ours.agent.apply(offer, controlling=False)
            await asyncio.sleep(20)
            assert not ours.failures
            if seconds:
                await asyncio.sleep(25)
                # The restart has found nothing, but the path of before works.
                assert not ours.failures
                network.passes = lambda source, target: False
            await asyncio.sleep(40)
            assert ours.failures[0] == "ICE: the peer no longer answers checks"
            assert ours.agent.lost
            network.passes = lambda source, target: True
            for side in (ours, theirs):
                side.agent.close()

    run(scenario)


def test_a_restart_of_ours_is_tried_three_times(run: Run) -> None:
    async def scenario(network: Network) -> None:
        ours, theirs = two(network)
        connect(ours, theirs)
        await asyncio.sleep(1)
        network.passes = lambda source, target: False
        await asyncio.sleep(50)
        for _ in range(3):
            assert ours.agent.lost
            ours.agent.restart()
            # An offer that comes to nothing does not count.
            ours.agent.roll_back()
            ours.agent.restart()
            theirs.agent.apply(ours.agent.local, controlling=False)
            ours.agent.apply(theirs.agent.local, controlling=True)
            assert not ours.agent.lost
            await asyncio.sleep(45)
        assert not ours.agent.lost
        assert len(ours.failures) == 4
        # A path that is found makes it begin anew.
        network.passes = lambda source, target: True
        theirs.agent.restart()
        ours.agent.apply(theirs.agent.local, controlling=False)
        theirs.agent.apply(ours.agent.local, controlling=True)
        await asyncio.sleep(1)
        network.passes = lambda source, target: False
        await asyncio.sleep(50)
        assert ours.agent.lost

    run(scenario)


def test_both_offer_a_restart_at_once(run: Run) -> None:
    """Both offers are refused (491); whoever is first after that is answered, and the other has nothing to ask for."""

    async def scenario(network: Network) -> None:
        sides = two(network)
        connect(*sides)
        await asyncio.sleep(1)
        network.passes = lambda source, target: False
        await asyncio.sleep(50)
        for side in sides:
            assert side.agent.lost
            side.agent.restart()
        for side in sides:
            side.agent.roll_back()
        first, second = sides
        network.passes = lambda source, target: True
        first.agent.restart()
        told = len(first.told), len(second.told)
        connect(first, second)
        assert not second.agent.lost
        await asyncio.sleep(1)
        assert not first.agent.lost
        assert (len(first.told), len(second.told)) == (told[0] + 1, told[1] + 1)
        await asyncio.sleep(60)
        assert [len(side.failures) for side in sides] == [1, 1]

    run(scenario)


def test_names_that_nobody_has_are_few_and_end_with_the_agent(run: Run) -> None:
    async def scenario(network: Network) -> None:
        ours = Side(network, "192.0.2.1", 5000)
        asked: list[str] = []
        never = asyncio.Event()

        async def resolve(name: str) -> str | None:
            asked.append(name)
            await never.wait()
            return None

        ours.services.names.resolve = resolve
        tasks = asyncio.all_tasks()
        lines = tuple(f"1 1 UDP {1000 + n} n{n}.local {1000 + n} typ host" for n in range(32))
        for _ in range(10):
            ours.agent.apply(IceParameters("abcd", "p" * 22, lines), controlling=True)
            await asyncio.sleep(0.1)
        assert asked == [f"n{n}.local" for n in range(8)]
        ours.agent.close()
        await asyncio.sleep(0.01)
        assert asyncio.all_tasks() == tasks

    run(scenario)


def test_nothing_of_an_agent_is_left(run: Run) -> None:
    async def scenario(network: Network) -> None:
        ours, theirs = two(network)
        connect(ours, theirs)
        await asyncio.sleep(0.005)
        ours.agent.close()
        ours.agent.close()
        theirs.agent.close()
        count = len(network.sent)
        await asyncio.sleep(100)
        assert len(network.sent) == count
        ours.agent.apply(theirs.agent.local, controlling=True)
        assert not [handle for handle in asyncio.get_running_loop()._scheduled if not handle.cancelled()]  # type: ignore[attr-defined]

    run(scenario)
