"""Finding endpoints by name, with domains and their aliases."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING

from asterism.data.data import Missing
from asterism.sip.objects.domain_alias import DomainAlias
from asterism.sip.objects.endpoint import Endpoint

if TYPE_CHECKING:
    from asterism.data.data import Data
    from asterism.sip.core import SipCore


def names_of(core: SipCore, user: str, domain: str) -> tuple[str, ...]:
    """The object names a user of a domain may have: user@domain, user@real-domain of an alias, user."""
    state = core.state
    if state.disable_multi_domain:
        return (user,)
    if state.domain_aliases:
        alias = core.data.get(DomainAlias, domain)
        if isinstance(alias, DomainAlias) and alias.domain:
            return (f"{user}@{domain}", f"{user}@{alias.domain}", user)
    return (f"{user}@{domain}", user)


def find_endpoint(core: SipCore, user: str, domain: str, method: str) -> Endpoint | Awaitable[Endpoint | None] | None:
    """The first endpoint of these names whose ``identify_by`` has ``method``; awaitable if memory cannot tell."""
    data = core.data
    names = names_of(core, user, domain)
    while True:
        found = data.first(Endpoint, names)
        if not isinstance(found, Endpoint):
            return None if found is Missing.ABSENT else _find_later(data, names, method)
        # An endpoint with "auth" is asked for its password: what follows costs nothing.
        if method in found.identify_by and (found.auth or found.named_by(method, data)):
            return found
        names = names[names.index(found.id) + 1 :]


async def _find_later(data: Data, names: tuple[str, ...], method: str) -> Endpoint | None:
    while True:
        found = await data.retrieve_first(Endpoint, names)
        if found is None or found.named_by(method, data):
            return found
        names = names[names.index(found.id) + 1 :]


def user_part(user: str) -> str:
    """A user part without its options: what ``[global] ignore_uri_user_options`` leaves of it."""
    return user.partition(";")[0]
