"""SIP over UDP."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Any

from asterism.stack.flow import Flow
from asterism.stack.short_names import shorten
from asterism.transport import stun
from asterism.transport.base import Receive, Transport, bind_socket, plain_address, source_address
from asterism.transport.datagrams import MAX_WAITING, TOGETHER, DatagramSender
from asterism.transport.settings import TransportSettings
from asterism.transport.undelivered import error_queue

_BATCH = 64
"""Datagrams read per wake-up: enough to amortise it, few enough to keep RTP and timers going."""
_MAX_DATAGRAM = 65_535
_MAX_FLOWS = 16_384
"""Peers whose flow objects are kept for reuse."""
_RECEIVE_BUFFER = 1_048_576
"""Socket buffer asked for: a burst of registrations must survive one slow callback."""

Undelivered = Callable[[bytes, Flow], object]


class UdpFlow(Flow):
    """One peer address as seen by one UDP socket."""

    __slots__ = ("_looked_up", "_sender", "_udp", "address")

    def __init__(self, udp: UdpTransport, address: tuple[Any, ...]) -> None:
        # Not through the base class: one is made for every new peer, and the local address may have to be looked up.
        self.transport = "UDP"
        self.remote = (plain_address(address[0]) if udp.settings.dual_stack else address[0], address[1])
        self.reliable = False
        self.secure = False
        self.name = udp.name
        self.closed = udp.closed
        self.on_error = []
        self.sent_by = ""
        self.transactions = None
        self._udp = udp
        self._sender = udp.sender
        self.address = address
        """The peer's address in the form of the socket calls."""
        self._looked_up: tuple[str, int] | None = udp.fixed_local

    @property
    def local(self) -> tuple[str, int]:
        """Our address and port towards this peer; for a wildcard bind what the routing table says."""
        local = self._looked_up
        if local is None:
            family = socket.AF_INET6 if ":" in self.remote[0] else socket.AF_INET
            local = self._looked_up = (source_address(family, self.remote), self._udp.port)
        return local

    @local.setter
    def local(self, value: tuple[str, int]) -> None:
        self._looked_up = value
        self.sent_by = ""

    def send(self, data: bytes) -> None:
        """Send one datagram, with what else is sent before the loop turns; see :class:`Flow`."""
        udp = self._udp
        if udp.closed:
            self.closed = True
            self.failed(OSError("the transport is closed"))
            return
        if udp.settings.compact_headers:
            data = shorten(data)
        if udp.trace is not None:
            udp.trace("out", data, self)
        sender = self._sender
        waiting = sender.waiting
        if sender.blocked:
            if len(waiting) < MAX_WAITING:
                waiting.append((data, self))
            else:
                udp.counters["dropped"] += 1
            return
        if not waiting and not sender.reading:
            sender.call_soon(sender.flush)
        waiting.append((data, self))
        if len(waiting) >= TOGETHER:
            sender.flush()


class UdpTransport(Transport):
    """A bound UDP socket that is read by the loop, many datagrams per wake-up.

    Args:
        settings: the section.
        loop: the running loop.
        receive: takes each datagram with its flow and the loop's time.
        log: for what a callback raises.
        undelivered: takes the beginning of each datagram that an ICMP error came for, and its flow; only systems with
            ``IP_RECVERR`` (Linux) tell.

    Raises:
        BindError: the address cannot be had.
    """

    __slots__ = (
        "_errors",
        "_flows",
        "_log",
        "_loop",
        "_receive",
        "_socket",
        "_undelivered",
        "fixed_local",
        "sender",
    )

    def __init__(
        self,
        settings: TransportSettings,
        loop: asyncio.AbstractEventLoop,
        receive: Receive,
        log: logging.Logger,
        undelivered: Undelivered | None = None,
    ) -> None:
        super().__init__(settings)
        self._socket = bind_socket(settings, socket.SOCK_DGRAM)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        except OSError:
            log.debug("transport %s: the receive buffer stays at its default", settings.name)
        self.port = self._socket.getsockname()[1]
        self.fixed_local: tuple[str, int] | None = None
        if not settings.address.is_unspecified:
            self.fixed_local = (self.host, self.port)
        self._loop = loop
        self._receive = receive
        self._log = log
        self._flows: dict[tuple[Any, ...], UdpFlow] = {}
        self.sender = DatagramSender(self._socket, loop, self.counters)
        """Sends the datagrams of all flows."""
        self._undelivered = undelivered
        loop.add_reader(self._socket.fileno(), self._readable)
        self._errors = None if undelivered is None else error_queue(self._socket, loop, self._came_back, self._rearm)
        self.sender.errors = self._errors

    def flow_to(self, host: str, port: int, server_name: str = "") -> UdpFlow:
        """The flow to a numeric address; see the base class."""
        del server_name
        address: tuple[Any, ...] = (host, port)
        if self.settings.dual_stack and ":" not in host:
            address = (f"::ffff:{host}", port, 0, 0)
        elif self.family == socket.AF_INET6:
            # The form in which recvfrom reports it, scope included.
            try:
                address = socket.getaddrinfo(host, port, socket.AF_INET6, socket.SOCK_DGRAM, 0, socket.AI_NUMERICHOST)[
                    0
                ][4]
            except OSError:
                address = (host, port, 0, 0)
        return self._flows.get(address) or self._new_flow(address)

    def sent_by(self, flow: Flow) -> str:
        """See the base class; the flow remembers it as long as the settings stay."""
        found = super().sent_by(flow)
        if isinstance(flow, UdpFlow) and self._flows.get(flow.address) is flow:
            flow.sent_by = found
        return found

    def update(self, settings: TransportSettings) -> None:
        """Take other settings; see the base class."""
        super().update(settings)
        self._forget_sent_by()

    def _forget_sent_by(self) -> None:
        for flow in self._flows.values():
            flow.sent_by = ""

    def _came_back(self, quote: bytes, address: tuple[Any, ...]) -> None:
        """An ICMP error came for a datagram of ours."""
        self.counters["errors"] += 1
        flow = self._flows.get(address)
        if flow is not None and self._undelivered is not None:
            self._undelivered(quote, flow)

    def _rearm(self) -> None:
        """Have the loop watch the socket again: uvloop stops watching after an error."""
        if not self.closed:
            descriptor = self._socket.fileno()
            self._loop.remove_reader(descriptor)
            self._loop.add_reader(descriptor, self._readable)
            self.sender.rearm()

    def close(self) -> None:
        """Stop; see the base class."""
        if self.closed:
            return
        self.closed = True
        self.sender.close()
        if self._errors is not None:
            self._errors.close()
        descriptor = self._socket.fileno()
        self._loop.remove_reader(descriptor)
        self._loop.remove_writer(descriptor)
        self._socket.close()
        flows = list(self._flows.values())
        self._flows.clear()
        for flow in flows:
            flow.closed = True
            flow.sent_by = ""
            flow.failed(None)

    def _new_flow(self, address: tuple[Any, ...]) -> UdpFlow:
        flows = self._flows
        if len(flows) >= _MAX_FLOWS:
            # All at once: to find the oldest again and again would cost more than to make them anew.
            self._forget_sent_by()
            flows.clear()
        flow = flows[address] = UdpFlow(self, address)
        return flow

    def _readable(self) -> None:
        self.sender.reading = True
        receive_from = self._socket.recvfrom
        flows = self._flows
        counters = self.counters
        now = self._loop.time()
        for _ in range(_BATCH):
            try:
                data, address = receive_from(_MAX_DATAGRAM)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:
                # An ICMP error about an earlier datagram; the queue knows which one.
                if self._errors is None:
                    counters["errors"] += 1
                else:
                    self._errors.take()
                    if self.closed:
                        break
                continue
            counters["received"] += 1
            if data < b"!" and self._kept_alive(data, address):
                counters["keepalives"] += 1
                continue
            flow = flows.get(address) or self._new_flow(address)
            if self.trace is not None:
                self.trace("in", data, flow)
            try:
                self._receive(data, flow, now)
            except Exception:
                self._log.exception("transport %s: a datagram from %s was not handled", self.name, flow.remote)
            if self.closed:
                break
        self.sender.reading = False
        if self.sender.waiting:
            self.sender.flush()

    def _kept_alive(self, data: bytes, address: tuple[Any, ...]) -> bool:
        """Whether a datagram that begins with no letter is a keep-alive; one by STUN is answered."""
        if len(data) < 32 and not data.strip(b"\r\n\t\0 "):
            return True
        reply = stun.answer(data, plain_address(address[0]), address[1])
        if reply is None:
            return False
        (self._flows.get(address) or self._new_flow(address)).send(reply)
        return True
