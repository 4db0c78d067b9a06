"""The location service: which contacts each AOR has.

Registered contacts live in memory and in the embedded store. A change is visible to routing, listings and events
only once the store has committed it; the registrar, which must see its own changes within a batch,
asks :meth:`Location.staged`. Nothing here walks all contacts, but loading and full listings.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from asterism.sip.contacts import Contact, ContactStatus, Reachability
from asterism.sip.events import CONTACT_STATUS, PEER_STATUS
from asterism.sip.objects.aor import Aor
from asterism.sip.objects.endpoint import Endpoint

if TYPE_CHECKING:
    from asterism.core.events import EventBus
    from asterism.data.data import Data
    from asterism.data.store import Store
    from asterism.stack.timers import Timer, TimerQueue

_SCHEMA = (
    "CREATE TABLE contacts (aor TEXT NOT NULL, uri TEXT NOT NULL, expiration_time REAL NOT NULL,"
    " path TEXT NOT NULL, user_agent TEXT NOT NULL, endpoint TEXT NOT NULL, reg_server TEXT NOT NULL,"
    " via_addr TEXT NOT NULL, via_port INTEGER NOT NULL, call_id TEXT NOT NULL, cseq INTEGER NOT NULL,"
    " q REAL NOT NULL, prune_on_boot INTEGER NOT NULL, instance TEXT NOT NULL, registered_at REAL NOT NULL,"
    " PRIMARY KEY (aor, uri)) WITHOUT ROWID",
)
_COLUMNS = (
    "aor", "uri", "expiration_time", "path", "user_agent", "endpoint", "reg_server", "via_addr", "via_port", "call_id",
    "cseq", "q", "prune_on_boot", "instance", "registered_at",
)  # fmt: skip
_INSERT = f"INSERT OR REPLACE INTO contacts ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"
_REFRESH = (
    "UPDATE contacts SET expiration_time = ?, call_id = ?, cseq = ?, user_agent = ?, registered_at = ?"
    " WHERE aor = ? AND uri = ?"
)
_DELETE = "DELETE FROM contacts WHERE aor = ? AND uri = ?"

ContactMap = Mapping[str, Contact]
"""Registered contacts of one AOR by URI, in order of registration."""

_NONE: ContactMap = {}

StatusListener = Callable[[Contact, Reachability], None]


class Location:
    """Contacts by AOR, permanent ones first."""

    def __init__(
        self, data: Data, bus: EventBus, log: logging.Logger, wall_clock: Callable[[], float] = time.time
    ) -> None:
        self._data = data
        self._bus = bus
        self._log = log
        self.wall_clock = wall_clock
        self._bound: dict[str, ContactMap] = {}
        self._staged: dict[str, ContactMap] = {}
        self._permanent: dict[str, tuple[tuple[str, ...], tuple[Contact, ...]]] = {}
        self._states: dict[tuple[str, str], Reachability] = {}
        self._endpoints_of: dict[str, list[str]] = {}
        self._available: dict[str, bool] = {}
        self._heap: list[tuple[float, str, str]] = []
        self._due: dict[tuple[str, str], float] = {}
        self._timers: TimerQueue | None = None
        self._timer: Timer | None = None
        self.check_interval = 1.0
        """How often, in seconds, expired contacts are looked for at most."""
        self.on_added: list[Callable[[Contact], None]] = []
        """Called with each registered contact that became visible, new or refreshed from start-up."""
        self.on_removed: list[Callable[[Contact], None]] = []
        """Called with each registered contact that is gone."""

    # Reading.

    def contacts(self, aor_id: str) -> Sequence[Contact]:
        """Permanent contacts, then the registered ones that have not expired, in order of registration."""
        permanent = self.permanent(aor_id)
        bound = self._bound.get(aor_id)
        if not bound:
            return permanent
        now = self.wall_clock()
        registered = [contact for contact in bound.values() if contact.expiration_time > now]
        return [*permanent, *registered] if permanent else registered

    def permanent(self, aor_id: str) -> tuple[Contact, ...]:
        """The contacts that the AOR's configuration names."""
        aor = self._data.get(Aor, aor_id)
        if not isinstance(aor, Aor) or not aor.contact:
            return ()
        uris = tuple(str(uri) for uri in aor.contact)
        cached = self._permanent.get(aor_id)
        if cached is None or cached[0] != uris:
            cached = self._permanent[aor_id] = (uris, tuple(Contact(aor_id, uri) for uri in uris))
        return cached[1]

    def registered(self, aor_id: str) -> ContactMap:
        """The committed registered contacts of an AOR by URI, expired ones possibly included."""
        return self._bound.get(aor_id, _NONE)

    def staged(self, aor_id: str) -> ContactMap:
        """Like :meth:`registered`, with the changes that wait for their commit."""
        found = self._staged.get(aor_id)
        return found if found is not None else self._bound.get(aor_id, _NONE)

    def state(self, contact: Contact) -> Reachability:
        """The qualify state of a contact."""
        return self._states.get((contact.aor, contact.uri)) or Reachability()

    def find(self, name: str) -> Contact | None:
        """A contact by ``aor/uri`` or by its id."""
        aor_id, slash, uri = name.partition("/")
        for contact in self.contacts(aor_id) if slash else ():
            if contact.uri == uri:
                return contact
        for separator in (";@", "@@"):
            aor_id, found, _ = name.partition(separator)
            for contact in self.contacts(aor_id) if found else ():
                if contact.id == name:
                    return contact
        return None

    def all(self) -> Iterator[Contact]:
        """Every contact of every AOR, for listings."""
        seen: set[str] = set()
        for aor in self._data.all(Aor):
            seen.add(aor.id)
            yield from self.contacts(aor.id)
        for aor_id in list(self._bound):
            if aor_id not in seen:
                yield from self.contacts(aor_id)

    def __len__(self) -> int:
        """How many registered contacts there are."""
        return sum(len(found) for found in self._bound.values())

    def endpoints_of(self, aor_id: str) -> Sequence[str]:
        """The names of the endpoints in memory that list an AOR."""
        return self._endpoints_of.get(aor_id, ())

    def endpoint_available(self, endpoint: Endpoint) -> bool:
        """Whether any contact of the endpoint's AORs can be called."""
        return any(self.state(contact).available for aor_id in endpoint.aors for contact in self.contacts(aor_id))

    # Changing.

    def stage(self, store: Store, aor_id: str, changed: Iterable[Contact], removed: Iterable[Contact]) -> None:
        """Write changes of one AOR into the store's batch; they become visible when it commits."""
        current = dict(self.staged(aor_id))
        for contact in removed:
            current.pop(contact.uri, None)
            store.write(_DELETE, (contact.aor, contact.uri))
        for contact in changed:
            before = current.get(contact.uri)
            current[contact.uri] = contact
            if before is not None and before.path == contact.path and before.q == contact.q and (
                before.instance == contact.instance and before.via_addr == contact.via_addr
                and before.via_port == contact.via_port and before.endpoint == contact.endpoint
                and before.prune_on_boot == contact.prune_on_boot and before.reg_server == contact.reg_server
            ):  # fmt: skip
                store.write(_REFRESH, (contact.expiration_time, contact.call_id, contact.cseq, contact.user_agent,
                                       contact.registered_at, aor_id, contact.uri))  # fmt: skip
            else:
                store.write(_INSERT, tuple(getattr(contact, column) for column in _COLUMNS))
        if not self._staged:
            store.after_commit(self._publish_staged)
            store.undo(self._staged.clear)
        self._staged[aor_id] = current

    def _publish_staged(self) -> None:
        staged, self._staged = self._staged, {}
        for aor_id, contacts in staged.items():
            before = self._bound.get(aor_id, _NONE)
            if contacts:
                self._bound[aor_id] = contacts
            else:
                self._bound.pop(aor_id, None)
            for uri, contact in contacts.items():
                self._schedule(contact)
                if uri not in before:
                    self._added(contact)
            for uri, contact in before.items():
                if uri not in contacts:
                    self._removed(contact)
        self._arm()

    def remove(self, store: Store, contact: Contact) -> None:
        """Take one registered contact out (pruning, ``remove_unavailable``)."""
        if contact.uri in self.staged(contact.aor):
            self.stage(store, contact.aor, (), (contact,))

    def set_reachability(self, contact: Contact, status: ContactStatus, rtt: float | None = None) -> None:
        """Note the outcome of a qualify; events go out when the status changed."""
        key = (contact.aor, contact.uri)
        state = self._states.get(key)
        if state is None:
            state = self._states[key] = Reachability()
        changed = state.status is not status
        state.status = status
        state.rtt = rtt
        if changed:
            self._peer_changed(contact)
            self._bus.publish(CONTACT_STATUS, contact, status, state.rtt_usec, self._endpoint_name(contact))

    def forget_state(self, contact: Contact) -> None:
        """Drop the qualify state of a contact that is gone or no longer qualified."""
        self._states.pop((contact.aor, contact.uri), None)

    def _added(self, contact: Contact) -> None:
        self._bus.publish(CONTACT_STATUS, contact, ContactStatus.NON_QUALIFIED, 0, self._endpoint_name(contact))
        aor = self._data.get(Aor, contact.aor)
        if isinstance(aor, Aor) and aor.qualify_frequency:
            # Counted as unreachable until the first answer, so that the peer becomes reachable with it.
            self._states[(contact.aor, contact.uri)] = Reachability(ContactStatus.UNREACHABLE)
        else:
            self._peer_changed(contact)
        for listener in self.on_added:
            listener(contact)

    def _removed(self, contact: Contact) -> None:
        self._states.pop((contact.aor, contact.uri), None)
        self._due.pop((contact.aor, contact.uri), None)
        self._peer_changed(contact)
        self._bus.publish(CONTACT_STATUS, contact, ContactStatus.REMOVED, 0, self._endpoint_name(contact))
        for listener in self.on_removed:
            listener(contact)

    def _endpoint_name(self, contact: Contact) -> str:
        if contact.endpoint:
            return contact.endpoint
        names = self._endpoints_of.get(contact.aor)
        return names[0] if names else ""

    def _peer_changed(self, contact: Contact) -> None:
        """Publish PeerStatus for each endpoint whose reachability turned."""
        names = self._endpoints_of.get(contact.aor) or ((contact.endpoint,) if contact.endpoint else ())
        for name in names:
            endpoint = self._data.get(Endpoint, name)
            if not isinstance(endpoint, Endpoint):
                continue
            available = self.endpoint_available(endpoint)
            if self._available.get(name, False) != available:
                self._available[name] = available
                self._bus.publish(PEER_STATUS, name, "Reachable" if available else "Unreachable")

    # Expiry.

    def _schedule(self, contact: Contact) -> None:
        key = (contact.aor, contact.uri)
        due = self._due.get(key)
        # A later expiry is found when the old appointment comes up: one heap entry per contact.
        if due is None or contact.expiration_time < due:
            self._due[key] = contact.expiration_time
            heappush(self._heap, (contact.expiration_time, contact.aor, contact.uri))

    def _arm(self) -> None:
        if self._timers is None or not self._heap:
            return
        delay = max(self._heap[0][0] - self.wall_clock(), 0.0) + self.check_interval
        when = self._timers.clock() + delay
        if self._timer is not None and self._timer.active:
            if self._timer.when <= when:
                return
            self._timer.cancel()
        self._timer = self._timers.call_at(when, self._expiry_due)

    def _expiry_due(self) -> None:
        self._timer = None
        self.expire(self._data.store)
        self._arm()

    def expire(self, store: Store) -> int:
        """Remove what has expired by now; return how many contacts."""
        now = self.wall_clock()
        heap = self._heap
        count = 0
        while heap and heap[0][0] <= now:
            when, aor_id, uri = heappop(heap)
            key = (aor_id, uri)
            if self._due.get(key) != when:
                continue  # a shorter expiry has its own entry
            del self._due[key]
            contact = self.staged(aor_id).get(uri)
            if contact is None:
                continue
            if contact.expiration_time > now:
                self._schedule(contact)
            else:
                self.stage(store, aor_id, (), (contact,))
                count += 1
        return count

    # Start.

    def load(self, store: Store) -> int:
        """Read the stored contacts; what expired meanwhile, or was tied to a connection, is deleted."""
        store.migrate("contacts", _SCHEMA)
        now = self.wall_clock()
        count = 0
        bound: dict[str, dict[str, Contact]] = {}
        rows = store.read(f"SELECT {', '.join(_COLUMNS)} FROM contacts ORDER BY aor, registered_at")
        for row in rows:
            aor_id, uri, expiration = row[0], row[1], row[2]
            if expiration <= now or row[12]:
                store.write(_DELETE, (aor_id, uri))
                continue
            contact = Contact(
                aor_id, uri, expiration, path=row[3], user_agent=row[4], endpoint=row[5], reg_server=row[6],
                via_addr=row[7], via_port=row[8], call_id=row[9], cseq=row[10], q=row[11], instance=row[13],
                registered_at=row[14],
            )  # fmt: skip
            bound.setdefault(aor_id, {})[uri] = contact
            self._schedule(contact)
            count += 1
        self._bound.update(bound)
        return count

    def start(self, timers: TimerQueue) -> None:
        """Arm the expiry timer and take stock of which endpoints can be reached, without events."""
        self._timers = timers
        self.index()
        self._arm()

    def index(self) -> None:
        """Work out again which endpoints use which AOR (start-up and reload)."""
        self._endpoints_of.clear()
        for endpoint in self._data.all(Endpoint):
            for aor_id in endpoint.aors:
                self._endpoints_of.setdefault(aor_id, []).append(endpoint.id)
        for endpoint in self._data.all(Endpoint):
            self._available[endpoint.id] = self.endpoint_available(endpoint)
