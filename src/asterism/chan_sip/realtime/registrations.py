"""Registrations and databases: what a row says makes a contact, what happens to a contact goes into the row."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from asterism.chan_sip.expired import is_kept
from asterism.chan_sip.objects.general import SipGeneral, general_of
from asterism.chan_sip.objects.peer import SipPeer
from asterism.chan_sip.realtime.peers import is_realtime
from asterism.data.errors import DataError, DataRefusedError, DataUnavailableError
from asterism.sip.contacts import Contact, ContactStatus
from asterism.sip.objects.contact import contact_id
from asterism.stack.errors import ParseError
from asterism.stack.uri import Uri

if TYPE_CHECKING:
    from collections.abc import Callable

    from asterism.chan_sip.realtime.rows import Registration
    from asterism.chan_sip.realtime.tables import Family
    from asterism.data.data import Change
    from asterism.sip.contacts import Reachability
    from asterism.sip.core import SipCore

KEPT_SECONDS = 3600
"""How long a registration that is over is used before the row is looked at again (``ignoreregexpire``)."""
RETRY_SECONDS = 1.0
MAX_CHANGES = 20_000
"""Most peers whose registration waits to be written; of further ones nothing is."""
GONE: dict[str, str | None] = {
    "fullcontact": "", "ipaddr": "", "port": "0", "regseconds": "0", "regserver": "", "useragent": "", "lastms": "0",
}  # fmt: skip
"""The columns of a peer that is not registered."""

Values = dict[str, "str | None"]


class Registrations:
    """Keeps contacts and rows alike.

    ``family`` is where registrations are written to: ``sipregs``, else ``sippeers``.
    """

    def __init__(self, core: SipCore, family: Family, *, insert: bool) -> None:
        self._core = core
        self._family = family
        self._insert = insert
        self._from_rows: dict[str, Contact] = {}
        """Contacts that were made of rows, by id: nothing is to be written of them."""
        self._changes: dict[str, Values] = {}
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._words: dict[str, str] = {}
        self._undo: list[Callable[[], object]] = []
        self._full = False

    def start(self) -> None:
        """Follow the contacts."""
        location = self._core.location
        self._undo.append(self._core.data.observe(Contact, self._changed))
        location.on_answered.append(self._answered)
        self._undo.append(lambda: location.on_answered.remove(self._answered))

    def stop(self) -> None:
        """Follow them no more."""
        while self._undo:
            self._undo.pop()()

    @property
    def _general(self) -> SipGeneral:
        return general_of(self._core.data) or SipGeneral("general")

    # From rows.

    def read(self, peer: SipPeer, registration: Registration) -> None:
        """A row was read: a registration that another server, or an earlier start, has written is one here too."""
        data = self._core.data
        now = self._core.location.wall_clock()
        until = registration.until
        if registration.contact and until <= now and self._general.ignoreregexpire:
            until = int(now) + KEPT_SECONDS
        bound = data.find_staged(Contact, "aor", peer.id)
        live = [contact for contact in bound if contact.expiration_time > now]
        try:
            if not registration.contact or until <= now:
                # What was known from the row alone has been taken back by whoever wrote it.
                for contact in live:
                    if self._from_rows.pop(contact.id, None) is contact:
                        data.delete_now(contact)
            elif all(contact.expiration_time < until for contact in live):
                self._bind(peer, registration, until, bound)
        except DataError as error:
            self._core.log.warning("the registration of '%s' in its row is not used: %s", peer.name, error)

    def _bind(self, peer: SipPeer, registration: Registration, until: int, bound: list[Contact]) -> None:
        location, cached = self._core.location, self._general.rtcachefriends
        made = Contact(
            contact_id(peer.id, registration.contact),
            uri=registration.contact,
            expiration_time=until,
            endpoint=peer.id,
            reg_server=registration.server or location.server_name,
            user_agent=registration.user_agent,
            path=registration.path,
            registered_at=int(location.wall_clock()),
            # Its AOR may not be in memory yet.
            qualify_frequency=peer.qualifyfreq if peer.qualify and cached else 0,
        )
        try:
            Uri.parse(made.uri)
        except ParseError as error:
            self._core.log.warning("the row of '%s' has a contact that is none: %s", peer.name, error.message)
            return
        self._from_rows[made.id] = made
        self._core.data.change_now([made], [contact for contact in bound if contact.id != made.id])

    # Into rows.

    def _changed(self, change: Change[Contact]) -> None:
        contact = change.item
        known = self._from_rows.get(contact.id)
        if change.new is None:
            self._words.pop(contact.id, None)
            if known is not None:
                del self._from_rows[contact.id]
        elif known is contact:
            return
        elif known is not None:
            del self._from_rows[contact.id]
        peer = self._core.data.objects(SipPeer).get(contact.aor)
        if peer is None or not is_realtime(peer):
            return
        now = self._core.location.wall_clock()
        if change.new is not None:
            if not is_kept(contact, now):
                self.write(peer.name, self._values(contact))
        elif self._general.ignoreregexpire and contact.expiration_time <= now:
            return  # the row says what it said
        elif not self._core.data.find_staged(Contact, "aor", contact.aor) and self._is_ours(contact):
            self.write(peer.name, dict(GONE))

    def _is_ours(self, contact: Contact) -> bool:
        return contact.reg_server in ("", self._core.location.server_name)

    def _values(self, contact: Contact) -> Values:
        general = self._general
        values: Values = {
            "regseconds": str(contact.expiration_time),
            "fullcontact": contact.uri,
            "useragent": contact.user_agent,
        }
        try:
            uri = contact.parsed
        except ParseError:
            pass
        else:
            values["ipaddr"] = uri.host.strip("[]")
            values["port"] = str(uri.port or 5060)
            if uri.user:
                values["defaultuser"] = values["username"] = uri.user
        if general.rtsavesysname:
            values["regserver"] = self._core.location.server_name
        if general.rtsavepath:
            values["path"] = contact.path
        return values

    def _answered(self, contact: Contact, state: Reachability) -> None:
        peer = self._core.data.objects(SipPeer).get(contact.aor)
        if peer is None or not is_realtime(peer):
            return
        reached = state.status is ContactStatus.REACHABLE
        word = "yes" if reached else "no"
        if self._words.get(contact.id) != word:
            self._words[contact.id] = word
            self.write(peer.name, {"lastms": str(max(int((state.rtt or 0.0) * 1000), 1)) if reached else "-1"})

    def write(self, name: str, values: Values) -> None:
        """Have columns of a row written soon, unless ``rtupdate`` is off; newer values replace those that wait."""
        if not self._general.rtupdate:
            return
        waiting = self._changes.get(name)
        if waiting is None:
            if len(self._changes) >= MAX_CHANGES:
                if not self._full:
                    self._full = True
                    self._core.log.error(
                        "registrations of %d peers wait for their database; of others nothing is written", MAX_CHANGES
                    )
                return
            waiting = self._changes[name] = {}
        waiting.update(values)
        self._idle.clear()
        self._wake.set()

    async def run(self) -> None:
        """Write what is to be written, for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            if not await self._flush():
                await asyncio.sleep(RETRY_SECONDS)
                self._wake.set()
            elif not self._changes:
                self._full = False
                self._idle.set()

    async def _flush(self) -> bool:
        """Write what waits; ``False``: the database is away, and it waits on."""
        changes, self._changes = self._changes, {}
        try:
            await self._family.write(changes, insert=self._insert)
        except DataRefusedError as error:
            await self._one_by_one(changes, error)
        except DataUnavailableError:
            for name, values in changes.items():
                self._changes[name] = {**values, **self._changes.get(name, {})}
            return False
        return True

    async def _one_by_one(self, changes: dict[str, Values], error: DataRefusedError) -> None:
        if len(changes) == 1:
            self._core.log.warning("the registration of '%s' is not written: %s", next(iter(changes)), error)
            return
        for name, values in changes.items():
            try:
                await self._family.write({name: values}, insert=self._insert)
            except (DataRefusedError, DataUnavailableError) as each:
                self._core.log.warning("the registration of '%s' is not written: %s", name, each)

    async def drain(self, seconds: float) -> None:
        """Wait until everything is written, so long at most."""
        try:
            await asyncio.wait_for(self._idle.wait(), seconds)
        except TimeoutError:
            self._core.log.warning("registrations of %d peers were not written to their database", len(self._changes))
