"""The technology ``SIP``: calls to the peers of ``sip.conf``, and by these settings to any other host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asterism.applications.session.driver import SessionDriver
from asterism.applications.session.module import SessionServer
from asterism.applications.session.registry import sessions
from asterism.applications.session.technology import Destination, SessionTechnology, called_uri
from asterism.chan_sip.call_limits import CallLimits
from asterism.chan_sip.dialstring import TRANSPORTS, DialString, parse
from asterism.chan_sip.habits import TECHNOLOGY
from asterism.chan_sip.objects.general import general_of
from asterism.chan_sip.objects.peer import SipPeer, peer_of
from asterism.chan_sip.refusing import CallLimitSupplement
from asterism.chan_sip.translation.names import GUEST
from asterism.core.errors import AsterismError
from asterism.core.module import Module
from asterism.data.data import DataUnavailableError, Missing
from asterism.hostport import split_host_port
from asterism.pbx.dialplan.language.foreign import foreign, joined
from asterism.pbx.vocabulary.causes import Cause
from asterism.pbx.vocabulary.device_state import DeviceState
from asterism.pbx.vocabulary.errors import RequestError
from asterism.sip.objects.auth import Auth
from asterism.sip.objects.endpoint import Endpoint
from asterism.sip.resolving import is_numeric
from asterism.stack.errors import ParseError
from asterism.stack.headers import NameAddr
from asterism.stack.uri import Uri, format_host_port, parse_host

if TYPE_CHECKING:
    from collections.abc import Callable

    from asterism.applications.session.registry import Sessions
    from asterism.pbx.assembly.pbx import Pbx
    from asterism.sip.contacts import Contact
    from asterism.sip.core import SipCore
    from asterism.stack.message import Request

_ABSENT_SECONDS = 30.0
"""How long a host that has no address is taken for one that has none."""
_MOST_ABSENT = 256


class SipDriver(SessionDriver):
    """The far end of a channel ``SIP/...``."""

    __slots__ = ()

    def call(self, timeout: float | None) -> bool | None:
        """Send the INVITE, if the peer may have one more call: otherwise the channel ends as a busy one."""
        session = self.session
        channel, technology = session.channel, session.registry.technologies.get(TECHNOLOGY)
        if channel is None or not isinstance(technology, SipTechnology):
            return False
        if not technology.may_call(session.endpoint, self):
            channel.hangup_cause = Cause.USER_BUSY
            return False
        super().call(timeout)
        channel.pbx.device_states.channel_changed(channel.device)  # it counts as ringing from now on
        return None


class SipTechnology(SessionTechnology):
    """Makes channels from ``SIP/...`` (:mod:`asterism.chan_sip.dialstring`)."""

    text_kind = "BASIC"
    """Texts have no content type."""
    name = TECHNOLOGY
    description = "Session Initiation Protocol (SIP)"
    driver = SipDriver
    begins_down = True

    def __init__(self, core: SipCore, pbx: Pbx, registry: Sessions) -> None:
        super().__init__(core, pbx, registry)
        self.limits = CallLimits(pbx)
        """What the peers have of calls."""
        self._absent: dict[str, float] = {}
        """Hosts without an address, with the loop's time until which they are taken for that."""

    # Whom to call.

    def find(self, destination: str) -> Destination:
        """The peer, or else the host, that a dial string names.

        Raises:
            RequestError: It names nobody, or one who cannot be reached (cause 20).
        """
        try:
            dialled = parse(destination)
        except ValueError as error:
            raise RequestError(Cause.SUBSCRIBER_ABSENT, f"cannot call 'SIP/{destination}': {error}") from error
        peer = self.peer(dialled.where)
        found = self._to_host(dialled) if peer is None else self._to_peer(peer, dialled)
        hop = self._hop(dialled.remote, found.uri.param("transport") or "") if dialled.remote else found.hop
        return found._replace(
            parties=_parties(dialled, found.uri), hop=hop, auths=_auths(dialled, found.uri.user) or found.auths
        )  # fmt: skip

    def peer(self, name: str) -> SipPeer | None:
        """The peer or friend of a name; users are not called."""
        return peer_of(self._core.data, name)

    def _to_peer(self, peer: SipPeer, dialled: DialString) -> Destination:
        endpoint = self._endpoint(peer.id)
        if endpoint is None:
            raise RequestError(Cause.SUBSCRIBER_ABSENT, f"peer '{peer.name}' has no endpoint")
        if endpoint.id in self._core.state.maintenance:
            raise RequestError(Cause.SUBSCRIBER_ABSENT, f"peer '{peer.name}' is in maintenance")
        contact = self.contact(peer)
        if contact is None:
            raise RequestError(Cause.SUBSCRIBER_ABSENT, f"peer '{peer.name}' cannot be reached")
        try:
            uri = called_uri(contact)
        except ParseError as error:
            raise RequestError(Cause.SUBSCRIBER_ABSENT, f"peer '{peer.name}': {error.message}") from error
        if dialled.user:
            uri = uri.replace(user=dialled.user)
        if dialled.port:
            uri = uri.replace(port=dialled.port)
        if dialled.transport:
            uri = _by(uri, dialled.transport)
        proxy, _, force = peer.outboundproxy.partition(",")
        hop = self._hop(proxy.strip().removeprefix("sip:"), "") if proxy.strip() else None
        return Destination(
            endpoint, contact, uri, path=_path(contact), hop=hop, keeps_way=force.strip().lower() == "force"
        )  # fmt: skip

    def contact(self, peer: SipPeer) -> Contact | None:
        """Where the peer is called: where it has registered, else where it is by default.

        ``None`` while it does not answer as soon as ``qualify`` wants it.
        """
        location = self._core.location
        contacts = location.contacts(peer.id)
        if not contacts:
            return None
        state = location.state(contacts[-1])
        late = peer.qualify and state.rtt is not None and state.rtt * 1000 > peer.qualify
        return contacts[-1] if state.available and not late else None

    def _to_host(self, dialled: DialString) -> Destination:
        data = self._core.data
        general, guest = general_of(data), data.get(Endpoint, GUEST)
        if general is None or not isinstance(guest, Endpoint):
            raise RequestError(Cause.SUBSCRIBER_ABSENT, f"no peer '{dialled.where}'")
        try:
            uri = _uri(dialled.user, dialled.where, dialled.port)
        except ParseError as error:
            raise RequestError(Cause.SUBSCRIBER_ABSENT, f"'{dialled.where}' is no host") from error
        if self._absent.get(uri.host, 0.0) > self._pbx.loop.time():
            raise RequestError(Cause.SUBSCRIBER_ABSENT, f"no such host: {uri.host}")
        uri = _by(uri, dialled.transport or _first_of(general.transport))
        return Destination(guest, None, uri, f"{self.name}/{uri.host}", path=())

    def _hop(self, text: str, transport: str) -> Uri:
        """``[transport://]host[:port]`` as the address of a next hop."""
        given, separator, place = text.rpartition("://")
        try:
            host, port = split_host_port(place)
            if separator and given.lower() not in TRANSPORTS:
                raise ValueError(f"'{given}' is no transport")
            return _by(_uri("", host, port or 0), given.lower() if separator else transport)
        except (ValueError, ParseError) as error:
            raise RequestError(Cause.SUBSCRIBER_ABSENT, f"'{text}' is no host") from error

    async def prepare(self, destination: str) -> None:
        """Bring what a dial string needs into memory: a peer from a database, the addresses of a host."""
        try:
            dialled = parse(destination)
        except ValueError:
            return
        data = self._core.data
        try:
            found = data.get(Endpoint, dialled.where)
            if found is not None and not (isinstance(found, Endpoint) and self._is_loaded(found)):
                await data.retrieve(Endpoint, dialled.where)
        except DataUnavailableError:
            return
        if self.peer(dialled.where) is None:
            await self._look_up(dialled)

    async def _look_up(self, dialled: DialString) -> None:
        """Find out whether a host has an address, before a channel is made for it."""
        absent = self._absent
        host = dialled.where.lower()
        absent.pop(host, None)
        if is_numeric(host.strip("[]")) or dialled.remote:
            return
        try:
            found = self._to_host(dialled)
            way = self._core.way_to(found.uri, found.endpoint)
            if hasattr(way, "__await__"):
                await way
        except RequestError:
            return
        except (OSError, AsterismError):
            if len(absent) >= _MOST_ABSENT:
                del absent[next(iter(absent))]
            absent[host] = self._pbx.loop.time() + _ABSENT_SECONDS

    def forwarded(self, endpoint: Endpoint, uri: Uri) -> str:
        """Any host, as ``promiscredir`` wants it."""
        transport = "tls" if uri.scheme == "sips" else (uri.param("transport") or "").lower()
        options = f"::::{transport}" if transport else ""
        place = [foreign(format_host_port(uri.host)), f":{uri.port}" if uri.port else ""]
        who = [foreign(uri.user), options, "@"] if uri.user or options else []
        return joined([f"{self.name}/", *who, *place])

    def dial_texts(self, endpoint: Endpoint, aor: str, user: str) -> list[str]:
        """The peer: it is called where it is now."""
        peer = self.peer(aor)
        if peer is None or self.contact(peer) is None:
            return []
        return [joined([f"{self.name}/{aor}", *(["/", foreign(user)] if user else [])])]

    def device_of_caller(self, endpoint: Endpoint, request: Request) -> str:
        """A guest's channel is named after the host that its From has."""
        host = request.from_.uri.host
        return f"{self.name}/{host}" if host else f"{self.name}/guest"

    # What they do.

    def may_call(self, endpoint: Endpoint, driver: SessionDriver) -> bool:
        """Whether the peer of an endpoint may get one more call; the log says why not."""
        peer = self._core.data.get(SipPeer, endpoint.id)
        if not isinstance(peer, SipPeer) or self.limits.allows(peer, driver.session):
            return True
        self._pbx.log.notice("Call to peer '%s' rejected due to usage limit of %d", peer.name, peer.call_limit)
        return False

    def device_state(self, resource: str) -> DeviceState:
        """The state of a peer: what its calls come to, where they are counted; else whether it can be called."""
        name = resource.rpartition("@")[2].partition("/")[0].partition(":")[0]
        peer = self.peer(name)
        if peer is None:
            data = self._core.data
            if data.get(Endpoint, name) is Missing.NOT_LOADED:
                data.request(Endpoint, name)  # its state changes when the database has told
                return DeviceState.UNAVAILABLE
            return DeviceState.INVALID
        use = self.limits.of(peer)
        if use.limit and use.in_use:
            if use.on_hold:
                return DeviceState.ONHOLD
            if use.ringing:
                return DeviceState.RINGING if use.ringing == use.in_use else DeviceState.RINGINUSE
            if (peer.busylevel and use.in_use >= peer.busylevel) or use.in_use >= use.limit:
                return DeviceState.BUSY
            return DeviceState.INUSE
        return DeviceState.UNAVAILABLE if self.contact(peer) is None else DeviceState.NOT_INUSE


def _uri(user: str, host: str, port: int = 0) -> Uri:
    """A SIP URI. Raises :class:`ParseError` where the host is none."""
    if ":" in host and not host.startswith("["):
        host = f"[{host}]"
    return Uri("sip", user, parse_host(host), port or None)


def _by(uri: Uri, transport: str) -> Uri:
    """The URI, over that transport."""
    if not transport:
        return uri
    return uri.without_params("transport") if transport == "udp" else uri.with_params(transport=transport)


def _first_of(transports: tuple[str, ...]) -> str:
    return transports[0] if transports else ""


def _path(contact: Contact | None) -> list[str]:
    """The routes that a phone has registered with."""
    if contact is None or not contact.path:
        return []
    try:
        return [str(one) for one in NameAddr.parse_list(contact.path)]
    except ParseError:
        return []


def _parties(dialled: DialString, uri: Uri) -> tuple[str, str, str] | None:
    """What a dial string has for To and From: a URI, a user and a domain.

    Raises:
        RequestError: A domain is none.
    """
    if not (dialled.to_user or dialled.to_domain or dialled.from_user or dialled.from_domain):
        return None
    try:
        to = ""
        if dialled.to_user or dialled.to_domain:
            to = str(_uri(dialled.to_user or uri.user, dialled.to_domain or uri.host))
        domain = _uri("", dialled.from_domain).host_port if dialled.from_domain else ""
    except ParseError as error:
        raise RequestError(Cause.SUBSCRIBER_ABSENT, f"a domain of To or From is none: {error.message}") from error
    return to, dialled.from_user, domain


def _auths(dialled: DialString, user: str) -> tuple[Auth, ...]:
    """The credentials that a dial string has for challenges, whatever their realm."""
    if not dialled.secret and not dialled.md5secret:
        return ()
    made = Auth("dialled", username=dialled.authname or user, realm="*")
    if dialled.md5secret:
        made.md5_cred = dialled.md5secret.lower()
    else:
        made.password = dialled.secret
    return (made,)


class ChanSipTechnology(Module):
    """Registers the technology while there is a ``sip.conf``."""

    name = "chan_sip_technology"
    part_of = ("chan_sip",)
    requires = ("res_pjsip", "session", "chan_sip")
    description = "Channels SIP/..."

    technology: SipTechnology

    def load(self, server: SessionServer) -> None:
        """Make it; whether it is needed is known when the objects are read."""
        self._server = server
        self._registered = False
        self._registry = sessions(server)
        self.technology = SipTechnology(server.sip, server.pbx, self._registry)

    def start(self) -> None:
        """Register it, if there is a ``sip.conf``."""
        server = self._server
        if self._registered or general_of(server.data) is None:
            return
        self._registered = True
        technology, location = self.technology, server.sip.location
        self._registry.register_technology(technology)
        server.pbx.register_technology(technology)
        self._registry.register_supplement(CallLimitSupplement(technology.limits, server.data))

        def changed(contact: Contact, *_told: Any) -> None:
            if technology.peer(contact.aor) is not None:
                server.pbx.device_states.changed(f"{technology.name}/{contact.aor}")

        for listeners in (location.on_added, location.on_removed, location.on_answered):
            _listen(server, listeners, changed)

    def reload(self) -> None:
        """A ``sip.conf`` may have come; the limits of peers may be others."""
        self.start()
        if self._registered:
            for device in self._server.pbx.hints.followed_devices:
                if device.startswith(f"{TECHNOLOGY}/"):
                    self._server.pbx.device_states.changed(device)

    def use_count(self) -> int:
        """Number of calls."""
        return sum(channel.technology is self.technology for channel in self._server.pbx.channels)


def _listen(server: SessionServer, listeners: list[Any], listener: Callable[..., None]) -> None:
    listeners.append(listener)
    server.owner.on_release(lambda: listeners.remove(listener))
