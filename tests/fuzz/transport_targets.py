"""A media transport with SRTP: what anybody sends to its ports, and what a peer that has the key sends."""

from __future__ import annotations

import os
import socket
from contextlib import suppress

from pylibsrtp import Error, Policy, Session
from whole_server import World, Worlds

from asterism.media.formats import ALAW, ULAW
from asterism.media.payload_types import PayloadTypes
from asterism.media.transports.demux import Route
from asterism.media.transports.parameters import RemoteTransport, SrtpKey
from asterism.media.transports.srtp import SUITES, new_key

SEPARATOR = b"\n--\n"


def secured(worlds: Worlds, data: bytes) -> None:
    """Pieces for one leg of a relayed call, the first octet of each saying how it is sent.

    ``r`` and ``c``: as it is, to the port of RTP or of RTCP. ``p`` and ``q``: protected as RTP or as RTCP by the peer.
    ``k``: new keys, of a suite by the next octet. ``d``: streams are told apart by header extensions.
    """
    world = worlds.get()
    world.wait(_call(world, data))


class Peer:
    """The leg's peer."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.rekey(0)

    def rekey(self, number: int) -> None:
        suite = SUITES[sorted(SUITES)[number % len(SUITES)]]
        self.ours: SrtpKey = new_key(suite.name, os.urandom)
        self.theirs: SrtpKey = new_key(suite.name, os.urandom)
        profile = getattr(Policy, suite.profile)
        self.session = Session(Policy(key=self.theirs.key, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile))

    def remote(self) -> RemoteTransport:
        return RemoteTransport(self.socket.getsockname(), mux=True, sent=self.ours, received=self.theirs)


async def _call(world: World, data: bytes) -> None:
    media, peer, stranger = world.server.media, Peer(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    transport = media.open_transport("127.0.0.1")
    leg, other = media.open_rtp(transport=transport, symmetric=True), media.open_rtp("127.0.0.1")
    transport.apply(peer.remote())
    for one in (leg, other):
        one.set_formats(PayloadTypes(((0, ULAW), (8, ALAW)), ((8000, 101),)))
        one.set_remote(*peer.socket.getsockname())
    leg.relay_to(other)
    other.relay_to(leg)
    heard: list[object] = []
    leg.on_rtcp = lambda session, sent, report: heard.append(report) if not sent else None
    host, port = transport.local
    try:
        for number, piece in enumerate(data.split(SEPARATOR)[:40]):
            kind, rest = piece[:1], piece[1:1200]
            if kind == b"k":
                peer.rekey(rest[0] if rest else 0)
                transport.apply(peer.remote())
            elif kind == b"d":
                transport.describe([Route(leg, rest[:4].decode("latin-1"), (0, 8, 101))], rest[4] if rest[4:] else 1)
            elif kind in (b"p", b"q"):
                with suppress(Error):
                    protect = peer.session.protect if kind == b"p" else peer.session.protect_rtcp
                    peer.socket.sendto(protect(rest), (host, port))
            else:
                await world.loop.turn()
                before = leg.received.expected, leg.received.ssrc, leg.remote, len(heard)
                sender = stranger if number % 2 else peer.socket
                sender.sendto(rest, (host, port + (kind == b"c")))
                await world.loop.turn()
                after = leg.received.expected, leg.received.ssrc, leg.remote, len(heard)
                assert after == before, "what is not authentic has changed something"
            if number % 4 == 3:
                await world.loop.turn()
        await world.loop.advance(0.1)
        leg.quality  # noqa: B018 (read for what it raises)
        inbound = transport.protection.inbound
        assert inbound is not None
        assert len(inbound.sources) <= 40
        assert transport.secure
    finally:
        leg.close()
        other.close()
        transport.close()
        peer.socket.close()
        stranger.close()
    await world.loop.turn()
    assert not world.complaints.found, "\n".join(world.complaints.found)
