"""Many phones behind one UDP socket: challenged REGISTERs and OPTIONS, some at once or so many a second."""

from __future__ import annotations

import re
import select
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from asterism.stack.digest import Challenge, ClientSession, ha1
from bench.configuration import SERVER

PASSWORD = "secret"
PATIENCE = 20.0
"""Seconds without any answer after which a run is given up."""
RESEND = 0.5
LIFETIME = 3600

_CSEQ = re.compile(rb"\r\nCSeq: *(\d+)", re.IGNORECASE)
_CHALLENGE = re.compile(rb"\r\nWWW-Authenticate: *([^\r]+)", re.IGNORECASE)


@dataclass(slots=True)
class Job:
    """One operation of one phone; ``status`` and ``answer`` are filled in."""

    user: str
    method: str = "REGISTER"
    contact: str = ""
    """Without one a REGISTER asks for the bindings."""
    expires: int = LIFETIME
    status: int = 0
    answer: bytes = b""


class Phones:
    """The socket of all phones; counts what had to be sent again."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self.port: int = self._socket.getsockname()[1]
        self._cseq = 0
        self._session = time.time_ns()
        self._waiting: dict[int, tuple[Job, bytes]] = {}
        self.resent = 0

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def contact(self, user: str, number: int = 0) -> str:
        """A contact at this socket."""
        return f"sip:{user}@127.0.0.1:{self.port};n={number}"

    def run(
        self, jobs: Iterable[Job], *, window: int = 16, rate: float = 0.0, stop: Callable[[], bool] | None = None
    ) -> float:
        """Do the jobs, at most ``window`` at once, at most ``rate`` a second (0: no limit); returns the seconds.

        With ``stop`` nothing is sent twice and the answers that are missing when it says so stay missing.
        """
        pending = iter(jobs)
        self._waiting.clear()
        began = heard = asked = time.monotonic()
        sent, more = 0, True
        while more or self._waiting:
            while more and len(self._waiting) < window and (not rate or sent < (time.monotonic() - began) * rate):
                job = next(pending, None)
                if job is None:
                    more = False
                    break
                self._send(job)
                sent += 1
            if self._receive(0.0005 if rate else 0.05):
                heard = asked = time.monotonic()
            if stop is not None:
                if stop():
                    break
            elif time.monotonic() - asked > RESEND:
                if time.monotonic() - heard > PATIENCE:
                    raise SystemExit(f"{len(self._waiting)} requests were not answered")
                asked = time.monotonic()
                for _, data in self._waiting.values():
                    self._socket.sendto(data, SERVER)
                    self.resent += 1
        return time.monotonic() - began

    def drain(self) -> None:
        """Take what has been answered before the server ended."""
        while self._receive(0.2):
            pass

    def _send(self, job: Job, challenge: Challenge | None = None) -> None:
        self._cseq += 1
        uri, user = f"sip:{SERVER[0]}", job.user
        lines = [
            f"{job.method} {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bK{self._session:x}x{self._cseq};rport",
            f"From: <sip:{user}@{SERVER[0]}>;tag=f{self._cseq}",
            f"To: <sip:{user}@{SERVER[0]}>",
            f"Call-ID: {user}-{self._session:x}",
            f"CSeq: {self._cseq} {job.method}",
            "Max-Forwards: 70",
            "Content-Length: 0",
        ]
        if job.contact:
            lines += [f"Contact: <{job.contact}>", f"Expires: {job.expires}"]
        if challenge is not None:
            session = ClientSession(challenge, user, ha1(user, challenge.realm, PASSWORD), "cnonce")
            lines.append(f"Authorization: {session.authorize(job.method, uri)}")
        data = ("\r\n".join(lines) + "\r\n\r\n").encode()
        self._waiting[self._cseq] = (job, data)
        self._socket.sendto(data, SERVER)

    def _receive(self, seconds: float) -> bool:
        """Take the answers that are there; whether any was."""
        if not select.select([self._socket], [], [], seconds)[0]:
            return False
        for _ in range(64):
            try:
                data = self._socket.recv(65536)
            except BlockingIOError:
                break
            self._answered(data)
        return True

    def _answered(self, data: bytes) -> None:
        cseq = _CSEQ.search(data)
        found = self._waiting.pop(int(cseq[1]), None) if cseq else None
        if found is None:
            return
        job, request = found
        challenge = _CHALLENGE.search(data)
        if data.startswith(b"SIP/2.0 401 ") and challenge and b"\r\nAuthorization: " not in request:
            self._send(job, Challenge.parse(challenge[1].decode()))
            return
        job.status, job.answer = int(data[8:11]), data
