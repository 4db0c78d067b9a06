"""Relayed packets of encrypted calls: from SRTP to SRTP, and from SRTP to RTP.

SIPp speaks no SRTP without a build of its own, so both parties of all calls are one process of ours. What it sends is
protected before the measurement begins, and of what comes only some is decrypted, to see that it is right.
"""

from __future__ import annotations

import base64
import multiprocessing
import os
import re
import select
import signal
import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

from pylibsrtp import Error, Policy, Session

from bench.configuration import CALLEE_PORT, SERVER
from bench.measurement import Measurement
from bench.process import cpu_seconds, datagrams_sent

SECURED = {"srtp": "secured", "srtp-to-rtp": "callee"}
"""The measurements, and whom their calls are to."""
SECONDS = 6.0
"""Steady media that is measured."""
_RAMP = 2.0
_PATIENCE = 60.0
_CHECKED = 5
"""Packets of each leg that are decrypted."""
_INVITES = re.compile(rb"^CSeq:\s*\d+ INVITE", re.I | re.M)
_PORT = re.compile(rb"m=audio (\d+) (\S+)")
_KEY = re.compile(rb"a=crypto:\d+ AES_CM_128_HMAC_SHA1_80 inline:([A-Za-z0-9+/=]+)")
_LINE = re.compile(rb"^(Via|v|Record-Route|From|f|To|t|Call-ID|i|CSeq):\s*(.*?)\r?$", re.I | re.M)
_INVITE = (
    "INVITE sip:{service}@127.0.0.1:5070 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{mark}s{n}\r\n"
    "From: <sip:secured@127.0.0.1>;tag=s{n}\r\nTo: <sip:{service}@127.0.0.1>\r\nCall-ID: {mark}-secured-{n}\r\n"
    "CSeq: 1 INVITE\r\nContact: <sip:secured@127.0.0.1:{port}>\r\nMax-Forwards: 70\r\n"
    "Content-Type: application/sdp\r\nContent-Length: {size}\r\n\r\n{sdp}"
)
_WITHIN = (
    "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{mark}{method}{n}\r\n"
    "From: <sip:secured@127.0.0.1>;tag=s{n}\r\nTo: {to}\r\nCall-ID: {mark}-secured-{n}\r\n"
    "CSeq: {number} {method}\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
)


@dataclass(slots=True)
class Leg:
    """One party of a call: its socket, and its keys where it is encrypted."""

    secure: bool
    socket: socket.socket = field(default_factory=lambda: _bound(0))
    own: bytes = field(default_factory=lambda: os.urandom(30))
    heard: int = 0
    right: int = 0
    inbound: Session | None = None

    def description(self) -> str:
        """What it offers or answers."""
        profile, key, port = "RTP/AVP", "", self.socket.getsockname()[1]
        if self.secure:
            profile = "RTP/SAVP"
            key = f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{base64.b64encode(self.own).decode()}\r\n"
        return (
            "v=0\r\no=bench 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {port} {profile} 0\r\na=rtpmap:0 PCMU/8000\r\n{key}"
        )

    def take(self, message: bytes) -> None:
        """Take the server's description."""
        found, key = _PORT.search(message), _KEY.search(message)
        if found is None or (self.secure and key is None):
            raise RuntimeError(f"no usable description: {message!r}")
        self.socket.connect(("127.0.0.1", int(found[1])))
        if self.secure and key is not None:
            self.inbound = Session(Policy(key=base64.b64decode(key[1]), ssrc_type=Policy.SSRC_ANY_INBOUND))

    def packets(self, number: int, count: int) -> Iterator[bytes]:
        """What it says, ready to be sent."""
        outbound = Session(Policy(key=self.own, ssrc_type=Policy.SSRC_ANY_OUTBOUND)) if self.secure else None
        for turn in range(count):
            packet = struct.pack("!BBHII", 0x80, 0, turn, turn * 160, number + 1) + bytes([turn & 0xFF]) * 160
            yield packet if outbound is None else outbound.protect(packet)

    def listen(self) -> None:
        """Count what has come; look into the first packets."""
        while True:
            try:
                data = self.socket.recv(2048)
            except OSError:
                return
            self.heard += 1
            if self.heard > _CHECKED:
                continue
            try:
                plain = data if self.inbound is None else self.inbound.unprotect(data)
            except Error:
                continue
            self.right += len(plain) == 172 and len(set(plain[12:])) == 1


def _bound(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", port))
    sock.setblocking(False)
    return sock


class Calls:
    """All calls of a measurement, both parties."""

    def __init__(self, service: str, count: int) -> None:
        self._service = service
        self._line, self._called = _bound(0), _bound(CALLEE_PORT)
        self._port = self._line.getsockname()[1]
        self._mark = os.urandom(6).hex()  # another each time: a server remembers the last ones
        self.callers = [Leg(secure=True) for _ in range(count)]
        self.callees: list[Leg] = []
        self._answers: dict[bytes, bytes] = {}
        self._dialogs: dict[int, tuple[str, str]] = {}

    def establish(self) -> None:
        """Set up all calls."""
        end = time.monotonic() + _PATIENCE
        for number, leg in enumerate(self.callers):
            sdp = leg.description()
            text = _INVITE.format(
                service=self._service, port=self._port, n=number, mark=self._mark, size=len(sdp), sdp=sdp
            )
            self._line.sendto(text.encode(), SERVER)
            while number not in self._dialogs:
                if time.monotonic() > end:
                    raise RuntimeError("the calls were not set up")
                self.serve(0.1)

    def serve(self, seconds: float) -> None:
        """Take what comes in of SIP."""
        for sock in select.select([self._line, self._called], [], [], seconds)[0]:
            try:
                data, address = sock.recvfrom(65536)
            except OSError:
                continue
            if sock is self._line:
                self._response(data)
            else:
                self._request(data, address)

    def _response(self, data: bytes) -> None:
        found = re.search(rb"secured-(\d+)", data)
        if not data.startswith(b"SIP/2.0 ") or found is None or data[8:9] == b"1" or not _INVITES.search(data):
            return
        if data[8:11] != b"200":
            raise RuntimeError(f"a call was refused: {data[:200]!r}")
        number = int(found[1])
        lines = {name.lower(): value for name, value in _LINE.findall(data)}
        contact = re.search(rb"^(?:Contact|m):\s*<?([^>\r\n]+)", data, re.I | re.M)
        to = (lines.get(b"to") or lines[b"t"]).decode()
        target = contact[1].decode() if contact else f"sip:{self._service}@127.0.0.1:5070"
        if number not in self._dialogs:
            self.callers[number].take(data)
            self._dialogs[number] = target, to
        self._within("ACK", number, 1)

    def _within(self, method: str, number: int, cseq: int) -> None:
        target, to = self._dialogs[number]
        text = _WITHIN.format(
            method=method, target=target, port=self._port, n=number, mark=self._mark, to=to, number=cseq
        )
        self._line.sendto(text.encode(), SERVER)

    def _request(self, data: bytes, address: tuple[str, int]) -> None:
        method = data.split(b" ", 1)[0]
        if method == b"ACK":
            return
        lines = _LINE.findall(data)
        identity = next(value for name, value in lines if name.lower() in (b"call-id", b"i"))
        head = b"SIP/2.0 200 OK\r\n" + b"".join(
            name + b": " + value + (b";tag=callee" if name.lower() in (b"to", b"t") and b"tag=" not in value else b"")
            + b"\r\n"
            for name, value in lines
        )  # fmt: skip
        body = b""
        if method == b"INVITE" and identity not in self._answers:
            leg = Leg(secure=b"RTP/SAVP" in data)
            leg.take(data)
            self.callees.append(leg)
            body = leg.description().encode()
            head += f"Contact: <sip:callee@127.0.0.1:{CALLEE_PORT}>\r\nContent-Type: application/sdp\r\n".encode()
        answer = head + f"Content-Length: {len(body)}\r\n\r\n".encode() + body
        if method == b"INVITE":
            answer = self._answers.setdefault(identity, answer)
        self._called.sendto(answer, address)

    def talk(self, seconds: float, begun: Connection) -> None:
        """Speak on all legs, each 50 times a second."""
        legs = [*self.callers, *self.callees]
        turns = int(seconds * 50)
        said = [list(leg.packets(number, turns)) for number, leg in enumerate(legs)]
        gap = 0.02 / len(legs)
        begun.send(time.monotonic())
        due = time.monotonic()
        for turn in range(turns):
            for leg, packets in zip(legs, said, strict=True):
                wait = due - time.monotonic()
                if wait > 0.001:
                    time.sleep(wait)
                due += gap
                leg.socket.send(packets[turn])
                leg.listen()
            self.serve(0)
        time.sleep(0.2)
        for leg in legs:
            leg.listen()

    def end(self) -> None:
        """Hang up."""
        for number in self._dialogs:
            self._within("BYE", number, 2)
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            self.serve(0.1)

    def complaints(self, turns: int) -> list[str]:
        """What was not as it should be."""
        legs = [*self.callers, *self.callees]
        found = []
        if len(self.callees) != len(self.callers):
            found.append(f"{len(self.callees)} of {len(self.callers)} calls reached the callee")
        heard = sum(leg.heard for leg in legs) / max(turns * len(legs), 1)
        if heard < 0.97:
            found.append(f"only {heard:.0%} of the packets came through")
        right = sum(leg.right for leg in legs)
        if right < 0.9 * _CHECKED * len(legs):
            found.append(f"only {right} of {_CHECKED * len(legs)} packets could be decrypted")
        return found


def _generate(service: str, count: int, seconds: float, pipe: Connection) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # that of the parent ends it in its own way
    try:
        calls = Calls(service, count)
        calls.establish()
        calls.talk(seconds, pipe)
        calls.end()
        pipe.send(calls.complaints(int(seconds * 50)))
    except (RuntimeError, OSError, Error) as error:
        pipe.send([str(error)])


def measure(operation: str, pid: int, count: int) -> Measurement:
    """Have ``count`` calls talk through the server process ``pid``, and see what a packet costs it."""
    pipe, theirs = multiprocessing.Pipe()
    total = _RAMP + SECONDS + 1.0
    process = multiprocessing.Process(target=_generate, args=(SECURED[operation], count, total, theirs), daemon=True)
    process.start()
    theirs.close()
    result = Measurement(operation, 0.0, 0.0, 0)
    try:
        begun = pipe.recv() if pipe.poll(_PATIENCE + 10) else ["the calls were not set up"]
        if isinstance(begun, list):
            result.complaints += begun
            return result
        time.sleep(_RAMP)
        before, sent = cpu_seconds(pid), datagrams_sent()
        time.sleep(SECONDS)
        spent, sent = cpu_seconds(pid) - before, datagrams_sent() - sent
        result.microseconds = spent / max(sent / 2, 1) * 1e6
        result.complaints += pipe.recv() if pipe.poll(_PATIENCE) else ["the load did not end"]
        result.good = count
    except EOFError:
        result.complaints.append("the load ended")
    finally:
        process.terminate()
        process.join()
    return result
