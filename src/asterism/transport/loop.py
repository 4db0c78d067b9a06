"""The stack on an event loop: transports bound, messages in, timers fired."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from asterism.stack.resolver import FailedTargets
from asterism.stack.timers import TimerQueue
from asterism.stack.transactions import TimerConfig, TransactionLayer
from asterism.stack.uri import format_host_port
from asterism.transport.base import Trace, Transport
from asterism.transport.dns import DnsResolver
from asterism.transport.errors import BindError, NoTransportError
from asterism.transport.tcp import TcpTransport
from asterism.transport.tls import TlsTransport
from asterism.transport.udp import UdpTransport

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asterism.stack.flow import Flow
    from asterism.stack.transactions import StackUser
    from asterism.transport.settings import TransportSettings


class TransportManager:
    """Owns the transports, the timer queue and the transaction layer of one server.

    Works on any asyncio loop that has ``add_reader`` (asyncio's own, uvloop). Whatever a callback of the user raises is
    logged once and stops nothing else.

    Args:
        user: takes what arrives; it may be set later through ``layer.user``, before anything is bound.
        config: timers and limits of the transactions.
        loop: the loop to run on; by default the running one.
        log: for what goes wrong.

    Attributes:
        layer: the transaction layer.
        timers: its timers; others may use them too.
        transports: by section id.
        bound: flows that are the only way to a contact (RFC 5626, RFC 7118), by what it is known by; whoever binds one
            takes it out.
        failed: targets of names that did not answer lately.
    """

    def __init__(
        self,
        user: StackUser,
        config: TimerConfig | None = None,
        *,
        loop: asyncio.AbstractEventLoop | None = None,
        log: logging.Logger | None = None,
    ) -> None:
        self.loop = loop or asyncio.get_running_loop()
        self.log = log or logging.getLogger("asterism.transport")
        self.timers = TimerQueue(self.loop.time)
        self.timers.on_earliest = self._arm
        self.layer = TransactionLayer(config or TimerConfig(), self.timers, user)
        self.layer.sent_by = self._sent_by
        self.layer.response_flow = self._response_flow
        self.transports: dict[str, Transport] = {}
        self._trace: Trace | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = 0.0
        self._firing = False
        self.bound: dict[str, Flow] = {}
        self.failed = FailedTargets(self.loop.time)
        self._keep_alive = 0.0
        self._resolver: DnsResolver | None = None
        self._name_servers: tuple[tuple[str, int], ...] = ()
        self._hosts: str | None = None

    @property
    def on_trace(self) -> Trace | None:
        """Called as ``on_trace(direction, data, flow)`` with every message, ``"in"`` or ``"out"``; ``None`` is off."""
        return self._trace

    @on_trace.setter
    def on_trace(self, trace: Trace | None) -> None:
        self._trace = trace
        for transport in self.transports.values():
            transport.trace = trace

    async def bind(self, settings: TransportSettings) -> Transport:
        """Bind one section.

        Raises:
            BindError: the address cannot be had, the name is taken, or the protocol is not one of ours.
        """
        address = format_host_port(settings.host, settings.port)
        if settings.name in self.transports:
            raise BindError(settings.name, settings.protocol, address, "there is a transport of that name already")
        transport: Transport
        if settings.protocol == "udp":
            transport = UdpTransport(settings, self.loop, self.layer.receive, self.log, self.layer.undelivered)
        elif settings.protocol in ("tcp", "tls"):
            kind = TlsTransport if settings.protocol == "tls" else TcpTransport
            transport = listener = kind(settings, self.loop, self.layer.receive, self.timers, self.log)
            await listener.start()
            listener.keep_alive(self._keep_alive)
        else:
            raise BindError(settings.name, settings.protocol, address, "unknown protocol")
        transport.trace = self._trace
        self.transports[settings.name] = transport
        return transport

    def add(self, transport: Transport) -> None:
        """Take in a transport whose connections come from elsewhere (WebSockets).

        Raises:
            BindError: the name is taken.
        """
        if transport.name in self.transports:
            raise BindError(transport.name, transport.protocol, "", "there is a transport of that name already")
        transport.trace = self._trace
        self.transports[transport.name] = transport

    def keep_alive(self, interval: float) -> None:
        """Send keep-alives over every TCP and TLS connection each ``interval`` seconds; 0 for none (RFC 5626)."""
        self._keep_alive = interval
        for transport in self.transports.values():
            if isinstance(transport, TcpTransport):
                transport.keep_alive(interval)

    def use_name_servers(self, addresses: Sequence[tuple[str, int]], *, hosts: str | None = None) -> None:
        """Ask these name servers instead of the system's; none for the system's.

        Args:
            addresses: numeric addresses and ports.
            hosts: a file in the form of ``/etc/hosts`` that comes before them; ``""`` for none. By default the
                system's where the system's name servers are used.
        """
        if self._resolver is not None:
            self._resolver.close()
            self._resolver = None
        self._name_servers = tuple(addresses)
        self._hosts = hosts

    @property
    def resolver(self) -> DnsResolver:
        """Turns names into targets (RFC 3263); made when the first name comes up."""
        if self._resolver is None:
            self._resolver = DnsResolver(self._name_servers, hosts=self._hosts, log=self.log)
        return self._resolver

    def unbind(self, name: str) -> None:
        """Close the transport of a section; harmless if there is none."""
        transport = self.transports.pop(name, None)
        if transport is not None:
            transport.close()

    def flow_for(self, host: str, port: int, protocol: str = "udp", name: str = "", server_name: str = "") -> Flow:
        """A flow to a numeric address; never waits (a connection is opened while the first message is kept).

        Args:
            host: numeric address, IPv6 without brackets.
            port: the port.
            protocol: ``udp``, ``tcp`` or ``tls``; not looked at when ``name`` is given.
            name: id of the section to send from; ``""`` takes the first that fits.
            server_name: for TLS: the host name that led to the address, to check the certificate against.

        Raises:
            NoTransportError: nothing bound fits.
        """
        family_wanted = 6 if ":" in host else 4
        if name:
            transport = self.transports.get(name)
            if transport is None:
                raise NoTransportError(f"there is no transport '{name}'")
            return transport.flow_to(host, port, server_name)
        protocol = protocol.lower()
        for transport in self.transports.values():
            if transport.protocol == protocol and family_wanted in transport.settings.versions:
                return transport.flow_to(host, port, server_name)
        raise NoTransportError(f"no {protocol} transport for IPv{family_wanted}")

    def close(self) -> None:
        """Close all transports and stop the timers."""
        for name in list(self.transports):
            self.unbind(name)
        if self._resolver is not None:
            self._resolver.close()
        self.timers.on_earliest = None
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _sent_by(self, flow: Flow) -> str:
        if flow.sent_by:
            return flow.sent_by
        transport = self.transports.get(flow.name)
        return format_host_port(*flow.local) if transport is None else transport.sent_by(flow)

    def _response_flow(self, flow: Flow, host: str, port: int, server_name: str = "") -> Flow:
        transport = self.transports.get(flow.name)
        return flow if transport is None else transport.flow_to(host, port, server_name)

    def _arm(self, when: float) -> None:
        """A timer became the earliest."""
        if self._firing:
            return
        if self._alarm is not None:
            if self._alarm_at <= when:
                return
            self._alarm.cancel()
        self._alarm_at = when
        self._alarm = self.loop.call_at(when, self._fire)

    def _fire(self) -> None:
        self._alarm = None
        self._firing = True
        # Loops round: the alarm may come a moment early, and would then be set again for the same time.
        now = max(self.loop.time(), self._alarm_at)
        while True:
            try:
                self.timers.handle_timers(now)
                break
            except Exception:
                self.log.exception("a timer's callback failed")
        self._firing = False
        when = self.timers.next_timer()
        if when is not None and self.timers.on_earliest is not None:
            self._arm(when)
