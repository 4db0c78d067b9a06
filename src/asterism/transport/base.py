"""Base class of all transports."""

from __future__ import annotations

import socket
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING

from asterism.stack.uri import format_host_port
from asterism.traffic import mark_packets
from asterism.transport.errors import BindError

if TYPE_CHECKING:
    from asterism.stack.flow import Flow
    from asterism.transport.settings import TransportSettings

Trace = Callable[[str, bytes, "Flow"], None]
"""Called with ``"in"`` or ``"out"``, the exact bytes, and the flow."""
Receive = Callable[[bytes, "Flow", float], None]
"""Takes one message with its flow and the time."""

_MAPPED = "::ffff:"
"""Prefix of IPv4 addresses on a socket of both families (RFC 4291 section 2.5.5.2)."""


class Transport(ABC):
    """One bound section.

    Attributes:
        settings: what it was bound with.
        name: id of the section.
        protocol: ``"udp"``, ``"tcp"`` or ``"tls"``.
        host: the address bound, possibly a wildcard.
        port: the real port, also after a bind to port 0.
        family: ``socket.AF_INET`` or ``socket.AF_INET6``.
        closed: nothing can be sent or received any more.
        trace: told of every message, ``None`` for off.
        counters: datagrams or messages, by what became of them.
    """

    __slots__ = ("closed", "counters", "family", "host", "name", "port", "protocol", "settings", "trace")

    def __init__(self, settings: TransportSettings) -> None:
        self.settings = settings
        self.name = settings.name
        self.protocol = settings.protocol
        self.host = settings.host
        self.port = settings.port
        self.family = family_of(settings)
        self.closed = False
        self.trace: Trace | None = None
        self.counters = {"received": 0, "sent": 0, "keepalives": 0, "errors": 0, "dropped": 0}

    @abstractmethod
    def flow_to(self, host: str, port: int, server_name: str = "") -> Flow:
        """A flow to a numeric address of this transport's family. Never waits, never raises for the network.

        ``server_name`` is the host name that led there, which a TLS server must prove to be.
        """

    @abstractmethod
    def close(self) -> None:
        """Stop receiving and sending; harmless when repeated."""

    def update(self, settings: TransportSettings) -> None:
        """Take other settings of the same name, protocol and address, for what comes; what stands goes on.

        Raises:
            BindError: they are not usable; nothing has changed.
        """
        self.settings = settings

    def sent_by(self, flow: Flow) -> str:
        """The sent-by of the Via in our requests over ``flow``: where the peer reaches this transport."""
        settings = self.settings
        if settings.external_host and settings.is_outside(flow.remote[0], flow.local[0]):
            return format_host_port(settings.external_host, settings.external_port or self.port)
        return format_host_port(flow.local[0].partition("%")[0], self.port)


def family_of(settings: TransportSettings) -> int:
    """The address family of the bind address.

    Raises:
        BindError: it is not a numeric address.
    """
    try:
        return socket.AF_INET6 if settings.address.version == 6 else socket.AF_INET
    except ValueError:
        raise BindError(settings.name, settings.protocol, settings.host, "not an IP address") from None


def bind_socket(settings: TransportSettings, kind: int) -> socket.socket:
    """A bound, non-blocking socket with the section's traffic class.

    Args:
        settings: the section.
        kind: ``socket.SOCK_DGRAM`` or ``socket.SOCK_STREAM``.

    Raises:
        BindError: the address cannot be had.
    """
    family = family_of(settings)
    sock = socket.socket(family, kind)
    try:
        sock.setblocking(False)
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # Otherwise a wildcard bind would take the IPv4 port too.
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not settings.dual_stack)
        mark_traffic(sock, settings)
        sock.bind((settings.host, settings.port))
    except (OSError, OverflowError) as error:
        sock.close()
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        address = format_host_port(settings.host, settings.port)
        raise BindError(settings.name, settings.protocol, address, reason) from error
    return sock


def mark_traffic(sock: socket.socket, settings: TransportSettings) -> None:
    """Mark what is sent, and have connections probed as the section says. Raises OSError."""
    mark_packets(sock, settings.tos, settings.cos)
    if settings.tos and settings.dual_stack and sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, settings.tos)
    if settings.tcp_keepalive is not None and sock.type == socket.SOCK_STREAM:
        idle, interval, count = settings.tcp_keepalive
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if hasattr(socket, "TCP_KEEPIDLE"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, max(idle, 1))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, max(interval, 1))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, max(count, 1))


def plain_address(host: str) -> str:
    """An address as its own family writes it: a socket of both writes ``192.0.2.1`` as ``::ffff:192.0.2.1``."""
    return host[7:] if host[:7] == _MAPPED and "." in host else host


def source_address(family: int, remote: tuple[str, int]) -> str:
    """The local address from which packets to ``remote`` leave, as the routing table has it; nothing is sent.

    Returns the wildcard address if there is no route.
    """
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((remote[0], remote[1] or 9))
            return str(probe.getsockname()[0])
        except (OSError, OverflowError):
            return "::" if family == socket.AF_INET6 else "0.0.0.0"
