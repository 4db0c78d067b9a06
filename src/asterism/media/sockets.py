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


def mark_traffic(sock: socket.SocketType, tos: int, cos: int) -> None:
    """Set the traffic class byte and the link priority of what is sent; 0 leaves them. Raises OSError."""
    if tos:
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, tos)
        else:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, tos)
    if cos and hasattr(socket, "SO_PRIORITY"):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, cos)


def disconnect(sock: socket.SocketType) -> None:
    """Dissolve the association of a connected UDP socket, which keeps its port.

    POSIX does that by connecting to an address of family AF_UNSPEC, which Python cannot express.
    """
    import ctypes

    address = ctypes.create_string_buffer(28)  # sa_family 0 in any byte order; BSD puts a length first
    # The result is no use: BSD reports EAFNOSUPPORT although it has dissolved the association.
    ctypes.CDLL(None, use_errno=True).connect(sock.fileno(), address, 16)
