"""The module of realtime peers: families of ``extconfig.conf`` that make peers of ``sip.conf``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from asterism.applications.qualify import QualifyModule
from asterism.chan_sip.backend import SipConfSource
from asterism.chan_sip.module import ChanSip
from asterism.chan_sip.objects.peer import SipPeer
from asterism.chan_sip.realtime.keeping import Keeping
from asterism.chan_sip.realtime.peers import (
    MADE,
    PEERS,
    REGISTRATIONS,
    SOURCE,
    USERS,
    MadeBackend,
    PeerBackend,
    RealtimePeers,
    is_realtime,
)
from asterism.chan_sip.realtime.registrations import Registrations
from asterism.chan_sip.realtime.rows import Registration, registration_of, unknown_columns
from asterism.chan_sip.realtime.tables import Family
from asterism.core.errors import ConfigError, ModuleError
from asterism.core.module import Module
from asterism.data.errors import DataUnavailableError
from asterism.data.realtime.module import RealtimeModule
from asterism.sip.contacts import Contact
from asterism.sip.objects import Aor, Endpoint
from asterism.sip.server import SipServer

if TYPE_CHECKING:
    from asterism.data.backends import Backend
    from asterism.data.options import ConfiguredObject

INTERVAL = 1.0
"""Seconds between looks at ages."""
GOODBYE = 2.0
"""Seconds that stopping waits, at most, for registrations to be written."""
AT_ONCE = 100
"""Peers that are read together at start."""
ABSENT_SECONDS = 5.0
"""How long an address of no peer is not asked for again."""
MAX_ABSENT = 10_000


class SipRealtime:
    """The peers of databases, for commands, actions and identification.

    ``active`` is off where ``extconfig.conf`` has no family for them: everything then answers that there are none.
    """

    def __init__(self, server: SipServer, source: SipConfSource, families: dict[str, Family]) -> None:
        self._server = server
        self._families = families
        self.active = bool(families[PEERS] or families[USERS])
        location = server.sip.location
        self.keeping = Keeping(server.data, time.monotonic, lambda: location.wall_clock())
        separate = bool(families[REGISTRATIONS])
        self.registrations = Registrations(
            server.sip, families[REGISTRATIONS] if separate else families[PEERS], insert=separate
        )
        self.peers = RealtimePeers(server.data, source, families, self._seen)
        self._absent: dict[str, float] = {}

    def _seen(self, peer: SipPeer, registration: Registration) -> None:
        self.keeping.seen(peer)
        self.registrations.read(peer, registration)

    def listed(self, peer: SipPeer) -> bool:
        """Whether listings have a peer: of a database only with ``rtcachefriends``."""
        return not is_realtime(peer) or self.keeping.cached

    def shown(self, peer: SipPeer) -> str:
        """``no``, ``yes`` for a peer of a database, or ``cached`` where it stays in memory."""
        if not is_realtime(peer):
            return "no"
        return "cached" if self.keeping.cached else "yes"

    async def load(self, name: str) -> SipPeer | None:
        """A peer or friend, from its database where it is not in memory or has to be read again.

        Raises:
            DataUnavailableError: that cannot be known now.
        """
        found = await self._server.data.retrieve(SipPeer, name)
        return found if found is not None and found.is_peer else None

    def is_absent(self, host: str) -> bool:
        """Whether nobody was at an address when it was last asked for, a moment ago."""
        return self._absent.get(host, 0.0) > time.monotonic()

    async def at(self, host: str, port: int, *, any_port: bool = False) -> SipPeer | None:
        """The peer of a database at an address: one that is registered there, or has it as ``host``.

        The port counts but for ``insecure=port``, and for connections (``any_port``). A database that is away knows
        none.
        """
        family = self._families[PEERS]
        if not family or self.is_absent(host):
            return None
        try:
            rows = await family.at(host)
            if self._families[REGISTRATIONS]:
                rows += await self._families[REGISTRATIONS].at(host)
            now = self._server.sip.location.wall_clock()
            for row, _ in rows:
                peer = await self.load(row["name"])
                if peer is None or (peer.dynamic and registration_of(row).until <= now):
                    continue
                place = row.get("port", "0") if peer.dynamic else str(peer.port or 5060)
                if any_port or "port" in peer.insecure or place == str(port):
                    return peer
        except DataUnavailableError:
            return None
        while len(self._absent) >= MAX_ABSENT:
            del self._absent[next(iter(self._absent))]
        self._absent.pop(host, None)
        self._absent[host] = time.monotonic() + ABSENT_SECONDS
        return None

    def prune(self, wanted: Callable[[str], bool]) -> int:
        """Forget the peers of databases whose names are wanted; return how many there were in memory."""
        return self.keeping.forget_those(wanted)


class RealtimeServer(SipServer, Protocol):
    """A server whose modules can be looked up."""

    modules: Any


class ChanSipRealtime(Module):
    """Peers in databases."""

    name = "chan_sip_realtime"
    part_of = ("chan_sip",)
    requires = ("res_pjsip", "chan_sip", "res_config_sqlalchemy")
    description = "Peers of sip.conf in databases"

    realtime: SipRealtime

    def load(self, server: RealtimeServer) -> None:
        """Have peers come from the families, where there are any."""
        self._server = server
        self._tasks: list[asyncio.Task[None]] = []
        source = _instance(server, ChanSip).source
        known = _instance(server, RealtimeModule)
        families: dict[str, Family] = {}
        for name in (PEERS, USERS, REGISTRATIONS):
            try:
                families[name] = Family(name, known.tables(name), self._columns)
            except ConfigError as error:
                server.log.error("peers of sip.conf in databases: %s", error)
                families[name] = Family(name, ())
        self.realtime = SipRealtime(server, source, families)
        if self.realtime.active:
            peers = self.realtime.peers

            def make(cls: type[ConfiguredObject], _arguments: list[str]) -> Backend:
                return PeerBackend(cls, peers) if cls is SipPeer else MadeBackend(cls, peers)

            server.data.register_backend(SOURCE, make)
            types: tuple[type[ConfiguredObject], ...] = (SipPeer, *MADE)
            for cls in types:
                server.data.add_source(cls, SOURCE)

    def _columns(self, place: str, names: tuple[str, ...]) -> None:
        for name, meant in unknown_columns(names).items():
            self._server.log.warning("column '%s' of %s has no effect: peers have no such option%s", name, place, meant)

    def start(self) -> None:
        """Follow registrations, and look at ages."""
        if self.realtime.active:
            self._server.owner.on_release(self.realtime.keeping.start())
            self.realtime.registrations.start()
            spawn: Any = self._server.spawn
            self._tasks = [
                spawn(self._sweep(), "chan_sip realtime"),
                spawn(self.realtime.registrations.run(), "chan_sip realtime writes"),
                spawn(self._take_up(), "chan_sip realtime start"),
            ]

    async def _take_up(self) -> None:
        """Have the peers in memory that were registered when the server stopped, if they are to stay there."""
        data = self._server.data
        if not self.realtime.keeping.cached:
            return
        names = list(dict.fromkeys(contact.aor for contact in data.all(Contact)))
        found = self._server.modules.find(QualifyModule.name)
        for start in range(0, len(names), AT_ONCE):
            some = names[start : start + AT_ONCE]
            await asyncio.gather(*(data.retrieve(Endpoint, name) for name in some), return_exceptions=True)
            for name in some:
                peer, aor = data.objects(SipPeer).get(name), data.objects(Aor).get(name)
                if found is not None and peer is not None and is_realtime(peer) and aor is not None:
                    found.instance.qualifier.synchronize(aor)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL)
            try:
                self.realtime.keeping.sweep()
            except Exception:
                self._server.log.exception("ages of realtime peers could not be looked at")

    async def unload(self) -> None:
        """Have what is known written, and stop."""
        if self._tasks:
            self.realtime.registrations.stop()
            await self.realtime.registrations.drain(GOODBYE)
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks, timeout=1)


def _instance(server: Any, cls: type[Any]) -> Any:
    found = server.modules.find(cls.name)
    if found is None or not isinstance(found.instance, cls):
        raise ModuleError(f"the module '{cls.name}' is not loaded")
    return found.instance


def realtime_of(server: Any) -> SipRealtime | None:
    """The peers of databases of a server; ``None`` while the module is not loaded."""
    found = server.modules.find(ChanSipRealtime.name)
    return found.instance.realtime if found is not None and isinstance(found.instance, ChanSipRealtime) else None
