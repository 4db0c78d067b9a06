"""A port at a TURN server that relays to us, by aioice's client (RFC 8656)."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from aioice.stun import Message, Method, TransactionError
from aioice.turn import DEFAULT_ALLOCATION_LIFETIME, TurnClientTcpProtocol, TurnClientUdpProtocol

from asterism.media.sockets import is_address
from asterism.media.transports.candidates import Address, Base, foundation, plausible, priority
from asterism.media.transports.ice_services import IceServices

_CHANNEL_REFRESH = 240
"""Seconds: a channel lasts ten minutes, but the permission that comes with it five (RFC 8656 9 and 12)."""
_TRIED_AGAIN = 30.0
"""Seconds after which a channel is refreshed again, when the server has not done it."""
_SHORTEST = 60
"""Seconds that an allocation lasts at least; who gives less would have to be asked all the time."""
_GIVING_BACK = 5.0
"""Seconds that a server is asked to take a port back; then it ends by itself (RFC 8656 6)."""
_MOST_PEERS = 64
"""Peers that one allocation has a channel for."""
_MOST_WAITING = 8
"""Packets that are kept for a peer until its channel is bound."""
_MOST_UNSENT = 65536
"""Octets that wait to be sent over TCP; further packets are lost, as they would be over UDP."""


class _Calm:
    """What a server that is not what it should be makes of a client: an error of the kind that is expected."""

    def datagram_received(self, data: bytes | str, addr: tuple[str, int]) -> None:
        with suppress(ValueError, IndexError, struct.error):
            super().datagram_received(data, addr)  # type: ignore[misc]

    async def request_with_retry(self, request: Message) -> tuple[Message, Address]:
        given_back = request.attributes.get("LIFETIME") == 0
        try:
            response: Message
            response, address = await super().request_with_retry(request)  # type: ignore[misc]
        except (ValueError, struct.error) as error:  # its nonce or realm is of no use
            raise ConnectionError(f"its answer is of no use: {error}") from error
        lifetime = response.attributes.get("LIFETIME", _SHORTEST)
        if request.message_method in (Method.ALLOCATE, Method.REFRESH) and lifetime < _SHORTEST and not given_back:
            raise ConnectionError(f"it gives a port for {lifetime} seconds")
        return response, address


class _Udp(_Calm, TurnClientUdpProtocol):
    """Over UDP."""


class _Tcp(_Calm, TurnClientTcpProtocol):
    """Over TCP."""


def guarded_client(server: Address, username: str, password: str, *, tcp: bool) -> _Udp | _Tcp:
    """A client that does not mind what is not well-formed."""
    made = _Tcp if tcp else _Udp
    return made(server, username, password, DEFAULT_ALLOCATION_LIFETIME, _CHANNEL_REFRESH)


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
        self._tasks: set[asyncio.Task[None]] = set()
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
        relay = cls(services, component, client, received)
        if not plausible(relay.address, loopback=services.settings.loopback):
            services.log.warning("the TURN server %s:%d gives a port at '%s', where nobody is", *address, relay.address)
            relay.close()
            return None
        return relay

    @property
    def usable(self) -> bool:
        """Whether packets go through it: neither was it given back nor did the server refuse to let us keep it."""
        return not self._closed and not self._client.transport.is_closing()

    def received(self, data: bytes, address: Address) -> None:
        """A packet of a peer came through the server."""
        if not self._closed:
            self._received(self, data, address)

    def send(self, data: bytes, address: Address) -> None:
        """Send a packet to a peer through the server; what cannot be sent is lost."""
        client = self._client
        channel = client.peer_to_channel.get(address)
        if not self.usable:
            return
        if channel is None:
            self._bind(address, data)
            return
        if time.time() > client.channel_refresh_at[channel] and address not in self._refreshing:
            self._refreshing.add(address)
            self._run(self._refresh(address, channel))
        packet = struct.pack("!HH", channel, len(data)) + data
        if isinstance(client, _Udp):
            client.transport.sendto(packet)
        elif client.transport.get_write_buffer_size() < _MOST_UNSENT:
            client.transport.write(packet + bytes(-len(packet) % 4))

    def _run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run something that ends with this allocation."""
        task = self._services.run(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _bind(self, address: Address, data: bytes) -> None:
        waiting = self._binding.get(address)
        if waiting is not None:
            waiting.append(data)
        elif len(self._binding) + len(self._client.peer_to_channel) < _MOST_PEERS:
            self._binding[address] = deque((data,), maxlen=_MOST_WAITING)
            self._run(self._bound(address))

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
        again = _TRIED_AGAIN
        try:
            await self._client.channel_bind(channel, address)
            again = _CHANNEL_REFRESH
        except (OSError, TransactionError) as error:
            self._services.log.debug("TURN: the channel to %s:%d is not refreshed: %s", *address, error)
        finally:
            self._client.channel_refresh_at[channel] = time.time() + again
            self._refreshing.discard(address)

    def close(self) -> None:
        """Give the port back."""
        if not self._closed:
            self._closed = True
            for task in self._tasks:
                task.cancel()
            self._services.run(self._give_back())

    async def _give_back(self) -> None:
        with suppress(TimeoutError, OSError, TransactionError):
            async with asyncio.timeout(_GIVING_BACK):
                await self._client.delete()
