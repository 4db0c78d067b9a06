"""Candidates that servers give: how others see our sockets (STUN), ports that relay to us (TURN) (RFC 8445 5.1.1)."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from functools import partial

from aioice.stun import Class, Message

from asterism.media.transports import stun
from asterism.media.transports.allocation import Relay
from asterism.media.transports.candidates import Address, Base, LocalCandidate, foundation, plausible, priority
from asterism.media.transports.ice_services import IceServices
from asterism.media.transports.ice_settings import TurnServer
from asterism.media.transports.stun import Transaction

_WAIT = 2.0
"""Seconds that a description waits for candidates at most."""
_KEEP_INTERVAL = 15.0
"""Seconds after which a server is asked again, so that a NAT keeps the port open until a path is found."""
_MOST_KEPT = 20
"""How often at most: the peer has five minutes to answer."""
_NOWHERE = ("0.0.0.0", 9), ("::", 9)
"""What is told as the address behind a candidate where that is nobody's business (RFC 8839 5.1), by family."""


class Gathering:
    """What is asked of servers for one agent.

    Attributes:
        candidates: what was found.
        relays: the allocations, as what checks can be sent from.
        done: whether everything was asked for.
    """

    def __init__(
        self, services: IceServices, bases: Sequence[Base], received: Callable[[Base, bytes, Address], None]
    ) -> None:
        """``received`` is told what comes through a TURN server."""
        self.candidates: list[LocalCandidate] = []
        self.relays: list[Relay] = []
        self.done = False
        self._services = services
        self._bases = bases
        self._received = received
        self._running: asyncio.Future[None] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._asked: dict[bytes, tuple[Transaction, Address, asyncio.Future[Address | None]]] = {}
        self._keeping: asyncio.TimerHandle | None = None
        self._kept = 0
        self._servers: list[tuple[Base, Address]] = []
        self._closed = False

    @property
    def usable(self) -> list[LocalCandidate]:
        """The candidates, but for ports at a TURN server that are gone."""
        gone = {relay.address for relay in self.relays if not relay.usable}
        return [one for one in self.candidates if one.kind != "relay" or one.address not in gone]

    async def run(self, components: Sequence[int]) -> None:
        """Ask all servers for candidates of ``components``; whoever comes meanwhile waits for the same."""
        if self._running is None:
            self._running = asyncio.ensure_future(self._run(components))
        await asyncio.shield(self._running)

    def renew(self) -> None:
        """Have :meth:`run` ask again: there is no path, and perhaps the servers see us elsewhere now."""
        if self.done and not self._closed:
            self._running, self.done = None, False

    async def _run(self, components: Sequence[int]) -> None:
        settings = self._services.settings
        self._servers.clear()
        self.candidates = [one for one in self.candidates if one.kind == "relay"]
        relayed = {relay.component for relay in self.relays if relay.usable}
        tasks = self._tasks = []
        for base in self._bases:
            if base.component not in components:
                continue
            if settings.stun is not None:
                tasks.append(self._services.run(self._reflexive(base, *settings.stun)))
            if settings.turn is not None and base.component not in relayed:
                tasks.append(self._services.run(self._relayed(base, settings.turn)))
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=_WAIT)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
        self.done = True
        if self._servers and not self._closed:
            self.end_keeping()
            self._keeping = self._services.loop.call_later(_KEEP_INTERVAL, self._keep)

    async def _server(self, base: Base, host: str, port: int) -> tuple[Address, str] | None:
        """A server's address, and ours towards it; ``None`` where it must not be asked from there, or is not found."""
        family = socket.AF_INET6 if ":" in base.address[0] else socket.AF_INET
        server = await self._services.address_of(host, port, family)
        if server is None or self._closed:
            return None
        local = self._services.source(base.address[0], server)
        return (server, local) if self._services.settings.stun_rules.allows(local) else None

    async def _reflexive(self, base: Base, host: str, port: int) -> None:
        """How the STUN server sees a socket."""
        asked = await self._server(base, host, port)
        if asked is None:
            return
        server, local = asked
        found = await self._ask(base, server)
        if found is None:
            self._services.log.info("the STUN server %s:%d does not answer", *server)
            return
        self._servers.append((base, server))
        services, number = self._services, base.component
        if found == (local, base.address[1]) or not plausible(found, loopback=services.settings.loopback):
            return
        if services.hides(found[0]) or (":" in found[0]) != (":" in local):
            return
        related = (local, base.address[1])
        if services.hides(local):
            related = _NOWHERE[":" in local]
        origin = found[0] if services.hides(local) else local
        self.candidates.append(
            LocalCandidate(number, "srflx", found, foundation("srflx", origin), priority("srflx", number), related)
        )

    async def _ask(self, base: Base, server: Address) -> Address | None:
        message = stun.request()
        answer: asyncio.Future[Address | None] = self._services.loop.create_future()

        def unanswered(_transaction: Transaction) -> None:
            if not answer.done():
                answer.set_result(None)

        message.add_fingerprint()
        transaction = Transaction(
            self._services.loop, message, bytes(message), partial(self._send, base, server), unanswered,
            sends=4, wait=0.2,
        )  # fmt: skip
        self._asked[message.transaction_id] = transaction, server, answer
        try:
            return await answer
        finally:
            transaction.end()
            del self._asked[message.transaction_id]

    def _send(self, base: Base, server: Address, data: bytes) -> None:
        base.send(data, server)

    def response_received(self, message: Message, address: Address) -> None:
        """Take an answer of a STUN server."""
        asked = self._asked.get(message.transaction_id)
        if asked is not None and asked[1] == address and not asked[2].done():
            found = message.attributes.get("XOR-MAPPED-ADDRESS") if message.message_class is Class.RESPONSE else None
            asked[2].set_result(found)

    async def _relayed(self, base: Base, server: TurnServer) -> None:
        """A port at the TURN server."""
        if await self._server(base, server.host, server.port) is None:
            return
        relay = await Relay.allocate(self._services, base.component, self._received)
        if relay is None:
            return
        if self._closed:
            relay.close()
            return
        self.relays.append(relay)
        related = relay.mapped
        if self._services.hides(related[0]):
            related = _NOWHERE[":" in related[0]]
        self.candidates.append(
            LocalCandidate(relay.component, "relay", relay.address, relay.foundation, relay.priority, related)
        )

    def _keep(self) -> None:
        self._kept += 1
        self._keeping = None
        if self._kept <= _MOST_KEPT:
            self._keeping = self._services.loop.call_later(_KEEP_INTERVAL, self._keep)
            for base, server in self._servers:
                message = stun.request()
                message.add_fingerprint()
                base.send(bytes(message), server)

    def end_keeping(self) -> None:
        """There is a path, whose own checks keep the port open."""
        if self._keeping is not None:
            self._keeping.cancel()
            self._keeping = None

    def close(self) -> None:
        """Give back all allocations and ask for nothing more."""
        self._closed = True
        self.end_keeping()
        for task in self._tasks:
            task.cancel()
        for transaction, _, answer in self._asked.values():
            transaction.end()
            if not answer.done():
                answer.set_result(None)
        for relay in self.relays:
            relay.close()
