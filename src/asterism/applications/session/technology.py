"""Channels of SIP sessions: what their technologies share, and the technology ``PJSIP``."""

from __future__ import annotations

import contextlib
from operator import itemgetter
from typing import TYPE_CHECKING, ClassVar, NamedTuple, NoReturn

from asterism.applications.session.driver import SessionDriver
from asterism.applications.session.negotiation import outgoing_order
from asterism.applications.session.uac import OutgoingSession
from asterism.data.data import DataUnavailableError, Missing
from asterism.media.conversion import why_none
from asterism.media.stream import AUDIO
from asterism.pbx.dialplan.language.foreign import foreign, joined, shadow
from asterism.pbx.vocabulary.causes import Cause
from asterism.pbx.vocabulary.device_state import DeviceState
from asterism.pbx.vocabulary.errors import RequestError
from asterism.sip.devices import device_of
from asterism.sip.nat_detection import contact_behind_nat
from asterism.sip.objects.aor import Aor
from asterism.sip.objects.auth import Auth
from asterism.sip.objects.contact import Contact
from asterism.sip.objects.endpoint import Endpoint
from asterism.stack.errors import ParseError
from asterism.stack.headers import NameAddr
from asterism.stack.uri import Uri

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asterism.applications.session.registry import Sessions
    from asterism.media.formats import Format
    from asterism.media.stream import Offered
    from asterism.pbx.assembly.pbx import Pbx
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.channels.technology import ChannelRequest
    from asterism.sip.core import SipCore
    from asterism.stack.message import Request


class Destination(NamedTuple):
    """Whom a dial string names, and how to get there."""

    endpoint: Endpoint
    contact: Contact | None
    """``None`` for a URI that was given as such."""
    uri: Uri
    """The Request-URI."""
    device: str = ""
    """What the channel is named after; empty: the endpoint's device."""
    path: Sequence[str] | None = None
    """The values of ``Route``; ``None``: those of contact, endpoint and registration."""
    parties: tuple[str, str, str] | None = None
    """The URI of To, user and domain of From; each is empty where it is the usual one."""
    hop: Uri | None = None
    """The next hop, where it is not the first route or what the Request-URI names."""
    keeps_way: bool = False
    """Whether requests within the dialog go there, too."""
    auths: tuple[Auth, ...] = ()
    """Credentials for this call alone, in place of the endpoint's."""


class SessionTechnology:
    """Makes SIP channels from dial strings; what these look like is for the classes made of it to say."""

    name = ""
    description = ""
    driver: ClassVar[type[SessionDriver]] = SessionDriver
    begins_down: ClassVar[bool] = False
    """Whether the channel of a call that arrives is Down until it has its variables."""

    def __init__(self, core: SipCore, pbx: Pbx, registry: Sessions) -> None:
        self._core = core
        self._pbx = pbx
        self._registry = registry

    def find(self, destination: str) -> Destination:
        """Whom a dial string (without the technology) names.

        Raises:
            RequestError: There is nobody of that name, or nowhere to call him.
        """
        raise NotImplementedError

    def forwarded(self, endpoint: Endpoint, uri: Uri) -> str:
        """The dial string for a URI to which the endpoint sends its calls."""
        raise NotImplementedError

    def dial_texts(self, endpoint: Endpoint, aor: str, user: str) -> list[str]:
        """The dial strings, with the technology, that call the contacts of an AOR of the endpoint.

        ``user`` is to be called there, empty: whom the contact names. What is from outside is marked so.
        """
        dialed = []
        for contact in self._core.location.contacts(aor):
            try:
                uri = str(contact.parsed.replace(user=user)) if user else contact.uri
            except ParseError:
                continue
            # A phone wrote the URI: it is one destination, whatever it contains.
            dialed.append(joined([f"{self.name}/{endpoint.id}/", foreign(uri)]))
        return dialed

    def device_of_caller(self, endpoint: Endpoint, request: Request) -> str:
        """The device of who makes a call, where the endpoint's is none."""
        raise NotImplementedError

    def device_state(self, resource: str) -> DeviceState:
        """The state of a device."""
        raise NotImplementedError

    def request(self, request: ChannelRequest) -> Channel:
        """Make a channel to ``request.destination``.

        Raises:
            RequestError: There is nobody of that name, or nowhere to call him (cause 3 or 20).
        """
        found = self.find(request.destination)
        endpoint, contact = found.endpoint, found.contact
        requestor, formats = request.requestor, tuple(request.formats)
        # If no media is open yet, what the caller offered says what will be.
        offered: Offered = () if requestor is None else requestor.offered
        if not formats:
            for kind, codecs in offered:
                if kind == AUDIO:
                    formats = tuple(dict(codecs))
                    break
        profile = self._registry.profiles.of(endpoint)
        offers = outgoing_order(profile.formats, formats, endpoint.outgoing_call_offer_pref)
        if formats and not offers and profile.formats:
            self._refuse(endpoint, formats, profile.formats)
        path = found.path
        if found.auths:
            endpoint = endpoint.replace(own_auths=found.auths)
        if path is None:
            path = _path(contact, endpoint, self._core.state.service_routes.get(endpoint.id, ()))
        session = OutgoingSession(
            self._core,
            self._registry,
            endpoint,
            profile,
            self._core.create_work(f"session/{endpoint.id}"),
            found.uri,
            path,
            "" if contact is None else contact.aor,
        )
        if endpoint.detect_nat and "media" in endpoint.detect_nat:
            session.symmetric = session.symmetric and contact is not None and contact_behind_nat(contact)
        if found.parties is not None:
            session.to_uri, session.from_user, domain = found.parties
            session.from_domain = domain or session.from_domain
        session.hop, session.keeps_way = found.hop, found.keeps_way
        session.offer_formats[AUDIO] = offers
        if len(offered) == 1 and offered[0][0] == AUDIO:
            session.media.parameters = tuple(filter(itemgetter(1), offered[0][1]))
        elif offered:
            session.media.types = [kind for kind, _ in offered]
            session.prefer(offered)
        session.channel = channel = self._pbx.create_channel(
            self,
            found.device or profile.device,
            self.driver(session),
            caller=profile.party,
            context=endpoint.context,
            accountcode=endpoint.accountcode,
            language=endpoint.language,
            requestor=requestor,
            uniqueid=request.uniqueid,
            variables=profile.variables,
        )
        channel.tenantid = endpoint.tenantid
        channel.tone_zone = endpoint.tone_zone
        if profile.groups:
            profile.put_in_groups(channel)
        for callback in profile.callbacks["on_begin"]:
            callback(session)
        return channel

    def _refuse(self, endpoint: Endpoint, formats: Sequence[Format], allowed: Sequence[Format]) -> NoReturn:
        """The parties could not hear each other."""
        names = [",".join(one.name for one in each) for each in (formats, allowed)]
        why = why_none(formats[0], allowed[0])
        self._core.log.warning("%s is not called: its caller has %s, it has %s: %s", endpoint.id, *names, why)
        raise RequestError(Cause.BEARERCAPABILITY_NOTAVAIL, f"no way from {names[0]} to {names[1]}: {why}")

    def _is_loaded(self, endpoint: Endpoint) -> bool:
        """Whether what a call to the endpoint needs is in memory."""
        get_each, auths = self._core.data.get_each, endpoint.outbound_auth
        return get_each(Aor, endpoint.aors) is not None and (not auths or get_each(Auth, auths) is not None)

    def _endpoint(self, name: str) -> Endpoint | None:
        """The endpoint of that name, if its channels are of this technology."""
        found = self._core.data.get(Endpoint, name)
        return found if isinstance(found, Endpoint) and found.habits.technology == self.name else None

    def _contact(self, aors: Sequence[str]) -> Contact | None:
        location = self._core.location
        for aor in aors:
            for contact in location.contacts(aor):
                if location.state(contact).available:
                    return contact
        return None


class PjsipTechnology(SessionTechnology):
    """Makes channels from ``PJSIP/...``: ``endpoint``, ``endpoint/uri``, ``endpoint/aor`` or ``user@endpoint``."""

    name = "PJSIP"
    description = "SIP sessions (chan_pjsip)"

    def forwarded(self, endpoint: Endpoint, uri: Uri) -> str:
        """The URI, called as the endpoint's are."""
        return f"PJSIP/{endpoint.id}/{uri}"

    async def prepare(self, destination: str) -> None:
        """Bring the endpoint of a dial string, its AORs and its auths into memory, where they are in a database."""
        data = self._core.data
        name, slash, _ = destination.partition("/")
        names = [name] if slash or "@" not in name else [name, name.rpartition("@")[2]]
        for each in names:
            found = data.get(Endpoint, each)
            if isinstance(found, Endpoint) and self._is_loaded(found):
                continue
            try:
                if await data.retrieve(Endpoint, each) is not None:
                    return
            except DataUnavailableError:
                return

    def find(self, destination: str) -> Destination:
        """The endpoint, the contact (``None`` for a URI given as such) and the Request-URI of a dial string.

        Raises:
            RequestError: see :meth:`request`.
        """
        name, slash, rest = destination.partition("/")
        user = ""
        endpoint = self._endpoint(name)
        if endpoint is None and not slash and "@" in shadow(name):
            # Of text from outside an "@" does not choose another endpoint.
            at = shadow(name).rindex("@")
            user, name = str(name[:at]), name[at + 1 :]
            endpoint = self._endpoint(name)
        if endpoint is None:
            raise RequestError(Cause.NO_ROUTE_DESTINATION, f"no endpoint '{name}'")
        if endpoint.id in self._core.state.maintenance:
            raise RequestError(Cause.NO_ROUTE_DESTINATION, f"endpoint '{endpoint.id}' is in maintenance")
        rest = str(rest)
        if slash and rest.lower().lstrip("<").startswith(("sip:", "sips:")):
            try:
                return Destination(endpoint, None, NameAddr.parse(rest).uri if "<" in rest else Uri.parse(rest))
            except ParseError as error:
                raise RequestError(Cause.NO_ROUTE_DESTINATION, f"bad URI: {error.message}") from error
        contact = self._contact((rest,) if slash else endpoint.aors)
        if contact is None:
            raise RequestError(Cause.NO_ROUTE_DESTINATION, f"endpoint '{endpoint.id}' has no contact")
        try:
            uri = called_uri(contact)
        except ParseError as error:
            raise RequestError(Cause.NO_ROUTE_DESTINATION, f"bad contact: {error.message}") from error
        return Destination(endpoint, contact, uri.replace(user=user) if user else uri)

    def device_state(self, resource: str) -> DeviceState:
        """The state of an endpoint: its calls, else whether it has a contact that can be reached."""
        name = resource.partition("/")[0]
        endpoint = self._endpoint(name)
        if endpoint is None:
            if self._core.data.get(Endpoint, name) is Missing.NOT_LOADED:
                # Its state changes when the database has told.
                self._core.data.request(Endpoint, name)
                return DeviceState.UNAVAILABLE
            return DeviceState.INVALID
        state = self._pbx.device_states.channel_state(device_of(endpoint), endpoint.device_state_busy_at)
        if state is DeviceState.NOT_INUSE and not self._core.location.endpoint_available(endpoint):
            return DeviceState.UNAVAILABLE
        return state


def _path(contact: Contact | None, endpoint: Endpoint, service_routes: Sequence[str]) -> list[str]:
    routes: list[str] = []
    if endpoint.outbound_proxy:
        routes.append(f"<{str(endpoint.outbound_proxy).strip('<>')}>")
    routes += service_routes
    if contact is not None and contact.path:
        with contextlib.suppress(ParseError):
            routes += [str(one) for one in NameAddr.parse_list(contact.path)]
    return routes


def called_uri(contact: Contact) -> Uri:
    """The URI by which a contact is called, without headers: whom a phone's calls replace is not the phone's to say.

    Raises:
        ParseError: it is none.
    """
    uri = contact.parsed
    return uri.replace(headers="") if uri.headers else uri
