"""Video of a simulated phone: pictures that say who sent them, and what is seen of others."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from asterism.testing.sdp import answer_direction
from asterism.testing.waiting import PATIENCE, until

if TYPE_CHECKING:
    from asterism.testing.sdp import Video

_HEADER = struct.Struct("!BBHII")
_KEPT = 3000
"""Packets that are kept."""
_INTERVAL = 0.04
"""Seconds from a picture to the next."""
_TICKS = 3600
_WHOLE, _PART = b"\x65", b"\x41"
"""First octets of a NAL unit of H.264: of a picture that stands alone, and of one that does not (RFC 6184 1.3)."""
_FEEDBACK = 206
_PLI, _FIR = 1, 4


class Seen(NamedTuple):
    """One packet that came."""

    name: str
    """Who sent it."""
    whole: bool
    """Whether it is of a picture that stands alone."""
    marker: bool
    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int


class PhoneVideo:
    """A stream of video as a phone has it: two packets for each picture while it shows something.

    Attributes:
        section: what our description says of it.
        requests: how many whole pictures it was asked for.
        seen: the packets that came, the newest last.
        payloads: what was in them.
    """

    def __init__(self, host: str, section: Video) -> None:
        self._loop = asyncio.get_running_loop()
        self.section = section
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        while True:
            self._rtp, self._rtcp = (socket.socket(family, socket.SOCK_DGRAM) for _ in range(2))
            self._rtp.bind((host, 0))
            section.port = self._rtp.getsockname()[1]
            try:
                self._rtcp.bind((host, section.port + 1))
                break
            except OSError:  # somebody has that port: another pair
                self._rtp.close()
                self._rtcp.close()
        for one, reader in ((self._rtp, self._on_packet), (self._rtcp, self._on_report)):
            one.setblocking(False)
            self._loop.add_reader(one.fileno(), reader)
        self.remote: tuple[str, int] | None = None
        self.sends = True
        """Whether the other side wants to be sent anything."""
        self.payload_type = next(iter(section.codecs))
        self.requests = 0
        self.seen: deque[Seen] = deque(maxlen=_KEPT)
        self.payloads: deque[bytes] = deque(maxlen=_KEPT)
        self.controls: deque[bytes] = deque(maxlen=100)
        """Reports that came."""
        self._name = b""
        self._whole = True
        self._timer: asyncio.TimerHandle | None = None
        self._sequence = random.randrange(0x10000)
        self._timestamp = random.randrange(0x100000000)
        self.ssrc = random.randrange(1, 0x100000000)

    def connect(self, host: str, section: Video) -> None:
        """Take the other side's section."""
        self.remote = (host, section.port)
        self.sends = section.direction in ("sendrecv", "recvonly")
        ours = set(self.section.codecs.values())
        self.payload_type = next((number for number, one in section.codecs.items() if one in ours), self.payload_type)
        self.section.direction = answer_direction(section.direction)

    # -- what is shown -----------------------------------------------------------------------------------------

    def show(self, name: str) -> None:
        """Send pictures that carry a name, until :meth:`stop`."""
        self._name = name.encode()
        if self._timer is None:
            self._tick()

    def stop(self) -> None:
        """Send no more."""
        self._name = b""

    def _tick(self) -> None:
        self._timer = None
        if not self._name:
            return
        kind, self._whole = _WHOLE if self._whole else _PART, False
        self._timestamp = self._timestamp + _TICKS & 0xFFFFFFFF
        for marker in (0, 0x80):
            self._sequence = self._sequence + 1 & 0xFFFF
            head = _HEADER.pack(0x80, marker | self.payload_type, self._sequence, self._timestamp, self.ssrc)
            if self.remote is not None and self.sends:
                self._send(self._rtp, head + kind + self._name.ljust(600, b"\0"), self.remote)
        self._timer = self._loop.call_later(_INTERVAL, self._tick)

    @staticmethod
    def _send(one: socket.socket, data: bytes, address: tuple[str, int]) -> None:
        try:
            one.sendto(data, address)
        except OSError:
            return

    # -- what is seen ------------------------------------------------------------------------------------------

    async def sees(self, name: str, timeout: float = PATIENCE) -> None:
        """Wait until whole pictures of that name come, and nothing else.

        Raises:
            PhoneError: they do not.
        """
        self.seen.clear()
        await until(lambda: self._shows(name), timeout, lambda: f"not {name!r} is seen but {self.names}")

    def _shows(self, name: str) -> bool:
        """Whether the last four packets are of one name, the last but two being the end of a picture."""
        last = list(self.seen)[-4:]
        return len(last) == 4 and all(one.name == name for one in last)

    async def sees_whole(self, timeout: float = PATIENCE) -> None:
        """Wait until a picture comes that stands alone.

        Raises:
            PhoneError: none does.
        """
        self.seen.clear()
        await until(lambda: any(one.whole for one in self.seen), timeout, lambda: "no whole picture is seen")

    @property
    def names(self) -> list[str]:
        """Who was seen, in order, each change once."""
        found: list[str] = []
        for one in self.seen:
            if not found or found[-1] != one.name:
                found.append(one.name)
        return found

    def ask_whole(self) -> None:
        """Ask for a picture that stands alone (PLI, RFC 4585 6.3.1)."""
        if self.remote is not None and self.seen:
            pli = struct.pack("!BBHII", 0x80 | _PLI, _FEEDBACK, 2, self.ssrc, self.seen[-1].ssrc)
            self.report(pli)

    def report(self, packets: bytes) -> None:
        """Send feedback, behind an empty receiver report."""
        if self.remote is not None:
            host, port = self.remote
            self._send(self._rtcp, struct.pack("!BBHI", 0x80, 201, 1, self.ssrc) + packets, (host, port + 1))

    def _on_packet(self) -> None:
        try:
            data = self._rtp.recv(4096)
        except OSError:
            return
        if len(data) < 14:
            return
        _, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
        self.payloads.append(data[12:])
        name = data[13:].rstrip(b"\0").decode("utf-8", "replace")
        whole = data[12:13] == _WHOLE
        self.seen.append(Seen(name, whole, second >= 0x80, second & 0x7F, sequence, timestamp, ssrc))

    def _on_report(self) -> None:
        try:
            data = self._rtcp.recv(4096)
        except OSError:
            return
        self.controls.append(data)
        while len(data) >= 12:
            first, kind, words = struct.unpack_from("!BBH", data)
            if kind == _FEEDBACK and first & 0x1F in (_PLI, _FIR):
                self.requests += 1
                self._whole = True
            data = data[4 * (words + 1) :]

    def close(self) -> None:
        """Close both sockets."""
        self._name = b""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for one in (self._rtp, self._rtcp):
            if one.fileno() >= 0:
                self._loop.remove_reader(one.fileno())
                one.close()
