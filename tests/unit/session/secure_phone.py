"""Ports of phones that encrypt by SDES, and a browser, for calls on a bench: SIP in memory, media on real sockets."""

from __future__ import annotations

import asyncio
import os
import socket
from dataclasses import replace
from typing import Any

from pylibsrtp import Policy, Session
from session_bench import Bench, Phone, set_options

from asterism.applications.session.media_transport.crypto import CryptoLine, parse
from asterism.media.transports.srtp import SUITES
from asterism.sip.objects.endpoint import Endpoint
from asterism.stack.message import Response
from asterism.stack.sdp import SessionDescription

AES80 = "AES_CM_128_HMAC_SHA1_80"
HEAD = "v=0\r\no=ua 1000 {version} IN IP4 127.0.0.1\r\ns=call\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"


def change(bench: Bench, name: str, **options: Any) -> None:
    """Set options of an endpoint as the file would; loopback may be a candidate."""
    endpoint = bench.server.data.get(Endpoint, name)
    assert isinstance(endpoint, Endpoint)
    set_options(endpoint, **options)
    endpoint.validate(frozenset(options))
    settings = bench.server.media.settings
    bench.server.media.use(replace(settings, ice=replace(settings.ice, loopback=True)))


def srtp(key: CryptoLine, direction: int) -> Session:
    profile = getattr(Policy, SUITES[key.suite].profile)
    return Session(Policy(key=key.key, ssrc_type=direction, srtp_profile=profile))


class SecurePort:
    """One end of a stream of PCMU, encrypted under the keys of two descriptions; plain as long as there are none."""

    def __init__(self, suite: str = AES80) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.sequence = 0
        self.remote: tuple[str, int] = ("127.0.0.1", 9)
        self.theirs: CryptoLine | None = None
        self.out: Session | None = None
        self.inbound: Session | None = None
        self.rekey(suite)

    def rekey(self, suite: str = AES80) -> None:
        """Have another key in the next description; what is sent is under it from now on."""
        self.own = CryptoLine(1, suite, os.urandom(SUITES[suite].size))
        self.out = srtp(self.own, Policy.SSRC_ANY_OUTBOUND)

    def section(self, *lines: str, protocol: str = "RTP/SAVP", version: int = 1) -> str:
        """The whole description; ``lines`` instead of the key."""
        body = [f"m=audio {self.socket.getsockname()[1]} {protocol} 0", "a=rtpmap:0 PCMU/8000"]
        return HEAD.format(version=version) + "\r\n".join([*body, *(lines or [f"a=crypto:{self.own}"])]) + "\r\n"

    def take(self, body: bytes) -> CryptoLine | None:
        """Take the other end's description; its key, for our suite where it has several."""
        (media,) = SessionDescription.parse(body).media
        self.remote = ("127.0.0.1", media.port)
        lines = [line for line in map(parse, media.attribute_all("crypto")) if line is not None]
        found = next((line for line in lines if line.suite == self.own.suite), lines[0] if lines else None)
        if found is not None and found != self.theirs:
            self.inbound = srtp(found, Policy.SSRC_ANY_INBOUND)
        self.theirs = found
        if found is None:
            self.out = self.inbound = None
        return found

    def packet(self, payload: bytes) -> bytes:
        self.sequence += 1
        head = b"\x80\x00" + self.sequence.to_bytes(2, "big") + (self.sequence * 160).to_bytes(4, "big")
        return head + b"\x01\x02\x03\x04" + payload

    def send(self, payload: bytes, key: Session | None = None) -> bytes:
        packet = self.packet(payload)
        sender = key or self.out
        data = packet if sender is None else sender.protect(packet)
        self.socket.sendto(data, self.remote)
        return data

    async def receive(self) -> bytes:
        """The payload of the next packet of media that is under the other end's key."""
        loop = asyncio.get_running_loop()
        while True:
            async with asyncio.timeout(5):
                data = await loop.sock_recv(self.socket, 2000)
            if not 192 <= data[1] < 224:
                return (data if self.inbound is None else self.inbound.unprotect(data))[12:]

    async def hears(self, payload: bytes, *, key: Session | None = None) -> None:
        """Say something until it comes back."""
        await self.reaches(self, payload, key=key)

    async def reaches(self, other: SecurePort, payload: bytes, *, key: Session | None = None) -> None:
        """Say something until another port hears it."""
        for _ in range(50):
            self.send(payload, key)
            try:
                async with asyncio.timeout(0.1):
                    while await other.receive() != payload:
                        pass
                return
            except TimeoutError:
                continue
        raise AssertionError("it did not arrive")

    def close(self) -> None:
        self.socket.close()


def echo(bench: Bench, exten: str = "700") -> list[Any]:
    """An extension that answers and sends back what it is sent; its channels."""
    channels: list[Any] = []

    @bench.server.pbx.extension("internal", exten)
    async def answering(channel: Any) -> None:
        channels.append(channel)
        await channel.answer()
        for stream in channel.streams:
            stream.port.sink = stream.port.write
        await asyncio.sleep(100)

    return channels


async def call(phone: Phone, exten: str, body: str) -> Response:
    """Call; the answer, which is acknowledged."""
    phone.call(exten, body=body)
    ok = await wait_for(phone, 200)
    phone.in_dialog("ACK", ok, 1)
    return ok


async def wait_for(phone: Phone, kind: int | str) -> Any:
    """The next message of a kind, for which media may have to come first."""
    for _ in range(500):
        for index, message in enumerate(phone.messages()):
            if kind in (getattr(message, "status", None), getattr(message, "method", None)):
                phone.read += index + 1
                return message
        await asyncio.sleep(0.01)
    raise AssertionError(f"no {kind}")
