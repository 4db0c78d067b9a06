"""Dial strings and devices of chan_sip, as those of chan_pjsip."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from asterism.chan_sip.migrate.report import Outcome
from asterism.chan_sip.migrate.scanning import divide

OUTSIDE = "outside"
"""The endpoint through which addresses are called that no peer has; another name where this one is taken."""

_NAME = re.compile(r"[A-Za-z0-9_.+%-]+\Z")


@dataclass(frozen=True, slots=True)
class Peer:
    """What destinations need of a peer: the endpoint's name, and where it is, if that is fixed."""

    endpoint: str
    host: str = ""
    port: int = 0


@dataclass(frozen=True, slots=True)
class Account:
    """An endpoint with credentials of its own, for a destination that brings a password."""

    endpoint: str
    user: str
    secret: str
    md5: str
    username: str
    transport: str


@dataclass(frozen=True, slots=True)
class Changed:
    """A translated text, how well that went, and what there is to say about it."""

    text: str
    outcome: Outcome = Outcome.TRANSLATED
    why: str = ""


@dataclass
class Destinations:
    """Translates what follows ``SIP/``.

    ``outside`` is the name of the endpoint for addresses of no peer, ``needs_outside`` whether it has been used;
    ``accounts`` are the endpoints that destinations with passwords need.
    """

    peers: Mapping[str, Peer]
    realtime: bool = False
    outside: str = OUTSIDE
    needs_outside: bool = False
    accounts: dict[tuple[str, ...], Account] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Have the names in lower case, too."""
        self._folded = {name.lower(): peer for name, peer in self.peers.items()}

    def find(self, name: str) -> Peer | None:
        """The peer of a name, which may be written in another case."""
        return self.peers.get(name) or self._folded.get(name.lower())

    def endpoint(self, name: str) -> str:
        """The endpoint that stands for a peer; the name itself if there is no such peer."""
        found = self.find(name)
        return name if found is None else found.endpoint

    def device(self, name: str) -> Changed:
        """``SIP/name`` as a device: in hints, states and queues."""
        return self._whole(name)

    def translate(self, resource: str) -> Changed:
        """``SIP/resource`` as a destination. Raises nothing: what cannot be told is in the result."""
        head, *options = divide(resource, "!")
        first, *rest = divide(head, "/")
        if rest and ":" in first and "@" not in first and "@" in "/".join(rest):
            first, *rest = _behind_password(head)
        extension, way = (rest[0] if rest else ""), "/".join(rest[1:])
        *users, where = divide(first, "@")
        if len(rest) > 1:
            found = self._by_way_of(first, extension, way)
        elif users:
            who = "@".join(users)
            found = self._extension(":".join((extension, *divide(who, ":")[1:])) if extension else who, where)
        elif extension:
            found = self._extension(extension, first)
        else:
            found = self._whole(first)
        if options and found.outcome is not Outcome.UNTRANSLATED:
            why = "what follows '!' (To and From of the call) has no counterpart: set from_user and from_domain"
            return Changed(found.text, Outcome.UNTRANSLATED, why)
        return found

    def _whole(self, name: str) -> Changed:
        found = self.find(name)
        if found is not None:
            return Changed(f"PJSIP/{found.endpoint}")
        if "$" in name or not name:
            return Changed(f"PJSIP/{name}")
        bare, colon, port = name.partition(":")
        if colon and port.isdecimal():
            return self._other_port(bare, "", port)
        if _is_host(bare):
            return self._called_outside(f"sip:{name}")
        return self._unknown(f"PJSIP/{name}", name)

    def _extension(self, user: str, where: str) -> Changed:
        """``where/user`` or ``user@where``."""
        found = self.find(where)
        name, colon, port = where.partition(":")
        if found is None and colon and "$" not in where and port.isdecimal() and self.find(name) is not None:
            return self._other_port(name, user, port)
        if ":" in user and "$" not in user.partition(":")[0]:
            return self._with_password(user, where)
        if len(divide(user, "@")) > 1:
            return Changed(f"PJSIP/{self.endpoint(where)}/sip:{user}")
        if found is not None:
            return Changed(f"PJSIP/{user}@{found.endpoint}")
        if "$" in where:
            return Changed(f"PJSIP/{user}@{where}")
        if _is_host(name):
            return self._called_outside(f"sip:{user}@{where}")
        return self._unknown(f"PJSIP/{user}@{where}", where)

    def _by_way_of(self, peer: str, user: str, address: str) -> Changed:
        if not user:
            uri = peer if len(divide(peer, "@")) > 1 else f"@{peer}"
            self.needs_outside = True
            why = f"the call cannot be sent to {address} with another name in its address: an endpoint with {address} "
            why += "as outbound_proxy does that"
            return Changed(f"PJSIP/{self.outside}/sip:{uri}", Outcome.UNTRANSLATED, why)
        text = f"PJSIP/{self.endpoint(peer)}/sip:{user}@{address}"
        return Changed(text, Outcome.CHANGED, f"the address of the call names {address} instead of the peer's host")

    def _other_port(self, name: str, user: str, port: str) -> Changed:
        peer = self.find(name)
        if peer is None and _is_host(name):
            return self._called_outside(f"sip:{user}@{name}:{port}" if user else f"sip:{name}:{port}")
        if peer is None or not peer.host:
            why = f"'{name}' has no fixed address to which another port could be added"
            return Changed(f"PJSIP/{name}", Outcome.UNTRANSLATED, why)
        user = f"{user}@" if user else ""
        return Changed(f"PJSIP/{peer.endpoint}/sip:{user}{peer.host}:{port}")

    def _called_outside(self, uri: str) -> Changed:
        self.needs_outside = True
        why = f"an address of no peer is called through the endpoint '{self.outside}'"
        return Changed(f"PJSIP/{self.outside}/{uri}", Outcome.CHANGED, why)

    def _unknown(self, text: str, name: str) -> Changed:
        if self.realtime:
            return Changed(text)
        return Changed(text, Outcome.CHANGED, f"there is no peer '{name}' in sip.conf")

    def _with_password(self, user: str, where: str) -> Changed:
        name, secret, md5, username, transport = [*divide(user, ":"), "", "", "", ""][:5]
        if "$" in f"{secret}{md5}{username}{transport}{where}":
            why = "a password that is only known in the call: make an endpoint with outbound_auth"
            return Changed(f"PJSIP/{name}@{where}", Outcome.UNTRANSLATED, why)
        peer = self.find(where)
        host = peer.host + (f":{peer.port}" if peer.port else "") if peer is not None else where
        if not host:
            why = f"'{where}' has no fixed address: make an endpoint with outbound_auth"
            return Changed(f"PJSIP/{name}@{where}", Outcome.UNTRANSLATED, why)
        key = (name, secret, md5, username or name, transport, host)
        account = self.accounts.get(key)
        if account is None:
            endpoint = _free(re.sub(r"[^A-Za-z0-9_.-]", "-", f"{name}-{host}"), self._taken)
            account = self.accounts[key] = Account(endpoint, *key[:5])
        why = f"the password is in the endpoint '{account.endpoint}' of pjsip.conf"
        return Changed(f"PJSIP/{account.endpoint}/sip:{name}@{host}", Outcome.CHANGED, why)

    def _taken(self, name: str) -> bool:
        return self.find(name) is not None or any(name == account.endpoint for account in self.accounts.values())


def _behind_password(head: str) -> list[str]:
    """The parts of ``user:secret@host/...``, where the secret has a slash."""
    *users, where = divide(head, "@")
    host, *rest = divide(where, "/")
    return [f"{'@'.join(users)}@{host}", *rest]


def _free(name: str, taken: Callable[[str], bool]) -> str:
    """The name, or the first one with a number behind that is not taken."""
    number = 1
    found = name
    while taken(found):
        number += 1
        found = f"{name}-{number}"
    return found


def outside_name(names: Iterable[str]) -> str:
    """A name for the endpoint of foreign addresses that no peer has."""
    taken = {name.lower() for name in names}
    return _free(OUTSIDE, lambda name: name in taken)


def _is_host(text: str) -> bool:
    """Whether a text looks like a host: an address, or a name with a dot."""
    try:
        ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return "." in text and _NAME.match(text) is not None
    return True
