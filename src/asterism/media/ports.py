"""Pairs of UDP ports for RTP and RTCP (RFC 3550 11: RTP even, RTCP the next one)."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from socket import SocketType  # the C type below socket.socket: a call opens and closes four of them

from asterism.core.errors import AsterismError
from asterism.media.sockets import family_of

_IN_USE = (errno.EADDRINUSE, errno.EACCES)


class PortsExhaustedError(AsterismError):
    """No pair of RTP ports is free on an address."""


class PortPool:
    """The free even ports of one local address, taken in random order in constant time.

    A random port makes it hard to guess where a call's audio goes, and keeps a port that has just
    been freed from being taken at once, while its old peer may still be sending.
    """

    __slots__ = ("_family", "_free", "_random", "give_back", "host", "size")

    def __init__(self, host: str, start: int, end: int, random: Callable[[int], bytes] = os.urandom) -> None:
        """Ports from ``start`` to ``end``, both included; a pair has to fit whole. ``random`` gives so many bytes.

        Raises:
            ValueError: ``host`` is not an IP address.
        """
        self._family = family_of(host)
        self.host = host
        self._free = list(range(start + (start & 1), end, 2))
        self.size = len(self._free)
        self._random = random
        self.give_back: Callable[[int], None] = self._free.append
        """Frees a port that :meth:`take` gave."""

    @property
    def available(self) -> int:
        """Number of free pairs."""
        return len(self._free)

    def take(self) -> int:
        """A free even port.

        Raises:
            PortsExhaustedError: none is left.
        """
        free = self._free
        if not free:
            raise PortsExhaustedError(
                f"all {self.size} RTP port pairs of {self.host} are in use; widen rtpstart-rtpend or its own range"
            )
        index = int.from_bytes(self._random(8), "big") * len(free) >> 64
        port = free[index]
        free[index] = free[-1]
        free.pop()
        return port

    def bind_pair(self) -> tuple[SocketType, SocketType, int]:
        """Bound non-blocking RTP and RTCP sockets and the RTP port; ports that another program has are passed over.

        Raises:
            PortsExhaustedError: no pair could be had.
            OSError: the address cannot be bound at all, or there are no more file descriptors.
        """
        passed_over: list[int] = []
        try:
            for _ in range(min(max(len(self._free), 1), 256)):
                port = self.take()
                passed_over.append(port)
                pair = _try_bind(self._family, self.host, port)
                if pair is not None:
                    passed_over.pop()
                    return (*pair, port)
        finally:
            self._free.extend(passed_over)
        raise PortsExhaustedError(f"other programs hold the free RTP ports of {self.host}; take other ones")


class PortPair:
    """Two bound non-blocking UDP sockets, the second on the port after the first's; :meth:`close` frees both ports.

    Attributes:
        first: the socket on the even port, for the media.
        second: the socket on the next port, for its control (RTCP).
        port: the even port.
    """

    __slots__ = ("_give_back", "first", "port", "second")

    def __init__(self, first: SocketType, second: SocketType, port: int, give_back: Callable[[int], None]) -> None:
        self.first = first
        self.second = second
        self.port = port
        self._give_back: Callable[[int], None] | None = give_back

    def close(self) -> None:
        """Close both sockets; harmless when done before."""
        give_back, self._give_back = self._give_back, None
        if give_back is not None:
            self.first.close()
            self.second.close()
            give_back(self.port)


_KIND = int(socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)


def _try_bind(family: int, host: str, port: int) -> tuple[SocketType, SocketType] | None:
    rtp = SocketType(family, _KIND)
    rtcp: SocketType | None = None
    try:
        if family == socket.AF_INET6:
            rtp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        rtp.bind((host, port))
        rtcp = SocketType(family, _KIND)
        if family == socket.AF_INET6:
            rtcp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        rtcp.bind((host, port + 1))
    except OSError as error:
        rtp.close()
        if rtcp is not None:
            rtcp.close()
        if error.errno in _IN_USE:
            return None
        raise
    return rtp, rtcp
