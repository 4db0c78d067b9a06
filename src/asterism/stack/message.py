"""Requests and responses: header lines in order, values parsed when first asked for.

A message keeps the header lines as they came, under canonical names, and works out a value
(:attr:`Message.to`, :attr:`Message.vias`, ...) on first use. Text is ``str`` decoded as UTF-8 with
``surrogateescape``, so that bytes that are not UTF-8 survive a round trip.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from asterism.stack.errors import LimitError, ParseError
from asterism.stack.grammar import check_value, is_token, parse_number, split_commas
from asterism.stack.header_lines import HeaderLines
from asterism.stack.headers.address import KNOWN_ADDRESSES, NameAddr, has_tag
from asterism.stack.headers.base import HeaderValue
from asterism.stack.headers.cseq import CSeq, RAck
from asterism.stack.headers.media_type import MediaType
from asterism.stack.headers.names import KNOWN
from asterism.stack.headers.via import Via
from asterism.stack.limits import DEFAULT_LIMITS
from asterism.stack.reasons import REASONS, reason_phrase
from asterism.stack.uri import Uri

if TYPE_CHECKING:
    from asterism.stack.flow import Flow

__all__ = ["Message", "Request", "Response", "make_response", "reason_phrase"]

_ValueT = TypeVar("_ValueT", bound=HeaderValue)


_MAX_VALUES = DEFAULT_LIMITS.values
"""Values of one header, in however many lines."""

_line_of = ": ".join

_ECHOED = frozenset({"Via", "From", "To", "Call-ID", "CSeq"})
_ECHOED_WITH_ROUTE = _ECHOED | {"Record-Route"}
_ECHOED_WITH_TIMESTAMP = _ECHOED | {"Timestamp"}


class Message(HeaderLines):
    """Base of requests and responses.

    Attributes:
        headers: canonical name and raw value of every header line, in order. Read it freely; change it
            through the methods, which keep the parsed values right.
        body: the body, undecoded.
        flow: where the message came from; ``None`` for one that was built here.
        received_at: when it came (the clock of the transaction layer, seconds); ``None`` likewise.
    """

    __slots__ = ("body", "flow", "received_at")

    def __init__(self, headers: list[tuple[str, str]] | None = None, body: bytes = b"") -> None:
        self.headers = [] if headers is None else headers
        self.body = body
        self.flow: Flow | None = None
        self.received_at: float | None = None
        self._first = None
        self._parsed = {}

    def set_body(self, body: bytes | str, content_type: str = "") -> None:
        """Replace the body, with a ``content_type`` also the Content-Type.

        An empty body without a type removes that header.
        """
        self.body = body.encode("utf-8", "surrogateescape") if isinstance(body, str) else body
        if content_type:
            self.set_header("Content-Type", content_type)
        elif not body:
            self.remove_header("Content-Type")

    def replace_headers(self, headers: list[tuple[str, str]]) -> None:
        """Put other header lines in place of all; their names are canonical and their values checked."""
        self.headers = headers
        self._first = None
        self._parsed.clear()

    # Via handling of servers and clients

    def set_top_via(self, via: Via) -> None:
        """Replace the topmost Via value, leaving the others of the same line."""
        for position, (name, value) in enumerate(self.headers):
            if name == "Via":
                rest = split_commas(value)[1:]
                self.headers[position] = (name, ", ".join([check_value(str(via)), *(item.strip() for item in rest)]))
                break
        else:
            self.headers.insert(0, ("Via", check_value(str(via))))
        vias = self._parsed.get("vias")
        self._first = None
        self._parsed.pop("vias", None)
        self._parsed.pop("branch", None)
        self._parsed["via"] = via
        if vias:
            self._parsed["vias"] = [via, *vias[1:]]

    def pop_via(self) -> Via:
        """Remove and return the topmost Via value.

        Raises:
            ParseError: there is none, or it is malformed.
        """
        via = self.via
        for position, (name, value) in enumerate(self.headers):
            if name == "Via":
                rest = split_commas(value)[1:]
                if rest:
                    self.headers[position] = (name, ", ".join(item.strip() for item in rest))
                else:
                    del self.headers[position]
                break
        self._first = None
        self._parsed.clear()
        return via

    def mark_source(self, host: str, port: int, force: bool = False) -> None:
        """Note in the topmost Via where the request really came from (RFC 3261 18.2.1, RFC 3581 4).

        ``received`` is set if the sent-by host is another, or if ``rport`` was asked for; ``rport`` gets the port.
        ``force`` takes ``rport`` as asked for.
        """
        via = self.via
        params = via.params
        wants = force or "rport" in params
        if not wants and via.host == host:
            if "received" in params:
                self.set_top_via(
                    Via(via.transport, via.host, via.port, {k: v for k, v in params.items() if k != "received"})
                )
            return
        marked = dict(params)
        if wants:
            marked["rport"] = str(port)
        marked["received"] = host
        self.set_top_via(Via(via.transport, via.host, via.port, marked))

    # Parsed values. A missing mandatory header is a ParseError, like a malformed one.

    def _fail(self, error: ParseError) -> ParseError:
        """Attach this request to an error about one of its values."""
        if error.request is None and isinstance(self, Request):
            error.request = self
        return error

    def _missing(self, name: str) -> ParseError:
        return self._fail(ParseError(f"no {name} header"))

    @property
    def via(self) -> Via:
        """The topmost Via. Raises ParseError."""
        via: Via | None = self._parsed.get("via")
        if via is None:
            first = self._first
            if first is None:
                first = self._index()
            value = first.get("Via")
            if value is None:
                raise self._missing("Via")
            try:
                via = Via.parse(value if "," not in value else split_commas(value)[0])
            except ParseError as error:
                raise self._fail(error) from None
            self._parsed["via"] = via
        return via

    @property
    def branch(self) -> str | None:
        """The branch of the topmost Via, ``None`` if it has none. Raises ParseError."""
        # The transaction layer has usually cut it out already, to match the request.
        branch: str | None = self._parsed.get("branch")
        return self.via.params.get("branch") if branch is None else branch

    @property
    def vias(self) -> list[Via]:
        """All Via values, topmost first. Raises ParseError."""
        vias: list[Via] | None = self._parsed.get("vias")
        if vias is None:
            vias = []
            try:
                for value in self.get_all("Via"):
                    if "," in value:
                        vias.extend(Via.parse_list(value))
                    else:
                        vias.append(Via.parse(value))
                    if len(vias) > _MAX_VALUES:
                        raise LimitError("too many Via values")
            except ParseError as error:
                raise self._fail(error) from None
            self._parsed["vias"] = vias
        return vias

    def _address(self, name: str) -> NameAddr:
        first = self._first
        if first is None:
            first = self._index()
        value = first.get(name)
        if value is None:
            raise self._missing(name)
        address = KNOWN_ADDRESSES.get(value)
        if address is None:
            try:
                address = NameAddr.parse(value)
            except ParseError as error:
                raise self._fail(error) from None
        self._parsed[name] = address
        return address

    @property
    def from_(self) -> NameAddr:
        """From. Raises ParseError."""
        address: NameAddr | None = self._parsed.get("From")
        return address if address is not None else self._address("From")

    @property
    def to(self) -> NameAddr:
        """To. Raises ParseError."""
        address: NameAddr | None = self._parsed.get("To")
        return address if address is not None else self._address("To")

    @property
    def call_id(self) -> str:
        """Call-ID, as it is (it is compared byte by byte). Raises ParseError if there is none."""
        first = self._first
        if first is None:
            first = self._index()
        value = first.get("Call-ID")
        if value is None:
            raise self._missing("Call-ID")
        return value

    @property
    def cseq(self) -> CSeq:
        """CSeq. Raises ParseError."""
        cseq: CSeq | None = self._parsed.get("CSeq")
        if cseq is None:
            first = self._first
            if first is None:
                first = self._index()
            value = first.get("CSeq")
            if value is None:
                raise self._missing("CSeq")
            try:
                cseq = CSeq.parse(value)
            except ParseError as error:
                raise self._fail(error) from None
            self._parsed["CSeq"] = cseq
        return cseq

    def addresses(self, name: str) -> list[NameAddr]:
        """The addresses of all lines of a header (Contact, Route, Path, ...). Raises ParseError."""
        addresses: list[NameAddr] | None = self._parsed.get(name)
        if addresses is None:
            first = self._first
            if first is None:
                first = self._index()
            value = first.get(name)
            addresses = []
            try:
                if value is not None and "," not in value and len(first) == len(self.headers):
                    addresses.append(KNOWN_ADDRESSES.get(value) or NameAddr.parse(value))
                elif value is not None or KNOWN.get(name) != name:
                    for one in self.get_all(name):
                        addresses.extend(NameAddr.parse_list(one))
                        if len(addresses) > _MAX_VALUES:
                            raise LimitError(f"too many {name} values")
            except ParseError as error:
                raise self._fail(error) from None
            self._parsed[name] = addresses
        return addresses

    @property
    def contacts(self) -> list[NameAddr]:
        """The contacts, without the ``*`` of a REGISTER (see :attr:`contact_star`). Raises ParseError."""
        contacts: list[NameAddr] | None = self._parsed.get("Contact")
        if contacts is None:
            first = self._first
            if first is None:
                first = self._index()
            if "*" in first.get("Contact", "") and self.contact_star:
                contacts = self._parsed["Contact"] = []
            else:
                contacts = self.addresses("Contact")
        return contacts

    @property
    def contact_star(self) -> bool:
        """Whether the one and only Contact is ``*``. Raises ParseError if ``*`` is not alone."""
        first = self._first
        if first is None:
            first = self._index()
        value = first.get("Contact")
        if value is None or "*" not in value:
            return False
        values = self.get_all("Contact")
        if "*" in values and len(values) > 1:
            raise self._fail(ParseError("Contact * is not alone"))
        return value == "*"

    @property
    def routes(self) -> list[NameAddr]:
        """The Route set, topmost first. Raises ParseError."""
        return self.addresses("Route")

    @property
    def record_routes(self) -> list[NameAddr]:
        """The Record-Route values, topmost first. Raises ParseError."""
        return self.addresses("Record-Route")

    def _number(self, name: str, maximum: int) -> int | None:
        first = self._first
        if first is None:
            first = self._index()
        value = first.get(name)
        if value is None:
            return None
        try:
            return parse_number(value, name, maximum)
        except ParseError as error:
            raise self._fail(error) from None

    @property
    def max_forwards(self) -> int | None:
        """Max-Forwards (0 to 255), ``None`` if there is none. Raises ParseError."""
        return self._number("Max-Forwards", 255)

    @property
    def expires(self) -> int | None:
        """Expires in seconds, ``None`` if there is none. Raises ParseError if it is no number below 2**32."""
        return self._number("Expires", 2**32 - 1)

    @property
    def content_type(self) -> MediaType | None:
        """Content-Type, ``None`` if there is none. Raises ParseError."""
        return self.typed(MediaType)

    @property
    def rack(self) -> RAck | None:
        """RAck, ``None`` if there is none. Raises ParseError."""
        value = self.get("RAck")
        try:
            return None if value is None else RAck.parse(value)
        except ParseError as error:
            raise self._fail(error) from None

    def typed(self, header: type[_ValueT]) -> _ValueT | None:
        """The first value of a typed header (``message.typed(SessionExpires)``), ``None`` if there is none.

        Raises:
            ParseError: it is malformed.
        """
        name: str = header.NAME
        key = f"{name} "
        value: _ValueT | None = self._parsed.get(key)
        if value is None:
            raw = self.get(name)
            if raw is None:
                return None
            try:
                value = header.parse(raw)
            except ParseError as error:
                raise self._fail(error) from None
            self._parsed[key] = value
        return value

    def typed_all(self, header: type[_ValueT]) -> list[_ValueT]:
        """All values of a typed header that may be a list (``message.typed_all(Reason)``).

        Raises:
            ParseError: one of them is malformed.
        """
        try:
            return [header.parse(item) for item in self.get_list(header.NAME)]
        except ParseError as error:
            raise self._fail(error) from None

    def validate(self) -> None:
        """Parse what routing and transactions rest on, so that it cannot fail later.

        Raises:
            ParseError: Via, From, To, CSeq, Max-Forwards, Contact, Route, Record-Route, Expires or
                Content-Type is malformed; for requests with the request attached.
        """
        parsed = self._parsed
        first = self._first
        if first is None:
            first = self._index()
        if "CSeq" not in parsed:
            _ = self.cseq
        if "From" not in parsed:
            self._address("From")
        if "To" not in parsed:
            self._address("To")
        _ = self.via if "," not in first.get("Via", "") else self.vias
        if "Contact" in first:
            _ = self.contacts
        if "Route" in first:
            self.addresses("Route")
        if "Record-Route" in first:
            self.addresses("Record-Route")
        if "Max-Forwards" in first:
            _ = self.max_forwards
        if "Expires" in first:
            _ = self.expires
        if "Content-Type" in first:
            _ = self.content_type

    # Serialising

    def start_line(self) -> str:
        """The first line, without its line break."""
        raise TypeError("a bare Message has no start line")

    def to_bytes(self) -> bytes:
        """The message as it goes on the wire, with the Content-Length that its body has."""
        body = self.body
        lines = "\r\n".join(map(_line_of, self.headers))
        if "Content-Length: " in lines:
            lines = "\r\n".join([_line_of(line) for line in self.headers if line[0] != "Content-Length"])
        head = f"{self.start_line()}\r\n{lines}\r\nContent-Length: {len(body)}\r\n\r\n"
        if body:
            return head.encode("utf-8", "surrogateescape") + body
        return head.encode("utf-8", "surrogateescape")

    def __bytes__(self) -> bytes:
        return self.to_bytes()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.start_line()!r} Call-ID {self.get('Call-ID')!r}>"


class Request(Message):
    """A request.

    Attributes:
        method: case-sensitive.
        uri: the Request-URI.
        sent_via: the topmost Via line as it was sent, if the transaction layer added ``rport`` to it unasked; else
            ``""``.
    """

    __slots__ = ("method", "sent_via", "uri")

    def __init__(self, method: str, uri: Uri, headers: list[tuple[str, str]] | None = None, body: bytes = b"") -> None:
        # Not through the base class: one is made for every message that arrives.
        self.headers = [] if headers is None else headers
        self.body = body
        self.flow = None
        self.received_at = None
        self._first = None
        self._parsed = {}
        self.method = method
        self.uri = uri
        self.sent_via = ""

    def start_line(self) -> str:
        """``METHOD uri SIP/2.0``."""
        return f"{self.method} {self.uri} SIP/2.0"

    def copy(self) -> Request:
        """A copy with its own header list (parsed values are worked out anew); not bound to a flow."""
        return Request(self.method, self.uri, list(self.headers), self.body)


class Response(Message):
    """A response.

    Attributes:
        status: 100 to 699.
        reason: the reason phrase; may be empty.
    """

    __slots__ = ("reason", "status")

    def __init__(
        self, status: int, reason: str = "", headers: list[tuple[str, str]] | None = None, body: bytes = b""
    ) -> None:
        # Not through the base class, as with requests.
        self.headers = [] if headers is None else headers
        self.body = body
        self.flow = None
        self.received_at = None
        self._first = None
        self._parsed = {}
        self.status = status
        self.reason = reason

    def start_line(self) -> str:
        """``SIP/2.0 status reason``."""
        return f"SIP/2.0 {self.status} {self.reason}"

    def copy(self) -> Response:
        """A copy with its own header list (parsed values are worked out anew); not bound to a flow."""
        return Response(self.status, self.reason, list(self.headers), self.body)


def make_response(request: Request, status: int, reason: str = "", to_tag: str = "") -> Response:
    """A response to a request (RFC 3261 8.2.6), its raw Via, From, To, Call-ID and CSeq lines copied.

    Args:
        request: what is answered.
        status: 100 to 699.
        reason: the reason phrase; empty for the usual one.
        to_tag: put into To if the request has none there; not used for a 100.

    Returns:
        The response; Record-Route lines are copied into 101 to 299, Timestamp into 100.

    Raises:
        ValueError: a line break in ``reason``, or ``to_tag`` is not a token.
    """
    echoed = _ECHOED_WITH_TIMESTAMP if status == 100 else _ECHOED_WITH_ROUTE if status < 300 else _ECHOED
    if status == 100:
        to_tag = ""
    headers: list[tuple[str, str]] = []
    for line in request.headers:
        if line[0] in echoed:
            if to_tag and line[0] == "To":
                # What ends with the bracket of its address has no parameters.
                if line[1][-1:] == ">" or not has_tag(line[1]):
                    if not ((to_tag.isalnum() and to_tag.isascii()) or is_token(to_tag)):
                        raise ValueError(f"not a tag: {to_tag!r}")
                    line = ("To", f"{line[1]};tag={to_tag}")
                to_tag = ""
            headers.append(line)
    return Response(status, check_value(reason) if reason else REASONS.get(status) or reason_phrase(status), headers)
