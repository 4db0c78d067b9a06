"""Datagrams out of one UDP socket: sent together, kept while the socket's buffer is full."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asterism.transport.udp import UdpFlow
    from asterism.transport.undelivered import ErrorQueue

MAX_WAITING = 1_024
"""Datagrams that wait for a full socket buffer; more are dropped, as the network would."""

TOGETHER = 16
"""Datagrams that are sent together: a peer on the same machine is woken once for them, and does not take the processor
from us, and its caches, after each."""

_ATTEMPTS = 3
"""A datagram may meet the errors of that many earlier ones."""


class DatagramSender:
    """The datagrams that the flows of one socket send; shared by the socket's transport and its flows.

    ``UdpFlow.send`` appends to ``waiting`` itself, as this is done for every message.

    Attributes:
        waiting: datagrams to be sent when the loop turns, or when the socket takes data again.
        blocked: whether the socket's buffer is full; the loop tells when it takes data again.
        reading: whether the transport is reading a batch of datagrams, after which it flushes.
        call_soon: the loop's ``call_soon``.
        errors: the socket's queue of ICMP errors, where the system has one.
    """

    __slots__ = ("_closed", "_counters", "_loop", "_socket", "blocked", "call_soon", "errors", "reading", "waiting")

    def __init__(self, sock: socket.socket, loop: asyncio.AbstractEventLoop, counters: dict[str, int]) -> None:
        self._socket = sock
        self._loop = loop
        self._counters = counters
        self._closed = False
        self.call_soon = loop.call_soon
        self.waiting: deque[tuple[bytes, UdpFlow]] = deque()
        self.blocked = False
        self.reading = False
        self.errors: ErrorQueue | None = None

    def flush(self) -> None:
        """Send what waits, unless the socket's buffer is full."""
        waiting = self.waiting
        send_to = self._socket.sendto
        while waiting and not self.blocked:
            data, flow = waiting.popleft()
            try:
                send_to(data, flow.address)
                self._counters["sent"] += 1
            except (BlockingIOError, InterruptedError):
                self._block(data, flow)
            except (OSError, OverflowError) as error:
                self._not_sent(error, data, flow)

    def rearm(self) -> None:
        """Have the loop watch the socket again, if it is watched: uvloop stops to after an error."""
        if self.blocked:
            self._loop.remove_writer(self._socket.fileno())
            self._loop.add_writer(self._socket.fileno(), self._writable)

    def close(self) -> None:
        """Send what the socket takes at once, and drop the rest."""
        self._closed = True
        self.flush()
        if self.blocked:
            self._loop.remove_writer(self._socket.fileno())
        self.waiting.clear()

    def _block(self, data: bytes, flow: UdpFlow) -> None:
        self.waiting.appendleft((data, flow))
        self.blocked = True
        self._loop.add_writer(self._socket.fileno(), self._writable)

    def _writable(self) -> None:
        self._loop.remove_writer(self._socket.fileno())
        self.blocked = False
        self.flush()

    def _not_sent(self, error: Exception, data: bytes, flow: UdpFlow) -> None:
        """Sending failed: tell the flow, unless the error was that of an earlier datagram to somebody else."""
        for _ in range(_ATTEMPTS if self.errors is not None and isinstance(error, OSError) else 0):
            assert self.errors is not None
            self.errors.take()
            if self._closed:
                return
            try:
                self._socket.sendto(data, flow.address)
                self._counters["sent"] += 1
                return
            except (BlockingIOError, InterruptedError):
                self._block(data, flow)
                return
            except OSError as again:
                error = again
        if isinstance(error, OSError) and error.errno in (errno.ENOBUFS, errno.ECONNREFUSED):
            # A full queue of the network card, or one more notice about an earlier datagram: a lost datagram, not a
            # peer out of reach.
            self._counters["dropped"] += 1
            return
        self._counters["errors"] += 1
        flow.failed(error)
