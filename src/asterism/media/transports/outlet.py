"""Where the octets of a media transport leave: by its sockets to an address, or along the paths that ICE has found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.media import sockets
from asterism.media.source import Address
from asterism.media.transports.candidates import Base

if TYPE_CHECKING:
    from asterism.media.ports import PortPair

RTP, RTCP = 1, 2
"""The components of a transport, each with its port; with RTCP multiplexed there is the first only."""


class Outlet:
    """The sockets of a transport, and where the peer is.

    Attributes:
        finds_peer: whether ICE finds the peer: what others say of its address does not count.
        connected: the only address that the RTP socket takes packets from, and sends to.
        closed: whether nothing leaves any more.
    """

    __slots__ = ("_bases", "_pair", "_paths", "closed", "connected", "finds_peer")

    def __init__(self, pair: PortPair) -> None:
        self._pair = pair
        self._paths: dict[int, Address] = {}
        self._bases: dict[int, Base] = {}
        self.finds_peer = False
        self.connected: Address | None = None
        self.closed = False

    def path(self, component: int = RTP) -> Address | None:
        """Where the peer is by ICE; ``None`` where that has found nothing."""
        return self._paths.get(component)

    def by_relay(self, component: int = RTP) -> bool:
        """Whether the path goes through a TURN server."""
        base = self._bases.get(component)
        return base is not None and base.kind == "relay"

    def select(self, component: int, base: Base, remote: Address) -> None:
        """Take the path that ICE has found."""
        self._bases[component] = base
        self._paths[component] = remote

    def forget(self, *components: int) -> None:
        """There is no path for these components."""
        for number in components:
            self._paths.pop(number, None)
            self._bases.pop(number, None)

    def emit(self, data: memoryview | bytes, target: Address | None, component: int = RTP) -> None:
        """Send octets as they are to the peer, at ``target`` unless ICE knows better. Raises OSError."""
        if self.closed:
            raise BlockingIOError("the transport is closed")
        if self.finds_peer:
            target = self._paths.get(component)
            if target is not None and self.by_relay(component):
                self._bases[component].send(bytes(data), target)
                return
        if target is None:
            raise BlockingIOError("there is no way to the peer yet")
        if component == RTCP:
            self._pair.second.sendto(data, target)
        elif self.connected == target:
            self._pair.first.send(data)
        else:
            self._pair.first.sendto(data, target)

    def send_from(self, component: int, data: bytes, address: Address) -> None:
        """Send octets from the socket of a component, wherever the peer is. Raises OSError."""
        if not self.closed:
            (self._pair.first if component == RTP else self._pair.second).sendto(data, address)

    def connect(self, address: Address) -> None:
        """Have the system drop what comes to the RTP socket from elsewhere. Raises OSError."""
        self._pair.first.connect(address)
        self.connected = address

    def disconnect(self) -> None:
        """Take what comes from anywhere."""
        self.connected = None
        if not self.closed:
            sockets.disconnect(self._pair.first)
