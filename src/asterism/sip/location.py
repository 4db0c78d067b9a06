"""The location service: which contacts each AOR has, and whether they answer.

Registered contacts are objects of the data access layer. A change is visible to routing, listings and events
only once it is committed; the registrar, which must see its own changes within a batch, asks ``Data.find_staged``.
Nothing here walks all contacts, but start-up and full listings.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from asterism.data.store import START_SECONDS
from asterism.sip.contact_news import ContactNews
from asterism.sip.contacts import Contact, ContactStatus, Reachability
from asterism.sip.events import CONTACT_STATUS, PEER_STATUS
from asterism.sip.objects.aor import Aor
from asterism.sip.objects.contact import permanent_contact_id
from asterism.sip.objects.endpoint import Endpoint

if TYPE_CHECKING:
    from asterism.core.events import EventBus
    from asterism.core.log import ServerLogger
    from asterism.core.test_events import TestEvents
    from asterism.data.data import Change, Data
    from asterism.stack.timers import Timer, TimerQueue

_NON_QUALIFIED = Reachability()

_MOST_REASONS = 10_000

OTHERS_SECONDS = 60
"""Seconds after its expiry for which a binding made by another server is left to that server to remove."""


class Location:
    """Contacts by AOR, permanent ones first."""

    def __init__(
        self,
        data: Data,
        bus: EventBus,
        log: ServerLogger,
        test_events: TestEvents,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._data = data
        self._bus = bus
        self._log, self._tests = log, test_events
        self._news = ContactNews(log, test_events)
        self.wall_clock = wall_clock
        self._permanent: dict[str, tuple[Aor, dict[str, Contact]]] = {}
        self._states: dict[str, Reachability] = {}
        self._endpoints_of: dict[str, dict[str, None]] = {}
        self._available: dict[str, bool] = {}
        self._quiet: set[str] = set()
        """Names of the endpoints of which no events are raised here: their driver has others."""
        self._removing: dict[str, str] = {}
        """Why bindings are removed, until they are."""
        self._heap: list[tuple[int, str]] = []
        self._due: dict[str, int] = {}
        self._timers: TimerQueue | None = None
        self._timer: Timer | None = None
        self._observing: list[Callable[[], None]] = []
        self._check_interval = 0.0
        self.server_name = ""
        """Name of this server (``systemname``): tells its bindings from those of others in a shared database."""
        self.status_on_refresh = False
        """Whether a refresh raises ContactStatus (``send_contact_status_on_update_registration``)."""
        self.on_available: list[Callable[[Endpoint], None]] = []
        """Called with each endpoint that can be called now, or no more."""
        self.on_answered: list[Callable[[Contact, Reachability], None]] = []
        """Called with each outcome of a qualify."""
        self.on_added: list[Callable[[Contact], None]] = []
        """Called with each registered contact that is new."""
        self.on_removed: list[Callable[[Contact], None]] = []
        """Called with each registered contact that is gone."""

    # Reading.

    def contacts(self, aor_id: str) -> Sequence[Contact]:
        """Permanent contacts, then the registered ones that have not expired, in order of preference (``q``).

        Those of equal preference are in order of registration.
        """
        permanent = self.permanent(aor_id)
        bound = self._data.find(Contact, "aor", aor_id)
        if not bound:
            return permanent
        now = self.wall_clock()
        live = [contact for contact in bound if contact.expiration_time > now]
        if len(live) > 1:
            live.sort(key=_preference)
        if live and permanent and self._permanent[aor_id][0].contact_until_registered:
            return live
        return [*permanent, *live]

    def permanent(self, aor_id: str) -> tuple[Contact, ...]:
        """The contacts that the AOR's configuration names."""
        return tuple(self._permanent_of(aor_id).values())

    def is_permanent(self, contact: Contact) -> bool:
        """Whether the AOR's configuration (still) names it."""
        return self._permanent_of(contact.aor).get(contact.id) is contact

    def _permanent_of(self, aor_id: str) -> dict[str, Contact]:
        aor = self._data.get(Aor, aor_id)
        if not isinstance(aor, Aor) or not aor.contact:
            self._permanent.pop(aor_id, None)
            return {}
        cached = self._permanent.get(aor_id)
        if cached is None or cached[0] is not aor:
            made = [_permanent(aor, uri) for uri in aor.contact]
            cached = self._permanent[aor_id] = (aor, {contact.id: contact for contact in made})
        return cached[1]

    def registered(self, aor_id: str) -> Sequence[Contact]:
        """The committed registered contacts of an AOR, expired ones possibly included."""
        return self._data.find(Contact, "aor", aor_id)

    def state(self, contact: Contact) -> Reachability:
        """The qualify state of a contact."""
        return self._states.get(contact.id) or _NON_QUALIFIED

    def find(self, name: str) -> Contact | None:
        """A contact by ``aor/uri`` or by its id."""
        aor_id, slash, uri = name.partition("/")
        if slash:
            return next((item for item in self.contacts(aor_id) if item.uri == uri), None)
        for separator in (";@", "@@"):
            aor_id, found, _ = name.rpartition(separator)
            if found:
                return next((item for item in self.contacts(aor_id) if item.id == name), None)
        return None

    def all(self) -> Iterator[Contact]:
        """Every contact of every AOR, for listings."""
        for aor in self._data.all(Aor):
            yield from self.permanent(aor.id)
        now = self.wall_clock()
        for contact in self._data.all(Contact):
            if contact.expiration_time > now:
                yield contact

    def __len__(self) -> int:
        """Number of registered contacts."""
        return self._data.count(Contact)

    def endpoints_of(self, aor_id: str) -> Collection[str]:
        """The names of the endpoints in memory that list an AOR."""
        return self._endpoints_of.get(aor_id, ())

    def endpoint_available(self, endpoint: Endpoint, without: str = "") -> bool:
        """Whether any contact of the endpoint's AORs can be called; ``without`` is the id of one not to look at."""
        now = self.wall_clock()
        states = self._states
        for aor_id in endpoint.aors:
            # The first that can be called is enough: an AOR may have many.
            for group in (self._permanent_of(aor_id), self._data.group(Contact, "aor", aor_id)):
                for key, contact in group.items():
                    end = contact.expiration_time
                    if key != without and (not end or end > now) and (key not in states or states[key].available):
                        return True
        return False

    # Changing. What the data layer commits comes back through ``_changed``.

    def set_reachability(self, contact: Contact, status: ContactStatus, rtt: float | None = None) -> None:
        """Note the outcome of a qualify; events go out when the status changed."""
        state = self._states.get(contact.id)
        if state is None:
            state = self._states[contact.id] = Reachability()
        changed = state.status is not status
        state.status = status
        state.rtt = rtt
        if changed or self._tests.wanted:
            name = self._endpoint_name(contact)
            if changed:
                self._peer_changed(contact)
            if name not in self._quiet:
                if changed:
                    self._bus.publish(CONTACT_STATUS, contact, status, state.rtt_usec, name)
                self._news.answered(contact, state, changed=changed)
        for listener in self.on_answered:
            listener(contact, state)

    def expect_qualify(self, contact: Contact) -> None:
        """Note that a contact will be qualified, without an event: until then it is unknown and can be called."""
        self._states.setdefault(contact.id, Reachability(ContactStatus.UNKNOWN))

    def removing(self, contact_id: str, why: str) -> None:
        """Note why a binding is about to be removed, for who reads the log; without a note it has expired."""
        if len(self._removing) >= _MOST_REASONS:
            self._removing.clear()  # of changes that came to nothing
        self._removing[contact_id] = why

    def forget_state(self, contact_id: str) -> None:
        """Drop the qualify state of a contact that is gone or no longer qualified."""
        self._states.pop(contact_id, None)

    def _changed(self, change: Change[Contact]) -> None:
        contact = change.item
        old = change.old
        if change.new is None:
            self._due.pop(contact.id, None)
            self._gone(contact)
            return
        if old is not None and old.expiration_time <= self.wall_clock():
            # It had ended, which was not noticed yet: this is another binding of the same URI.
            self._gone(old)
            old = None
        due = self._due.get(contact.id)
        # A later expiry is found when the old appointment comes up: one heap entry per contact.
        if due is None or contact.expiration_time < due:
            self._schedule(contact)
        log, tests = self._log, self._tests
        if old is not None:
            # A refresh: the usual case, which raises no event.
            if self.status_on_refresh:
                state = self.state(contact)
                name = self._endpoint_name(contact)
                if name not in self._quiet:
                    self._bus.publish(CONTACT_STATUS, contact, state.status, state.rtt_usec, name)
            if (log.verbosity >= 4 or tests.wanted) and self._endpoint_name(contact) not in self._quiet:
                self._news.refreshed(contact)
            return
        name = self._endpoint_name(contact)
        if name not in self._quiet:
            self._bus.publish(CONTACT_STATUS, contact, ContactStatus.NON_QUALIFIED, 0, name)
            if log.verbosity >= 3 or tests.wanted:
                self._news.added(contact)
        for listener in self.on_added:
            listener(contact)
        self._peer_changed(contact)

    def _gone(self, contact: Contact) -> None:
        """Tell of a binding that is no more, and forget what is known of it."""
        self._states.pop(contact.id, None)
        why = self._removing.pop(contact.id, "expiration")
        name = self._endpoint_name(contact)
        told = name not in self._quiet
        if told and (self._log.verbosity >= 2 or self._tests.wanted):
            self._news.removed(contact, why)
        self._peer_changed(contact, without=contact.id)
        if told:
            self._bus.publish(CONTACT_STATUS, contact, ContactStatus.REMOVED, 0, name)
        for listener in self.on_removed:
            listener(contact)

    def _endpoint_changed(self, change: Change[Endpoint]) -> None:
        """Keep the index of AORs: endpoints of a database come and change as they are used."""
        old, new = change.old, change.new
        for aor_id in () if old is None else old.aors:
            names = self._endpoints_of.get(aor_id)
            if names is not None:
                names.pop(change.item.id, None)
                if not names:
                    del self._endpoints_of[aor_id]
        for aor_id in () if new is None else new.aors:
            self._endpoints_of.setdefault(aor_id, {})[change.item.id] = None
        if new is not None and not new.habits.status_events:
            self._quiet.add(new.id)
        elif self._quiet:
            self._quiet.discard(change.item.id)
        if new is None:
            self._available.pop(change.item.id, None)
        elif old is None or old.aors != new.aors:
            available = self.endpoint_available(new)
            if self._available.get(new.id, False) != available:
                self._turned(new, available)

    def _endpoint_name(self, contact: Contact) -> str:
        if contact.endpoint:
            return contact.endpoint
        return next(iter(self._endpoints_of.get(contact.aor, ())), "")

    def _peer_changed(self, contact: Contact, without: str = "") -> None:
        """Publish PeerStatus for each endpoint whose reachability turned."""
        names = self._endpoints_of.get(contact.aor) or ((contact.endpoint,) if contact.endpoint else ())
        for name in names:
            endpoint = self._data.get(Endpoint, name)
            if isinstance(endpoint, Endpoint):
                available = self.endpoint_available(endpoint, without)
                if self._available.get(name, False) != available:
                    self._turned(endpoint, available)

    def _turned(self, endpoint: Endpoint, available: bool) -> None:
        """An endpoint can be called now, or no more."""
        self._available[endpoint.id] = available
        for listener in self.on_available:
            listener(endpoint)
        if endpoint.id not in self._quiet:
            if self._log.verbosity >= 2:
                self._news.turned(endpoint.id, available)
            self._bus.publish(PEER_STATUS, endpoint.id, "Reachable" if available else "Unreachable")

    # Expiry.

    def _schedule(self, contact: Contact) -> None:
        due, end = self._due.get(contact.id), self._removal(contact)
        if due is None or end < due:
            self._due[contact.id] = end
            heappush(self._heap, (end, contact.id))
            if self._heap[0][1] == contact.id:
                self._arm()

    def _removal(self, contact: Contact) -> int:
        """Time at which to remove a contact; one of another server later, in case that server did not."""
        own = not contact.reg_server or contact.reg_server == self.server_name
        return contact.expiration_time if own else contact.expiration_time + OTHERS_SECONDS

    def _arm(self) -> None:
        if self._timers is None or not self._heap:
            return
        when = self._timers.clock() + max(self._heap[0][0] - self.wall_clock(), 0.0) + self._check_interval
        if self._timer is not None and self._timer.active:
            if self._timer.when <= when:
                return
            self._timer.cancel()
        self._timer = self._timers.call_at(when, self._expiry_due)

    def check_every(self, seconds: float) -> None:
        """Remove a contact so long after its expiry at the latest: those that expire meanwhile go together with it."""
        self._check_interval = seconds
        self._arm()

    def _expiry_due(self) -> None:
        self._timer = None
        try:
            self.expire()
        finally:
            self._arm()

    def expire(self) -> int:
        """Remove what has expired by now; return how many contacts."""
        now = self.wall_clock()
        heap = self._heap
        count = 0
        while heap and heap[0][0] <= now:
            when, contact_id = heappop(heap)
            if self._due.get(contact_id) != when:
                continue  # a shorter expiry has its own entry
            del self._due[contact_id]
            contact = self._data.get_staged(Contact, contact_id)
            if contact is None:
                continue
            if self._removal(contact) > now:
                self._schedule(contact)
            else:
                self._data.delete_now(contact)
                count += 1
        return count

    # Start.

    def start(self, timers: TimerQueue) -> int:
        """Take stock of the stored contacts and arm the expiry timer; return how many there are.

        What expired while the server was down, or was tied to a connection of its own, is deleted. No events.
        """
        now = self.wall_clock()
        for contact in self._data.all(Contact):
            end = self._removal(contact)
            tied = contact.prune_on_boot and contact.reg_server in ("", self.server_name)
            if end <= now or tied:
                self._data.delete_now(contact)
            else:
                self._due[contact.id] = end
                heappush(self._heap, (end, contact.id))
        if self._data.store is not None:
            self._data.store.commit(START_SECONDS)
        self._observing.append(self._data.observe(Contact, self._changed))
        self._observing.append(self._data.observe(Endpoint, self._endpoint_changed))
        self._timers = timers
        self.index()
        self._arm()
        return len(self)

    def stop(self) -> None:
        """Disarm the timer and stop watching."""
        if self._timer is not None:
            self._timer.cancel()
        self._timers = None
        while self._observing:
            self._observing.pop()()

    def index(self) -> None:
        """Work out again which endpoints use which AOR (start-up and reload)."""
        self._endpoints_of.clear()
        endpoints = self._data.all(Endpoint)
        self._quiet = {endpoint.id for endpoint in endpoints if not endpoint.habits.status_events}
        for endpoint in endpoints:
            for aor_id in endpoint.aors:
                self._endpoints_of.setdefault(aor_id, {})[endpoint.id] = None
        for endpoint in endpoints:
            self._available[endpoint.id] = self.endpoint_available(endpoint)


def _preference(contact: Contact) -> float:
    return -contact.q


def _permanent(aor: Aor, uri: str) -> Contact:
    contact = Contact(permanent_contact_id(aor.id, uri), uri=uri)
    contact.aor = aor.id
    return contact
