"""Packet targets: RTP and RTCP of a call, WebSocket messages and frames, telephone events."""

from __future__ import annotations

import logging
import socket
from contextlib import suppress

from whole_server import World, Worlds

from asterism.media import rtcp
from asterism.media.formats import ALAW, ULAW
from asterism.media.payload_types import PayloadTypes
from asterism.stack import ParseError, parse_message
from asterism.stack.flow import Flow
from asterism.transport.settings import TransportSettings
from asterism.transport.websocket import MaskCheck, WebSocketTransport


def media(worlds: Worlds, data: bytes) -> None:
    """Datagrams of a peer to one leg of a relayed call: to RTP, or where the piece begins with ``c`` to RTCP."""
    world = worlds.get()
    world.wait(_call(world, data))


async def _call(world: World, data: bytes) -> None:
    legs = []
    peers = []
    for number in range(2):
        peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        peer.bind(("127.0.0.1", 0))
        peer.setblocking(False)
        leg = world.server.media.open_rtp("127.0.0.1", symmetric=bool(number))
        formats = ((0, ULAW), (8, ALAW)) if number else ((8, ALAW), (0, ULAW))
        leg.set_formats(PayloadTypes(formats, ((8000, 101),)))
        leg.set_remote(*peer.getsockname()[:2])
        legs.append(leg)
        peers.append(peer)
    legs[0].relay_to(legs[1])
    legs[1].relay_to(legs[0])
    digits: list[object] = []
    legs[0].on_digit = lambda *args: digits.append(args)
    try:
        for number, piece in enumerate(data.split(b"\n--\n")[:40]):
            first, rest = piece[:1], piece[1:1500]
            host, port = legs[0].local[:2]
            peers[0].sendto(rest, (host, port + 1 if first == b"c" else port))
            if number % 4 == 3:
                await world.loop.turn()
        await world.loop.advance(0.1)
        legs[0].quality  # noqa: B018 (read for what it raises)
        legs[0].rtcp.receive(data[:1500], world.loop.time())
        for report in rtcp.parse(data) or ():
            assert report.unix_time is not None
    finally:
        for leg in legs:
            leg.close()
        for peer in peers:
            peer.close()
    await world.loop.turn()
    assert not world.complaints.found, "\n".join(world.complaints.found)


class Wire:
    """A connection below a WebSocket."""

    def __init__(self) -> None:
        self.closed = False
        self.written: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    abort = close


def websocket(worlds: Worlds, data: bytes) -> None:
    """Messages of a WebSocket, text or binary, to a whole server; and the check of its frames."""
    world = worlds.get()
    MaskCheck().feed(data)
    one, two = MaskCheck(), MaskCheck()
    whole = one.feed(data)
    assert whole == all(two.feed(data[at : at + 1]) for at in range(len(data)))

    def receive(message: bytes, flow: Flow, now: float) -> None:
        world.server.sip.layer.receive(message, flow, now)

    async def main() -> None:
        manager = world.server.sip.transports
        settings = TransportSettings(name="ws", protocol="ws", host="127.0.0.1", port=8088)
        transport = WebSocketTransport(settings, receive, manager.timers, logging.getLogger("fuzz"))
        manager.transports["ws"] = transport
        wire = Wire()
        try:
            flow = transport.open(wire, ("127.0.0.1", 8088), ("127.0.0.6", 40001))
            assert flow is not None
            for piece in data.split(b"\0")[:6]:
                with suppress(UnicodeDecodeError):
                    flow.take(piece[1:].decode() if piece[:1] == b"t" else piece)
                await world.loop.turn()
            await world.settle()
        finally:
            transport.close()
            manager.transports.pop("ws", None)
        for written in wire.written:
            start = 2 if written[1] < 126 else 4
            with suppress(ParseError):
                parse_message(written[start:])

    world.wait(main())
