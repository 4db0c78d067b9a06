"""DTLS of anybody at the two ends of an association: it may neither prevent their handshake nor end what it led to."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "media" / "transports"))

from dtls_kit import CALLED, CALLER, Network, keyed, run, start

from asterism.media.transports.certificates import matches
from asterism.media.transports.dtls_server import DtlsSettings

STRANGER = ("198.51.100.7", 4000)
SEPARATOR = b"\n--\n"


def dtls(data: bytes) -> None:
    """Pieces that come from a stranger, before each datagram of a handshake; and in the peer's name once it is over."""
    pieces = [piece[:1500] for piece in data.split(SEPARATOR)[:12]]
    assert not matches(data, [("sha-256", "00")])
    run(_association(pieces))


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
    ]
