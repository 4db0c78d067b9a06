"""Peers in databases: how they are found, and the objects that are made of them."""

# Overriding methods are documented, and their arguments named, by the base class.
# ruff: noqa: D102

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from asterism.chan_sip.backend import SipConfBackend, SipConfSource, finish
from asterism.chan_sip.objects.general import SipGeneral
from asterism.chan_sip.objects.peer import USER_SUFFIX, SipPeer
from asterism.chan_sip.reading import SipConf, read_alone
from asterism.chan_sip.realtime.rows import REGISTRATION, Registration, Row, registration_of, section_of
from asterism.chan_sip.translation.translate import draft_of
from asterism.config.errors import flatten
from asterism.core.errors import ConfigError
from asterism.data.backends import Backend, Loaded
from asterism.sip.objects import Aor, Auth, Endpoint

if TYPE_CHECKING:
    from asterism.chan_sip.realtime.tables import Family
    from asterism.data.data import Data
    from asterism.data.options import ConfiguredObject

PEERS, USERS, REGISTRATIONS = "sippeers", "sipusers", "sipregs"
FAMILIES = (PEERS, USERS)
SOURCE = "sip.conf/realtime"
"""The name of the backends."""
MADE: tuple[type[ConfiguredObject], ...] = (Endpoint, Aor, Auth)
"""What is made of a peer of a database."""


def is_realtime(peer: SipPeer) -> bool:
    """Whether a peer is from a database."""
    return peer.origin in FAMILIES


class RealtimePeers:
    """Reads peers from their families.

    ``on_row(peer, registration)`` is called for each one that was read.
    """

    def __init__(
        self,
        data: Data,
        source: SipConfSource,
        families: Mapping[str, Family],
        on_row: Callable[[SipPeer, Registration], None],
    ) -> None:
        self.data = data
        self.source = source
        self.peers, self.users, self.registrations = (families[name] for name in (PEERS, USERS, REGISTRATIONS))
        if self.users and self.peers and self.users.same_as(self.peers):
            self.users = type(self.users)(USERS, ())
        self._on_row = on_row
        self._conf = SipConf(SipGeneral("general"))
        self._generation = 0
        """Number of the present ``sip.conf``: a peer is made anew when that has changed."""

    def conf(self) -> SipConf:
        """``sip.conf``, whose ``[general]`` counts for peers of databases too; what was known of one with errors."""
        conf = self.source.conf()
        if conf is not None and conf is not self._conf:
            self._conf = conf
            self._generation += 1
        return self._conf

    async def fetch(self, ids: Collection[str], known: Mapping[str, ConfiguredObject]) -> Loaded:
        """The peers of these ids; that of a user with a peer of its name beside it is ``name/user``."""
        names = list(dict.fromkeys(each.removesuffix(USER_SUFFIX) for each in ids))
        rows = await self._rows(names)
        registered = await self._registered(rows)
        conf = self.conf()
        loaded = Loaded()
        for key in ids:
            name = key.removesuffix(USER_SUFFIX)
            peer, user = rows.get((PEERS, name)), rows.get((USERS, name))
            if key != name:
                # Only a name that a peer has already makes a user this id.
                found, family = (user if peer is not None else None), USERS
            else:
                found, family = (user, USERS) if peer is None else (peer, PEERS)
            if found is not None:
                self._take(loaded, conf, key, family, found, known, registered.get(name))
        return loaded

    async def _rows(self, names: list[str]) -> dict[tuple[str, str], tuple[Row, str]]:
        found: dict[tuple[str, str], tuple[Row, str]] = {}
        for family in (self.peers, self.users):
            if family:
                found.update({(family.name, name): row for name, row in (await family.rows(names)).items()})
        return found

    async def _registered(self, rows: Mapping[tuple[str, str], tuple[Row, str]]) -> dict[str, Row]:
        names = {name for family, name in rows if family == PEERS}
        if not self.registrations or not names:
            return {}
        return {name: row for name, (row, _) in (await self.registrations.rows(names)).items()}

    def _take(
        self,
        loaded: Loaded,
        conf: SipConf,
        key: str,
        family: str,
        found: tuple[Row, str],
        known: Mapping[str, ConfiguredObject],
        registered: Row | None,
    ) -> None:
        row, place = found
        # A row that did not change is the peer that was made of it; what a REGISTER wrote is no change of it.
        given = frozenset(item for item in row.items() if item[0] not in REGISTRATION or item[0] == "port")
        mark = hash((self._generation, place, given))
        before = known.get(key)
        if isinstance(before, SipPeer) and getattr(before, "mark", None) == mark:
            peer = before
        else:
            try:
                made = self._make(conf, row, place, family)
            except ConfigError as error:
                loaded.errors += flatten(error)
                loaded.refused.add(key)
                return
            (peer,) = made.peers.values()
            loaded.errors += made.problems
            loaded.warnings += made.warnings
            peer.id, peer.mark = key, mark
        loaded.objects[key] = peer
        if peer.is_peer and peer.dynamic:
            self._on_row(peer, registration_of({**row, **registered} if registered else row))

    def _make(self, conf: SipConf, row: Row, place: str, family: str) -> SipConf:
        section, kind = section_of(row, place, "user" if family == USERS else "friend")
        return read_alone(conf, section, kind, family)

    def made_of(self, peer: SipPeer, cls: type[ConfiguredObject], errors: list[ConfigError]) -> list[ConfiguredObject]:
        """The objects of one type that a peer makes."""
        conf = self.conf()
        alone = SipConf(conf.general, {peer.id: peer}, conf.general_lines, {peer.id: []})
        maker = SipConfBackend(cls, self.source)
        sections = draft_of(alone, peer, self.source.names, cls.TYPE).made.values()
        found = [made for each in sections if (made := maker.make(each.section, errors)) is not None]
        for made in found:
            finish(made, alone)
            if isinstance(made, Aor) and not conf.general.rtcachefriends:
                made.qualify_frequency = 0  # who leaves memory cannot be checked
        return found


class PeerBackend(Backend):
    """The backend of the peers themselves."""

    name = SOURCE
    remote = True

    def __init__(self, cls: type[ConfiguredObject], peers: RealtimePeers) -> None:
        super().__init__(cls)
        self._peers = peers

    async def fetch(self, keys: Collection[str], known: Mapping[str, ConfiguredObject]) -> Loaded:
        return await self._peers.fetch(keys, known)

    async def fetch_all(self, known: Mapping[str, ConfiguredObject]) -> Loaded:
        # Those that are in use: nobody lists a table of peers, as with chan_sip.
        return Loaded({key: item for key, item in known.items() if isinstance(item, SipPeer) and is_realtime(item)})


class MadeBackend(Backend):
    """The backend of endpoints, AORs and auths that are made of peers of databases."""

    name = SOURCE
    remote = True

    def __init__(self, cls: type[ConfiguredObject], peers: RealtimePeers) -> None:
        super().__init__(cls)
        self._peers = peers

    async def fetch(self, keys: Collection[str], known: Mapping[str, ConfiguredObject]) -> Loaded:
        owners = {key: owner for key in keys if (owner := owner_of(self.cls, key))}
        data = self._peers.data
        names = list(dict.fromkeys(owners.values()))
        found = dict(zip(names, await asyncio.gather(*(data.retrieve(SipPeer, name) for name in names)), strict=True))
        loaded = Loaded()
        for key, owner in owners.items():
            peer = found[owner]
            if peer is None or not is_realtime(peer):
                continue
            for item in self._peers.made_of(peer, self.cls, loaded.errors):
                if item.id == key:
                    before: Any = known.get(key)
                    loaded.objects[key] = before if before is not None and before.same_options(item) else item
        return loaded

    async def fetch_all(self, known: Mapping[str, ConfiguredObject]) -> Loaded:
        peers = self._peers.data.objects(SipPeer)
        loaded = Loaded()
        for key, item in known.items():
            peer = peers.get(owner_of(self.cls, key))
            if peer is not None and is_realtime(peer):
                loaded.objects[key] = item
        return loaded


def owner_of(cls: type[ConfiguredObject], key: str) -> str:
    """The id of the peer that an object of this id is made of; ``""`` where it is of none."""
    if cls is not Auth:
        return key
    owner, slash, which = key.rpartition("/")
    return owner if slash and (which == "in" or which.startswith("out")) else ""


def ids_of(cls: type[ConfiguredObject], peer: SipPeer, data: Data) -> list[str]:
    """The ids of the objects in memory that were made of a peer."""
    if cls is not Auth:
        return [peer.id]
    return [key for key in (f"{peer.id}/in", f"{peer.id}/out") if key in data.objects(cls)] + [
        f"{peer.id}/out{number}" for number in range(1, len(peer.auth) + 1)
    ]
