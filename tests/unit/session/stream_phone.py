"""A phone's media of several streams, on sockets of its own: what it sends and what reaches it, octet by octet."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from dataclasses import dataclass, field

SECONDS = 5


def rtp(
    payload_type: int, sequence: int, payload: bytes, timestamp: int = 0, marker: bool = False, ssrc: int = 77
) -> bytes:
    second = payload_type | (0x80 if marker else 0)
    return struct.pack("!BBHII", 0x80, second, sequence & 0xFFFF, timestamp, ssrc) + payload


@dataclass
class Packet:
    """One RTP packet, read."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes

    @classmethod
    def read(cls, data: bytes) -> Packet:
        _, second, sequence, timestamp, ssrc = struct.unpack_from("!BBHII", data)
        return cls(second & 0x7F, second >= 0x80, sequence, timestamp, ssrc, data[12:])


@dataclass
class Section:
    """One section of a description."""

    type: str
    port: int
    formats: list[str]
    lines: list[str] = field(default_factory=list)

    def payload_type(self, encoding: str) -> int:
        found = next(one for one in self.lines if re.match(rf"a=rtpmap:\d+ {encoding}/", one))
        return int(found[9:].split()[0])


def sections(body: bytes | str) -> list[Section]:
    text = body.decode() if isinstance(body, bytes) else body
    found: list[Section] = []
    for line in text.split("\r\n"):
        if line.startswith("m="):
            kind, port, _, *formats = line[2:].split()
            found.append(Section(kind, int(port), formats))
        elif found and line:
            found[-1].lines.append(line)
    return found


class Port:
    """A pair of sockets of one stream."""

    def __init__(self) -> None:
        while True:
            self.rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.rtcp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.rtp.bind(("127.0.0.1", 0))
            self.number = self.rtp.getsockname()[1]
            try:
                self.rtcp.bind(("127.0.0.1", self.number + 1))
                break
            except OSError:
                self.close()
        self.rtp.setblocking(False)
        self.rtcp.setblocking(False)

    def send(self, port: int, data: bytes) -> None:
        self.rtp.sendto(data, ("127.0.0.1", port))

    async def receive(self) -> Packet:
        return Packet.read(await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self.rtp, 4096), SECONDS))

    async def control(self) -> bytes:
        return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self.rtcp, 4096), SECONDS)

    def nothing(self) -> bool:
        try:
            self.rtp.recv(4096)
        except BlockingIOError:
            return True
        return False

    def close(self) -> None:
        self.rtp.close()
        self.rtcp.close()


AUDIO = "m=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na={direction}\r\n"
H264 = "m=video {port} RTP/AVP {number}\r\na=rtpmap:{number} H264/90000\r\na=fmtp:{number} profile-level-id=42e01f\r\n"
T140 = "m=text {port} RTP/AVP {number}\r\na=rtpmap:{number} t140/1000\r\n"
VERSION = iter(range(1, 10**6))


def describe(*parts: str) -> str:
    head = f"v=0\r\no=ua 1000 {next(VERSION)} IN IP4 127.0.0.1\r\ns=call\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    return head + "".join(parts)


def audio(port: Port, direction: str = "sendrecv") -> str:
    return AUDIO.format(port=port.number, direction=direction)


def h264(port: Port | None, number: int = 99) -> str:
    return H264.format(port=0 if port is None else port.number, number=number)


def t140(port: Port, number: int = 98) -> str:
    return T140.format(port=port.number, number=number)
