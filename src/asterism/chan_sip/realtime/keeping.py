"""How long peers of databases stay in memory: ``rtcachefriends``, ``rtautoclear``, ``sip prune realtime``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from asterism.chan_sip.objects.general import SipGeneral, general_of
from asterism.chan_sip.objects.peer import SipPeer
from asterism.chan_sip.realtime.peers import MADE, ids_of, is_realtime
from asterism.data.cache_options import CacheOptions
from asterism.sip.contacts import Contact

if TYPE_CHECKING:
    from asterism.data.data import Change, Data

FRESH_SECONDS = 5.0
"""How long a peer is used without asking its database again where peers are not cached (``rtcachefriends=no``)."""
IDLE_SECONDS = 60.0
"""After what time without use such a peer leaves memory."""
MAX_PEERS = 200_000
"""Most peers of databases in memory; the ones read first leave."""


class Keeping:
    """Forgets peers in time. ``clock`` is monotonic, ``wall_clock`` that of expiries; both in seconds."""

    def __init__(self, data: Data, clock: Callable[[], float], wall_clock: Callable[[], float]) -> None:
        self._data = data
        self._clock = clock
        self._wall_clock = wall_clock
        self._read: dict[str, float] = {}
        """When each was read, oldest first."""
        self._stale: dict[str, float] = {}
        """Those that are to be read before they are used again, with the time of that, oldest first."""

    @property
    def _general(self) -> SipGeneral:
        return general_of(self._data) or SipGeneral("general")

    @property
    def cached(self) -> bool:
        """Whether peers stay in memory, and are listed (``rtcachefriends``)."""
        return self._general.rtcachefriends

    def start(self) -> Callable[[], None]:
        """Have what is made of a peer follow it; returns the undo."""
        for cache in self._data.caches():
            if cache.table.cls is SipPeer and cache.options == CacheOptions():
                # Ages are looked after here.
                cache.options = CacheOptions(object_lifetime_stale=0)
        return self._data.observe(SipPeer, self._changed)

    def _changed(self, change: Change[SipPeer]) -> None:
        old = change.old
        if old is not None and is_realtime(old):
            self._expire_made(old)
            if change.new is None:
                self._drop(old.id)

    def _expire_made(self, peer: SipPeer) -> None:
        for cls in MADE:
            for key in ids_of(cls, peer, self._data):
                self._data.expire(cls, key)

    def _drop(self, name: str) -> None:
        self._read.pop(name, None)
        self._stale.pop(name, None)

    def seen(self, peer: SipPeer) -> None:
        """A peer was read from its database."""
        self._drop(peer.id)
        self._read[peer.id] = self._clock()
        while len(self._read) + len(self._stale) > MAX_PEERS:
            self.forget(next(iter(self._stale or self._read)))

    def sweep(self) -> None:
        """Have what is too old read again or forgotten; called about once a second."""
        if self.cached:
            seconds = self._general.rtautoclear
            if seconds:
                self._clear(float(seconds))
            return
        now = self._clock()
        for name, when in list(self._read.items()):
            if when > now - FRESH_SECONDS:
                break
            del self._read[name]
            self._stale[name] = now
            self._data.expire(SipPeer, name)
            peer = self._data.objects(SipPeer).get(name)
            if peer is not None:
                self._expire_made(peer)
        for name, when in list(self._stale.items()):
            if when > now - IDLE_SECONDS:
                break
            self.forget(name)

    def _clear(self, seconds: float) -> None:
        """``rtautoclear``: forget those whose time is over and who are not registered."""
        now, wall = self._clock(), self._wall_clock()
        for name, when in list(self._read.items()):
            if when > now - seconds:
                break
            if any(contact.expiration_time > wall for contact in self._data.find(Contact, "aor", name)):
                self._read[name] = self._read.pop(name)  # looked at again, after those that come before it
                self._read[name] = now - seconds + min(seconds, 1.0)
            else:
                self.forget(name)

    def forget(self, name: str) -> bool:
        """Have a peer, and what was made of it, be read again when it is used; whether it is of a database."""
        peer = self._data.objects(SipPeer).get(name)
        self._drop(name)
        if peer is None or not is_realtime(peer):
            return False
        for cls in MADE:
            for key in ids_of(cls, peer, self._data):
                self._data.forget(cls, key)
        return self._data.forget(SipPeer, name)

    def forget_those(self, wanted: Callable[[str], bool]) -> int:
        """Forget the peers in memory whose names are wanted; return how many."""
        names = [peer.id for peer in self._data.all(SipPeer) if is_realtime(peer) and wanted(peer.name)]
        return sum(map(self.forget, names))
