"""DTLS handshakes over a network that loses, repeats, delays and forges datagrams."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import pytest
from dtls_kit import CALLED, CALLER, Busy, End, Network, keyed, pair, run, start
from OpenSSL._util import ffi, lib

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


def plain(kind: int, content: bytes, version: bytes = b"\xfe\xfd") -> bytes:
    """A record in the clear, as anybody can make it."""
    return bytes([kind]) + version + bytes(8) + len(content).to_bytes(2, "big") + content


def message(kind: int, body: bytes, *, length: int = -1, sequence: int = 0, offset: int = 0, part: int = -1) -> bytes:
    """A message of a handshake, or a fragment of it (RFC 6347 4.2.2)."""
    sizes = [len(body) if size < 0 else size for size in (length, part)]
    head = [sizes[0].to_bytes(3, "big"), sequence.to_bytes(2, "big"), offset.to_bytes(3, "big")]
    return bytes([kind]) + b"".join(head) + sizes[1].to_bytes(3, "big") + body


MALFORMED = [
    FATAL,
    CLOSE,
    b"\x16",
    b"\x17" * 60,
    b"?" * 30,
    b"",
    *(plain(20, content) for content in (b"\x01", b"", b"\x02", b"\x01\x01")),
    *(plain(21, content) for content in (b"", b"\x02", b"\x02\x28\x00")),
    *(plain(22, content) for content in (b"", b"nois", b"\x02" + bytes(10), bytes(12))),
    *(plain(kind, b"some octets") for kind in (0, 19, 23, 24, 25, 63)),
    plain(22, message(11, b"x" * 10), b"\xfe\x00"),
    plain(22, message(99, b"?" * 20)),
    plain(22, message(11, b"x" * 10, length=5)),
    plain(22, message(11, b"x" * 10, length=20, offset=15)),
    plain(22, message(11, b"x" * 10, part=20)),
    plain(22, message(11, b"x" * 10, part=5)),
    plain(22, message(11, b"x" * 10, length=0xFFFFFF)),
    plain(22, message(11, b"", length=10)),
    *(plain(22, message(11, b"x", length=0xFFFFFF, sequence=number)) for number in range(9)),
    plain(22, message(20, b"x" * 12, sequence=8)),
]


@pytest.mark.parametrize("forged", MALFORMED, ids=[one.hex() or "nothing" for one in MALFORMED])
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


def _waits(end: End) -> int:
    """Octets that OpenSSL has been given, and has not read."""
    assert end.agent._current is not None
    into, chunk, found = end.agent._current._association._connection._into_ssl, ffi.new("char[]", 4096), 0
    while (count := lib.BIO_read(into, chunk, 4096)) > 0:
        found += count
    return found


def test_nothing_is_kept_of_what_the_peer_sends_when_all_is_agreed_on() -> None:
    """Application data, of many records in each datagram."""

    async def test() -> None:
        _, active, passive = pair()
        start(active, passive)
        await keyed(active, passive)
        await asyncio.sleep(1)
        assert active.agent._current is not None
        connection = active.agent._current._association._connection
        for _ in range(50):
            datagram = b""
            for _ in range(100):
                connection.send(b"x")
                datagram += connection.bio_read(4096)
            passive.agent.receive(datagram[:4096], CALLER)
            await asyncio.sleep(0.01)
        assert _waits(passive) == 0
        assert passive.agent.secure

    run(test())


def test_nothing_is_kept_once_the_peer_has_ended_its_association() -> None:
    async def test() -> None:
        _, active, passive = pair()
        start(active, passive)
        await keyed(active, passive)
        active.agent.close()
        await asyncio.sleep(1)
        forged = b"\x17\xfe\xfd\x00\x01" + bytes(6) + b"\x0f\x00" + bytes(0xF00)
        for _ in range(100):
            passive.agent.receive(forged, CALLER)
            await asyncio.sleep(0.01)
        assert _waits(passive) == 0
        assert passive.agent.secure

    run(test())


def test_noise_from_elsewhere_does_not_keep_the_server_off() -> None:
    """A server that answers from another of its addresses is heard, whoever else sends anything before it does."""

    async def test() -> None:
        network, active, passive = pair()
        passive.address = ("192.0.2.3", 5000)
        network.fate = lambda datagram: (0.3,)
        passive.agent.start("passive", active.fingerprints, address=CALLER)
        active.agent.start("active", passive.fingerprints, address=CALLED)
        for _ in range(20):
            active.agent.receive(b"\x16" + HEADER + b"\x00\x04noise", STRANGER)
            await asyncio.sleep(0.1)
        await asyncio.sleep(3)
        assert active.keys
        assert passive.keys
        assert not active.failures

    run(test())


@pytest.mark.parametrize("nat", [False, True], ids=["", "from elsewhere"])
@pytest.mark.parametrize("seconds", [0.05, 0.19, 0.21, 0.5, 1.0])
def test_steps_that_take_longer_than_the_client_waits(seconds: float, nat: bool) -> None:
    """It repeats what is being worked on: that begins no second handshake in place of the first, with a cookie or not.

    The next association, which is asked for a cookie in any case, is agreed on as soon as the first.
    """

    async def test() -> None:
        network = Network(Busy(seconds))
        active, passive = network.end(CALLER, rekey=60), network.end(CALLED)
        passive.agent.start("passive", active.fingerprints, address=("10.0.0.1", 1) if nat else CALLER)
        active.agent.start("active", passive.fingerprints, address=CALLED)
        await asyncio.sleep(15)
        assert len(active.keys) == len(passive.keys) == 1
        await asyncio.sleep(70)
        assert len(active.keys) == len(passive.keys) == 2
        assert active.keys[1] == tuple(reversed(passive.keys[1]))
        active.agent.close()
        passive.agent.close()

    run(test())
