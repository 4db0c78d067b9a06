"""What Python's sockets leave to us: dissolving a UDP association, checking an address without DNS."""

from __future__ import annotations

import socket


def check_address(family: int, host: str, port: int) -> None:
    """Refuse what ``sendto`` would look up in DNS, blocking.

    Raises:
        ValueError: ``host`` is not an address of ``family``, or ``port`` not one.
    """
    try:
        socket.inet_pton(family, host)
    except (OSError, UnicodeError, ValueError) as error:
        raise ValueError(f"not an address of this session's family: {host!r}") from error
    if not 0 <= port <= 65535:
        raise ValueError(f"not a port: {port}")


def family_of(host: str) -> socket.AddressFamily:
    """The address family of an IP address.

    Raises:
        ValueError: ``host`` is not an IP address.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    check_address(family, host, 0)
    return family


def disconnect(sock: socket.SocketType) -> None:
    """Dissolve the association of a connected UDP socket, which keeps its port.

    POSIX does that by connecting to an address of family AF_UNSPEC, which Python cannot express.
    """
    import ctypes

    address = ctypes.create_string_buffer(28)  # sa_family 0 in any byte order; BSD puts a length first
    # The result is no use: BSD reports EAFNOSUPPORT although it has dissolved the association.
    ctypes.CDLL(None, use_errno=True).connect(sock.fileno(), address, 16)
