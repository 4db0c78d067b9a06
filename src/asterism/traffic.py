"""Marking what a socket sends: the traffic class for routers, the link priority for switches.

Nothing but the standard library: transports and media, which must not know each other, both use it.
"""

from __future__ import annotations

import socket


def mark_packets(sock: socket.SocketType, tos: int, cos: int) -> None:
    """Set the traffic class byte and the link priority of what is sent; 0 leaves them. Raises OSError."""
    if tos:
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, tos)
        else:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, tos)
    if cos and hasattr(socket, "SO_PRIORITY"):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, cos)
