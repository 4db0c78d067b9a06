"""Helpers that Python's sockets lack: dissolving a UDP association, checking an address without DNS."""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Protocol

_LONGEST_ADDRESS = 64
"""No numeric address is longer, its zone included; longer texts are not kept."""


class DatagramSocket(Protocol):
    """What sessions use of a UDP socket: one of the system, or a stream's on a media transport."""

    @property
    def family(self) -> int:
        """The address family."""

    def recv_into(self, buffer: bytearray, /) -> int:
        """Read a datagram."""

    def recvfrom_into(self, buffer: bytearray, /) -> tuple[int, Any]:
        """Read a datagram, with where it came from."""

    def send(self, data: memoryview | bytes, /) -> object:
        """Send to the peer that this is connected to."""

    def sendto(self, data: memoryview | bytes, target: Any, /) -> object:
        """Send to ``target``."""

    def connect(self, address: Any, /) -> None:
        """Send to ``address``, and take nothing from others."""

    def fileno(self) -> int:
        """Its descriptor; negative where it has none of its own."""

    def close(self) -> None:
        """Close it."""


class ControlSocket(Protocol):
    """The same for RTCP."""

    def recvfrom(self, limit: int, /) -> tuple[bytes, Any]:
        """Read a datagram, with where it came from."""

    def sendto(self, data: bytes, target: Any, /) -> object:
        """Send to ``target``."""

    def fileno(self) -> int:
        """Its descriptor; negative where it has none of its own."""

    def close(self) -> None:
        """Close it."""


def family_of(host: str) -> int:
    """The address family of an IP address. Also refuses what ``sendto`` would look up in DNS, blocking.

    Raises:
        ValueError: ``host`` is not an IP address.
    """
    if len(host) > _LONGEST_ADDRESS:
        raise ValueError(f"not an address of either family: {host[:_LONGEST_ADDRESS]!r}...")
    return _family_of(host)


@lru_cache(maxsize=4096)
def _family_of(host: str) -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.inet_pton(family, host)
    except (OSError, UnicodeError, ValueError) as error:
        raise ValueError(f"not an address of either family: {host!r}") from error
    return int(family)


@lru_cache(maxsize=4096)
def is_address(host: str) -> bool:
    """Whether ``host`` is an IP address."""
    try:
        family_of(host)
    except ValueError:
        return False
    return True


def disconnect(sock: DatagramSocket) -> None:
    """Dissolve the association of a connected UDP socket, which keeps its port.

    POSIX does that by connecting to an address of family AF_UNSPEC, which Python cannot express.
    """
    own: Callable[[], None] | None = getattr(sock, "disconnect", None)
    if own is not None:  # a virtual one
        own()
        return
    import ctypes

    address = ctypes.create_string_buffer(28)  # sa_family 0 in any byte order; BSD puts a length first
    # The result is no use: BSD reports EAFNOSUPPORT although it has dissolved the association.
    ctypes.CDLL(None, use_errno=True).connect(sock.fileno(), address, 16)
