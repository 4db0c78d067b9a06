"""The handshake of DTLS in outline, where OpenSSL's takes too long to be done for every input.

Flights, cookies, repetitions and certificates are there; its cryptography is one secret that strangers do not know.
It takes nothing from the agent that OpenSSL would break off a handshake for.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from asterism.media.transports.association import Answers, Keys, Progress
from asterism.media.transports.parameters import Address, SrtpKey

_SECRET = b"known to the two ends, and to nobody else"
LARGEST = 4096
_TYPES = frozenset((1, 2, 3, 4, 11, 12, 13, 14, 15, 16, 22))
"""Messages of a handshake in the clear (RFC 5246 7.4, RFC 6347 4.2.2, RFC 6066 8)."""


def record(content: bytes, kind: int = 22, epoch: int = 0, version: int = 0xFEFD) -> bytes:
    """A record (RFC 6347 4.1)."""
    return (
        b"".join(
            number.to_bytes(size, "big")
            for number, size in ((kind, 1), (version, 2), (epoch, 2), (7, 6), (len(content), 2))
        )
        + content
    )


def message(kind: int, body: bytes) -> bytes:
    """A message of a handshake, in the one fragment that it takes (RFC 6347 4.2.2)."""
    size = len(body).to_bytes(3, "big")
    return bytes((kind,)) + size + bytes(5) + size + body


def hello(random: bytes, cookie: bytes = b"") -> bytes:
    """A ClientHello as far as it is read."""
    return record(message(1, b"\xfe\xfd" + random + b"\0" + bytes((len(cookie),)) + cookie + b"\0\2\xc0\x2b\1\0"))


def sound_records(datagram: bytes) -> list[tuple[int, int, bytes]]:
    """Kind, epoch and content of the records in a datagram that OpenSSL passes over, or takes, but does not end for."""
    found = []
    while len(datagram) >= 13 and datagram[1] == 0xFE:
        size = datagram[11] << 8 | datagram[12]
        kind, epoch, content = datagram[0], datagram[3] << 8 | datagram[4], datagram[13 : 13 + size]
        if len(content) < size:
            break
        clear = (kind == 20 and content == b"\1") or (kind == 22 and datagram[2] in (0xFD, 0xFF) and _whole(content))
        if epoch or clear:
            found.append((kind, epoch, content))
        datagram = datagram[13 + size :]
    return found


def _whole(content: bytes) -> bool:
    """Whether there are nothing but fragments of messages, each as long as it says, and within its message."""
    if not content:
        return False
    while content:
        if len(content) < 12 or content[0] not in _TYPES:
            return False
        size, offset, part = (int.from_bytes(content[at : at + 3], "big") for at in (1, 6, 9))
        if size > 65536 or offset + part > size or (size and not part) or 12 + part > len(content):
            return False
        content = content[12 + part :]
    return True


class Certificate:
    """Stands for one."""

    def __init__(self, name: str) -> None:
        self.encoded = name.encode()

    def fingerprint(self, algorithm: str) -> str:
        return hashlib.new(algorithm.replace("-", ""), self.encoded).digest().hex(":").upper()


class Server:
    """In the place of ``DtlsServer``: steps are done by the loop, one turn later."""

    def __init__(self, salt: bytes) -> None:
        self.log = logging.getLogger("asterism.fuzz.dtls")
        self.log.disabled = True
        self.broken: list[Exception] = []
        self.proved: set[Address] = set()
        """Whoever has brought its cookie back."""
        self.steps: Counter[bool] = Counter()
        """Of clients' associations (``True``) and of servers'."""
        self._salt = salt
        self._numbers = count()
        self._names = count()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    def random(self) -> bytes:
        return hashlib.sha256(self._salt + b"%d" % next(self._numbers)).digest()

    def certificate(self, settings: object) -> Certificate:
        return Certificate(f"certificate {next(self._names)}")

    def context(self, settings: object, certificate: object) -> None:
        return None

    def association(self, settings: object, context: object, own: Certificate, *, active: bool) -> Association:
        return Association(self, own, active)

    def run(self, step: Callable[[], Any], done: Callable[[Any], None], broken: object) -> None:
        self.loop.call_soon(self._work, step, done)

    def _work(self, step: Callable[[], Any], done: Callable[[Any], None]) -> None:
        try:
            done(step())
        except Exception as error:  # the loop would only log it
            self.broken.append(error)


class Association:
    """In the place of OpenSSL's side: the same flights, without their cryptography."""

    def __init__(self, server: Server, own: Certificate, active: bool) -> None:
        self._server = server
        self._own = own.encoded
        self._active = active
        self._random = server.random()
        self._theirs = b""
        self._begun = self._done = False
        self._last: tuple[bytes, ...] = ()

    def listen(self, hellos: Sequence[tuple[bytes, Address]]) -> Answers:
        cookies: list[tuple[bytes, Address]] = []
        for datagram, address in hellos:
            records = self._records(datagram)
            expected = hashlib.sha256(repr(address).encode() + self._server._salt).digest()[:20]
            body = records[0][2][12:]
            if not hmac.compare_digest(body[36 : 36 + body[35]] if len(body) > 35 else b"", expected):
                cookies.append((record(message(3, b"\xfe\xfd\x14" + expected)), address))
                continue
            self._server.proved.add(address)
            return Answers(tuple(cookies), address, self.step((datagram,)))
        return Answers(tuple(cookies))

    def step(self, datagrams: Sequence[bytes]) -> Progress:
        self._server.steps[self._active] += 1
        out: list[bytes] = []
        keys = None
        if self._active and not self._begun:
            out.append(hello(self._random))
        self._begun = True
        for datagram in datagrams:
            for kind, epoch, content in self._records(datagram):
                if kind == 22 and epoch:
                    keys = self._finished(content, out) or keys
                elif kind == 22 and not self._done:
                    self._clear(content, out)
        return Progress(tuple(out), keys)

    def goodbye(self) -> tuple[bytes, ...]:
        return ()

    def _records(self, datagram: bytes) -> list[tuple[int, int, bytes]]:
        found = sound_records(datagram)
        assert len(datagram) <= LARGEST, "too long"
        assert sum(13 + len(content) for _, _, content in found) == len(datagram), "a handshake would end for this"
        return found

    def _clear(self, content: bytes, out: list[bytes]) -> None:
        kind, body = content[0], content[12:]
        if self._active and kind == 3 and len(body) == 23:
            out.append(hello(self._random, body[3:]))
        elif self._active and kind == 2 and body[32:64] == self._proof(self._random + body[:32], "hello"):
            self._theirs = body[:32]
            out.append(self._proved())
        elif not self._active and kind == 1 and len(body) >= 34 and self._theirs in (b"", body[2:34]):
            self._theirs = body[2:34]
            out.append(record(message(2, self._random + self._proof(self._theirs + self._random, "hello"))))

    def _finished(self, content: bytes, out: list[bytes]) -> Keys | None:
        proof, certificate = content[:32], content[32:]
        if not self._theirs or proof != self._proof(self._both() + certificate, "server" if self._active else "client"):
            return None
        if not self._active:
            out.append(self._proved())
        if self._done:
            return None
        self._done = True
        client, server = (
            SrtpKey("AES_CM_128_HMAC_SHA1_80", self._proof(self._both(), name)[:30]) for name in ("c", "s")
        )
        return Keys(client, server, certificate, "") if self._active else Keys(server, client, certificate, "")

    def _both(self) -> bytes:
        return self._random + self._theirs if self._active else self._theirs + self._random

    def _proved(self) -> bytes:
        proof = self._proof(self._both() + self._own, "client" if self._active else "server")
        return record(proof + self._own, epoch=1)

    @staticmethod
    def _proof(of: bytes, what: str) -> bytes:
        return hmac.digest(_SECRET + what.encode(), of, "sha256")
