"""Many phones behind one UDP socket that watch extensions, and a manager client that changes their states."""

from __future__ import annotations

import re
import select
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterable

HOST = "127.0.0.1"
PATIENCE = 30.0
"""Seconds without any answer after which a run is given up."""
_WINDOW = 16
_KEPT = re.compile(rb"(?im)^(?:Via|From|To|Call-ID|CSeq):.*\r\n")
_CALL_ID = re.compile(rb"(?im)^Call-ID: *(\S+)")
_TO = re.compile(rb"(?im)^To: *(.*?)\r\n")


class WatchError(RuntimeError):
    """Something did not come, or was refused."""


class Watchers:
    """The socket of all watchers. Every NOTIFY is answered 200 at once, and counted.

    Args:
        server: where to subscribe.
        port: of the socket; 0 for any.
    """

    def __init__(self, server: tuple[str, int], port: int = 0) -> None:
        self._server = server
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8_000_000)
        self._socket.bind((HOST, port))
        self._socket.setblocking(False)
        self.port: int = self._socket.getsockname()[1]
        self._session = f"{time.time_ns():x}"
        self.notifies = 0
        self.size = 0
        """Bytes of the last NOTIFY."""
        self.repeated = 0
        """NOTIFYs that came again."""
        self.accepted: dict[str, str] = {}
        """The To header of each subscription that was taken, by Call-ID."""
        self.told: Counter[str] = Counter()
        """NOTIFYs by Call-ID."""
        self._sent = 0
        self._refused: list[bytes] = []
        self._branches: set[bytes] = set()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def subscribe(self, pairs: Iterable[tuple[str, str]], event: str = "presence", headers: str = "") -> int:
        """Subscribe each (endpoint, extension), a few at once, until all are answered and notified; returns how many.

        Raises:
            WatchError: not all were taken.
        """
        begin, before, sent = len(self.accepted), self.notifies, 0
        pending = iter(pairs)
        more, heard = True, time.monotonic()
        while more or len(self.accepted) - begin < sent or self.notifies - before < sent:
            while more and sent - (len(self.accepted) - begin) < _WINDOW:
                found = next(pending, None)
                if found is None:
                    more = False
                    break
                sent += 1
                self._subscribe(*found, event, headers)
            if self.serve(0.05):
                heard = time.monotonic()
            if self._refused:
                raise WatchError(f"a SUBSCRIBE was refused: {self._refused[0][:60]!r}")
            if time.monotonic() - heard > PATIENCE:
                raise WatchError(
                    f"{len(self.accepted) - begin} of {sent} SUBSCRIBEs taken, {self.notifies - before} NOTIFYs came"
                )
        return sent

    def offer(self, endpoint: str, extension: str, rate: int, stop: Callable[[], bool], headers: str = "") -> int:
        """Subscribe so many times a second, whatever is answered, until ``stop`` says so; how many were sent."""
        began, sent = time.monotonic(), 0
        while not stop():
            while sent < (time.monotonic() - began) * rate:
                sent += 1
                self._subscribe(endpoint, extension, "presence", headers)
                self.serve(0)
            self.serve(0.002)
        return sent

    def _subscribe(self, endpoint: str, extension: str, event: str, headers: str) -> None:
        host, port = self._server
        self._sent = number = self._sent + 1
        call_id = f"{self._session}-{number}"
        self._socket.sendto(
            (
                f"SUBSCRIBE sip:{extension}@{host}:{port} SIP/2.0\r\n"
                f"Via: SIP/2.0/UDP {HOST}:{self.port};rport;branch=z9hG4bK{call_id}\r\n"
                f"Max-Forwards: 70\r\nFrom: <sip:{endpoint}@{host}>;tag={number}\r\n"
                f"To: <sip:{extension}@{host}>\r\nCall-ID: {call_id}\r\nCSeq: 1 SUBSCRIBE\r\n"
                f"Contact: <sip:{endpoint}@{HOST}:{self.port}>\r\nEvent: {event}\r\nExpires: 3600\r\n"
                f"{headers}Content-Length: 0\r\n\r\n"
            ).encode(),
            self._server,
        )

    def wait(self, notifies: int) -> None:
        """Answer NOTIFYs until so many have come in all. Raises WatchError."""
        heard = time.monotonic()
        while self.notifies < notifies:
            if self.serve(0.05):
                heard = time.monotonic()
            elif time.monotonic() - heard > PATIENCE:
                raise WatchError(f"{self.notifies} of {notifies} NOTIFYs came")

    def serve(self, seconds: float) -> int:
        """Take what comes within ``seconds``; returns at once after the first that came."""
        if not select.select([self._socket], [], [], seconds)[0]:
            return 0
        taken = 0
        while True:
            try:
                data, address = self._socket.recvfrom(65536)
            except BlockingIOError:
                return taken
            taken += 1
            self._take(data, address)

    def _take(self, data: bytes, address: tuple[str, int]) -> None:
        if data.startswith(b"NOTIFY "):
            head = data.partition(b"\r\n\r\n")[0] + b"\r\n"
            kept = b"".join(_KEPT.findall(head))
            self._socket.sendto(b"SIP/2.0 200 OK\r\n" + kept + b"Content-Length: 0\r\n\r\n", address)
            branch = kept.partition(b"branch=")[2].partition(b"\r\n")[0]
            if branch in self._branches:
                self.repeated += 1
                return
            self._branches.add(branch)
            name = _CALL_ID.search(kept)
            if name is not None:
                self.told[name[1].decode()] += 1
            self.notifies += 1
            self.size = len(data)
            return
        status = int(data[8:11])
        if status >= 300:
            self._refused.append(data)
        elif status >= 200:
            name, to = _CALL_ID.search(data), _TO.search(data)
            if name is not None and to is not None:
                self.accepted[name[1].decode()] = to[1].decode()


class Changer:
    """A manager connection that sets devices ``Custom:...``. Raises OSError where there is no manager."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection((HOST, port), timeout=PATIENCE)
        self._socket.sendall(b"Action: Login\r\nUsername: bench\r\nSecret: bench\r\nEvents: off\r\n\r\n")
        self._buffer = b""
        self._wait()
        self._changes = 0

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def change(self, name: str, state: str) -> None:
        """Have ``Custom:name`` be in a state; returns once that is answered."""
        self._socket.sendall(
            f"Action: Setvar\r\nVariable: DEVICE_STATE(Custom:{name})\r\nValue: {state}\r\n\r\n".encode()
        )
        self._wait()

    def _wait(self) -> None:
        while b"\r\n\r\n" not in self._buffer:
            found = self._socket.recv(65536)
            if not found:
                raise WatchError("the manager closed the connection")
            self._buffer += found
        answer, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        if b"Response: Success" not in answer:
            raise WatchError(f"the manager answered {answer!r}")


MANAGER = "[general]\nenabled=yes\nbindaddr=127.0.0.1\nport={port}\n[bench]\nsecret=bench\nread=all\nwrite=all\n"


def hints(count: int) -> str:
    """An ``extensions.conf`` with so many extensions ``lamp1``... to watch."""
    rows = "".join(f"exten => lamp{n},hint,Custom:lamp{n}\n" for n in range(1, count + 1))
    return f"[default]\n{rows}"


def watching_endpoints(count: int) -> str:
    """Endpoints ``w1``... without a password, to add to a ``pjsip.conf``."""
    return "".join(
        f"[w{n}]\ntype=endpoint\ntransport=udp\ncontext=default\ndisallow=all\nallow=ulaw\n"
        for n in range(1, count + 1)
    )


def pairs(watchers: int, lamps: int) -> list[tuple[str, str]]:
    """Every watcher with every lamp, lamp by lamp."""
    return [(f"w{watcher}", f"lamp{lamp}") for lamp in range(1, lamps + 1) for watcher in range(1, watchers + 1)]
