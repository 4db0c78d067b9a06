"""Datagrams that could not be delivered: the error queue of a Linux UDP socket.

An unconnected socket learns of ICMP errors only when it asks for them (``IP_RECVERR``); the queue then holds, for each
error, the address that the datagram was for and its beginning. Elsewhere nothing is asked for and timers do the work.
"""

from __future__ import annotations

import asyncio
import select
import socket
import struct
import sys
from collections.abc import Callable
from typing import Any

_IP_RECVERR = 11
_IPV6_RECVERR = 25
_ERROR = struct.Struct("=IBBBBII")
"""``struct sock_extended_err``: errno, origin, type, code, padding, info, data."""
_FROM_ICMP = 2
_FROM_ICMP6 = 3
_LARGEST_QUOTE = 2_048
_MAX_TAKEN = 256
"""Errors taken in one go; the loop asks again if there are more."""

Undelivered = Callable[[bytes, tuple[Any, ...]], None]


class ErrorQueue:
    """Watches the error queue of one socket.

    It is watched apart from the data, by a second epoll that wakes for errors only: whoever reads and sends datagrams
    does nothing for it. libuv stops to watch a descriptor that has an error, so that ``rearm`` is called after each.

    Args:
        sock: a UDP socket.
        loop: the running loop.
        undelivered: takes the beginning of each datagram that could not be delivered and whom it was for.
        rearm: makes the loop watch the socket again.
    """

    __slots__ = ("_epoll", "_loop", "_rearm", "_socket", "_undelivered")

    def __init__(
        self,
        sock: socket.socket,
        loop: asyncio.AbstractEventLoop,
        undelivered: Undelivered,
        rearm: Callable[[], object],
    ) -> None:
        self._socket = sock
        self._loop = loop
        self._undelivered = undelivered
        self._rearm = rearm
        self._epoll = select.epoll()
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
            if not sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY):
                sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
        else:
            sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
        # No event asked for: errors are always told.
        self._epoll.register(sock, 0)
        loop.add_reader(self._epoll.fileno(), self.take)

    def take(self) -> None:
        """Empty the queue. To be called after any error of the socket too: it may have been one of the queue's."""
        receive = self._socket.recvmsg
        for _ in range(_MAX_TAKEN):
            try:
                quote, ancillary, _flags, address = receive(_LARGEST_QUOTE, 512, socket.MSG_ERRQUEUE)
            except OSError:
                break
            if any(_is_final(kind, value) for _level, kind, value in ancillary):
                self._undelivered(quote, address)
            if self._epoll.closed:
                return
        self._rearm()

    def close(self) -> None:
        """Watch no longer; harmless when repeated."""
        if not self._epoll.closed:
            self._loop.remove_reader(self._epoll.fileno())
            self._epoll.close()


def error_queue(
    sock: socket.socket, loop: asyncio.AbstractEventLoop, undelivered: Undelivered, rearm: Callable[[], object]
) -> ErrorQueue | None:
    """The error queue of a socket, where the system has such a thing."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        return ErrorQueue(sock, loop, undelivered, rearm)
    except OSError:
        # A system that only looks like Linux. Whether a datagram arrived is then known by its answer alone.
        return None


def _is_final(kind: int, value: bytes) -> bool:
    """Whether an entry is one of those that RFC 3261 18.4 wants told: unreachable, or a parameter problem.

    A datagram too large on its way, or one whose time to live ran out, says nothing about the peer.
    """
    if len(value) < _ERROR.size:
        return False
    _number, origin, icmp_type, code, *_rest = _ERROR.unpack_from(value)
    if origin == _FROM_ICMP and kind in (_IP_RECVERR, _IPV6_RECVERR):
        # The latter on a socket of both families.
        return bool((icmp_type == 3 and code != 4) or icmp_type == 12)
    return kind == _IPV6_RECVERR and origin == _FROM_ICMP6 and icmp_type in (1, 4)
