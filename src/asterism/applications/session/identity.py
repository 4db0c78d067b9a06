"""Calling and called party in SIP: the URIs and names of From, Contact and To.

An :class:`EndpointProfile` holds what is worked out once for an endpoint instead of once for a call.
"""

from __future__ import annotations

import socket
from functools import lru_cache
from typing import TYPE_CHECKING

from asterism.applications.session.media_transport.terms import Options
from asterism.hostport import format_host_port, split_host_port
from asterism.media.formats import FORMATS, PASSED, with_non_standard_g726
from asterism.pbx.vocabulary.party import PRESENTATIONS, PartyId
from asterism.sip.devices import device_of
from asterism.sip.objects.global_ import GlobalSettings
from asterism.sip.objects.system import SystemSettings
from asterism.sip.phone_numbers import is_number
from asterism.stack.uri import Uri

if TYPE_CHECKING:
    from asterism.applications.session.registry import Callbacks, Sessions
    from asterism.media.formats import Format
    from asterism.pbx.channels.channel import Channel
    from asterism.sip.core import SipCore
    from asterism.sip.objects.endpoint import Endpoint
    from asterism.stack.flow import Flow
    from asterism.stack.headers import NameAddr
    from asterism.stack.message import Request

ANONYMOUS = "Anonymous"
_STACK_MAX_FORWARDS = ("Max-Forwards", "70")
"""The header that the stack puts into requests within a dialog; moved behind our own headers, as observed."""
WILDCARDS = frozenset(("0.0.0.0", "::", ""))


@lru_cache(maxsize=1024)
def address_towards(remote: str, port: int) -> str:
    """The address of this host on the way to ``remote``, as the kernel's routes say; nothing is sent."""
    family = socket.AF_INET6 if ":" in remote else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((remote, port or 9))
        except OSError:
            return "::1" if family == socket.AF_INET6 else "127.0.0.1"
        return str(probe.getsockname()[0])


def clean_display(text: str) -> str:
    """A display name without control characters, fit for a quoted string."""
    if not text.isprintable():
        text = "".join(char for char in text if char.isprintable())
    if '"' in text or "\\" in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return text


_LONGEST_KEPT = 512
"""Characters of a name or a URI that is remembered: longer ones do not come again."""


def name_addr(display: str, uri: str) -> str:
    """``"Name" <uri>``, always quoted, as observed; without a name only ``<uri>``."""
    short = len(display) + len(uri) <= _LONGEST_KEPT
    return _name_addr(display, uri) if short else _name_addr.__wrapped__(display, uri)


@lru_cache(maxsize=1024)
def _name_addr(display: str, uri: str) -> str:
    return f'"{clean_display(display)}" <{uri}>' if display else f"<{uri}>"


def sip_uri(user: str, host: str, phone: bool = False) -> str:
    """``sip:user@host`` with what needs it escaped; ``phone`` marks a number by ``user=phone``.

    ``host`` may have a port; IPv6 is in brackets then.
    """
    short = len(user) + len(host) <= _LONGEST_KEPT
    return _sip_uri(user, host, phone) if short else _sip_uri.__wrapped__(user, host, phone)


@lru_cache(maxsize=1024)
def _sip_uri(user: str, host: str, phone: bool) -> str:
    marked = ";user=phone" if phone and is_number(user) else ""
    name, port = split_host_port(host)
    if user and not (user.isascii() and user.isalnum()):
        return f"{Uri('sip', user, name, port)}{marked}"
    place = format_host_port(name, port)
    return f"sip:{user}@{place}{marked}" if user else f"sip:{place}"


def caller_party(endpoint: Endpoint) -> PartyId:
    """The caller ID configured for an endpoint, with its presentation."""
    presentation = PRESENTATIONS.get(endpoint.callerid_privacy, 0)
    name, number = endpoint.callerid
    return PartyId(number, name, presentation, presentation, endpoint.callerid_tag)


def party_of(address: NameAddr, presentation: int = 0) -> PartyId:
    """The party that an address names: its user and display name, without control characters."""
    name, number = address.display, address.uri.user
    if not name.isprintable():
        name = "".join(char for char in name if char.isprintable())
    if not number.isprintable():
        number = "".join(char for char in number if char.isprintable())
    return PartyId(number, name, presentation, presentation)


class EndpointProfile:
    """Data that all calls of one endpoint share; made anew when the endpoint's object is replaced."""

    __slots__ = (
        "_contacts",
        "_last_lines",
        "_most_hops",
        "callbacks",
        "core",
        "device",
        "endpoint",
        "formats",
        "formats_of",
        "groups",
        "party",
        "plain",
        "settings",
        "supported",
        "system",
        "told_identities",
        "transport",
        "user_agent",
        "variables",
    )

    callbacks: Callbacks
    """Callbacks of the supplements that apply to the endpoint's calls."""
    supported: str
    """The value of ``Supported``."""

    def __init__(self, core: SipCore, endpoint: Endpoint, registry: Sessions) -> None:
        self.core = core
        self.endpoint = endpoint
        self.follow(registry)
        found = core.data.get(GlobalSettings, "global")
        self.settings = found if isinstance(found, GlobalSettings) else GlobalSettings("global")
        self.system = core.data.single(SystemSettings)
        self.formats: tuple[Format, ...] = tuple(FORMATS[name] for name in endpoint.allow if name in FORMATS)
        if endpoint.g726_non_standard:
            self.formats = with_non_standard_g726(self.formats)
        self.formats_of: dict[str, tuple[Format, ...]] = {"audio": self.formats}
        """Formats that the endpoint allows, by type of stream."""
        for kind, known in PASSED.items():
            self.formats_of[kind] = tuple(known[name] for name in endpoint.allow if name in known)
        self.transport = Options.of(endpoint)
        """What its options say of the transport of its media."""
        self.plain = self.transport.plain
        self.party = caller_party(endpoint)
        self.device = device_of(endpoint)
        """The device that the endpoint is."""
        self.told_identities = endpoint.send_pai or endpoint.send_rpid
        """Whether the endpoint is told who calls and who is called, beyond From and Contact."""
        groups = (
            sum(1 << number for number in endpoint.call_group),
            sum(1 << number for number in endpoint.pickup_group),
            frozenset(endpoint.named_call_group),
            frozenset(endpoint.named_pickup_group),
        )
        self.groups = groups if any(groups) else None
        """The groups in which its calls may be picked up, and from which it may: by number (bits) and by name."""
        self.variables = dict(endpoint.set_var)
        agent = core.state.user_agent
        self.user_agent: tuple[tuple[str, str], ...] = (("User-Agent", agent),) if agent else ()
        self._most_hops = endpoint.max_forwards or self.settings.max_forwards
        self._last_lines = (("Max-Forwards", str(self._most_hops)), *self.user_agent)
        self._contacts: dict[tuple[str, str, str], str] = {}

    def follow(self, registry: Sessions) -> None:
        """Take the callbacks and option tags of the supplements that are registered now."""
        self.callbacks = registry.callbacks_of(self.endpoint)
        self.supported = registry.supported

    def put_in_groups(self, channel: Channel) -> None:
        """Give a channel of the endpoint its groups."""
        assert self.groups is not None
        channel.call_group, channel.pickup_group, channel.named_call_group, channel.named_pickup_group = self.groups

    def _contact(self, user: str, flow: Flow) -> str:
        # As the Via has it: the listening port, and the address outside of a NAT.
        where = self.core.state.layer.sent_by(flow)
        key = (user, where, flow.transport)
        found = self._contacts.get(key)
        if found is None:
            if len(self._contacts) > 64:
                self._contacts.clear()
            transport = "" if flow.transport == "UDP" else f";transport={flow.transport}"
            found = self._contacts[key] = f"<sip:{user}@{where}{transport}>" if user else f"<sip:{where}{transport}>"
        return found

    def uas_contact(self, flow: Flow, extension: str = "") -> str:
        """Contact of our responses and of our requests within a dialog; ``extension`` is the one that was dialled."""
        endpoint = self.endpoint
        if extension and endpoint.habits.own_number and not endpoint.contact_user:
            return self._numbered(extension, flow)
        return self._contact(endpoint.contact_user or "", flow)

    def _numbered(self, user: str, flow: Flow) -> str:
        return f"<{sip_uri(user, 'host')[:-4]}{self._contact('', flow)[5:]}"

    def uac_contact(self, caller: PartyId, flow: Flow) -> str:
        """Contact of an INVITE of ours."""
        endpoint, settings = self.endpoint, self.settings
        user = endpoint.contact_user or endpoint.from_user
        if caller.private and not user:
            return self._contact("anonymous", flow)
        habits = endpoint.habits
        if not user and (settings.use_callerid_contact or habits.own_number) and caller.number:
            return self._numbered(caller.number, flow)
        return self._contact(user or habits.nobody[1] or settings.default_from_user, flow)

    def from_header(self, caller: PartyId, local_address: str, domain: str = "", user: str = "") -> str:
        """The From of an INVITE of ours, without tag: the caller as far as this endpoint may know him.

        ``domain`` and ``user`` take the place of the endpoint's ``from_domain`` and ``from_user``.
        """
        endpoint = self.endpoint
        domain = domain or endpoint.from_domain
        host = domain or local_address
        user = user or endpoint.from_user
        if user:
            uri = sip_uri(user, host, endpoint.user_eq_phone)
            return name_addr("" if caller.private else caller.name, uri)
        if caller.private:
            return name_addr(ANONYMOUS, sip_uri("anonymous", domain or "anonymous.invalid"))
        name, number = endpoint.habits.nobody
        user = caller.number or number or self.settings.default_from_user
        return name_addr(caller.name or ("" if caller.number else name), sip_uri(user, host, endpoint.user_eq_phone))

    def finish_request(self, request: Request, hops: int | None = None, wanted: int | None = None) -> None:
        """Add what every request of ours ends with; ``hops`` is how many more the call may make at most.

        ``wanted`` takes the place of ``max_forwards``.
        """
        if _STACK_MAX_FORWARDS in request.headers:
            request.headers.remove(_STACK_MAX_FORWARDS)
        most = self._most_hops
        if wanted is not None and wanted != most:
            hops = wanted if hops is None else min(hops, wanted)
            most = hops + 1
        if hops is None or hops >= most:
            request.add_lines(self._last_lines)
        else:
            request.add_lines((("Max-Forwards", str(hops)), *self.user_agent))
