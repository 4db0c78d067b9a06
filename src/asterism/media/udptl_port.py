"""One leg's UDPTL port: IFP packets of T.38 to and from a far end, over a socket of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from socket import SocketType
from typing import TYPE_CHECKING

from asterism.media.ifp_port import IfpPort
from asterism.media.sockets import family_of
from asterism.media.source import Address, SourceFilter
from asterism.media.udptl import LONGEST_DATAGRAM, ErrorCorrection, UdptlReceiver, UdptlSender

if TYPE_CHECKING:
    from asterism.media.udptl_ports import UdptlPorts

_BATCH = 16
"""Datagrams read in one wake-up."""
_GAP = 0.1
"""Seconds that IFP packets wait for one before them that is missing."""


class UdptlPort(IfpPort):
    """A port for T.38, from :meth:`asterism.media.core.Media.open_udptl`.

    Packets from where the far end's description says are taken, or, once some came in sequence, from another address
    while none has come from there. Others are dropped.

    Attributes:
        local: address and port that it is bound to.
        sent: packets sent.
        receiver: what has come, with its counts.
    """

    __slots__ = (
        "_awaited", "_context", "_give_back", "_heard", "_number", "_source", "_timer", "local", "receiver", "sender",
        "sent", "sock",
    )  # fmt: skip

    def __init__(
        self,
        context: UdptlPorts,
        sock: SocketType,
        local: Address,
        source: SourceFilter,
        give_back: Callable[[UdptlPort], None],
    ) -> None:
        super().__init__()
        self._context = context
        self._source = source
        self._give_back = give_back
        self.sock = sock
        self._number = sock.fileno()
        self.local = local
        settings = context.settings
        self.sender = UdptlSender(ErrorCorrection.NONE, settings.entries, settings.span)
        self.receiver = UdptlReceiver()
        self.sent = 0
        self._heard: Address | None = None
        """Whose packets the receiver has."""
        self._awaited: int | None = None
        """What the timer waits for."""
        self._timer: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"<UdptlPort {self.local[0]}:{self.local[1]}>"

    @property
    def remote(self) -> Address | None:
        """Where packets are sent to; ``None``: nowhere yet."""
        return self._source.target

    def set_remote(self, host: str, port: int) -> None:
        """Send to where the far end's description says, and take packets from there.

        Raises:
            ValueError: ``host`` is no IP address of the socket's family.
        """
        if family_of(host) != self.sock.family:
            raise ValueError(f"{host} cannot be reached from {self.local[0]}")
        if (host, port) != self._source.signalled:
            self._source.set_signalled((host, port), self._context.loop.time())

    def set_terms(self, correction: ErrorCorrection, largest: int) -> None:
        """Protect what is sent as the far end has agreed to; ``largest`` is its largest datagram in octets."""
        settings = self._context.settings
        self.sender.set_up(correction, settings.entries, settings.span, largest)

    def write(self, ifp: bytes, times: int = 1) -> None:
        """Send an IFP packet, ``times`` times over where much depends on it; dropped while it is not known where to."""
        target = self._source.target
        if self.closed or target is None:
            return
        try:
            sequence, data = self.sender.packet(ifp)
            for _ in range(times):
                self.sock.sendto(data, target)
        except (OSError, ValueError) as error:
            self._context.log.debug("a UDPTL packet to %s:%d is not sent: %s", *target, error)
            return
        self.sent += times
        if self._context.debug:
            self._context.log_packet("Sent", target, sequence, len(data))

    def skip(self) -> None:
        """See :class:`~asterism.media.ifp_port.IfpPort`."""
        self.sender.skip()

    # Reader (of Readiness)

    def on_readable(self, now: float) -> None:
        """Take in what has come."""
        del now
        for _ in range(_BATCH):
            if self.closed:
                return
            try:
                data, address = self.sock.recvfrom(LONGEST_DATAGRAM)
            except BlockingIOError:
                return
            except OSError as error:  # ICMP errors of earlier sends, for instance
                self._context.log.debug("reading %r: %s", self, error)
                return
            if len(data) >= 3:
                self._take(data, (address[0], address[1]))

    def _take(self, data: bytes, address: Address) -> None:
        sequence = data[0] << 8 | data[1]
        if not self._source.check(address, sequence):
            return
        if self._context.debug:
            self._context.log_packet("Got", address, sequence, len(data))
        if address != self._heard:
            if self._heard is not None:
                self.receiver.begin()
            self._heard = address
        self._give(self.receiver.take(data))
        self._wait()

    def _wait(self) -> None:
        """Wait a moment for what is missing, from when others began to wait for it."""
        awaited = None if self.closed else self.receiver.awaited
        if awaited == self._awaited:
            return
        self._awaited = awaited
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if awaited is None else self._context.loop.call_later(_GAP, self._give_up)

    def _give_up(self) -> None:
        """What is missing does not come any more."""
        self._timer = self._awaited = None
        if not self.closed:
            self._give(self.receiver.flush())
            self._wait()

    def _give(self, packets: list[tuple[int, bytes]]) -> None:
        for sequence, ifp in packets:
            self.give(sequence, ifp)

    def close(self) -> None:
        """Free the socket; harmless when done before."""
        if self.closed:
            return
        super().close()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._context.forget(self._number)
        self.sock.close()
        self._give_back(self)
