"""A phone's side of RTP for tests, on real sockets."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from pathlib import Path
from types import SimpleNamespace

from asterism.core.events import EventBus
from asterism.core.log import ServerLogger
from asterism.core.registry import Owner
from asterism.core.test_events import TestEvents
from asterism.media.core import Media
from asterism.media.formats import ALAW, ULAW
from asterism.media.payload_types import PayloadTypes
from asterism.media.settings import RtpSettings

HEADER = struct.Struct("!BBHII")


def make_media(**settings) -> Media:
    log = ServerLogger("test")
    log.parent, log.propagate = logging.getLogger(), True  # so that caplog sees it
    server = SimpleNamespace(
        owner=Owner("test"),
        test_events=TestEvents(EventBus(log)),
        log=log,
        paths=SimpleNamespace(data=Path("/nowhere"), spool=Path("/nowhere"), share=Path("/nowhere")),
    )
    return Media(server, RtpSettings(**settings))


class Peer:
    """A plain socket that speaks RTP."""

    def __init__(self, host="127.0.0.1"):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.socket.setblocking(False)
        self.address = self.socket.getsockname()
        self.sequence, self.timestamp, self.ssrc = 100, 5000, 0xABCD

    def send(self, session, payload=b"\x55" * 160, second=0, *, first=0x80, step=1, timestamp=None, extra=b""):
        self.sequence = self.sequence + step & 0xFFFF
        if timestamp is None:
            self.timestamp = timestamp = self.timestamp + 160 & 0xFFFFFFFF
        header = HEADER.pack(first, second, self.sequence, timestamp, self.ssrc)
        self.socket.sendto(header + extra + payload, session.local)

    async def receive(self, timeout=10.0):
        data = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self.socket, 2048), timeout)
        return HEADER.unpack_from(data), data[12:]

    async def silent(self, seconds=0.05):
        try:
            await self.receive(seconds)
        except TimeoutError:
            return True
        return False


class Leg:
    def __init__(self, media, formats=None, dtmf=101, **options):
        self.peer = Peer()
        self.session = media.open_rtp("127.0.0.1", **options)
        events = () if dtmf is None else ((8000, dtmf),)
        self.session.set_formats(PayloadTypes(tuple((formats or {0: ULAW, 8: ALAW}).items()), events))
        self.session.set_remote(*self.peer.address)
