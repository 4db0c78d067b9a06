"""Registered contacts that are reached over the connection they registered on (RFC 5626, RFC 7118, RFC 5923)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.sip.contacts import Contact
from asterism.sip.resolving import flow_key

if TYPE_CHECKING:
    from asterism.sip.core import SipCore
    from asterism.stack.flow import Flow


class ContactFlows:
    """Contacts by connection; when a connection breaks, its contacts are unreachable and are removed."""

    def __init__(self, core: SipCore) -> None:
        self._core = core
        self._by_contact: dict[str, tuple[Flow, str]] = {}
        self._contacts: dict[Flow, set[str]] = {}
        self._running = False

    def __len__(self) -> int:
        return len(self._by_contact)

    def start(self) -> None:
        """Follow removals."""
        self._running = True
        self._core.location.on_removed.append(self._removed)

    def stop(self) -> None:
        """Forget all; the contacts themselves stay, to be pruned when the server starts again."""
        self._running = False
        if self._removed in self._core.location.on_removed:
            self._core.location.on_removed.remove(self._removed)
        for contact_id in list(self._by_contact):
            self._unbind(contact_id)

    def flow_of(self, contact: Contact) -> Flow | None:
        """The connection that a contact lives on."""
        found = self._by_contact.get(contact.id)
        return None if found is None else found[0]

    def monitored(self) -> list[tuple[Flow, int]]:
        """The connections that contacts live on, each with how many do."""
        return [(flow, len(contacts)) for flow, contacts in self._contacts.items()]

    def bind(self, contact: Contact, flow: Flow) -> None:
        """Reach a contact over ``flow`` only, from now on and for as long as both are there."""
        self._unbind(contact.id)
        if flow.closed:
            self._core.transports.loop.call_soon(self._remove, {contact.id})
            return
        key = flow_key(contact.parsed)
        self._by_contact[contact.id] = (flow, key)
        self._core.transports.bound[key] = flow
        contacts = self._contacts.get(flow)
        if contacts is None:
            contacts = self._contacts[flow] = set()
            flow.on_error.append(self._closed)
        contacts.add(contact.id)

    def _unbind(self, contact_id: str) -> None:
        found = self._by_contact.pop(contact_id, None)
        if found is None:
            return
        flow, key = found
        bound = self._core.transports.bound
        if bound.get(key) is flow:
            del bound[key]
        contacts = self._contacts.get(flow)
        if contacts is not None:
            contacts.discard(contact_id)
            if not contacts:
                del self._contacts[flow]
                flow.on_error.remove(self._closed)

    def _removed(self, contact: Contact) -> None:
        self._unbind(contact.id)

    def _closed(self, flow: Flow, error: Exception | None) -> None:
        del error
        if not flow.closed:
            return
        gone = set(self._contacts.get(flow, ()))
        for contact_id in gone:
            self._unbind(contact_id)
        # Later: this may be called from inside a change of the same objects.
        self._core.transports.loop.call_soon(self._remove, gone)

    def _remove(self, contact_ids: set[str]) -> None:
        if not self._running:
            return
        data = self._core.data
        for contact_id in contact_ids:
            contact = data.get_staged(Contact, contact_id)
            if contact is not None and contact_id not in self._by_contact:
                data.delete_now(contact)
                self._core.location.removing(contact_id, "shutdown of its connection")
