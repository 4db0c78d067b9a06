"""Limits on connections in the TLS handshake or before login, and which one is closed when there are too many.

A stranger who only holds connections open must neither cost much nor keep others out. So they are limited together,
and when there is no room, the source that holds the most gives up its oldest one.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections import Counter
from collections.abc import Callable

from asterism.sources import source_of

HANDSHAKE_SECONDS = 5.0
"""How long a TLS handshake may take."""

_BACKLOG = 128
_ACCEPT_PAUSE = 0.5  # seconds, when the system gives no more descriptors


class Ticket:
    """The place of one connection in a :class:`WaitingRoom`."""

    __slots__ = ("_room", "evict", "source")

    def __init__(self, room: WaitingRoom, source: str, evict: Callable[[], object]) -> None:
        self._room = room
        self.source = source
        self.evict = evict

    def leave(self) -> None:
        """Give the place back; a second time is nothing."""
        self._room.tickets.pop(self, None)


class WaitingRoom:
    """At most ``limit()`` connections at a time."""

    def __init__(self, limit: Callable[[], int]) -> None:
        self._limit = limit
        self.tickets: dict[Ticket, None] = {}
        """The connections, the longest waiting first."""

    def enter(self, host: str, evict: Callable[[], object]) -> Ticket | None:
        """Let in a connection from ``host``; ``None`` when there is no room for it.

        ``evict`` closes the connection, when its place is needed for somebody else.
        """
        source = source_of(host)
        if len(self.tickets) >= self._limit() and not self._make_room(source):
            return None
        ticket = Ticket(self, source, evict)
        self.tickets[ticket] = None
        return ticket

    def _make_room(self, source: str) -> bool:
        held = Counter(ticket.source for ticket in self.tickets)
        heaviest, most = held.most_common(1)[0] if held else (source, 0)
        if held[source] + 1 >= most:
            return False
        oldest = next(ticket for ticket in self.tickets if ticket.source == heaviest)
        oldest.leave()
        oldest.evict()
        return True


class TlsListener:
    """Accepts TLS connections on one address.

    ``factory`` makes the protocol of each connection, whose ``connection_made`` is called once the handshake is done.
    Connections whose handshake is not done are limited in number by ``room`` and in time by
    :data:`HANDSHAKE_SECONDS`; one that there is no room for costs no more than to accept and close it.
    """

    def __init__(
        self,
        sock: socket.socket,
        context: ssl.SSLContext,
        factory: Callable[[], asyncio.BaseProtocol],
        room: WaitingRoom,
    ) -> None:
        self._sock = sock
        self._context = context
        self._factory = factory
        self._room = room
        self._handshakes: set[asyncio.Task[None]] = set()
        sock.setblocking(False)
        sock.listen(_BACKLOG)
        self._accepting = asyncio.get_running_loop().create_task(self._accept(), name="TLS listener")

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        """The listening sockets."""
        return (self._sock,)

    def close(self) -> None:
        """Stop listening and end the handshakes that are going on; connections that are open stay."""
        self._accepting.cancel()
        for task in self._handshakes:
            task.cancel()
        self._sock.close()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, address = await loop.sock_accept(self._sock)
            except OSError:
                await asyncio.sleep(_ACCEPT_PAUSE)
                continue
            connection.setblocking(False)
            ticket = self._room.enter(str(address[0]), connection.close)
            if ticket is None:
                connection.close()
                continue
            task = loop.create_task(self._handshake(connection, ticket), name="TLS handshake")
            ticket.evict = task.cancel
            self._handshakes.add(task)
            task.add_done_callback(self._handshakes.discard)

    async def _handshake(self, connection: socket.socket, ticket: Ticket) -> None:
        loop = asyncio.get_running_loop()
        try:
            with contextlib.suppress(OSError):  # also what goes wrong in TLS, and its time limit
                await loop.connect_accepted_socket(
                    self._factory, connection, ssl=self._context, ssl_handshake_timeout=HANDSHAKE_SECONDS
                )
        finally:
            ticket.leave()
