"""URIs: ``sip`` and ``sips`` in full (RFC 3261 19.1), ``tel`` (RFC 3966), others kept as they are."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import quote as _percent_quote
from urllib.parse import unquote as _percent_unquote

from asterism.hostport import format_host_port as format_host_port
from asterism.stack.errors import ParseError
from asterism.stack.grammar import Params, printable
from asterism.stack.known import keep

_NO_PARAMS: Params = MappingProxyType({})

HOST = r"\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_](?:[A-Za-z0-9_.\-]*[A-Za-z0-9_.])?"
_sip = re.compile(
    r"""(sips?):
    (?:([^@:\s<>"\x00-\x20\x7f]*)(?::([^@:\s<>"\x00-\x20\x7f]*))?@)?
    (\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_](?:[A-Za-z0-9_.\-]*[A-Za-z0-9_.])?)
    (?::([0-9]{1,5}))?
    ((?:;[^\s<>"?\x00-\x20\x7f]*)?)
    (?:\?([^\s<>"\x00-\x20\x7f]*))?""",
    re.IGNORECASE | re.VERBOSE,
).fullmatch
_scheme = re.compile(r"([A-Za-z][A-Za-z0-9+\-.]*):([^\s<>\x00-\x20\x7f]+)").fullmatch
_tel = re.compile(r"(\+?[0-9A-Fa-f*#\-.()]+)((?:;[^\s;<>\"]+)*)").fullmatch
_bad_escape = re.compile(r"%(?![0-9A-Fa-f]{2})").search
_host = re.compile(HOST).fullmatch
_kept_escape = re.compile(r"%(?:[01][0-9A-Fa-f]|7[Ff]|25)")
_bare_percent = re.compile(r"%(?!(?:[01][0-9A-Fa-f]|7[Ff]|25))").sub
_controls = re.compile(r"[\x00-\x1f\x7f]").sub

_USER_SAFE = "-_.!~*'()&=+$,;?/%"
_PASSWORD_SAFE = "-_.!~*'()&=+$,%"
_VISUAL = str.maketrans("", "", "-.()")


def _unescape(text: str) -> str:
    """Resolve %HH, except of control characters and of ``%`` itself: those stay escaped."""
    if "%" not in text:
        return text
    pieces: list[str] = []
    position = 0
    for found in _kept_escape.finditer(text):
        pieces.append(_percent_unquote(text[position : found.start()], errors="surrogateescape"))
        pieces.append(found.group())
        position = found.end()
    pieces.append(_percent_unquote(text[position:], errors="surrogateescape"))
    return "".join(pieces)


def _escape(text: str, safe: str) -> str:
    if text.isalnum() and text.isascii():
        return text
    try:
        return _percent_quote(text, safe=safe, errors="surrogateescape")
    except UnicodeEncodeError:
        # Half a character, which no bytes stand for.
        return _percent_quote(text, safe=safe, errors="replace")


def _clean(text: str) -> str:
    """The form in which users and passwords are kept: no control character, no lone ``%``."""
    if text.isalnum():
        return text
    text = _controls(lambda found: f"%{ord(found.group()):02X}", text)
    return _bare_percent("%25", text) if "%" in text else text


def parse_host(text: str) -> str:
    """A host in the form the stack keeps: lower case, IPv6 without brackets.

    Raises:
        ParseError: neither a name nor an address.
    """
    if not _host(text):
        raise ParseError(f"bad host: {printable(text)!r}")
    if text[0] != "[":
        return text.lower()
    inner = text[1:-1].lower()
    # RFC 3261's own grammar can produce three colons before an IPv4 tail (RFC 5118 section 4.10).
    checked = inner.replace(":::", "::") if "." in inner else inner
    try:
        ipaddress.IPv6Address(checked)
    except ValueError:
        raise ParseError(f"bad IPv6 reference: {printable(text)!r}") from None
    return checked


class Uri:
    """An immutable URI.

    Attributes:
        scheme: lower case.
        user: escapes resolved (``%23`` is ``#``), except of control characters and of ``%``, which
            stay ``%HH`` so that no text taken from here can break a line. ``""`` if absent. For ``tel`` the number.
        password: like ``user``; ``None`` if absent.
        host: lower case, IPv6 without brackets; ``""`` for schemes other than ``sip`` and ``sips``.
        port: ``None`` if absent.
        params: lower-case names, raw values, ``None`` for a parameter without one.
        headers: the text after ``?``, raw; ``""`` if absent.
        opaque: what follows the colon of a scheme that is not ``sip``, ``sips`` or ``tel``.
    """

    __slots__ = ("_text", "headers", "host", "opaque", "params", "password", "port", "scheme", "user")

    scheme: str
    user: str
    password: str | None
    host: str
    port: int | None
    params: Params
    headers: str
    opaque: str

    def __init__(
        self,
        scheme: str = "sip",
        user: str = "",
        host: str = "",
        port: int | None = None,
        *,
        password: str | None = None,
        params: Mapping[str, str | None] | None = None,
        headers: str = "",
        opaque: str = "",
    ) -> None:
        self.scheme = scheme
        self.user = _clean(user)
        self.password = password if password is None else _clean(password)
        self.host = host.lower()
        self.port = port
        self.params = params or _NO_PARAMS
        self.headers = headers
        self.opaque = opaque
        self._text: str | None = None

    @staticmethod
    def parse(text: str) -> Uri:
        """Parse a URI; recurring texts are not parsed again.

        Raises:
            ParseError: not a URI.
        """
        uri = KNOWN_URIS.get(text)
        if uri is None:
            uri = _parse(text)
            keep(KNOWN_URIS, text, uri)
        return uri

    @classmethod
    def unparsed(cls, text: str) -> Uri:
        """A stand-in for a Request-URI that could not be parsed: no scheme, the text as ``opaque``."""
        uri = cls("", opaque=text)
        uri._text = text
        return uri

    @property
    def is_sip(self) -> bool:
        """Whether the scheme is ``sip`` or ``sips``."""
        return self.scheme in {"sip", "sips"}

    @property
    def secure(self) -> bool:
        """Whether the scheme is ``sips``."""
        return self.scheme == "sips"

    @property
    def host_port(self) -> str:
        """``host:port`` as in the URI: IPv6 in brackets, the port only if given."""
        return format_host_port(self.host, self.port)

    def param(self, name: str) -> str | None:
        """A parameter's value; ``""`` if it is there without a value, ``None`` if it is not there."""
        value = self.params.get(name, None)
        return "" if value is None and name in self.params else value

    def replace(self, **changes: Any) -> Uri:
        """A copy with some attributes changed (the constructor's names)."""
        values: dict[str, Any] = {
            "scheme": self.scheme,
            "user": self.user,
            "host": self.host,
            "port": self.port,
            "password": self.password,
            "params": self.params,
            "headers": self.headers,
            "opaque": self.opaque,
        }
        values.update(changes)
        return Uri(**values)

    def with_params(self, **params: str | None) -> Uri:
        """A copy with parameters set (``None`` sets one without value)."""
        return self.replace(params={**self.params, **params})

    def without_params(self, *names: str) -> Uri:
        """A copy without the named parameters; with no name given, without any."""
        return self.replace(params={k: v for k, v in self.params.items() if k not in names} if names else {})

    def __str__(self) -> str:
        text = self._text
        if text is None:
            text = self._text = self._format()
        return text

    def _format(self) -> str:
        params = "".join([f";{k}" if v is None else f";{k}={v}" for k, v in self.params.items()])
        if self.scheme == "tel":
            return f"tel:{self.user}{params}"
        if self.scheme not in {"sip", "sips"}:
            return f"{self.scheme}:{self.opaque}" if self.scheme else self.opaque
        rest = f"{self.host_port}{params}?{self.headers}" if self.headers else f"{self.host_port}{params}"
        text = f"{self.scheme}:"
        # An @ in a parameter is not for us to write, but may have come; with an empty user before it is no user.
        if self.user or self.password is not None or "@" in rest:
            text += _escape(self.user, _USER_SAFE)
            if self.password is not None:
                text += ":" + _escape(self.password, _PASSWORD_SAFE)
            text += "@"
        return text + rest

    def __repr__(self) -> str:
        return f"Uri({str(self)!r})"

    def _key(self) -> tuple[object, ...]:
        return (self.scheme, self.user, self.password, self.host, self.port, self.headers, self.opaque)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Uri):
            return NotImplemented
        return self._key() == other._key() and dict(self.params) == dict(other.params)

    def __hash__(self) -> int:
        return hash((self.scheme, self.user, self.host, self.port, self.opaque))

    def matches(self, other: Uri) -> bool:
        """Whether two URIs are equivalent: RFC 3261 19.1.4 with RFC 5954 4.2; RFC 3966 section 4; RFC 8141 3.1."""
        if self is other:
            return True
        if self.scheme != other.scheme:
            return False
        if self.scheme == "tel":
            mine, theirs = self.user.translate(_VISUAL).lower(), other.user.translate(_VISUAL).lower()
            return mine == theirs and _tel_params(self.params) == _tel_params(other.params)
        if not self.is_sip:
            return self.opaque == other.opaque or (self.scheme == "urn" and _urn(self.opaque) == _urn(other.opaque))
        if (self.user, self.password, self.port) != (other.user, other.password, other.port):
            return False
        if not same_host(self.host, other.host):
            return False
        mine_params, their_params = _folded(self.params), _folded(other.params)
        for name in mine_params.keys() | their_params.keys():
            if name in mine_params and name in their_params:
                if mine_params[name] != their_params[name]:
                    return False
            elif name in {"user", "ttl", "method", "maddr", "transport"}:
                return False
        return _header_set(self.headers) == _header_set(other.headers)


KNOWN_URIS: Final[dict[str, Uri]] = {}
"""URIs that were parsed before, by their text."""


def _folded(params: Params) -> dict[str, str | None]:
    return {name: None if value is None else _unescape(value).lower() for name, value in params.items()}


def _tel_params(params: Params) -> dict[str, str | None]:
    """The parameters of a ``tel`` URI; those that are numbers without their visual separators."""
    folded = _folded(params)
    for name in ("ext", "phone-context"):
        value = folded.get(name)
        if value and (name == "ext" or value[0] == "+"):
            folded[name] = value.translate(_VISUAL)
    return folded


def _urn(opaque: str) -> tuple[str, str]:
    """Namespace and name of a URN, in which case matters unless the namespace says otherwise (RFC 5031: services)."""
    namespace, _, name = opaque.partition(":")
    namespace = namespace.lower()
    return namespace, name.lower() if namespace == "service" else name


def same_host(one: str, other: str) -> bool:
    """Whether two hosts, as :class:`Uri` keeps them, are one: the same text, or one IPv6 address in two spellings."""
    if one == other:
        return True
    if ":" not in one or ":" not in other:
        return False
    try:
        return ipaddress.IPv6Address(one) == ipaddress.IPv6Address(other)
    except ValueError:
        return False


def _header_set(headers: str) -> list[tuple[str, str]]:
    pairs = []
    for piece in headers.split("&"):
        name, _, value = piece.partition("=")
        pairs.append((_unescape(name).lower(), _unescape(value)))
    return sorted(pairs)


def _uri_params(text: str) -> Params:
    if not text:
        return _NO_PARAMS
    params: dict[str, str | None] = {}
    for piece in text.split(";"):
        if piece:
            name, equals, value = piece.partition("=")
            if not name:
                raise ParseError(f"bad URI parameter: {printable(piece)!r}")
            params.setdefault(name.lower(), value if equals else None)
    return params


def _parse(text: str) -> Uri:
    found = _sip(text)
    if found is None:
        return _parse_other(text)
    if "%" in text and _bad_escape(text):
        raise ParseError(f"bad escape in URI: {printable(text)!r}")
    scheme, user, password, host, port, params, headers = found.groups()
    number = None if port is None else int(port)
    if number is not None and number > 65535:
        raise ParseError(f"bad port in URI: {printable(text)!r}")
    uri = Uri(
        scheme.lower(),
        _unescape(user) if user else "",
        host if host[0] != "[" else parse_host(host),
        number,
        password=None if password is None else _unescape(password),
        params=_uri_params(params),
        headers=headers or "",
    )
    uri._text = text
    return uri


def _parse_other(text: str) -> Uri:
    found = _scheme(text)
    if found is None:
        raise ParseError(f"bad URI: {printable(text)!r}")
    scheme, rest = found.group(1).lower(), found.group(2)
    if scheme in {"sip", "sips"}:
        raise ParseError(f"bad SIP URI: {printable(text)!r}")
    if scheme == "tel":
        number = _tel(rest)
        if number is None:
            raise ParseError(f"bad tel URI: {printable(text)!r}")
        uri = Uri("tel", number.group(1), params=_uri_params(number.group(2)))
    else:
        uri = Uri(scheme, opaque=rest)
    uri._text = text
    return uri
