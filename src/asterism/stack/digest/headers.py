"""Challenges, credentials and Authentication-Info (RFC 3261 22.4, RFC 7616 3.3 to 3.5)."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from asterism.stack.digest.hashing import ALGORITHMS, compute_response
from asterism.stack.digest.params import join, lenient_params, parse_params, quoted, split_scheme
from asterism.stack.errors import ParseError
from asterism.stack.grammar import printable, quote
from asterism.stack.uri import Uri, same_host

if TYPE_CHECKING:
    from asterism.stack.message import Message

_REQUIRED = ("username", "realm", "nonce", "uri", "response")
_hex8 = re.compile(r"[0-9a-fA-F]{8}").fullmatch


@dataclass(frozen=True)
class Challenge:
    """A Digest challenge: WWW-Authenticate or Proxy-Authenticate."""

    realm: str
    nonce: str
    algorithm: str = ""
    """As sent; ``""`` means MD5."""
    qop: tuple[str, ...] = ()
    """Offered protections, lower case; empty for the RFC 2069 form."""
    opaque: str = ""
    domain: str = ""
    stale: bool = False
    scheme: str = "Digest"
    extra: tuple[tuple[str, str], ...] = ()
    """Other parameters, unquoted; written quoted."""
    userhash: bool = False
    """The user name shall come as a hash (RFC 7616 3.4.4)."""

    @classmethod
    def parse(cls, text: str) -> Challenge:
        """Parse one challenge; schemes other than Digest come back with all their parameters in ``extra``.

        Raises:
            ParseError: malformed, or a Digest challenge without realm or nonce.
        """
        scheme, rest = split_scheme(text)
        if scheme.lower() != "digest":
            return cls("", "", scheme=scheme, extra=tuple(lenient_params(rest).items()))
        params = parse_params(rest)
        if "realm" not in params or "nonce" not in params:
            raise ParseError("a challenge without realm or nonce")
        return cls(
            params.pop("realm"),
            params.pop("nonce"),
            params.pop("algorithm", ""),
            tuple(item.strip().lower() for item in params.pop("qop", "").split(",") if item.strip()),
            params.pop("opaque", ""),
            params.pop("domain", ""),
            params.pop("stale", "").lower() == "true",
            userhash=params.pop("userhash", "").lower() == "true",
            extra=tuple(params.items()),
        )

    @property
    def supported(self) -> bool:
        """Whether this module can answer it."""
        known = any((self.algorithm or "MD5").lower() == name.lower() for name in ALGORITHMS)
        return (
            self.scheme.lower() == "digest" and known and (not self.qop or bool({"auth", "auth-int"} & set(self.qop)))
        )

    def __str__(self) -> str:
        if self.scheme.lower() != "digest":
            return f"{self.scheme} {join((name, quote(value)) for name, value in self.extra)}"
        # Order and quoting as PJSIP and Asterisk send them; several phones look no further.
        return f"{self.scheme} " + join(
            [
                ("realm", quote(self.realm)),
                ("nonce", quote(self.nonce)),
                ("domain", quoted(self.domain)),
                ("opaque", quoted(self.opaque)),
                ("stale", "true" if self.stale else None),
                ("algorithm", self.algorithm or None),
                ("qop", quoted(",".join(self.qop))),
                ("userhash", "true" if self.userhash else None),
                *((name, quote(value)) for name, value in self.extra),
            ]
        ).replace(", ", ",")


# Not frozen: a frozen dataclass takes three times as long to make, and every REGISTER brings one. Do not change it.
@dataclass(unsafe_hash=True)
class Credentials:
    """Digest credentials: Authorization or Proxy-Authorization."""

    username: str
    realm: str
    nonce: str
    uri: str
    response: str
    algorithm: str = ""
    """As sent; ``""`` means MD5."""
    qop: str = ""
    nc: str = ""
    cnonce: str = ""
    opaque: str = ""
    userhash: bool = False
    scheme: str = "Digest"
    extra: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> Credentials:
        """Parse credentials; of schemes other than Digest only ``scheme`` is filled in.

        Raises:
            ParseError: malformed, or a mandatory parameter is missing.
        """
        if text[:7] == "Digest ":
            rest = text[7:]
        else:
            scheme, rest = split_scheme(text)
            if scheme.lower() != "digest":
                return cls("", "", "", "", "", scheme=scheme, extra=tuple(lenient_params(rest).items()))
        params = parse_params(rest)
        for name in _REQUIRED:
            if name not in params:
                raise ParseError(f"credentials without {name}")
        nc = params.get("nc", "")
        # The first request with a nonce has 1 (RFC 7616 3.4): none has 0.
        if nc and (not _hex8(nc) or nc == "00000000"):
            raise ParseError(f"bad nc: {printable(nc)!r}")
        if params.get("qop") and not (nc and params.get("cnonce")):
            raise ParseError("credentials with qop need nc and cnonce")
        take = params.pop
        return cls(
            take("username"),
            take("realm"),
            take("nonce"),
            take("uri"),
            take("response").lower(),
            take("algorithm", ""),
            take("qop", "").lower(),
            take("nc", ""),
            take("cnonce", ""),
            take("opaque", ""),
            take("userhash", "").lower() == "true",
            "Digest",
            tuple(params.items()) if params else (),
        )

    @property
    def count(self) -> int:
        """``nc`` as a number; 0 if there is none."""
        return int(self.nc, 16) if self.nc else 0

    def fits(self, target: Uri) -> bool:
        """Whether ``uri`` names the Request-URI ``target``, as it must (RFC 7616 3.4.6, RFC 3261 22.4).

        Compared are user, host, and the port where both name one: parameters and the choice of ``sip`` or ``sips``
        change on the way through proxies, and clients leave them out, or name the port that they send to (SIPp).
        """
        if self.uri == str(target):
            return True
        try:
            mine = Uri.parse(self.uri)
        except ParseError:
            return False
        if not (mine.is_sip and target.is_sip):
            return mine.matches(target)
        return (
            mine.user == target.user
            and (mine.port is None or target.port is None or mine.port == target.port)
            and same_host(mine.host, target.host)
        )

    def verify(self, secret: str, method: str, body: bytes = b"") -> bool:
        """Whether ``response`` is right for this A1 hash (see :func:`ha1`); compared in constant time.

        An algorithm or qop that is not known is simply wrong.
        """
        try:
            expected = compute_response(
                secret,
                method,
                self.uri,
                self.nonce,
                algorithm=self.algorithm or "MD5",
                qop=self.qop,
                nc=self.nc,
                cnonce=self.cnonce,
                body=body,
            )
        except ValueError:
            return False
        given = self.response.encode("utf-8", "surrogateescape")
        return hmac.compare_digest(expected.encode("ascii"), given)

    def __str__(self) -> str:
        if self.scheme.lower() != "digest":
            return f"{self.scheme} {join((name, quote(value)) for name, value in self.extra)}"
        return f"{self.scheme} " + join(
            [
                ("username", quote(self.username)),
                ("realm", quote(self.realm)),
                ("nonce", quote(self.nonce)),
                ("uri", quote(self.uri)),
                ("response", quote(self.response)),
                ("algorithm", self.algorithm or None),
                ("cnonce", quoted(self.cnonce)),
                ("opaque", quoted(self.opaque)),
                ("qop", self.qop or None),
                ("nc", self.nc or None),
                ("userhash", "true" if self.userhash else None),
                *((name, quote(value)) for name, value in self.extra),
            ]
        )


@dataclass(frozen=True)
class AuthenticationInfo:
    """Authentication-Info (RFC 7616 3.5): the server's word after a successful authentication."""

    nextnonce: str = ""
    qop: str = ""
    rspauth: str = ""
    cnonce: str = ""
    nc: str = ""

    @classmethod
    def parse(cls, text: str) -> AuthenticationInfo:
        """Parse the header. Raises ParseError if it is malformed."""
        params = parse_params(text)
        return cls(*(params.get(name, "") for name in ("nextnonce", "qop", "rspauth", "cnonce", "nc")))

    def __str__(self) -> str:
        return join(
            [
                ("nextnonce", quoted(self.nextnonce)),
                ("qop", self.qop or None),
                ("rspauth", quoted(self.rspauth)),
                ("cnonce", quoted(self.cnonce)),
                ("nc", self.nc or None),
            ]
        )


def challenges(message: Message, proxy: bool = False) -> list[Challenge]:
    """The Digest challenges of a 401 (``proxy``: 407) in the server's order; malformed ones are left out."""
    found: list[Challenge] = []
    for value in message.get_all("Proxy-Authenticate" if proxy else "WWW-Authenticate"):
        try:
            found.append(Challenge.parse(value))
        except ParseError:
            continue
    return [challenge for challenge in found if challenge.scheme.lower() == "digest"]


def credentials(message: Message, proxy: bool = False) -> list[Credentials]:
    """The Digest credentials of a request.

    Raises:
        ParseError: malformed Digest credentials.
    """
    parsed = [
        Credentials.parse(value) for value in message.get_all("Proxy-Authorization" if proxy else "Authorization")
    ]
    return [one for one in parsed if one.scheme.lower() == "digest"]
