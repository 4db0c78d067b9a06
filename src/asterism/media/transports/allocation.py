"""A port at a TURN server that relays to us, by aioice's client (RFC 8656)."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from aioice.stun import TransactionError
from aioice.turn import DEFAULT_ALLOCATION_LIFETIME, TurnClientTcpProtocol, TurnClientUdpProtocol

from asterism.media.sockets import is_address
from asterism.media.transports.candidates import Address, Base, foundation, priority
from asterism.media.transports.ice_services import IceServices

_CHANNEL_REFRESH = 240
"""Seconds: a channel lasts ten minutes, but the permission that comes with it five (RFC 8656 9 and 12)."""
_MOST_PEERS = 64
"""Peers that one allocation has a channel for."""
_MOST_WAITING = 8
"""Packets that are kept for a peer until its channel is bound."""
_MOST_UNSENT = 65536
"""Octets that wait to be sent over TCP; further packets are lost, as they would be over UDP."""


class _Udp(TurnClientUdpProtocol):
    def datagram_received(self, data: bytes | str, addr: tuple[str, int]) -> None:
        _guarded(super().datagram_received, data, addr)


class _Tcp(TurnClientTcpProtocol):
    def datagram_received(self, data: bytes | str, addr: tuple[str, int]) -> None:
        _guarded(super().datagram_received, data, addr)


def guarded_client(server: Address, username: str, password: str, *, tcp: bool) -> _Udp | _Tcp:
    """A client that does not mind what is not well-formed."""
    made = _Tcp if tcp else _Udp
    return made(server, username, password, DEFAULT_ALLOCATION_LIFETIME, _CHANNEL_REFRESH)


def _guarded(receive: Callable[[Any, Any], None], data: bytes | str, address: tuple[str, int]) -> None:
    # What is not well-formed comes from a server that is not what it should be.
    with suppress(ValueError, IndexError, struct.error):
        receive(data, address)


class _Receiver(asyncio.DatagramProtocol):
    """Hands on what the client has received from peers."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        self._relay.received(data, (addr[0], addr[1]))


class Relay:
    """An allocation. To send to a peer binds a channel for it first; what is sent meanwhile is kept, a few packets.

    Attributes:
        component: which component of the transport it serves.
        address: the relayed address, which peers send to.
        mapped: how the server sees us.
    """

    def __init__(
        self,
        services: IceServices,
        component: int,
        client: _Udp | _Tcp,
        received: Callable[[Base, bytes, Address], None],
    ) -> None:
        assert client.relayed_address is not None
        assert client.mapped_address is not None
        self.component = component
        self.kind = "relay"
        self.address: Address = client.relayed_address
        self.mapped: Address = client.mapped_address
        self.foundation = foundation("relay", self.address[0])
        self.priority = priority("relay", component)
        self._services = services
        self._client = client
        self._received = received
        self._binding: dict[Address, deque[bytes]] = {}
        self._refreshing: set[Address] = set()
        self._closed = False
        client.receiver = _Receiver(self)

    @classmethod
    async def allocate(
        cls, services: IceServices, component: int, received: Callable[[Base, bytes, Address], None]
    ) -> Relay | None:
        """Ask the server of ``rtp.conf`` for a port; ``None``: it gives none, for which the log has the reason.

        ``received`` is told each packet that comes through it, with its source.
        """
        server = services.settings.turn
        if server is None:
            return None
        family = socket.AF_INET6 if is_address(server.host) and ":" in server.host else socket.AF_INET
        address = await services.address_of(server.host, server.port, family)
        if address is None:
            return None
        loop = services.loop
        client = guarded_client(address, server.username, server.password, tcp=server.tcp)
        transport: asyncio.BaseTransport | None = None
        try:
            if isinstance(client, _Tcp):
                transport, _ = await loop.create_connection(lambda: client, *address)
            else:
                transport, _ = await loop.create_datagram_endpoint(lambda: client, remote_addr=address)
            await client.connect()
        except (OSError, TransactionError) as error:
            services.log.warning("the TURN server %s:%d gives no port: %s", *address, error)
            if transport is not None:
                transport.close()
            return None
        except BaseException:
            if transport is not None:
                transport.close()
            raise
        return cls(services, component, client, received)

    def received(self, data: bytes, address: Address) -> None:
        """A packet of a peer came through the server."""
        if not self._closed:
            self._received(self, data, address)

    def send(self, data: bytes, address: Address) -> None:
        """Send a packet to a peer through the server; what cannot be sent is lost."""
        client = self._client
        channel = client.peer_to_channel.get(address)
        if self._closed or client.transport.is_closing():
            return
        if channel is None:
            self._bind(address, data)
            return
        if time.time() > client.channel_refresh_at[channel] and address not in self._refreshing:
            self._refreshing.add(address)
            self._services.run(self._refresh(address, channel))
        packet = struct.pack("!HH", channel, len(data)) + data
        if isinstance(client, _Udp):
            client.transport.sendto(packet)
        elif client.transport.get_write_buffer_size() < _MOST_UNSENT:
            client.transport.write(packet + bytes(-len(packet) % 4))

    def _bind(self, address: Address, data: bytes) -> None:
        waiting = self._binding.get(address)
        if waiting is not None:
            waiting.append(data)
        elif len(self._binding) + len(self._client.peer_to_channel) < _MOST_PEERS:
            self._binding[address] = deque((data,), maxlen=_MOST_WAITING)
            self._services.run(self._bound(address))

    async def _bound(self, address: Address) -> None:
        try:
            # The client binds a channel for the first packet to a peer.
            await self._client.send_data(self._binding[address].popleft(), address)
            for data in tuple(self._binding[address]):
                self.send(data, address)
        except (OSError, TransactionError) as error:
            self._services.log.debug("TURN: no channel to %s:%d: %s", *address, error)
        finally:
            del self._binding[address]

    async def _refresh(self, address: Address, channel: int) -> None:
        try:
            await self._client.channel_bind(channel, address)
            self._client.channel_refresh_at[channel] = time.time() + _CHANNEL_REFRESH
        except (OSError, TransactionError) as error:
            self._services.log.debug("TURN: the channel to %s:%d is not refreshed: %s", *address, error)
        finally:
            self._refreshing.discard(address)

    def close(self) -> None:
        """Give the port back."""
        if not self._closed:
            self._closed = True
            self._services.run(self._client.delete())
