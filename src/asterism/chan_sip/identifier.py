"""Which peer of ``sip.conf`` sent a request, in the order of ``chan_sip``.

A REGISTER is that of the peer whom To names. Any other request is that of the user whom From names (or the credentials,
with ``match_auth_username``), of the peer of that name if its address fits, or of the peer at the source's address. Who
is known neither here nor in pjsip.conf is a guest (``allowguest``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING, TypeVar

from asterism.chan_sip.habits import TECHNOLOGY, habits_of, reception_of
from asterism.chan_sip.objects.general import general_of
from asterism.chan_sip.objects.peer import USER_SUFFIX, SipPeer
from asterism.chan_sip.translation.general_transports import default_port
from asterism.chan_sip.translation.names import GUEST, OWN
from asterism.core.module import Module
from asterism.data.data import Missing
from asterism.data.network import parse_address
from asterism.sip.identification import Place
from asterism.sip.identifiers.lookup import user_part
from asterism.sip.identifiers.names import NamedRule, addresses_of
from asterism.sip.objects import Endpoint, TransportConfig
from asterism.sip.objects.contact import Contact
from asterism.stack.digest import Credentials
from asterism.stack.errors import ParseError

if TYPE_CHECKING:
    from collections.abc import Callable

    from asterism.data.table import Change
    from asterism.sip.core import SipCore
    from asterism.sip.objects.habits import Reception
    from asterism.sip.rx import Rx
    from asterism.sip.server import SipServer
    from asterism.stack.flow import Flow

NAME = "chan_sip"
GUEST_NAME = "chan_sip_guest"
_Key = TypeVar("_Key")
_Found = Endpoint | Awaitable[Endpoint | None] | None


class Addresses:
    """Where the peers are: by host and port, and by host alone where the port does not matter.

    Bounded by the peers and their contacts; of two peers at one address the first one counts.
    """

    def __init__(self, core: SipCore) -> None:
        self._core = core
        self._exact: dict[tuple[str, int], dict[str, None]] = {}
        self._hosts: dict[str, dict[str, None]] = {}
        self._contacts: dict[str, tuple[str, int]] = {}
        """The place of each registered contact, by its id."""
        self._named: dict[NamedRule, tuple[str, ...]] = {}
        """The addresses of names, as they were looked up last."""
        self.peers: dict[str, SipPeer] = {}
        """Those that can be found by their address, by id."""
        self.stale = True
        self.closed = False
        """The server stops: there are no such objects any more."""

    def build(self) -> None:
        """Enter the peers and contacts that are in memory."""
        self.stale = False
        self._exact.clear()
        self._hosts.clear()
        self._contacts.clear()
        self.peers = {peer.id: peer for peer in self._core.data.all(SipPeer) if peer.is_peer}
        for peer in self.peers.values():
            for host in self._fixed(peer):
                self._put(peer.id, host, _port_of(peer))
        for contact in self._core.data.all(Contact):
            self._add(contact)

    def _fixed(self, peer: SipPeer) -> tuple[str, ...]:
        host = peer.defaultip if peer.dynamic else peer.host
        if not host:
            return ()
        address = _address(host)
        return (address,) if address else self._named.get(_rule_of(peer), ())

    def contact_changed(self, change: Change[Contact]) -> None:
        """A peer has registered, or does no longer."""
        if self.stale:
            return
        place = self._contacts.pop(change.item.id, None)
        if place is not None:
            self._take(change.item.aor, *place)
        if change.new is not None:
            self._add(change.new)

    def peer_changed(self, change: Change[SipPeer]) -> None:
        """A peer has come, is another, or has gone; of a database they come one by one."""
        peer = change.new
        if peer is None or change.old is not None or not peer.is_peer or not peer.dynamic or peer.defaultip:
            self.stale = True
        elif not self.stale:
            self.peers[peer.id] = peer
            for contact in self._core.data.find(Contact, "aor", peer.id):
                self._add(contact)

    def _add(self, contact: Contact) -> None:
        if contact.aor not in self.peers:
            return
        try:
            uri = contact.parsed
        except ParseError:
            return
        transport = (uri.param("transport") or "").lower()
        place = _address(uri.host) or uri.host, uri.port or default_port(transport)
        self._contacts[contact.id] = place
        self._put(contact.aor, *place)

    def _put(self, name: str, host: str, port: int) -> None:
        self._exact.setdefault((host, port), {})[name] = None
        self._hosts.setdefault(host, {})[name] = None

    def _take(self, name: str, host: str, port: int) -> None:
        _drop(self._exact, (host, port), name)
        _drop(self._hosts, host, name)

    def at(self, flow: Flow) -> list[SipPeer]:
        """The peers at the source of a request, the best match first."""
        if self.stale:
            self.build()
        if flow.reliable and flow.foreign:
            return []
        host, port = flow.remote[:2]
        found = dict(self._exact.get((host, port), {}))
        # Connections come from any port.
        for name in self._hosts.get(host, ()):
            peer = self.peers[name]
            if "port" in peer.insecure or (flow.reliable and flow.transport.lower() in peer.transport):
                found[name] = None
        return [self.peers[name] for name in found]

    def is_home(self, endpoint: Endpoint, rx: Rx) -> bool:
        """Whether a request came from an address of an endpoint's peer, from whatever port."""
        if self.stale:
            self.build()
        flow = rx.flow
        return not (flow.reliable and flow.foreign) and endpoint.id in self._hosts.get(flow.remote[0], ())

    async def resolve(self) -> None:
        """Look up the peers whose host is a name; the addresses of before stay where there is no answer."""
        peers = [] if self.closed else [peer for peer in self._core.data.all(SipPeer) if peer.is_peer]
        rules = [_rule_of(peer) for peer in peers if not peer.dynamic and not _address(peer.host)]
        found = await asyncio.gather(*(addresses_of(self._core, rule) for rule in rules))
        named = {}
        for rule, networks in zip(rules, found, strict=True):
            named[rule] = tuple(str(one.network_address) for one in networks) or self._named.get(rule, ())
            if not named[rule]:
                self._core.log.warning("the host '%s' of peer '%s' cannot be resolved", rule.host, rule.endpoint)
        self._named = named
        self.stale = True


def _drop(table: dict[_Key, dict[str, None]], key: _Key, name: str) -> None:
    found = table.get(key)
    if found is not None:
        found.pop(name, None)
        if not found:
            del table[key]


def _address(host: str) -> str:
    """The address as sockets write it, however it was written; empty: it is none."""
    try:
        return str(parse_address(host))
    except ValueError:
        return ""


def _port_of(peer: SipPeer) -> int:
    return peer.port or default_port(peer.transport[0] if peer.transport else "")


def _rule_of(peer: SipPeer) -> NamedRule:
    return NamedRule(peer.host, _port_of(peer), peer.id, True)


def _registers(peer: SipPeer) -> bool:
    """Whether it may register at all; one that may not is as good as unknown."""
    return peer.is_peer and peer.dynamic


class PeerIdentifier:
    """``chan_sip``: finds users and peers."""

    def __init__(self, core: SipCore, addresses: Addresses) -> None:
        self._core = core
        self._addresses = addresses
        self.by_credentials = False
        """Users are named by their credentials (``match_auth_username``)."""
        self.open_options = False
        """OPTIONS are answered to everybody (``auth_options_requests=no``), and so as if by nobody: names that are
        challenged or refused would stand out otherwise."""
        self.subjects: dict[str, None] = {}
        """Something, while there is a sip.conf."""

    def identify_endpoint(self, rx: Rx) -> _Found:
        """Ask by name, then by address."""
        request = rx.request
        if self.open_options and request.method == "OPTIONS" and not request.to.tag and self._is_ours(rx):
            return self._endpoint(GUEST)
        if request.method == "REGISTER":
            return self._registering(self._name(request.to.uri.user))
        name = self._sender(rx)
        return self._named(name, rx) if name else self._there(rx)

    def _is_ours(self, rx: Rx) -> bool:
        """Whether a request came by a transport of sip.conf."""
        return rx.flow.name in self._core.state.receptions

    def _sender(self, rx: Rx) -> str:
        if self.by_credentials:
            for value in rx.request.get_all("Authorization"):
                try:
                    return self._core.user_hashes.name_of(Credentials.parse(value))
                except ParseError:
                    continue
        return self._name(rx.request.from_.uri.user)

    def _name(self, user: str) -> str:
        return user_part(user) if self._core.state.ignore_uri_user_options else user

    def _registering(self, name: str) -> _Found:
        found = self._core.data.get(SipPeer, name)
        if found is Missing.NOT_LOADED:
            return self._registering_later(name)
        return self._endpoint(name) if isinstance(found, SipPeer) and _registers(found) else None

    async def _registering_later(self, name: str) -> Endpoint | None:
        found = await self._core.data.retrieve(SipPeer, name)
        return await self._made(name) if found is not None and _registers(found) else None

    def _named(self, name: str, rx: Rx) -> _Found:
        data = self._core.data
        found = data.get(SipPeer, name)
        if found is Missing.NOT_LOADED:
            return self._named_later(name, rx)
        return self._fitting(found if isinstance(found, SipPeer) else None, name, rx)

    async def _named_later(self, name: str, rx: Rx) -> Endpoint | None:
        found = self._fitting(await self._core.data.retrieve(SipPeer, name), name, rx)
        return found if found is None or isinstance(found, Endpoint) else await found

    def _fitting(self, found: SipPeer | None, name: str, rx: Rx) -> _Found:
        """The endpoint of who is called ``name``: a user, or a peer that is where the request came from."""
        if found is not None and found.is_user:
            return self._endpoint(found.id)
        if found is not None:
            beside = self._core.data.get(SipPeer, name + USER_SUFFIX)
            if isinstance(beside, SipPeer):
                return self._endpoint(beside.id)
            if any(one.id == found.id for one in self._addresses.at(rx.flow)):
                return self._endpoint(found.id)
        return self._there(rx)

    def _there(self, rx: Rx) -> _Found:
        there = self._addresses.at(rx.flow)
        return self._endpoint(there[0].id) if there else None

    def _endpoint(self, name: str) -> _Found:
        found = self._core.data.get(Endpoint, name)
        if found is Missing.NOT_LOADED:
            return self._made(name)
        return _of_sip_conf(found)

    async def _made(self, name: str) -> Endpoint | None:
        return _of_sip_conf(await self._core.data.retrieve(Endpoint, name))


def _of_sip_conf(found: object) -> Endpoint | None:
    """The endpoint, if a peer made it: another file may have one of its name, with passwords and rules of its own."""
    return found if isinstance(found, Endpoint) and found.habits.technology == TECHNOLOGY else None


class GuestIdentifier:
    """``chan_sip_guest``: who is known to nobody may still call."""

    def __init__(self, core: SipCore) -> None:
        self._core = core
        self.calls = False
        """Whether strangers may do more than what nobody is challenged for."""
        self.unchallenged: frozenset[str] = frozenset()
        """Methods for which no peer is challenged: so strangers are not either, or the answers would tell the names."""
        self.subjects: dict[str, None] = {}
        """Something, while there is anything that guests may do."""

    def identify_endpoint(self, rx: Rx) -> Endpoint | None:
        """The endpoint of guests; a REGISTER is nobody's."""
        method = rx.request.method
        if method == "REGISTER":
            return None
        if not self.calls and not (method in self.unchallenged and rx.flow.name in self._core.state.receptions):
            return None
        found = self._core.data.get(Endpoint, GUEST)
        return found if isinstance(found, Endpoint) else None


class ChanSipIdentifier(Module):
    """Identifies the peers of ``sip.conf``; sets how strangers are answered on its transports."""

    name = "chan_sip_identifier"
    part_of = ("chan_sip",)
    requires = ("chan_sip",)
    description = "Identification of the peers of sip.conf"

    _server: SipServer
    _addresses: Addresses
    _unobserve: Callable[[], None] | None = None

    def load(self, server: SipServer) -> None:
        """Register the identifiers, the one first and the other last."""
        self._server = server
        core = server.sip
        self._addresses = Addresses(core)
        self._peers = PeerIdentifier(core, self._addresses)
        self._guests = GuestIdentifier(core)
        core.state.at_home = self._addresses.is_home
        core.register_endpoint_identifier(self._peers, NAME, Place.FIRST)
        core.register_endpoint_identifier(self._guests, GUEST_NAME, Place.LAST)
        server.data.observe(SipPeer, self._changed)
        server.owner.on_release(self._forget)

    def start(self) -> None:
        """Take the settings; look up names without holding up the start."""
        self._take()
        if self._peers.subjects:
            self._server.spawn(self._addresses.resolve(), "hosts of sip.conf")

    async def reload(self) -> None:
        """Take the settings again, and look up names."""
        self._take()
        if self._peers.subjects:
            await self._addresses.resolve()

    def _changed(self, change: Change[SipPeer]) -> None:
        self._addresses.peer_changed(change)

    def _take(self) -> None:
        core = self._server.sip
        general = general_of(core.data)
        self._addresses.stale = True
        self._peers.subjects.clear()
        self._guests.subjects.clear()
        receptions: dict[str, Reception] = {}
        if general is not None:
            self._peers.subjects[NAME] = None
            self._peers.by_credentials = general.match_auth_username
            self._peers.open_options = not general.auth_options_requests
            self._guests.calls = general.allowguest
            self._guests.unchallenged = habits_of(general, None).unchallenged
            if general.allowguest or self._guests.unchallenged:
                self._guests.subjects[GUEST_NAME] = None
            if self._unobserve is None:
                # Only now, so that registrations cost nothing more where there is no sip.conf.
                self._unobserve = self._server.data.observe(Contact, self._addresses.contact_changed)
            reception = reception_of(general)
            for transport in core.data.all(TransportConfig):
                if transport.id.startswith(OWN):
                    receptions[transport.id] = reception
        elif self._unobserve is not None:
            self._unobserve()
            self._unobserve = None
        core.state.receptions = receptions

    def _forget(self) -> None:
        self._addresses.closed = True
        self._server.sip.state.receptions = {}
        self._server.sip.state.at_home = None
