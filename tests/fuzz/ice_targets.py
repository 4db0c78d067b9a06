"""Targets of ICE: TURN servers, and names by mDNS; checks and candidates have modules of their own."""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "media" / "transports"))

import candidate_target
import check_target
from aioice.stun import Class, Message, Method
from ice_kit import VirtualLoop

from asterism.media.transports import stun
from asterism.media.transports.allocation import guarded_client
from asterism.media.transports.mdns import MulticastProtocol

_SEPARATOR = b"\n--\n"


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
_PLAIN = _written(Method.BINDING, Class.REQUEST, USERNAME="a:b", PRIORITY=9)
_ANSWER = _written(Method.BINDING, Class.RESPONSE, XOR_MAPPED_ADDRESS=("192.0.2.1", 5000))
_CONFLICT = _written(Method.BINDING, Class.ERROR, ERROR_CODE=(487, "Role Conflict"))
_DATA = _written(Method.DATA, Class.INDICATION, XOR_PEER_ADDRESS=("192.0.2.1", 5000), DATA=b"\x80" * 20)
_CHANNEL = b"\x40\x00\x00\x04abcd"
_QUERY = b"\0\0\x84\0\0\0\0\x01\0\0\0\0\x05phone\x05local\0\0\x01\x80\x01\0\0\0\x78\0\x04\xc0\0\2\7"
TARGETS = {
    "icechecks": (
        check_target.checks,
        (
            _CHECK,
            _OTHER,
            _ANSWER,
            _SEPARATOR.join((_PLAIN,) * 40),
            _SEPARATOR.join((_CHECK, _CONFLICT, _OTHER, _CHECK[:30])),
        ),
    ),
    "icelines": (candidate_target.candidates, candidate_target.SEEDS),
    "icerelay": (relayed, (_SEPARATOR.join((_ANSWER, _DATA, _CHANNEL)), _CHANNEL + _DATA)),
    "icenames": (names, (_QUERY,)),
}
"""Each with what to start from."""
