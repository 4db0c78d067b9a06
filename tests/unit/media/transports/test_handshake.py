"""DTLS handshakes over a network that loses, repeats, delays and forges datagrams."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import pytest
from dtls_kit import CALLED, CALLER, Network, keyed, pair, run, start

from asterism.media.transports.association import client_random
from asterism.media.transports.parameters import Address

STRANGER: Address = ("198.51.100.7", 4000)
HEADER = b"\xfe\xfd" + bytes(8)
FATAL = b"\x15" + HEADER + b"\x00\x02\x02\x28"
CLOSE = b"\x15" + HEADER + b"\x00\x02\x01\x00"


def test_a_handshake_gets_along_without_any_of_its_datagrams() -> None:
    async def test(lost: int) -> bool:
        network, active, passive = pair(mtu=300)
        network.fate = lambda datagram: () if len(network.carried) == lost else (0.01,)
        start(active, passive)
        await keyed(active, passive)
        await asyncio.sleep(1)
        assert not active.failures
        assert not passive.failures
        assert passive.keys == [tuple(reversed(active.keys[0]))]
        return len(network.carried) < lost

    def every(lost: int) -> bool:
        over: list[bool] = []

        async def one() -> None:
            over.append(await test(lost))

        run(one())
        return over[0]

    lost = 1
    while not every(lost):
        lost += 1
    assert lost > 6


@pytest.mark.parametrize("seed", range(20))
def test_a_network_that_loses_repeats_and_delays(seed: int) -> None:
    draw = random.Random(seed)

    def fate(datagram: bytes) -> tuple[float, ...]:
        return tuple(draw.uniform(0.01, 0.3) for _ in range(draw.choice((0, 0, 1, 1, 1, 1, 1, 2, 3))))

    async def test() -> None:
        network, active, passive = pair(mtu=400)
        network.fate = fate
        start(active, passive)
        await keyed(active, passive)
        assert not active.failures
        assert not passive.failures
        await asyncio.sleep(20)
        assert len(active.keys) == len(passive.keys) == 1
        assert passive.keys == [tuple(reversed(active.keys[0]))]

    run(test())


def test_no_datagram_is_larger_than_the_settings_allow() -> None:
    async def test() -> None:
        network, active, passive = pair(mtu=256)
        start(active, passive)
        await keyed(active, passive)
        sizes = [len(datagram) for _, _, datagram in network.carried]
        assert max(sizes) <= 256
        assert len(sizes) > 6

    run(test())


@pytest.mark.parametrize(
    "forged", [FATAL, CLOSE, b"\x16", b"\x14" + HEADER + b"\x00\x01\x01", b"\x17" * 60, b"?" * 30, b""]
)
@pytest.mark.parametrize("source", [STRANGER, None])
def test_forged_datagrams_end_nothing(forged: bytes, source: Address | None) -> None:
    """Before every datagram of the handshake and after it, from anywhere and in the peer's name."""

    async def test() -> None:
        network, active, passive = pair()

        def fate(datagram: bytes) -> tuple[float, ...]:
            active.agent.receive(forged, source or CALLED)
            passive.agent.receive(forged, source or CALLER)
            return (0.0,)

        network.fate = fate
        start(active, passive)
        await keyed(active, passive)
        for _ in range(100):
            active.agent.receive(forged, source or CALLED)
            passive.agent.receive(forged, source or CALLER)
        await asyncio.sleep(40)
        assert active.agent.secure
        assert passive.agent.secure
        assert not active.failures
        assert not passive.failures
        assert len(active.keys) == len(passive.keys) == 1

    run(test())


def test_altered_datagrams_end_nothing_once_there_are_keys() -> None:
    async def test() -> None:
        network, active, passive = pair()
        start(active, passive)
        await keyed(active, passive)
        draw = random.Random(1)
        for source, destination, datagram in tuple(network.carried):
            for _ in range(30):
                altered = bytearray(datagram)
                for _ in range(draw.randint(1, 4)):
                    altered[draw.randrange(len(altered))] = draw.randrange(256)
                network.ends[destination].agent.receive(bytes(altered), source)
            await asyncio.sleep(1)
        await asyncio.sleep(40)
        assert active.agent.secure
        assert passive.agent.secure
        assert not active.failures
        assert not passive.failures
        assert len(active.keys) == len(passive.keys) == 1

    run(test())


def _first_flights(count: int) -> list[bytes]:
    """ClientHellos of as many clients that never say more."""
    network = Network()
    for number in range(count):
        client = network.end(("198.51.100.1", 1000 + number))
        client.agent.start("active", [("sha-256", "00")], address=("198.51.100.2", 1))
    return [datagram for _, _, datagram in network.carried]


def _hold_off(hellos: Callable[[int], Address]) -> None:
    async def test() -> None:
        network, active, passive = pair()
        passive.agent.start("passive", active.fingerprints, address=CALLER)
        forged = _first_flights(40)
        await asyncio.sleep(0)
        for number, hello in enumerate(forged):
            passive.agent.receive(hello, hellos(number))
        await asyncio.sleep(0.1)
        active.agent.start("active", passive.fingerprints, address=CALLED)
        for _ in range(5):
            await asyncio.sleep(0.5)
            for number, hello in enumerate(forged):
                passive.agent.receive(hello, hellos(number))
        await asyncio.sleep(3)
        assert active.keys
        assert passive.keys
        answers = sum(len(datagram) for _, to, datagram in network.carried if to not in (CALLER, CALLED))
        assert answers <= 6 * sum(map(len, forged)), "more is sent to those whose addresses are forged than they send"

    run(test())


def test_first_flights_of_strangers_keep_nobody_off() -> None:
    _hold_off(lambda number: ("198.51.100.7", number + 1))


def test_first_flights_in_the_peers_name_do_not_keep_it_off() -> None:
    _hold_off(lambda number: CALLER)


def test_a_peer_behind_nat_comes_from_another_address_with_a_cookie() -> None:
    async def test() -> None:
        network, active, passive = pair()
        passive.agent.start("passive", active.fingerprints, address=("10.0.0.1", 5000))
        active.agent.start("active", passive.fingerprints, address=CALLED)
        await keyed(active, passive)
        assert passive.agent.address == CALLER
        hellos = [datagram for source, _, datagram in network.carried if source == CALLER and client_random(datagram)]
        assert len(hellos) == 2
        assert len(hellos[1]) > len(hellos[0])

    run(test())


def test_a_server_answers_from_another_of_its_addresses() -> None:
    async def test() -> None:
        network, active, passive = pair()
        passive.address = ("192.0.2.3", 5000)
        passive.agent.start("passive", active.fingerprints, address=CALLER)
        active.agent.start("active", passive.fingerprints, address=CALLED)
        await asyncio.sleep(3)
        assert active.keys
        assert passive.keys
        active.agent.receive(FATAL, passive.address)
        active.agent.close()
        assert network.carried[-1][1] == CALLED

    run(test())


@pytest.mark.parametrize("verify", ["fingerprint", "no"])
def test_a_stranger_with_a_handshake_of_its_own_gets_nothing(verify: str) -> None:
    async def test() -> None:
        network, active, passive = pair(verify=verify)
        stranger = network.end(STRANGER, verify="no")
        passive.agent.start("passive", active.fingerprints, address=CALLER)
        stranger.agent.start("active", [], address=CALLED)
        await asyncio.sleep(5)
        assert stranger.keys, "it believes to have succeeded"
        assert not passive.keys
        assert not passive.failures
        active.agent.start("active", passive.fingerprints, address=CALLED)
        await keyed(active, passive)
        assert passive.keys == [tuple(reversed(active.keys[0]))]
        stranger.agent.start("active", [], address=CALLED, new=True)
        await asyncio.sleep(5)
        assert len(passive.keys) == 1

    run(test())


def test_strangers_in_the_midst_of_a_handshake_are_few() -> None:
    async def test() -> None:
        network, active, passive = pair()
        passive.agent.start("passive", active.fingerprints, address=CALLER)
        strangers = [network.end(("198.51.100.8", 100 + number)) for number in range(20)]
        # Each brings its cookie back, and then says no more.
        network.fate = lambda datagram: (0.0,) if client_random(datagram) or len(datagram) < 100 else ()
        for stranger in strangers:
            stranger.agent.start("active", passive.fingerprints, address=CALLED)
            await asyncio.sleep(0.01)
        assert 0 < len(passive.agent._attempts) <= 4
        network.fate = lambda datagram: (0.0,)
        active.agent.start("active", passive.fingerprints, address=CALLED)
        await keyed(active, passive)
        assert not passive.agent._attempts
        assert passive.agent.address == CALLER

    run(test())


def test_what_waits_for_a_description_is_little() -> None:
    async def test() -> None:
        _, _, passive = pair()
        for number, hello in enumerate(_first_flights(40)):
            passive.agent.receive(hello, ("198.51.100.7", number + 1))
        assert len(passive.agent._hellos) <= 4

    run(test())
