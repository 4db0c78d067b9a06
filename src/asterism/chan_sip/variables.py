"""Channel variables between the dialplan and calls of the technology SIP, both ways.

A call that comes in sets SIPURI, SIPDOMAIN and SIPCALLID, one that is made SIPCALLID. Calls
read, from the variables of their own channel: SIPFROMDOMAIN, SIP_MAX_FORWARDS, SIP_URI_OPTIONS, SIP_CODEC and its kin,
SIPTRANSFER_REPLACES, and the headers of ``SIPAddHeader``. So what a caller sets counts where the called channel
inherits it (``_`` or ``__`` before the name), or in a pre-dial handler.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from asterism.applications.session.outgoing_refer import NAME as OUTGOING_REFER
from asterism.applications.session.registry import sessions
from asterism.applications.session.supplement import SessionSupplement
from asterism.applications.session.uac import OutgoingSession
from asterism.chan_sip import added_headers
from asterism.chan_sip.channels import contact_uri
from asterism.chan_sip.habits import TECHNOLOGY
from asterism.chan_sip.objects.general import general_of
from asterism.core.identifiers import random_uuid
from asterism.core.module import Module
from asterism.media.stream import AUDIO
from asterism.pbx.calls.parking.settings import DEFAULT, LOT_KEY
from asterism.pbx.dialplan.language.foreign import foreign
from asterism.stack.errors import ParseError
from asterism.stack.headers import Replaces
from asterism.stack.uri import Uri

if TYPE_CHECKING:
    from asterism.applications.session.session import Session
    from asterism.applications.session.uas import IncomingSession
    from asterism.media.formats import Format
    from asterism.pbx.channels.channel import Channel
    from asterism.sip.core import SipCore
    from asterism.sip.objects.endpoint import Endpoint
    from asterism.stack.message import Request

FROM_DOMAIN, MAX_FORWARDS, URI_OPTIONS = "SIPFROMDOMAIN", "SIP_MAX_FORWARDS", "SIP_URI_OPTIONS"
CODEC, CODEC_IN, CODEC_OUT = "SIP_CODEC", "SIP_CODEC_INBOUND", "SIP_CODEC_OUTBOUND"
REPLACES = "SIPTRANSFER_REPLACES"
_SHORT_NUMBER = re.compile(r"[ \t]*([0-9]{1,3})[ \t]*\Z")
_CHARACTERS = r"[\w!$%&'()*+./:\[\]~-]+"
_PARAMETER = f"{_CHARACTERS}(?:={_CHARACTERS})?"
_PARAMETERS = re.compile(f";?{_PARAMETER}(?:;{_PARAMETER})*\\Z", re.ASCII)
"""RFC 3261's uri-parameters (25.1)."""
_MOST_OPTIONS = 1024
"""Characters of SIP_URI_OPTIONS."""


class SipVariables(SessionSupplement):
    """Sets and reads the variables."""

    name = "chan_sip_variables"
    priority = 150
    methods = frozenset(("INVITE", "REFER"))

    def __init__(self, core: SipCore) -> None:
        self._core = core

    def concerns(self, endpoint: Endpoint) -> bool:
        """Those of ``sip.conf``."""
        return endpoint.habits.technology == TECHNOLOGY

    # What is told to the dialplan.

    def on_begin(self, session: Session) -> None:
        """The Call-ID of a call of ours is known before its INVITE."""
        if isinstance(session, OutgoingSession) and session.channel is not None:
            if not session.call_id:
                session.call_id = random_uuid(self._core.random)
            session.channel.set_variable("SIPCALLID", session.call_id)
            session.channel.data.setdefault(LOT_KEY, DEFAULT)

    def on_channel(self, session: Session, request: Request) -> None:
        """A call has come in."""
        channel = session.channel
        if channel is not None:
            channel.set_variable("SIPURI", foreign(contact_uri(session)))
            channel.set_variable("SIPDOMAIN", request.uri.host)
            channel.set_variable("SIPCALLID", foreign(request.call_id))
            channel.data.setdefault(LOT_KEY, DEFAULT)

    def on_transferred(self, session: Session, channel: Channel) -> None:
        """The peer has transferred a channel."""
        channel.set_variable("SIPTRANSFER", "yes")

    # What the dialplan tells.

    def on_outgoing_call(self, session: OutgoingSession) -> None:
        """Read what the INVITE is to be like."""
        channel = session.channel
        if channel is None:
            return
        variables = channel.variables
        for name, take in _SETTINGS.items():
            text = variables.get(name)
            if text:
                why = take(session, str(text))
                if why:
                    channel.pbx.log.warning("%s: %s is ignored: %s", channel.name, name, why)
        chosen = _codecs(channel, CODEC_OUT, session.profile.formats, session.profile.formats)
        if chosen:
            session.media.wanted = chosen

    def on_describing(self, session: IncomingSession) -> None:
        """Choose the codecs of our answer."""
        channel = session.channel
        if channel is not None:
            offered = next((dict(codecs) for kind, codecs in session.offered if kind == AUDIO), None)
            allowed = session.profile.formats
            session.media.answers = _codecs(channel, CODEC_IN, allowed, allowed if offered is None else tuple(offered))

    def on_outgoing_request(self, session: Session, request: Request) -> None:
        """Put in what SIPAddHeader has queued: into the first INVITE, and into a REFER that Transfer sends."""
        channel = session.channel
        if channel is None:
            return
        if request.method == "INVITE":
            if session.confirmed or not isinstance(session, OutgoingSession):
                return
            replaces = channel.variables.get(REPLACES)
            if replaces:
                _replace(request, channel, str(replaces))
        else:
            general = general_of(self._core.data)
            if OUTGOING_REFER not in session.datastores or (general is not None and not general.refer_addheaders):
                return
        for name, value in added_headers.lines(channel):
            request.add_header(name, value)


def _take_domain(session: OutgoingSession, text: str) -> str:
    """Check and use SIPFROMDOMAIN; return why not."""
    wanted = text.strip()
    try:
        found = Uri.parse(f"sip:{wanted}")
    except ParseError:
        return "it is no host"
    if found.user or found.password or found.params or found.headers:
        return "it is more than a host"
    session.from_domain = found.host_port
    return ""


def _take_forwards(session: OutgoingSession, text: str) -> str:
    found = _SHORT_NUMBER.match(text)
    if found is None or not 1 <= int(found[1]) <= 255:
        return "it is no number from 1 to 255"
    session.max_forwards = int(found[1])
    return ""


def _take_options(session: OutgoingSession, text: str) -> str:
    """Parameters for the Request-URI, as ``user=phone;transport=tcp``."""
    if len(text) > _MOST_OPTIONS:
        return "it is too long"
    wanted = text.strip()
    if not _PARAMETERS.match(wanted):
        return "it is no list of parameters of a URI"
    before = session.target
    try:
        found = Uri.parse(f"{before.replace(headers='')};{wanted.removeprefix(';')}")
    except ParseError:
        return "it is no list of parameters of a URI"
    same = (found.scheme, found.user, found.password, found.host, found.port)
    if found.headers or same != (before.scheme, before.user, before.password, before.host, before.port):
        return "it is more than parameters of a URI"
    session.target = found.replace(headers=before.headers)
    return ""


_SETTINGS = {FROM_DOMAIN: _take_domain, MAX_FORWARDS: _take_forwards, URI_OPTIONS: _take_options}


def _replace(request: Request, channel: Channel, text: str) -> None:
    """Have the call take the place of another one (RFC 3891)."""
    try:
        found = Replaces.parse(text)
    except ParseError as error:
        channel.pbx.log.warning("%s: %s is ignored: %s", channel.name, REPLACES, error.message)
        return
    request.add_header("Require", "replaces")
    request.add_header("Replaces", str(found))


def _codecs(channel: Channel, name: str, allowed: tuple[Format, ...], shared: tuple[Format, ...]) -> tuple[Format, ...]:
    """The codecs that the variable ``name``, or SIP_CODEC, leaves of those ``shared``; empty: no limit."""
    text = channel.get_variable(name) or channel.get_variable(CODEC)
    if not text:
        return ()
    log = channel.pbx.log
    found: list[Format] = []
    own = {one.name: one for one in allowed}
    for word in str(text)[:1024].split(","):
        one = own.get(word.strip().lower())
        if one is None:
            log.notice("Ignoring ${%s*} variable because of unrecognized/not configured codec %s (check allow/disallow "
                       "in sip.conf)", CODEC, word.strip())  # fmt: skip
        elif one not in shared:
            log.notice("Ignoring ${%s*} variable because it is not shared by both ends: %s", CODEC, word.strip())
        elif one not in found:
            found.append(one)
    return tuple(found)


class SipVariablesModule(Module):
    """Registers :class:`SipVariables`."""

    name = "chan_sip_variables"
    part_of = ("chan_sip",)
    requires = ("chan_sip", "session")
    description = "Channel variables of chan_sip"

    def load(self, server: Any) -> None:
        """Register the supplement."""
        sessions(server).register_supplement(SipVariables(server.sip))
