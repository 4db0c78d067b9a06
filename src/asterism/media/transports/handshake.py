"""A DTLS handshake with the peer at one address: its timers, and one step at a time in a thread (RFC 6347 4.2.4)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from asterism.media.transports.association import Association, Keys, Progress, records
from asterism.media.transports.dtls_server import DtlsServer
from asterism.media.transports.parameters import Address

_REPEAT = 0.2
"""Seconds after which a flight is repeated at first; then twice as long each time.

RFC 6347 4.2.4.1 asks for a second unless less is known to be right: media waits for this, and a few datagrams load no
network. After 1, 2, 4... s OpenSSL makes the flight anew, with what only it can: another record of Finished.
"""
_LAST_REPEATS = 2
"""How often the flight that ends a handshake is repeated unasked: nothing tells that it has arrived."""
_ASKED_REPEATS = 8
"""How often it is repeated because the peer repeats the flight before."""
_ELSEWHERE = 0.5
"""Seconds without an answer from where the peer is named after which one from elsewhere counts."""
_WAITING = 32
"""Datagrams that wait for the step before; what is more is lost, as on a network."""


class Handshake:
    """An association from its first flight on, and after the handshake for as long as its keys are in use.

    Args:
        server: has the threads and the loop.
        association: OpenSSL's side.
        address: where the peer is; may change.
        send: puts a datagram on its way; may raise OSError.
        done: gets the keys.
        lost: gets the reason why there will be none.
        random: of the ClientHello that it begins with, if we are the server.
    """

    __slots__ = (
        "_asked", "_association", "_begun", "_busy", "_closed", "_done", "_finished", "_flight", "_heard", "_lost",
        "_number", "_repeated", "_resend", "_send", "_server", "_timer", "_waiting", "address", "random",
    )  # fmt: skip

    def __init__(
        self,
        server: DtlsServer,
        association: Association,
        address: Address,
        send: Callable[[bytes, Address], None],
        done: Callable[[Handshake, Keys], None],
        lost: Callable[[Handshake, str], None],
        random: bytes = b"",
    ) -> None:
        self._server = server
        self._association = association
        self.address = address
        self._send = send
        self._done = done
        self._lost = lost
        self.random = random
        self._waiting: deque[bytes] = deque(maxlen=_WAITING)
        self._busy = self._closed = self._finished = self._heard = False
        self._begun = server.loop.time()
        self._flight: tuple[bytes, ...] = ()
        self._repeated = self._asked = 0
        self._number = -1
        """Of the last record in the clear that was sent."""
        self._timer: asyncio.TimerHandle | None = None
        self._resend: asyncio.TimerHandle | None = None

    def feed(self, datagram: bytes, *, named: bool = True) -> None:
        """Take what came, ``named``: from where the peer is; nothing is as good as what was not worth keeping of it."""
        if datagram and not self._closed:
            self._heard |= named
            self._waiting.append(datagram)
            self.step()

    @property
    def hears_elsewhere(self) -> bool:
        """Whether what comes from elsewhere counts: a peer that does not answer may do so from another address.

        Not at once, as then everybody could disturb a handshake without the trouble of forging an address. And whoever
        is first there does not keep the others off: it may be anybody.
        """
        return not self._heard and self._server.loop.time() - self._begun >= _ELSEWHERE

    def step(self) -> None:
        """Do the next step, unless one is being done: what has come goes with the step after."""
        if self._busy or self._closed:
            return
        self._busy = True
        datagrams = tuple(self._waiting)
        self._waiting.clear()
        association, timed = self._association, bool(self._flight) and not datagrams
        self._server.run(
            lambda: association.step(datagrams),
            lambda progress: self.stepped(progress, timed=timed),
            Progress(error="internal error"),
        )

    def stepped(self, progress: Progress, *, timed: bool = False) -> None:
        """Go on after a step; ``timed``: one that time, not a datagram, has brought about."""
        self._busy = False
        if self._closed:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if progress.keys is not None:
            self._finished = True
            self._stop_repeating()
        if progress.out:
            self._flight = progress.out
            self._emit()
            if not timed:
                self._repeated = 0
                self._repeat_later()
        if progress.error:
            self.close()
            self._lost(self, progress.error)
            return
        if progress.timeout is not None:
            delay = max(progress.timeout, 0.0) + 0.001
            self._timer = self._server.loop.call_later(delay, self.step)
        if progress.keys is not None:
            self._done(self, progress.keys)
        if self._waiting:
            self.step()

    def move(self, address: Address) -> None:
        """The peer is there now."""
        self.address = address
        if not self._finished:
            self._emit()

    def answer_repetition(self) -> None:
        """The client repeats its last flight in the clear: it has not seen ours (RFC 6347 4.2.4, state FINISHED)."""
        if self._finished and self.random and self._asked < _ASKED_REPEATS:
            self._asked += 1
            self._emit()

    def end(self) -> None:
        """Close it, and tell the peer."""
        if not self._closed and not self._busy:
            self._flight = self._association.goodbye()
            self._emit()
        self.close()

    def close(self) -> None:
        """Forget it, silently."""
        self._closed = True
        self._stop_repeating()
        if self._timer is not None:
            self._timer.cancel()
        self._waiting.clear()

    def _repeat_later(self) -> None:
        self._stop_repeating()
        if not self._finished or self._repeated < _LAST_REPEATS:
            self._resend = self._server.loop.call_later(_REPEAT * 2**self._repeated, self._repeat)

    def _repeat(self) -> None:
        self._repeated += 1
        self._emit()
        self._repeat_later()

    def _stop_repeating(self) -> None:
        if self._resend is not None:
            self._resend.cancel()
            self._resend = None

    def _emit(self) -> None:
        """Send the flight, once more perhaps."""
        for datagram in self._flight:
            # What cannot be sent is lost, as on a network.
            with suppress(OSError):
                self._send(self._numbered(datagram), self.address)

    def _numbered(self, datagram: bytes) -> bytes:
        """The datagram with numbers in its records that none had before: a peer leaves out what it has seen.

        Only in the clear can they be changed, and what protected records hold is one that it has kept (RFC 6347 4.1).
        """
        out = bytearray()
        for _, epoch, record in records(datagram):
            if epoch:
                out += record
                continue
            self._number = max(self._number + 1, int.from_bytes(record[5:11], "big"))
            out += record[:5] + self._number.to_bytes(6, "big") + record[11:]
        return bytes(out)
