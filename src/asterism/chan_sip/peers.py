"""The peers of ``sip.conf`` as they are now: where each is, whether it answers, what it registered with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from asterism.chan_sip.habits import TECHNOLOGY
from asterism.chan_sip.objects.general import SipGeneral, general_of
from asterism.chan_sip.objects.peer import USER_SUFFIX, SipPeer, peer_of
from asterism.chan_sip.translation.general_transports import default_port
from asterism.core.errors import ModuleError
from asterism.core.module import Module
from asterism.sip.contacts import ContactStatus
from asterism.stack.errors import ParseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from asterism.data.data import Data
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.channels.table import ChannelTable
    from asterism.sip.contacts import Contact, Reachability
    from asterism.sip.core import SipCore
    from asterism.sip.location import Location
    from asterism.sip.server import SipServer

_SLOTS = 563
_SORTED = 10_000
"""Peers that are sorted by hashes."""


class _Last(NamedTuple):
    """What is remembered of a registration that is over."""

    user: str
    status: ContactStatus
    rtt: float


def listing_key(name: str) -> tuple[int, str]:
    """Where a name stands in the listings that ``chan_sip`` prints in the order of its table of hashes.

    The table has 563 slots, the hash of a name is Bernstein's with exclusive or, of the lower case.
    """
    value = 5381
    for byte in name.lower().encode("utf-8", "surrogateescape"):
        value = (value * 33 ^ byte) & 0xFFFFFFFF
    signed = value - (1 << 32) if value & 0x80000000 else value
    return abs(signed) % _SLOTS, name


class Peers:
    """Reads the configured objects and the location service; has no table of its own but what is over."""

    def __init__(self, core: SipCore) -> None:
        self._core = core
        self._last: dict[str, _Last] = {}

    @property
    def _data(self) -> Data:
        return self._core.data

    # Which there are.

    def get(self, name: str) -> SipPeer | None:
        """The peer or friend of a name."""
        return peer_of(self._data, name)

    def user(self, name: str) -> SipPeer | None:
        """The user or friend of a name."""
        for key in (name, name + USER_SUFFIX):
            found = self._data.get(SipPeer, key)
            if isinstance(found, SipPeer) and found.is_user:
                return found
        return None

    def all(self) -> list[SipPeer]:
        """Peers and friends, by name: the order of ``sip show peers`` and ``SIPpeers``."""
        return sorted((one for one in self._data.all(SipPeer) if one.is_peer), key=lambda one: one.name)

    def users(self) -> list[SipPeer]:
        """Users and friends, in the order of ``sip show users``."""
        return [one for one in self.sections() if one.is_user]

    def sections(self) -> list[SipPeer]:
        """All of them, in the order of the listings that are not by name (:func:`listing_key`).

        Of very many those of a file and of databases in the order in which they were read: sorting would take too long.
        """
        found = self._data.all(SipPeer)
        return found if len(found) > _SORTED else sorted(found, key=lambda one: listing_key(one.name))

    # Where one is.

    def contact(self, peer: SipPeer) -> Contact | None:
        """The contact that requests go to: the registered one, or that of its ``host``."""
        if not peer.is_peer:
            return None
        found = self._core.location.contacts(peer.id)
        return found[-1] if found else None

    def registration(self, peer: SipPeer) -> Contact | None:
        """The registered contact of a peer with ``host=dynamic``."""
        found = self.contact(peer)
        return None if found is None or found.permanent else found

    def address(self, peer: SipPeer) -> tuple[str, int] | None:
        """Host and port that requests go to; ``None`` while it has none."""
        found = self.contact(peer)
        if found is None:
            return None
        try:
            uri = found.parsed
        except ParseError:
            return None
        transport = (uri.param("transport") or ("tls" if uri.scheme == "sips" else "")).lower()
        return uri.host.strip("[]"), uri.port or default_port(transport)

    def located(self) -> dict[tuple[str, int], SipPeer]:
        """The peers that have an address, by it; looks at all of them."""
        found: dict[tuple[str, int], SipPeer] = {}
        for one in self._data.all(SipPeer):
            address = self.address(one)
            if address is not None:
                found.setdefault(address, one)
        return found

    def username(self, peer: SipPeer) -> str:
        """The user part of its Request-URI: of the contact, or ``defaultuser``; kept after a registration is over."""
        found = self.registration(peer)
        if found is not None:
            return _user_of(found)
        last = self._last.get(peer.id)
        return last.user if last is not None else peer.defaultuser

    def registered_uri(self, peer: SipPeer) -> str:
        """The contact that it registered, empty without a registration."""
        found = self.registration(peer)
        return "" if found is None else found.original_uri or found.uri

    def transport(self, peer: SipPeer) -> str:
        """The transport that it registered by, in small letters; empty without a registration."""
        found = self.registration(peer)
        if found is None:
            return ""
        try:
            uri = found.parsed
        except ParseError:
            return ""
        return (uri.param("transport") or ("tls" if uri.scheme == "sips" else "udp")).lower()

    def behind_nat(self, peer: SipPeer) -> bool:
        """Whether it registered another address than the one that its requests come from."""
        found = self.registration(peer)
        return found is not None and bool(found.original_uri) and found.original_uri != found.uri

    def useragent(self, peer: SipPeer) -> str:
        """What it registered as (``User-Agent``)."""
        found = self.registration(peer)
        return found.user_agent if found is not None else ""

    def expires(self, peer: SipPeer) -> int:
        """Seconds until its registration ends, -1 without one."""
        found = self.registration(peer)
        if found is None:
            return -1
        return max(int(found.expiration_time - self._core.location.wall_clock()), 0)

    # Whether it answers.

    def status(self, peer: SipPeer) -> str:
        """``OK (5 ms)``, ``LAGGED (n ms)``, ``UNREACHABLE``, ``UNKNOWN`` or ``Unmonitored``.

        After the end of a registration it stays what it was, as with ``chan_sip``.
        """
        if not peer.qualify:
            return "Unmonitored"
        status, rtt = self._reachability(peer)
        if status is ContactStatus.UNREACHABLE:
            return "UNREACHABLE"
        if status is not ContactStatus.REACHABLE:
            return "UNKNOWN"
        milliseconds = max(int(rtt * 1000), 1)
        return f"{'LAGGED' if milliseconds > peer.qualify else 'OK'} ({milliseconds} ms)"

    def online(self, peer: SipPeer) -> bool:
        """Whether ``sip show peers`` counts it as online: it answered, or has an address and nobody asks."""
        if not peer.qualify:
            return self.address(peer) is not None
        return self._reachability(peer)[0] is ContactStatus.REACHABLE

    def _reachability(self, peer: SipPeer) -> tuple[ContactStatus, float]:
        found = self.contact(peer)
        if found is not None:
            state = self._core.location.state(found)
            return state.status, state.rtt or 0.0
        last = self._last.get(peer.id)
        return (ContactStatus.UNKNOWN, 0.0) if last is None else (last.status, last.rtt)

    def heard(self, contact: Contact, status: ContactStatus, rtt_usec: int) -> None:
        """Remember what is told of a registered contact, for the time after its end."""
        if contact.permanent or not isinstance(self._data.get(SipPeer, contact.aor), SipPeer):
            return
        if status is ContactStatus.REMOVED:
            last = self._last.get(contact.aor)
            if last is not None:
                self._last[contact.aor] = last._replace(user=_user_of(contact))
        else:
            self._last[contact.aor] = _Last(_user_of(contact), status, rtt_usec / 1_000_000)

    def forget_gone(self) -> None:
        """Forget the registrations of peers that are configured no more."""
        for name in [name for name in self._last if not isinstance(self._data.get(SipPeer, name), SipPeer)]:
            del self._last[name]

    # Its calls.

    def channels(self, peer: SipPeer, table: ChannelTable[Channel]) -> Sequence[Channel]:
        """Its channels in ``table`` (``pbx.channels``)."""
        return table.of_device(f"{TECHNOLOGY}/{peer.name}")

    def calls(self, peer: SipPeer, table: ChannelTable[Channel]) -> int:
        """How many channels it has."""
        return len(self.channels(peer, table))


def _user_of(contact: Contact) -> str:
    try:
        return contact.parsed.user or ""
    except ParseError:
        return ""


class SipPeers(Module):
    """Has the live view of the peers for commands, actions and functions."""

    name = "chan_sip_peers"
    part_of = ("chan_sip",)
    requires = ("res_pjsip", "chan_sip")
    description = "Peers of sip.conf as they are now"

    peers: Peers

    def load(self, server: SipServer) -> None:
        """Make the view."""
        self._server = server
        self._leave: Callable[[], None] | None = None
        self.peers = Peers(server.sip)
        server.owner.on_release(server.data.observe(SipGeneral, lambda _change: self._follow()))
        server.owner.on_release(self._stop)

    def start(self) -> None:
        """Follow the registrations."""
        self._follow()

    def _stop(self) -> None:
        if self._leave is not None:
            self._leave()
            self._leave = None

    def _follow(self) -> None:
        """Follow the registrations while there is a ``sip.conf``."""
        server, there = self._server, general_of(self._server.data) is not None
        if there and self._leave is None:
            self._leave = self._hear(server.sip.location)
        elif not there:
            self._stop()

    def _hear(self, location: Location) -> Callable[[], None]:
        heard = self.peers.heard

        def added(contact: Contact) -> None:
            heard(contact, ContactStatus.NON_QUALIFIED, 0)

        def answered(contact: Contact, state: Reachability) -> None:
            heard(contact, state.status, state.rtt_usec)

        def removed(contact: Contact) -> None:
            heard(contact, ContactStatus.REMOVED, 0)

        location.on_added.append(added)
        location.on_answered.append(answered)
        location.on_removed.append(removed)

        def leave() -> None:
            location.on_added.remove(added)
            location.on_answered.remove(answered)
            location.on_removed.remove(removed)

        return leave

    def reload(self) -> None:
        """Forget what is gone."""
        self.peers.forget_gone()


def peers_of(server: Any) -> Peers:
    """The live view of a server's peers.

    Raises:
        ModuleError: ``chan_sip`` is not loaded; name ``chan_sip_peers`` in ``requires``.
    """
    found = server.modules.find(SipPeers.name)
    peers = getattr(found.instance, "peers", None) if found else None
    if not isinstance(peers, Peers):
        raise ModuleError("the module 'chan_sip' is not loaded")
    return peers


def names_like(peers: Iterable[SipPeer], typed: str) -> list[str]:
    """Names that go on with what was typed, for completion."""
    return [one.name for one in peers if one.name.startswith(typed)]
