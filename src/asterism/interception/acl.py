"""Access lists: of endpoints, of the ``acl`` objects that apply to every request, and named ones."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from asterism.sip.objects.acl import Acl, NamedAcl

if TYPE_CHECKING:
    from asterism.data.data import Data
    from asterism.data.network import Rules
    from asterism.sip.objects.endpoint import Endpoint
    from asterism.stack.message import Request
    from asterism.stack.uri import Uri


def hosts_of(uri: Uri) -> tuple[str, ...]:
    """Each host that requests to a URI may go to: its own, and ``maddr`` (RFC 3261 19.1.1)."""
    instead = uri.param("maddr")
    return (uri.host, instead.strip("[]")) if instead else (uri.host,)


class AclChecker:
    """Judges source and Contact addresses. A named list that does not exist denies, as in Asterisk."""

    def __init__(self, data: Data) -> None:
        self._data = data
        self.objects = data.all(Acl)
        """The ``acl`` objects, which every request must pass; always the same list."""
        data.observe(Acl, self._changed)

    def _changed(self, _change: object) -> None:
        self.objects[:] = self._data.all(Acl)

    def denying_source(self, host: str) -> Acl | None:
        """The ``acl`` object that denies a source address, ``None`` when all let it in."""
        for item in self.objects:
            if not self._allows(host, item.address_rules, item.acl):
                return item
        return None

    def denying_contacts(self, request: Request) -> Acl | None:
        """The ``acl`` object that denies one of a request's Contact addresses."""
        if not any(item.contact_rules or item.contact_acl for item in self.objects):
            return None
        hosts = [host for contact in request.contacts for host in hosts_of(contact.uri)]
        for item in self.objects:
            if (item.contact_rules or item.contact_acl) and any(
                not self._allows(host, item.contact_rules, item.contact_acl) for host in hosts
            ):
                return item
        return None

    def endpoint_allows(self, endpoint: Endpoint, host: str) -> bool:
        """Whether an endpoint may send from an address."""
        if not endpoint.address_rules and not endpoint.acl:
            return True
        return self._allows(host, endpoint.address_rules, endpoint.acl)

    def endpoint_allows_contact(self, endpoint: Endpoint, uri: Uri) -> bool:
        """Whether an endpoint may register a contact: requests to it go to ``maddr``, where it has that."""
        if not endpoint.contact_rules and not endpoint.contact_acl:
            return True
        return all(self._allows(host, endpoint.contact_rules, endpoint.contact_acl) for host in hosts_of(uri))

    def _allows(self, host: str, rules: Rules, names: Iterable[str]) -> bool:
        if not rules.allows(host):
            return False
        for name in names:
            named = self._data.get(NamedAcl, name)
            if not isinstance(named, NamedAcl) or not named.address_rules.allows(host):
                return False
        return True
