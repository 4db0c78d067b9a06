"""The UDPTL ports of one server: ``udptl.conf``, opening and closing, and the log of their packets."""

from __future__ import annotations

import asyncio
import errno
import socket
from pathlib import Path
from socket import SocketType
from typing import TYPE_CHECKING

from asterism.config import ConfigFile
from asterism.hostport import format_host_port
from asterism.media.ports import PortsExhaustedError
from asterism.media.sockets import family_of
from asterism.media.source import Address, SourceFilter, StrictMode
from asterism.media.udptl_port import UdptlPort
from asterism.media.udptl_settings import UdptlSettings
from asterism.traffic import mark_packets

if TYPE_CHECKING:
    from asterism.media.core import RtpContext

_IN_USE = (errno.EADDRINUSE, errno.EACCES)


class UdptlPorts:
    """Opens ports for T.38 and keeps those that are open.

    Attributes:
        settings: the options of ``udptl.conf`` in force.
        open_ports: those that are open.
        debug: whether each packet is logged (``udptl set debug``).
        debug_host: log only packets to and from this address, or this ``address:port``.
    """

    def __init__(self, rtp: RtpContext, settings: UdptlSettings | None = None) -> None:
        self._rtp = rtp
        self.log = rtp.log
        self.settings = settings or UdptlSettings()
        self.open_ports: dict[UdptlPort, None] = {}
        self._taken: set[tuple[str, int]] = set()
        self.debug = False
        self.debug_host = ""

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop that the ports run on."""
        return self._rtp.loop

    def configure(self, path: str | Path) -> None:
        """Read ``udptl.conf`` at ``path``; without the file the defaults hold. Open ports stay as they are.

        Raises:
            ConfigError: an option is wrong; nothing has changed then.
            ConfigErrors: the file's syntax is wrong; nothing has changed then.
        """
        self.settings = UdptlSettings.from_section(ConfigFile.load(path, missing_ok=True).options("general"))

    def open(self, host: str, *, symmetric: bool = False, tos: int = 0, cos: int = 0) -> UdptlPort:
        """Open a port; see :meth:`asterism.media.core.Media.open_udptl`."""
        rtp = self._rtp
        if not rtp.running:
            rtp.start()
        sock, port = self._bind(host)
        if tos or cos:
            try:
                mark_packets(sock, tos, cos)
            except OSError as error:
                self.log.warning("packets of %s:%d are not marked (tos %d, cos %d): %s", host, port, tos, cos, error)
        source = SourceFilter(StrictMode.YES, rtp.settings.probation, symmetric)
        opened = UdptlPort(self, sock, (host, port), source, self._closed)
        try:
            rtp.readiness.add(sock.fileno(), opened)
        except OSError:
            opened.close()
            raise
        self.open_ports[opened] = None
        return opened

    def _bind(self, host: str) -> tuple[SocketType, int]:
        """A socket on a free port, looked for from a random one on."""
        settings = self.settings
        family = family_of(host)
        step = 2 if settings.even_ports else 1
        ports = range(settings.start + (settings.start & 1 if settings.even_ports else 0), settings.end + 1, step)
        first = int.from_bytes(self._rtp.random(8), "big") * len(ports) >> 64
        for index in range(len(ports)):
            port = ports[(first + index) % len(ports)]
            if (host, port) in self._taken:
                continue
            sock = SocketType(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            try:
                if family == socket.AF_INET6:
                    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                sock.bind((host, port))
            except OSError as error:
                sock.close()
                if error.errno in _IN_USE:
                    continue
                raise
            self._taken.add((host, port))
            return sock, port
        raise PortsExhaustedError(f"all {len(ports)} UDPTL ports of {host} are in use; widen udptlstart-udptlend")

    def _closed(self, port: UdptlPort) -> None:
        self.open_ports.pop(port, None)
        self._taken.discard(port.local)

    def forget(self, descriptor: int) -> None:
        """A socket is about to be closed."""
        self._rtp.readiness.forget(descriptor)

    def log_packet(self, verb: str, address: Address, sequence: int, size: int) -> None:
        """Log one packet, if it is of the address that is watched."""
        where = format_host_port(*address)
        if self.debug_host and self.debug_host not in (where, address[0]):
            return
        direction = "to" if verb == "Sent" else "from"
        always = {"verbose": 0}
        self.log.info("%s UDPTL packet %s %s (seq %d, len %d)", verb, direction, where, sequence, size, extra=always)

    def set_debug(self, on: bool, host: str = "") -> None:
        """Log every packet, or only those of one address."""
        self.debug, self.debug_host = on, host

    def close(self) -> None:
        """Close every port."""
        for port in list(self.open_ports):
            port.close()
