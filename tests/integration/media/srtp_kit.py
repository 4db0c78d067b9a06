"""A phone's side of SRTP for tests, on real sockets, by pylibsrtp's own sessions."""

from __future__ import annotations

import os
import socket

from pylibsrtp import Policy, Session
from rtp_kit import HEADER, Peer

from asterism.media.formats import ALAW, ULAW
from asterism.media.payload_types import PayloadTypes
from asterism.media.transports.parameters import RemoteTransport, SrtpKey
from asterism.media.transports.srtp import SUITES, new_key
from asterism.testing.waiting import until

AES80 = "AES_CM_128_HMAC_SHA1_80"


def session_of(key: SrtpKey, direction: int) -> Session:
    return Session(Policy(key=key.key, ssrc_type=direction, srtp_profile=getattr(Policy, SUITES[key.suite].profile)))


class SecurePeer(Peer):
    """A socket that speaks SRTP under two keys: what it sends, and what it is sent."""

    def __init__(self, suite=AES80):
        super().__init__()
        self.rekey(suite)
        self.control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.control.bind(("127.0.0.1", 0))
        self.control.setblocking(False)
        self.taken = []  # as it came

    def rekey(self, suite=AES80):
        self.own, self.theirs = new_key(suite, os.urandom), new_key(suite, os.urandom)
        self.out = session_of(self.own, Policy.SSRC_ANY_OUTBOUND)
        self.inbound = session_of(self.theirs, Policy.SSRC_ANY_INBOUND)

    def packet(self, payload=b"\x55" * 160, second=0, *, step=1):
        self.sequence = self.sequence + step & 0xFFFF
        self.timestamp = self.timestamp + 160 & 0xFFFFFFFF
        return HEADER.pack(0x80, second, self.sequence, self.timestamp, self.ssrc) + payload

    def send(self, session, payload=b"\x55" * 160, second=0, *, step=1, **_):
        protected = self.out.protect(self.packet(payload, second, step=step))
        self.socket.sendto(protected, session.local)
        return protected

    def send_rtcp(self, session, data, *, mux=True):
        protected = self.out.protect_rtcp(data)
        host, port = session.local
        (self.socket if mux else self.control).sendto(protected, (host, port + (not mux)))
        return protected

    async def receive(self, timeout=10.0):
        head, payload = await super().receive(timeout)
        self.taken.append(HEADER.pack(*head) + payload)
        data = self.inbound.unprotect(self.taken[-1])
        return HEADER.unpack_from(data), data[12:]


class SecureLeg:
    """A session on a transport of its own, and its peer."""

    def __init__(self, media, suite=AES80, *, mux=True, formats=None, dtmf=101, **options):
        self.peer = SecurePeer(suite)
        self.mux = mux
        self.transport = media.open_transport("127.0.0.1")
        self.session = media.open_rtp(transport=self.transport, **options)
        events = () if dtmf is None else ((8000, dtmf),)
        self.session.set_formats(PayloadTypes(tuple((formats or {0: ULAW, 8: ALAW}).items()), events))
        self.apply()
        self.session.set_remote(*self.peer.address, rtcp=None if mux else self.peer.control.getsockname())

    def apply(self):
        peer = self.peer
        self.transport.apply(RemoteTransport(peer.address, mux=self.mux, sent=peer.theirs, received=peer.own))

    def close(self):
        self.session.close()
        self.transport.close()


async def talk(leg, frames, count=3):
    """Send packets one by one, each taken before the next; return them as they were sent."""
    sent = []
    for number in range(count):
        expected = len(frames) + 1
        sent.append(leg.peer.send(leg.session, bytes([number & 0xFF]) * 160))
        await until(lambda: len(frames) == expected)  # noqa: B023
    return sent
