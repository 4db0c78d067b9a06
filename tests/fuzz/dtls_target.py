"""DTLS of anybody at the two ends of an association: it may neither prevent their handshake nor end what it led to.

Most inputs meet a handshake in outline (:mod:`dtls_sketch`), one in 32 a handshake of OpenSSL.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "media" / "transports"))

from dtls_kit import CALLED, CALLER, End, Network, keyed, run, start
from dtls_sketch import Association, Certificate, Server, hello, message, record, sound_records

from asterism.media.transports.association import client_random, continues_hello, only_protected, sound
from asterism.media.transports.certificates import matches
from asterism.media.transports.dtls_server import DtlsSettings
from asterism.media.transports.parameters import Address

STRANGER = ("198.51.100.7", 4000)
SEPARATOR = b"\n--\n"


def dtls(data: bytes) -> None:
    """Pieces that come from a stranger, before each datagram of a handshake; and in the peer's name once it is over."""
    pieces = [piece[:5000] for piece in data.split(SEPARATOR)[:12]]
    assert not matches(data, [("sha-256", "00")])
    for piece in pieces:
        _read_alike(piece)
    chance = hashlib.sha256(data).digest()
    run(_association(pieces) if chance[0] % 32 == 0 else _Story(pieces, chance).run())


def _read_alike(piece: bytes) -> None:
    found = sound_records(piece)
    kept = sound(piece)
    assert sound_records(kept) == found
    assert len(kept) == sum(13 + len(content) for _, _, content in found)
    assert [epoch for _, epoch, _ in sound_records(only_protected(kept))] == [epoch for _, epoch, _ in found if epoch]
    if found:
        kind, epoch, content = found[0]
        of_hello = (kind, epoch, content[:1]) == (22, 0, b"\1")
        beginning = of_hello and content[6:9] == bytes(3) and len(kept) >= 59
        assert client_random(kept) == (content[14:46] if beginning and len(content) >= 46 else kept[27:59] * beginning)
        assert continues_hello(kept) == (of_hello and content[6:9] != bytes(3))


class _Story:
    """A call between two ends, and strangers that disturb it; what happens when follows from ``chance``."""

    def __init__(self, pieces: Sequence[bytes], chance: bytes) -> None:
        self.pieces = pieces
        self.chance = chance
        self.server = Server(chance)
        self.network = Network()
        self.network.server = self.server
        self.active, self.passive = (self.network.end(address, DtlsSettings()) for address in (CALLER, CALLED))
        self.strangers = [_Stranger(self, number) for number in range(chance[1] % 14)]
        self.by_ice = chance[5] % 4 == 0
        self._disturbances = 8
        self.losses = [bit for octet in chance[2:4] for bit in f"{octet & chance[4]:08b}"]

    async def run(self) -> None:
        chance = self.chance
        self._disturb()
        if chance[5] % 2:
            start(self.active, self.passive)
        else:
            # The called end does not know where the caller is: as on hold, or before ICE tells it.
            self.passive.agent.start("passive", self.active.fingerprints, by_ice=self.by_ice)
            self.active.agent.start("active", self.passive.fingerprints, address=CALLED)
            await asyncio.sleep(0.3)
            if self.by_ice:
                self.passive.agent.path_ready(CALLER)
        self.network.fate = self._fate
        for one in self.strangers:
            one.begin()
        self._disturb()
        await keyed(self.active, self.passive)
        self._agreed(1)
        await asyncio.sleep(3)
        await self._in_the_peers_name()
        if chance[6] % 2:
            await self._once_more()
        assert not self.active.failures
        assert not self.passive.failures
        self.active.agent.close()
        self.passive.agent.close()
        await asyncio.sleep(0)
        left = [timer for timer in asyncio.get_running_loop()._scheduled if not timer.cancelled()]  # type: ignore[attr-defined]
        assert not left, f"after the end there is left: {left}"

    def _fate(self, datagram: bytes) -> tuple[float, ...]:
        self._disturbances -= 1
        if self._disturbances > 0:
            # What strangers are answered is carried as well, and must not lead to ever more of it.
            self._disturb()
        if self.losses and self.losses.pop() == "1":
            return ()
        return (0.01,)

    def _disturb(self) -> None:
        for end in (self.active, self.passive):
            for number, piece in enumerate(self.pieces):
                end.agent.receive(piece, (STRANGER[0], STRANGER[1] + number % 3))
            self.bounded(end)

    def bounded(self, end: End) -> None:
        """Nobody makes an end keep much, nor work for a stranger that has not shown that it can receive."""
        agent = end.agent
        assert not self.server.broken, self.server.broken
        assert len(agent._hellos) <= 4
        assert len(agent._attempts) <= 4
        assert all(len(one._waiting) <= 32 for one in agent._attempts.values())
        unproved = agent._attempts.keys() - self.server.proved - {agent._address}
        assert not unproved, f"a handshake with {unproved} without a cookie"

    def _agreed(self, times: int) -> None:
        active, passive = self.active, self.passive
        assert len(active.keys) == len(passive.keys) == times
        assert passive.keys == [tuple(reversed(pair)) for pair in active.keys]
        assert len({key for pair in active.keys for key in pair}) == 2 * times, "a key is used twice"
        assert active.agent.secure
        assert passive.agent.secure
        assert active.agent.address == CALLED
        assert passive.agent.address == CALLER

    async def _in_the_peers_name(self) -> None:
        """What is forged once there are keys: nothing in the clear is looked at, and little is answered."""
        for end, name in ((self.active, CALLED), (self.passive, CALLER)):
            # Over a path of ICE whoever is there may begin anew at once, without a cookie.
            begins = end is self.passive and self.by_ice
            sent = len(self.network.carried)
            hellos = 0
            for piece in (*self.pieces, *list(self.pieces[:1]) * 12):
                steps, protected = self.server.steps[end is self.active], only_protected(sound(piece))
                hellos += bool(client_random(sound(piece)))
                end.agent.receive(piece, name)
                self.bounded(end)
                await asyncio.sleep(0.01)
                looked = self.server.steps[end is self.active] - steps
                assert protected or begins or not looked, "what is in the clear is looked at"
            answers = [one for one in self.network.carried[sent:] if one[:2] == (end.address, name)]
            assert begins or len(answers) <= 8 * (end is self.passive) + hellos, "too much is answered"
        await asyncio.sleep(40)
        self._agreed(1)

    async def _once_more(self) -> None:
        """Another association, disturbed in the same way; the old keys are in use until then."""
        for end in (self.active, self.passive):
            end.settled.clear()
        self.losses = []
        self.passive.agent.start("passive", self.active.fingerprints, address=CALLER, new=True)
        self.active.agent.start("active", self.passive.fingerprints, address=CALLED, new=True)
        for one in self.strangers:
            one.begin()
        await keyed(self.active, self.passive)
        await asyncio.sleep(40)
        self._agreed(2)


class _Stranger:
    """Someone with an address and a certificate of its own that has a handshake with the called end, or half of one."""

    def __init__(self, story: _Story, number: int) -> None:
        self._story = story
        self._number = number
        self._stalls = story.chance[7] % 4 > 0 or number % 2
        self._at: Address = ("203.0.113.9", 7000 + number)
        story.network.ends[self._at] = self
        self.agent = self

    def begin(self) -> None:
        """One after the other, as only four wait for their cookie."""
        asyncio.get_running_loop().call_later(0.03 * self._number, self._greet)

    def _greet(self) -> None:
        self._association = Association(Server(repr(self._at).encode()), Certificate("stranger"), True)
        self._send(self._association.step(()).out)

    def receive(self, datagram: bytes, source: Address) -> None:
        out = self._association.step((datagram,)).out
        if not (self._stalls and any(epoch for one in out for _, epoch, _ in sound_records(one))):
            self._send(out)

    def _send(self, out: Sequence[bytes]) -> None:
        story = self._story
        for one in out:
            story.passive.agent.receive(one, self._at)
            story.bounded(story.passive)


async def _association(pieces: list[bytes]) -> None:
    network = Network()
    active, passive = (network.end(address, DtlsSettings()) for address in (CALLER, CALLED))

    def fate(datagram: bytes) -> tuple[float, ...]:
        for end in (active, passive):
            for number, piece in enumerate(pieces):
                end.agent.receive(piece, (STRANGER[0], STRANGER[1] + number % 3))
        return (0.0,)

    network.fate = fate
    for end in (active, passive):
        for piece in pieces:
            end.agent.receive(piece, STRANGER)
    start(active, passive)
    await keyed(active, passive)
    network.fate = lambda datagram: (0.0,)
    before = len(network.carried)
    for piece in pieces:
        active.agent.receive(piece, CALLED)
        passive.agent.receive(piece, CALLER)
        await asyncio.sleep(0.1)
    await asyncio.sleep(40)
    assert not active.failures
    assert not passive.failures
    assert len(active.keys) == len(passive.keys) == 1
    assert passive.keys == [tuple(reversed(active.keys[0]))]
    assert active.agent.secure
    assert passive.agent.secure
    assert len(network.carried) - before <= 40 * len(pieces) + 10
    active.agent.close()
    passive.agent.close()


def seeds() -> list[bytes]:
    """Alerts, odds and ends; the flights of a handshake are in ``corpus/``."""
    head = b"\xfe\xfd" + bytes(8)
    alerts = b"\x15" + head + b"\x00\x02\x02\x28", b"\x15" + head + b"\x00\x02\x01\x00"
    return [
        SEPARATOR.join(alerts),
        b"\x14" + head + b"\x00\x01\x01",
        SEPARATOR.join((b"\x16", b"\x16" + head + b"\xff\xff", b"\x17" + head + b"\x00\x00", b"?" * 64)),
        b"\x16\xfe\xfd\x00\x01" + bytes(6) + b"\x00\x30" + bytes(48),
        SEPARATOR.join(hello(bytes((number,)) * 32) for number in range(12)),
        SEPARATOR.join(
            (
                record(message(16, b"x" * 40)),
                record(bytes(48), epoch=1),
                hello(b"x" * 32) + record(bytes(4200), epoch=1),
            )
        ),
    ]


def mutate(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """Datagrams made anew, of records whose fields are mostly right."""
    pieces = data.split(SEPARATOR)
    for _ in range(chance.choice((1, 1, 2, 6))):
        at = chance.randrange(len(pieces) + 1)
        made = b"".join(_made(chance) for _ in range(chance.choice((1, 1, 2, 3))))
        pieces[at : at + chance.randrange(2)] = [made]
    return SEPARATOR.join(pieces)


def _made(chance: random.Random) -> bytes:
    kind = chance.randrange(6)
    if kind == 0:
        first = hello(bytes((chance.randrange(9),)) * 32, chance.choice((b"", b"", bytes(20))))
        return first + record(bytes(chance.choice((4010, 4200))), epoch=1) * (chance.random() < 0.2)
    version = chance.choice((0xFEFD,) * 8 + (0xFEFF, 0xFEFE, 0x0303))
    epoch = chance.choice((0, 0, 0, 1, 1, 2, 65535))
    if kind == 1:
        content = chance.choice((b"\1", b"\2", b"", b"\1\1", b"\2\x28", b"\1\0"))
        return record(content, chance.choice((20, 21, 23, 24, 25)), epoch, version)
    made = b""
    for _ in range(chance.choice((1, 1, 2))):
        part = bytearray(
            message(chance.choice((*range(26), 1, 2, 3, 16)), chance.randbytes(chance.choice((0, 1, 23, 60))))
        )
        if chance.random() < 0.5:
            # Length, offset or length of the fragment: one off, or far.
            at = chance.choice((1, 3, 3, 6, 8, 8, 9, 11, 11))
            part[at] = (part[at] + chance.choice((1, -1, 2, 128))) & 255
        made += part
    return record(made, 22, epoch, version)
