"""Targets of ICE: what anybody sends to an agent, what a peer that knows the password sends, candidates, servers."""

from __future__ import annotations

import asyncio
import logging
import sys
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "media" / "transports"))

from aioice.stun import Class, Message, Method
from ice_kit import Network, Side, VirtualLoop, connect

from asterism.media.transports import stun
from asterism.media.transports.allocation import guarded_client
from asterism.media.transports.candidates import read_candidate
from asterism.media.transports.mdns import MulticastProtocol
from asterism.media.transports.parameters import IceParameters

_SEPARATOR = b"\n--\n"
_STRANGER = ("203.0.113.66", 7)


def checks(data: bytes) -> None:
    """Datagrams to an agent in a call: of a stranger, and signed by the peer. Only the peer's are answered."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(_checks(data))


async def _checks(data: bytes) -> None:
    network = Network(asyncio.get_running_loop())
    ours, theirs = Side(network, "192.0.2.1", 5000), Side(network, "198.51.100.2", 6000)
    connect(ours, theirs)
    await asyncio.sleep(1)
    selected = dict(ours.selected)
    agent = ours.agent
    for number, piece in enumerate(data.split(_SEPARATOR)[:40]):
        before = len(network.sent)
        agent.receive(piece, _STRANGER, 1 + number % 2)
        assert len(network.sent) == before, "a stranger was answered"
        message = stun.read(piece)
        if message is not None:
            peer = theirs.agent.local
            message.attributes["USERNAME"] = f"{agent.local.ufrag}:{peer.ufrag}"
            with suppress(Exception):  # what our codec cannot write, a peer of ours does not send
                piece = stun.signed(message, agent.local.password.encode())
                agent.receive(piece, (f"203.0.113.{number}", 9), 1)
                assert len(network.sent) <= before + 2
    assert ours.selected == selected
    await asyncio.sleep(80)
    assert ours.selected[1] == selected[1] or ours.told
    assert not ours.failures
    assert len(agent._current.checks._pairs) <= 100
    ours.agent.close()
    theirs.agent.close()


def candidates(data: bytes) -> None:
    """Values of a=candidate."""
    lines = data.decode("utf-8", "replace").splitlines()
    for line in lines:
        for loopback in (False, True):
            found = read_candidate(line, loopback=loopback)
            assert found is None or (0 < found.port < 65536 and found.component in (1, 2))
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(_candidates(tuple(lines)))


async def _candidates(lines: tuple[str, ...]) -> None:
    network = Network(asyncio.get_running_loop())
    ours = Side(network, "192.0.2.1", 5000)
    ours.agent.apply(
        IceParameters("abcd", "p" * 22, tuple(line for line in lines if ".local" not in line)), controlling=True
    )
    await asyncio.sleep(50)
    assert len(network.sent) <= 32 * 6
    assert ours.failures
    ours.agent.close()


def relayed(data: bytes) -> None:
    """What a TURN server says, over UDP and TCP."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(_relayed(data))


async def _relayed(data: bytes) -> None:
    for tcp in (False, True):
        client = guarded_client(("203.0.113.1", 3478), "user", "password", tcp=tcp)
        client.connection_made(_Wire())
        client.receiver = _Nothing()
        for piece in data.split(_SEPARATOR)[:40]:
            if tcp:
                client.data_received(piece)
            else:
                client.datagram_received(piece, ("203.0.113.1", 3478))


class _Wire(asyncio.Transport):
    def get_extra_info(self, name: str, default: object = None) -> object:
        return ("203.0.113.1", 3478)


class _Nothing(asyncio.DatagramProtocol):
    pass


def names(data: bytes) -> None:
    """Messages of mDNS."""
    logging.getLogger("asterism.media.transports.mdns").setLevel(logging.ERROR)
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(_names(data))


async def _names(data: bytes) -> None:
    protocol = MulticastProtocol()
    for piece in data.split(_SEPARATOR)[:40]:
        protocol.datagram_received(piece, ("192.0.2.7", 5353))


def _written(method: Method, kind: Class, **attributes: object) -> bytes:
    message = Message(method, kind, bytes(12), {name.replace("_", "-"): value for name, value in attributes.items()})
    return stun.signed(message, b"password")


_CHECK = _written(Method.BINDING, Class.REQUEST, USERNAME="a:b", PRIORITY=7, ICE_CONTROLLING=5, USE_CANDIDATE=None)
_OTHER = _written(Method.BINDING, Class.REQUEST, USERNAME="a:b", ICE_CONTROLLED=2**64 - 1)
_ANSWER = _written(Method.BINDING, Class.RESPONSE, XOR_MAPPED_ADDRESS=("192.0.2.1", 5000))
_CONFLICT = _written(Method.BINDING, Class.ERROR, ERROR_CODE=(487, "Role Conflict"))
_DATA = _written(Method.DATA, Class.INDICATION, XOR_PEER_ADDRESS=("192.0.2.1", 5000), DATA=b"\x80" * 20)
_CHANNEL = b"\x40\x00\x00\x04abcd"
_QUERY = b"\0\0\x84\0\0\0\0\x01\0\0\0\0\x05phone\x05local\0\0\x01\x80\x01\0\0\0\x78\0\x04\xc0\0\2\7"
_LINES = (
    b"Hc0000202 1 UDP 2130706431 192.0.2.2 15646 typ host\n"
    b"1 2 udp 1694498815 203.0.113.5 40000 typ srflx raddr 10.0.0.2 rport 5000 generation 0 ufrag abcd network-id 1\n"
    b"1 1 tcp 1518280447 192.0.2.3 9 typ host tcptype active\n1 1 udp 2113937151 a-b-c.local 52010 typ host\n"
    b"2 1 UDP 33562367 2001:db8::7 49152 typ relay raddr :: rport 9\n"
)
TARGETS = {
    "icechecks": (checks, (_CHECK, _OTHER, _ANSWER, _SEPARATOR.join((_CHECK, _CONFLICT, _OTHER, _CHECK[:30])))),
    "icelines": (candidates, (_LINES,)),
    "icerelay": (relayed, (_SEPARATOR.join((_ANSWER, _DATA, _CHANNEL)), _CHANNEL + _DATA)),
    "icenames": (names, (_QUERY,)),
}
"""Each with what to start from."""
