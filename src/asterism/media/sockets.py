"""Helpers that Python's sockets lack: dissolving a UDP association, checking an address without DNS."""

from __future__ import annotations

import socket
from functools import lru_cache

_LONGEST_ADDRESS = 64
"""No numeric address is longer, its zone included; longer texts are not kept."""


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


def disconnect(sock: socket.SocketType) -> None:
    """Dissolve the association of a connected UDP socket, which keeps its port.

    POSIX does that by connecting to an address of family AF_UNSPEC, which Python cannot express.
    """
    import ctypes

    address = ctypes.create_string_buffer(28)  # sa_family 0 in any byte order; BSD puts a length first
    # The result is no use: BSD reports EAFNOSUPPORT although it has dissolved the association.
    ctypes.CDLL(None, use_errno=True).connect(sock.fileno(), address, 16)
