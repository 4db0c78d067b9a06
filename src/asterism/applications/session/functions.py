"""Dialplan functions and applications of SIP channels."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

from asterism.applications.session.driver import SessionDriver
from asterism.applications.session.uac import OutgoingSession
from asterism.applications.session.uas import IncomingSession
from asterism.core.documentation import Argument, Documentation
from asterism.data.errors import DataUnavailableError
from asterism.pbx.dialplan.functions.common import value_of
from asterism.pbx.dialplan.language.foreign import joined
from asterism.pbx.vocabulary.flow import EndDialplan, FunctionError
from asterism.pbx.vocabulary.marks import application, function, function_preparer, function_writer
from asterism.sip.objects.aor import Aor
from asterism.sip.objects.endpoint import Endpoint
from asterism.stack.errors import ParseError
from asterism.stack.headers import NameAddr, canonical
from asterism.stack.headers.names import OWN
from asterism.stack.reasons import reason_phrase
from asterism.stack.uri import Uri

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asterism.applications.session.session import Session
    from asterism.applications.session.technology import SessionTechnology
    from asterism.pbx.channels.channel import Channel
    from asterism.sip.core import SipCore

_MAX_ADDED = 100
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}\Z")


def session_of(channel: Channel | None) -> Session:
    """The session of a PJSIP channel. Raises :class:`FunctionError` for any other."""
    driver = None if channel is None else channel.driver
    if not isinstance(driver, SessionDriver):
        raise FunctionError("this is no PJSIP channel")
    return driver.session


def added_headers(session: Session) -> list[tuple[str, str]]:
    """The headers that ``PJSIP_HEADER`` put on: of the INVITE to be sent, or of the responses to one received."""
    if isinstance(session, OutgoingSession):
        return session.added_headers
    if session.channel is None:
        return []
    found: list[tuple[str, str]] = session.channel.data.setdefault("PJSIP_HEADER", [])
    return found


def _parts(args: str, least: int) -> list[str]:
    parts = [part.strip() for part in args.split(",")]
    if len(parts) < least or not all(parts[:least]):
        raise FunctionError(f"at least {least} argument(s) expected")
    return parts


def _matching(headers: list[tuple[str, str]], name: str) -> list[str]:
    if name.endswith("*"):
        prefix = name[:-1].lower()
        return [value for other, value in headers if other.lower().startswith(prefix)]
    wanted = canonical(name).lower()
    return [value for other, value in headers if other.lower() == wanted]


def _nth(values: list[str], number: str) -> str:
    index = int(number) if number.isascii() and number.isdigit() and len(number) < 6 else 1
    return values[index - 1] if 0 < index <= len(values) else ""


def _names(headers: list[tuple[str, str]], prefix: str) -> str:
    return ",".join(name for name, _ in headers if name.lower().startswith(prefix.strip().lower()))


class SessionFunctions:
    """``PJSIP_*`` functions and ``PJSIPHangup``."""

    def __init__(self, core: SipCore, technologies: Mapping[str, SessionTechnology]) -> None:
        self._core = core
        self._technologies = technologies

    @function("PJSIP_HEADER", Documentation(
        "Read, add, change or remove headers of a PJSIP call", "PJSIP_HEADER(action,name[,number])",
        "On a call that came in, read gives a header of its INVITE; add, update and remove act on headers that its "
        "responses will carry. On a call being made (in a pre-dial handler), they act on those that the INVITE will "
        "carry besides its own.",
        (Argument("action", "What to do.", True, (
            ("read", "the value"), ("add", "append a header"), ("update", "replace the value of an added header"),
            ("remove", "remove added headers"))),
         Argument("name", "The header; a trailing * stands for any ending.", True),
         Argument("number", "Which one, where there are several; 1 is the first.")),
        ("PJSIP_HEADERS",),
    ), foreign=True, effects=True)  # fmt: skip
    def read_header(self, channel: Channel | None, args: str) -> str:
        """The value of a header, or the number of headers removed."""
        session = session_of(channel)
        action, name, *rest = _parts(args, 2)
        action = action.lower()
        if action == "remove":
            return str(self._remove(session, name))
        if action != "read":
            raise FunctionError("only read and remove can be read")
        headers = session.added_headers if isinstance(session, OutgoingSession) else self._received(session)
        return _nth(_matching(headers, name), rest[0] if rest else "1")

    @function_writer("PJSIP_HEADER")
    def write_header(self, channel: Channel | None, args: str, value: str) -> None:
        """Add, update or remove a header."""
        session = session_of(channel)
        action, name, *rest = _parts(args, 2)
        action = action.lower()
        if action == "remove":
            self._remove(session, name)
            return
        if not _TOKEN.match(name) or any(char in value for char in "\r\n\0"):
            raise FunctionError(f"no header: '{name}'")
        if canonical(name) in OWN:
            raise FunctionError(f"{canonical(name)} is written by the server")
        added = added_headers(session)
        if action == "add":
            if len(added) >= _MAX_ADDED:
                raise FunctionError(f"a call carries at most {_MAX_ADDED} headers besides its own")
            added.append((canonical(name), value))
        elif action == "update":
            places = [place for place, one in enumerate(added) if one[0].lower() == canonical(name).lower()]
            number = int(rest[0]) if rest and rest[0].isdecimal() and len(rest[0]) < 10 else 1
            if not 0 < number <= len(places):
                raise FunctionError(f"no header '{name}' was added")
            added[places[number - 1]] = (canonical(name), value)
        else:
            raise FunctionError("add, update or remove expected")

    def _received(self, session: Session) -> list[tuple[str, str]]:
        return session.request.headers if isinstance(session, IncomingSession) else []

    def _remove(self, session: Session, name: str) -> int:
        added = added_headers(session)
        before = len(added)
        if name.endswith("*"):
            prefix = name[:-1].lower()
            added[:] = [one for one in added if not one[0].lower().startswith(prefix)]
        else:
            wanted = canonical(name).lower()
            added[:] = [one for one in added if one[0].lower() != wanted]
        return before - len(added)

    @function("PJSIP_HEADERS", Documentation(
        "Names of the headers of a PJSIP call's INVITE", "PJSIP_HEADERS([prefix])",
        "A comma-separated list, in the order of the message.", (Argument("prefix", "Only names that begin so."),),
        ("PJSIP_HEADER",),
    ), foreign=True)  # fmt: skip
    def read_headers(self, channel: Channel | None, args: str) -> str:
        """The names."""
        return _names(self._received(session_of(channel)), args)

    @function("PJSIP_RESPONSE_HEADER", Documentation(
        "Read a header of the response that answered a PJSIP call", "PJSIP_RESPONSE_HEADER(read,name[,number])",
        "For a call that was made, after its final response.",
        (Argument("read", "The only action.", True), Argument("name", "The header.", True),
         Argument("number", "Which one; 1 is the first.")), ("PJSIP_RESPONSE_HEADERS",),
    ), foreign=True)  # fmt: skip
    def read_response_header(self, channel: Channel | None, args: str) -> str:
        """The value."""
        session = session_of(channel)
        _, name, *rest = _parts(args, 2)
        response = session.final_response if isinstance(session, OutgoingSession) else None
        return "" if response is None else _nth(_matching(response.headers, name), rest[0] if rest else "1")

    @function("PJSIP_RESPONSE_HEADERS", Documentation(
        "Names of the headers of the response that answered a PJSIP call", "PJSIP_RESPONSE_HEADERS([prefix])",
        "", (Argument("prefix", "Only names that begin so."),), ("PJSIP_RESPONSE_HEADER",),
    ), foreign=True)  # fmt: skip
    def read_response_headers(self, channel: Channel | None, args: str) -> str:
        """The names."""
        session = session_of(channel)
        response = session.final_response if isinstance(session, OutgoingSession) else None
        return "" if response is None else _names(response.headers, args)

    @function("PJSIP_DIAL_CONTACTS", Documentation(
        "Dial text of all contacts of an endpoint", "PJSIP_DIAL_CONTACTS(endpoint[,aor[,user]])",
        "Contacts joined with &, to be given to Dial; empty when there is none.",
        (Argument("endpoint", "The endpoint.", True), Argument("aor", "Only contacts of this AOR."),
         Argument("user", "User part to dial instead of the contact's.")), ("PJSIP_CONTACT",),
    ), marks=True)  # fmt: skip
    def read_dial_contacts(self, channel: Channel | None, args: str) -> str:
        """The dial text."""
        name, *rest = _parts(args, 1)
        endpoint = self._core.data.get(Endpoint, name)
        if not isinstance(endpoint, Endpoint):
            raise FunctionError(f"no endpoint '{name}'")
        aors = (rest[0],) if rest and rest[0] else endpoint.aors
        user = rest[1] if len(rest) > 1 else ""
        technology = self._technologies.get(endpoint.habits.technology)
        dialed: list[str] = []
        if technology is not None:
            for text in (text for aor in aors for text in technology.dial_texts(endpoint, aor, user)):
                dialed += ("&", text)
        return joined(dialed[1:])

    @function_preparer("PJSIP_DIAL_CONTACTS", "PJSIP_ENDPOINT")
    async def fetch_endpoint(self, args: str) -> None:
        """Have an endpoint that is in a database, its AORs, and an AOR named beside it."""
        name, *rest = _parts(args, 1)
        with suppress(DataUnavailableError):
            await self._core.data.retrieve(Endpoint, name)
            if rest and rest[0] and Endpoint.spec(rest[0]) is None:
                await self._core.data.retrieve(Aor, rest[0])

    @function_preparer("PJSIP_AOR", "PJSIP_CONTACT")
    async def fetch_aor(self, args: str) -> None:
        """Have an AOR that is in a database, or that of a contact."""
        name, *_ = _parts(args, 1)
        aor = name.replace("@@", ";@").partition(";@")[0]
        with suppress(DataUnavailableError):
            await self._core.data.retrieve(Aor, name.partition("/")[0] if "/" in aor else aor)

    @function("PJSIP_ENDPOINT", Documentation(
        "An option of an endpoint", "PJSIP_ENDPOINT(name,field)", "Secrets are not shown.",
        (Argument("name", "The endpoint.", True), Argument("field", "The option.", True)), ("PJSIP_AOR",),
    ), marks=True)  # fmt: skip
    def read_endpoint(self, channel: Channel | None, args: str) -> str:
        """The option's text."""
        name, field, *_ = _parts(args, 2)
        endpoint = self._core.data.get(Endpoint, name)
        spec = Endpoint.spec(field)
        if not isinstance(endpoint, Endpoint) or spec is None:
            raise FunctionError(f"no option '{field}' of an endpoint '{name}'")
        return spec.show(getattr(endpoint, spec.into))

    @function("PJSIP_AOR", Documentation(
        "An option of an AOR, or its contacts", "PJSIP_AOR(name,field)",
        "The field contact gives the names of its contacts, comma separated.",
        (Argument("name", "The AOR.", True), Argument("field", "The option, or contact.", True)), ("PJSIP_CONTACT",),
    ), marks=True)  # fmt: skip
    def read_aor(self, channel: Channel | None, args: str) -> str:
        """The option's text."""
        name, field, *_ = _parts(args, 2)
        aor = self._core.data.get(Aor, name)
        if isinstance(aor, Aor) and field.lower() == "contact":
            return ",".join(contact.id for contact in self._core.location.contacts(name))
        spec = Aor.spec(field)
        if not isinstance(aor, Aor) or spec is None:
            raise FunctionError(f"no option '{field}' of an AOR '{name}'")
        return spec.show(getattr(aor, spec.into))

    @function("PJSIP_CONTACT", Documentation(
        "A field of a contact", "PJSIP_CONTACT(name,field)", "",
        (Argument("name", "The contact's name, as PJSIP_AOR(aor,contact) gives it.", True),
         Argument("field", "What to give.", True, (
             ("uri", "its URI"), ("status", "whether it answers"), ("rtt", "round trip in microseconds"),
             ("user_agent", "what registered it"), ("path", "its Path"), ("via_addr", "where it registered from"),
             ("via_port", "from which port"), ("endpoint", "who registered it")))), ("PJSIP_AOR",),
    ), foreign=True)  # fmt: skip
    def read_contact(self, channel: Channel | None, args: str) -> str:
        """The field's text."""
        name, field, *_ = _parts(args, 2)
        contact = self._core.location.find(name)
        if contact is None:
            raise FunctionError(f"no contact '{name}'")
        field = field.lower()
        state = self._core.location.state(contact)
        if field == "status":
            return state.status.event_name
        if field == "rtt":
            return str(state.rtt_usec)
        if field in ("uri", "user_agent", "path", "via_addr", "via_port", "endpoint"):
            return str(getattr(contact, field))
        raise FunctionError(f"a contact has no field '{field}'")

    @function("PJSIP_PARSE_URI", Documentation(
        "A part of a URI", "PJSIP_PARSE_URI(uri,type)", "",
        (Argument("uri", "The URI, with display name and angle brackets or without.", True),
         Argument("type", "The part.", True, (
             ("display", "display name"), ("scheme", "scheme"), ("user", "user"), ("passwd", "password"),
             ("host", "host"), ("port", "port, 0 when there is none"), ("user_param", "user parameter"),
             ("method_param", "method parameter"), ("transport_param", "transport parameter"),
             ("ttl_param", "ttl parameter, 0 when there is none"), ("lr_param", "lr parameter, 0 or 1"),
             ("maddr_param", "maddr parameter")))), ("PJSIP_HEADER",),
    ))  # fmt: skip
    def read_parse_uri(self, channel: Channel | None, args: str) -> str:
        """The part's text."""
        text, comma, part = args.rpartition(",")
        if not comma:
            raise FunctionError("a URI and a type expected")
        return _uri_part(str(text), part)

    @function("PJSIP_PARSE_URI_FROM", Documentation(
        "A part of a URI in a variable", "PJSIP_PARSE_URI_FROM(name,type)", "Otherwise like PJSIP_PARSE_URI.",
        (Argument("name", "The variable's name, without ${}.", True), Argument("type", "The part.", True)),
        ("PJSIP_PARSE_URI",),
    ))  # fmt: skip
    def read_parse_uri_from(self, channel: Channel | None, args: str) -> str:
        """The part's text."""
        name, comma, part = args.rpartition(",")
        if not comma or channel is None:
            raise FunctionError("a variable and a type expected")
        return _uri_part(value_of(channel.pbx, channel, name), part)

    @application("PJSIPHangup", Documentation(
        "End an unanswered incoming PJSIP call with a SIP response", "PJSIPHangup(code)",
        "The caller gets that final response, and the dial plan of the channel ends.",
        (Argument("code", "400 to 699, or the reason phrase in capitals with underscores (USER_BUSY as "
                  "PJSIP_SC_BUSY_HERE).", True),), ("Hangup",),
    ))  # fmt: skip
    async def hang_up(self, channel: Channel, args: str) -> None:
        """Send the response."""
        status = parse_status(args)
        driver = channel.driver
        session = driver.session if isinstance(driver, SessionDriver) else None
        if status is None or not isinstance(session, IncomingSession) or session.answered:
            channel.pbx.log.warning("PJSIPHangup(%r): a code of 400 to 699 and an unanswered call expected", args)
            return
        session.final_status = status
        raise EndDialplan


def _uri_part(text: str, part: str) -> str:
    """A part of an address: parameters in brackets are the URI's, and those of a URI without brackets too."""
    text, part = text.strip(), part.strip().lower()
    try:
        address = NameAddr.parse(text) if "<" in text else NameAddr("", Uri.parse(text))
    except ParseError as error:
        raise FunctionError(f"no URI: {error.message}") from error
    uri = address.uri
    if part == "lr_param":
        return "1" if "lr" in uri.params else "0"
    if part.endswith("_param") and part[:-6] in ("user", "method", "transport", "ttl", "maddr"):
        return uri.param(part[:-6]) or ("0" if part == "ttl_param" else "")
    parts = {
        "display": address.display,
        "scheme": uri.scheme,
        "user": uri.user,
        "passwd": uri.password or "",
        "host": uri.host,
        "port": str(uri.port or 0),
    }
    if part not in parts:
        raise FunctionError(f"unknown part '{part}'")
    return parts[part]


_STATUS_NAMES = {
    "REQUESTTIMEOUT": 408,
    "TSXTIMEOUT": 408,
    "REQUESTURITOOLONG": 414,
    "UNSUPPORTEDURISCHEME": 416,
    "SESSIONTIMERTOOSMALL": 422,
    "USEIDENTITYHEADER": 428,
    "PROVIDEREFERRERHEADER": 429,
    "FLOWFAILED": 430,
    "ANONIMITYDISALLOWED": 433,
    "ANONYMITYDISALLOWED": 433,
    "BADIDENTITYINFO": 436,
    "UNSUPPORTEDCERTIFICATE": 437,
    "INVALIDIDENTITYHEADER": 438,
    "FIRSTHOPLACKSOUTBOUNDSUPPORT": 439,
    "MAXBREADTHEXCEEDED": 440,
    "BADINFOPACKAGE": 469,
    "CONSENTNEEDED": 470,
    "TEMPORARILYUNAVAILABLE": 480,
    "CALLTSXDOESNOTEXIST": 481,
    "LOOPDETECTED": 482,
    "TOOMANYHOPS": 483,
    "ACAMBIGUOUS": 485,
    "AMBIGUOUS": 485,
    "UNDECIPHERABLE": 493,
    "SECURITYAGREEMENTNEEDED": 494,
    "INTERNALSERVERERROR": 500,
    "TSXTRANSPORTERROR": 503,
    "SERVERTIMEOUT": 504,
    "VERSIONNOTSUPPORTED": 505,
    "PUSHNOTIFICATIONSERVICENOTSUPPORTED": 555,
    "PRECONDITIONFAILURE": 580,
    "DECLINE": 603,
    "NOTACCEPTABLEANYWHERE": 606,
    "UNWANTED": 607,
    "REJECTED": 608,
}
"""Names of PJSIP that are not the status's reason phrase in capitals."""


def parse_status(text: str) -> int | None:
    """The status that ``PJSIPHangup`` is given: a number from 400 to 699 or a name, ``None`` for neither."""
    text = text.strip()
    if text.isascii() and text.isdigit() and len(text) == 3:
        status = int(text)
        return status if 400 <= status <= 699 else None
    name = text.upper().removeprefix("PJSIP_").removeprefix("SC_").replace("_", "").replace("-", "").replace(" ", "")
    if not name:
        return None
    if name in _STATUS_NAMES:
        return _STATUS_NAMES[name]
    for status in range(400, 700):
        phrase = reason_phrase(status)
        if phrase and phrase.upper().replace("-", "").replace(" ", "").replace("/", "") == name:
            return status
    return None
