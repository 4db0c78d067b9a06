"""The bindings of an AOR by their URIs, for a REGISTER that names many (RFC 3261 section 10.3)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import TYPE_CHECKING

from asterism.stack.errors import ParseError
from asterism.stack.uri import Uri

if TYPE_CHECKING:
    from asterism.sip.objects.contact import Contact

_SIGNIFICANT = ("user", "ttl", "method", "maddr", "transport")
"""Parameters that only one of two equivalent URIs never has (section 19.1.4)."""

Key = tuple[object, ...]


class UriIndex:
    """Finds the binding that a URI means without comparing it with all of them."""

    def __init__(self, contacts: Iterable[Contact]) -> None:
        self._groups: dict[Key, dict[str, Contact]] = {}
        self._originals: dict[Key, dict[str, Contact]] = {}
        for contact in contacts:
            self.add(contact)

    def add(self, contact: Contact) -> None:
        """Add or replace a binding."""
        self._put(self._groups, contact.uri, contact)
        if contact.original_uri:
            self._put(self._originals, contact.original_uri, contact)

    @staticmethod
    def _put(groups: dict[Key, dict[str, Contact]], text: str, contact: Contact) -> None:
        try:
            uri = Uri.parse(text)
        except ParseError:
            return  # stored by somebody else
        groups.setdefault(_key(uri), {})[contact.id] = contact

    def remove(self, contact: Contact) -> None:
        """Forget a binding."""
        for groups, text in ((self._groups, contact.uri), (self._originals, contact.original_uri)):
            if text:
                try:
                    group = groups.get(_key(Uri.parse(text)))
                except ParseError:
                    continue
                if group is not None:
                    group.pop(contact.id, None)

    def equivalent(self, uri: Uri) -> Contact | None:
        """The binding whose URI is equivalent (section 19.1.4)."""
        for contact in self._groups.get(_key(uri), {}).values():
            if Uri.parse(contact.uri).matches(uri):
                return contact
        return None

    def registered_as(self, uri: Uri, call_id: str) -> Contact | None:
        """The binding that was made for this URI and rewritten: of the same Call-ID, or the only one.

        Phones at several places may have the same private address, so the URI alone does not tell.
        """
        found = [
            contact
            for contact in self._originals.get(_key(uri), {}).values()
            if Uri.parse(contact.original_uri).matches(uri)
        ]
        for contact in found:
            if contact.call_id == call_id:
                return contact
        return found[0] if len(found) == 1 else None


def _key(uri: Uri) -> Key:
    """Equal for URIs that are equivalent; few others have the same."""
    host: object = uri.host
    if ":" in uri.host:
        try:
            host = ipaddress.IPv6Address(uri.host)
        except ValueError:
            host = uri.host
    return (uri.scheme, uri.user, host, uri.port, *(name in uri.params for name in _SIGNIFICANT))
