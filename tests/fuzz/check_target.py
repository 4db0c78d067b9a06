"""Datagrams to an ICE agent in a call: of strangers, which change nothing, and of a peer that knows the password."""

from __future__ import annotations

import asyncio
import random
import struct
import sys
import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "media" / "transports"))

from aioice.stun import Class, Message, Method, parse_message
from ice_kit import Network, Side, VirtualLoop, connect

from asterism.media.transports import stun

SEPARATOR = b"\n--\n"
_STRANGER = ("203.0.113.66", 7)


def checks(data: bytes) -> None:
    """What strangers and the peer send to the offering or the answering end of a call."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(_checks(data))


async def _checks(data: bytes) -> None:
    network = Network(asyncio.get_running_loop())
    ends = Side(network, "192.0.2.1", 5000), Side(network, "198.51.100.2", 6000)
    connect(*ends)
    pieces = data.split(SEPARATOR)[:40]
    ours, theirs = ends[:: 1 if zlib.crc32(data) % 2 else -1]
    for piece in pieces[:2]:
        _stranger(network, ours, theirs, piece)  # while checks are under way
        await asyncio.sleep(0.005)
    await asyncio.sleep(1)
    selected = dict(ours.selected)
    agent = ours.agent
    role = agent._current.checks.controlling
    for number, piece in enumerate(pieces):
        if number < 12 and piece not in pieces[:number]:
            _stranger(network, ours, theirs, piece, 1 + number % 2)
        message = stun.read(piece)
        if message is not None:
            # Many of one message, from many addresses: the table of pairs is bounded.
            for port in range(1, 4 if len(pieces) > 30 else 2):
                _peer(network, ours, theirs, message, (f"203.0.113.{number}", port))
    await _insists(network, ours, theirs, next(filter(None, map(stun.read, pieces)), None))
    assert ours.selected == selected
    assert agent._current.checks._conflicts <= 4
    assert (agent._current.checks.controlling is role) == (agent._current.checks._conflicts % 2 == 0)
    before = len(network.sent)
    await asyncio.sleep(45)
    assert len(network.sent) - before <= 2 * (6 * 2 * 100 + 200)
    assert ours.selected[1] == selected[1] or ours.told
    assert not ours.failures
    _bounded(ours)
    await _answered_from_elsewhere(network, ours, theirs)
    assert theirs.agent._current.checks.used, "the call does not go on"
    ours.agent.close()
    theirs.agent.close()


async def _insists(network: Network, ours: Side, theirs: Side, message: Message | None) -> None:
    """A peer that repeats a check has its own address asked sooner, but not as often as it likes (RFC 8445 7.3.1.4)."""
    address = ("203.0.113.250", 5)
    if message is not None:
        _peer(network, ours, theirs, message, address)
        await asyncio.sleep(3)
        before = len([one for one in network.sent if one[1] == address])
        for _ in range(12):
            _peer(network, ours, theirs, message, address)
        sent = len([one for one in network.sent if one[1] == address]) - before
        assert sent <= 12 + stun.SENDS, "it makes us send as often as it likes"


async def _answered_from_elsewhere(network: Network, ours: Side, theirs: Side) -> None:
    """An answer of the peer that comes from another address than was asked is no consent."""
    listed = ours.agent._current.checks
    network.passes = lambda _source, _target: False
    await asyncio.sleep(6.5)
    for identity, check in list(listed._checks.items()):
        before = check.pair.consent
        answer = Message(Method.BINDING, Class.RESPONSE, identity, {"XOR-MAPPED-ADDRESS": ours.addresses[0]})
        signed = stun.signed(answer, theirs.agent.local.password.encode())
        ours.agent.receive(signed, ("203.0.113.200", 9), 1)
        assert check.pair.consent == before, "consent was given from elsewhere"
    network.passes = lambda _source, _target: True
    await asyncio.sleep(8)
    assert listed.used


def _bounded(side: Side) -> None:
    listed = side.agent._current.checks
    assert len(listed._pairs) <= 100
    assert len(listed._triggered) <= 100
    assert len(listed._checks) <= 400
    assert len(listed._timers) <= 8


def _state(side: Side) -> tuple[object, ...]:
    listed = side.agent._current.checks
    pairs = [(pair.remote, pair.state, pair.nominated, pair.wished, pair.consent) for pair in listed._pairs._pairs]
    return (
        pairs, list(listed._checks), list(listed._triggered), listed.controlling, listed._conflicts, dict(listed.used),
        len(side.agent._current.early), dict(side.selected), list(side.told), list(side.failures),
    )  # fmt: skip


def _stranger(network: Network, ours: Side, theirs: Side, piece: bytes, component: int = 1) -> None:
    """It may know user fragments and identifiers, as they are sent in the clear, and forge the peer's address."""
    message = stun.read(piece)
    tried = [piece]
    if message is not None:
        name = f"{ours.agent.local.ufrag}:{theirs.agent.local.ufrag}"
        for kind in (Class.REQUEST, Class.RESPONSE, Class.ERROR):
            known = [message.transaction_id, *list(ours.agent._current.checks._checks)[:1]]
            for identity in known if kind is not Class.REQUEST else known[:1]:
                made = Message(message.message_method, kind, identity, dict(message.attributes))
                made.attributes.pop("FINGERPRINT", None)
                if kind is Class.REQUEST:
                    made.attributes["USERNAME"] = name
                with suppress(Exception):  # what the codec cannot write
                    tried += [bytes(made), stun.signed(made, b"a guess")]
    before, sent = _state(ours), len(network.sent)
    for number, one in enumerate(tried):
        for address in (_STRANGER, theirs.addresses[0])[number > 2 :]:
            ours.agent.receive(one, address, component)
    assert len(network.sent) == sent, "a stranger was answered"
    assert _state(ours) == before, "a stranger has changed something"


def _peer(network: Network, ours: Side, theirs: Side, message: Message, address: tuple[str, int]) -> None:
    """A check signed by the peer is answered, to where it came from, once; the rest is not."""
    agent, before = ours.agent, len(network.sent)
    made = Message(message.message_method, message.message_class, message.transaction_id, dict(message.attributes))
    made.attributes["USERNAME"] = f"{agent.local.ufrag}:{theirs.agent.local.ufrag}"
    password = agent.local.password.encode()
    try:
        piece = stun.signed(made, password)
    except Exception:
        return  # what our codec cannot write, a peer of ours does not send
    if stun.read(piece) is None:
        return
    agent.receive(piece, address, 1)
    sent = network.sent[before:]
    answers = [parse_message(one) for _, target, one in sent if target == address and one[:2] in (b"\1\1", b"\1\x11")]
    asked = made.message_method is Method.BINDING and made.message_class is Class.REQUEST
    assert len(answers) == asked
    assert len(sent) <= 2
    for answer in answers:
        assert answer.check_message_integrity(password)
        assert answer.transaction_id == made.transaction_id
        if answer.message_class is Class.ERROR:
            assert answer.error_code == 487
            assert made.attributes.keys() & {"ICE-CONTROLLING", "ICE-CONTROLLED"}
        else:
            assert answer.attributes["XOR-MAPPED-ADDRESS"] == address
    _bounded(ours)


def mutate(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """Checks and answers made anew; many of them, or one that is odd."""
    pieces = data.split(SEPARATOR)
    for _ in range(chance.choice((1, 1, 1, 1, 3, 3, 30))):
        at = chance.randrange(len(pieces) + 1)
        pieces[at : at + chance.randrange(2)] = [_made(chance)] * chance.choice((1, 1, 3))
    return SEPARATOR.join(pieces)


def _made(chance: random.Random) -> bytes:
    attributes: dict[str, object] = {"USERNAME": chance.choice(("a:b", "", "a", ":", "a:b:c"))}
    optional: tuple[tuple[str, Sequence[object]], ...] = (
        ("PRIORITY", (0, 7, 2**31, 2**32 - 1)),
        ("ICE-CONTROLLING", (0, 5, 2**64 - 1)),
        ("ICE-CONTROLLED", (0, 5, 2**64 - 1)),
        ("USE-CANDIDATE", (None,)),
        ("XOR-MAPPED-ADDRESS", (("192.0.2.1", 5000), ("::1", 0))),
        ("ERROR-CODE", ((487, "Role Conflict"), (400, ""), (699, "x"))),
    )
    for name, values in optional:
        if chance.random() < 0.4:
            attributes[name] = chance.choice(values)
    kind = chance.choice((Class.REQUEST,) * 4 + (Class.RESPONSE, Class.ERROR, Class.INDICATION))
    method = chance.choice((Method.BINDING,) * 9 + (Method.DATA,))
    made = bytearray(stun.signed(Message(method, kind, chance.randbytes(12), attributes), b"password"))
    if chance.random() < 0.1:
        made[chance.randrange(len(made))] ^= 1 << chance.randrange(8)
    if chance.random() < 0.1:
        made[-8:] = struct.pack("!HH", 0x7777, 65535)
    return bytes(made)
