"""What strangers and hostile peers send to an ICE agent: no answer, bounded work, the call as it was."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from aioice.stun import Class, Message, Method
from ice_kit import Network, Side, VirtualLoop, connect

from asterism.media.transports import stun
from asterism.media.transports.parameters import IceParameters

Run = Callable[[Callable[[Network], Coroutine[Any, Any, None]]], None]
STRANGER = ("203.0.113.66", 7)


@pytest.fixture
def run() -> Iterator[Run]:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:

        def play(scenario: Callable[[Network], Coroutine[Any, Any, None]]) -> None:
            runner.run(scenario(Network(runner.get_loop())))

        yield play


def two(network: Network) -> tuple[Side, Side]:
    return Side(network, "192.0.2.1", 5000), Side(network, "198.51.100.2", 6000)


def check(ours: Side, theirs: Side, password: str | None = None, **attributes: Any) -> bytes:
    """A check as the peer would send it, with another password if one is given."""
    names = f"{ours.agent.local.ufrag}:{theirs.agent.local.ufrag}"
    message = stun.request({"USERNAME": names, **{name.replace("_", "-"): it for name, it in attributes.items()}})
    return stun.signed(message, (password or ours.agent.local.password).encode())


def test_strangers_are_not_answered(run: Run) -> None:
    async def scenario(network: Network) -> None:
        ours, theirs = two(network)
        connect(ours, theirs)
        await asyncio.sleep(1)
        selected, sent = dict(ours.selected), len(network.sent)
        bare = stun.request()
        bare.add_fingerprint()
        right = check(ours, theirs, PRIORITY=1)
        for data in (
            b"",
            b"\0" * 20,
            bytes(stun.request()),
            bytes(bare),
            check(ours, theirs, "wrong", PRIORITY=1, USE_CANDIDATE=None),
            check(theirs, ours, ours.agent.local.password, PRIORITY=1),
            right[:-9] + b"\0" + right[-8:],
            right + b"\0" * 2000,
            stun.signed(Message(Method.ALLOCATE, Class.REQUEST), ours.agent.local.password.encode()),
            stun.signed(Message(Method.BINDING, Class.INDICATION), ours.agent.local.password.encode()),
            stun.signed(Message(Method.BINDING, Class.RESPONSE), theirs.agent.local.password.encode()),
        ):
            ours.agent.receive(data, STRANGER, 1)
            ours.agent.receive(memoryview(bytearray(data)), STRANGER, 2)
        assert len(network.sent) == sent
        assert ours.selected == selected
        await asyncio.sleep(100)
        assert ours.selected == selected
        assert not ours.failures

    run(scenario)


def test_attributes_of_wrong_length_are_no_error(run: Run) -> None:
    async def scenario(network: Network) -> None:
        ours, _ = two(network)
        for kind in (0x0009, 0x0020, 0x0024, 0x0025, 0x8028, 0x8029, 0x802A, 0x0006, 0x0008):
            for length in (0, 1, 3, 5, 7, 255):
                body = kind.to_bytes(2, "big") + length.to_bytes(2, "big") + b"\xff" * (length + -length % 4)
                head = b"\0\1" + len(body).to_bytes(2, "big") + b"\x21\x12\xa4\x42" + bytes(12)
                ours.agent.receive(head + body, STRANGER, 1)
        assert not network.sent

    run(scenario)


def test_a_peer_that_checks_from_everywhere(run: Run) -> None:
    """It knows the password: it is answered, but what we send by ourselves is bounded, and the path stays."""

    async def scenario(network: Network) -> None:
        ours, theirs = two(network)
        connect(ours, theirs)
        await asyncio.sleep(1)
        sent = len(network.sent)
        for number in range(2000):
            ours.agent.receive(check(ours, theirs, PRIORITY=5), (f"203.0.{number >> 8}.{number & 255}", 9), 1)
        assert len(network.sent) - sent <= 2000 + 1
        await asyncio.sleep(60)
        by_ourselves = [data for source, target, data in network.sent[sent:] if source[0] == "192.0.2.1"][2000:]
        assert len(by_ourselves) <= 100 * stun.SENDS + 50
        assert len(ours.agent._current.checks._pairs) <= 100
        assert len(ours.agent._current.checks._checks) <= 110
        assert ours.selected[1] == ("198.51.100.2", 6000)

    run(scenario)


def test_a_peer_that_checks_from_one_address_all_the_time(run: Run) -> None:
    """Each of its checks is answered; what it has us send beside that is bounded."""

    async def scenario(network: Network) -> None:
        ours, theirs = two(network)
        connect(ours, theirs)
        await asyncio.sleep(1)
        sent = len(network.sent)
        victim = ("203.0.113.9", 9)
        for _ in range(1000):
            ours.agent.receive(check(ours, theirs, PRIORITY=5), victim, 1)
            await asyncio.sleep(0.01)
        to_victim = [data for _, target, data in network.sent[sent:] if target == victim]
        assert len(to_victim) <= 1000 + 2 * stun.SENDS

    run(scenario)


def test_the_port_of_rtcp_has_no_checks_where_it_is_not_used(run: Run) -> None:
    async def scenario(network: Network) -> None:
        ours, theirs = two(network)
        connect(ours, theirs)
        await asyncio.sleep(1)
        sent = len(network.sent)
        ours.agent.receive(check(ours, theirs, PRIORITY=5, USE_CANDIDATE=None), ("203.0.113.9", 9), 2)
        assert len(network.sent) == sent + 1
        await asyncio.sleep(60)
        assert list(ours.selected) == [1]
        assert ("203.0.113.9", 9) not in [target for _, target, _ in network.sent[sent + 1 :]]

    run(scenario)


def test_whoever_is_told_of_a_loss_may_end_the_agent(run: Run) -> None:
    async def scenario(network: Network) -> None:
        ours, theirs = (Side(network, host, 5000, mux=False) for host in ("192.0.2.1", "198.51.100.2"))
        connect(ours, theirs)
        await asyncio.sleep(1)
        network.passes = lambda source, target: 5000 not in (source[1], target[1])
        ours.agent.on_failed = lambda *_: (ours.agent.close(), network.sent.clear())
        await asyncio.sleep(60)
        assert "192.0.2.1" not in {source[0] for source, _, _ in network.sent}

    run(scenario)


def test_checks_before_the_answer_are_bounded(run: Run) -> None:
    async def scenario(network: Network) -> None:
        ours, theirs = two(network)
        for number in range(500):
            ours.agent.receive(check(ours, theirs, PRIORITY=5), ("203.0.113.1", 1 + number), 1)
        assert len(ours.agent._current.early) == 32

    run(scenario)


def test_a_peer_that_always_claims_a_conflict(run: Run) -> None:
    async def scenario(network: Network) -> None:
        ours, theirs = two(network)
        ours.agent.apply(theirs.agent.local, controlling=True)

        def conflict(data: bytes, source: tuple[str, int]) -> None:
            message = stun.read(data)
            assert message is not None
            if message.message_class is Class.REQUEST:
                answer = stun.role_conflict(message, theirs.agent.local.password.encode())
                theirs.send(answer, source, 1)

        network.receivers["198.51.100.2", 6000] = conflict
        await asyncio.sleep(60)
        assert len(network.sent) < 30
        assert ours.failures

    run(scenario)


def test_a_check_without_priority(run: Run) -> None:
    async def scenario(network: Network) -> None:
        ours, theirs = two(network)
        theirs_told = theirs.agent.local._replace(candidates=())
        ours.agent.apply(theirs_told, controlling=False)
        ours.agent.receive(check(ours, theirs), ("198.51.100.2", 6000), 1)
        theirs.agent.apply(ours.agent.local, controlling=True)
        await asyncio.sleep(1)
        assert ours.selected[1] == ("198.51.100.2", 6000)

    run(scenario)


def test_one_address_for_both_components(run: Run) -> None:
    """A peer that multiplexes without having agreed on it."""

    async def scenario(network: Network) -> None:
        ours, theirs = Side(network, "192.0.2.1", 5000, mux=False), Side(network, "198.51.100.2", 6000)
        line = theirs.agent.local.candidates[0]
        both = (line, line.replace(" 1 UDP", " 2 UDP"))
        ours.agent.apply(theirs.agent.local._replace(candidates=both), controlling=True)
        theirs.agent.apply(ours.agent.local, controlling=False)
        await asyncio.sleep(2)
        assert ours.selected == {1: ("198.51.100.2", 6000), 2: ("198.51.100.2", 6000)}
        ours.agent.receive(check(ours, theirs, PRIORITY=7), ("198.51.100.2", 6000), 2)
        await asyncio.sleep(60)
        assert not ours.failures

    run(scenario)


def test_credentials_that_are_odd(run: Run) -> None:
    async def scenario(network: Network) -> None:
        for ufrag, password in (("", ""), ("ü" * 4, "ß" * 22), ("a:b", "c" * 22), ("x" * 256, "y" * 256)):
            ours = Side(network, "192.0.2.1", 5000)
            line = "1 1 UDP 1 198.51.100.9 6000 typ host"
            ours.agent.apply(IceParameters(ufrag, password, (line,)), controlling=True)
            await asyncio.sleep(1)
            ours.agent.close()

    run(scenario)


def test_an_answer_from_elsewhere_is_no_success(run: Run) -> None:
    async def scenario(network: Network) -> None:
        ours, theirs = two(network)
        ours.agent.apply(theirs.agent.local, controlling=True)

        def answer(data: bytes, source: tuple[str, int]) -> None:
            message = stun.read(data)
            assert message is not None
            network.send(STRANGER, stun.success(message, source, theirs.agent.local.password.encode()), source)

        network.receivers["198.51.100.2", 6000] = answer
        await asyncio.sleep(30)
        assert not ours.selected

    run(scenario)
