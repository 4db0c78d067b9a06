"""Digest authentication for SIP, both sides (RFC 3261 22.4, RFC 7616, RFC 8760).

:func:`compute_response` is the arithmetic; :class:`Challenge`, :class:`Credentials` and
:class:`AuthenticationInfo` are the headers; :class:`NonceFactory` makes nonces that a server can check
without having kept them.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, ClassVar, Final

from asterism.stack.errors import ParseError
from asterism.stack.grammar import QUOTED, TOKEN, check_value, printable, quote, unquote

if TYPE_CHECKING:
    from asterism.stack.message import Message

_HASHES: Final[Mapping[str, str]] = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}

ALGORITHMS: Final = tuple(f"{name}{suffix}" for name in _HASHES for suffix in ("", "-sess"))
"""The algorithms this module computes, in RFC spelling."""

_param = re.compile(rf"\s*({TOKEN})\s*=\s*({QUOTED}|[^\s,\"]+)\s*(?:,|$)", re.DOTALL).match
_hex8 = re.compile(r"[0-9a-fA-F]{8}").fullmatch
_scheme = re.compile(rf"\s*({TOKEN})(?:\s+|$)").match


def normal_algorithm(algorithm: str) -> str:
    """The RFC spelling of an algorithm (``""`` is MD5).

    Raises:
        ValueError: unknown algorithm.
    """
    for known in ALGORITHMS:
        if known.lower() == (algorithm or "MD5").lower():
            return known
    raise ValueError(f"unknown digest algorithm: {printable(algorithm)}")


def hash_hex(algorithm: str, data: str | bytes) -> str:
    """The algorithm's hash of the data, in lower-case hexadecimal. ``-sess`` makes no difference here.

    Raises:
        ValueError: unknown algorithm.
    """
    name = _HASHES[normal_algorithm(algorithm).removesuffix("-sess")]
    if isinstance(data, str):
        data = data.encode("utf-8", "surrogateescape")
    return hashlib.new(name, data, usedforsecurity=False).hexdigest()


def ha1(username: str, realm: str, password: str, algorithm: str = "MD5") -> str:
    """Hash of ``username:realm:password``: what ``md5_cred`` and ``password_digest`` hold."""
    return hash_hex(algorithm, f"{username}:{realm}:{password}")


def session_ha1(base: str, nonce: str, cnonce: str, algorithm: str) -> str:
    """The ``-sess`` form of an A1 hash (RFC 7616 3.4.2)."""
    return hash_hex(algorithm, f"{base}:{nonce}:{cnonce}")


def compute_response(
    secret: str,
    method: str,
    uri: str,
    nonce: str,
    *,
    algorithm: str = "MD5",
    qop: str = "",
    nc: str = "",
    cnonce: str = "",
    body: bytes = b"",
) -> str:
    """The ``response`` of RFC 7616 3.4.1.

    Args:
        secret: the A1 hash as :func:`ha1` makes it; the ``-sess`` step is done here.
        method: the request's method.
        uri: the ``uri`` parameter, as it stands.
        nonce: the server's nonce.
        algorithm: RFC spelling, any case.
        qop: ``""`` (RFC 2069), ``auth`` or ``auth-int``.
        nc: eight hexadecimal digits.
        cnonce: the client's nonce.
        body: the body that ``auth-int`` protects.

    Raises:
        ValueError: unknown algorithm or qop.
    """
    if algorithm.lower().endswith("-sess"):
        secret = session_ha1(secret, nonce, cnonce, algorithm)
    if qop in {"", "auth"}:
        ha2 = hash_hex(algorithm, f"{method}:{uri}")
    elif qop == "auth-int":
        ha2 = hash_hex(algorithm, f"{method}:{uri}:{hash_hex(algorithm, body)}")
    else:
        raise ValueError(f"unknown qop: {printable(qop)}")
    if not qop:
        return hash_hex(algorithm, f"{secret}:{nonce}:{ha2}")
    return hash_hex(algorithm, f"{secret}:{nonce}:{nc}:{cnonce}:{qop}:{ha2}")


def _parse_params(text: str) -> dict[str, str]:
    params = _usual_params(text)
    return _any_params(text) if params is None else params


def _any_params(text: str) -> dict[str, str]:
    params: dict[str, str] = {}
    position, end = 0, len(text)
    while position < end:
        found = _param(text, position)
        if found is None:
            if text[position:].strip(" \t,"):
                raise ParseError(f"bad authentication parameter: {printable(text[position:])!r}")
            break
        name = found.group(1).lower()
        if name in params:
            raise ParseError(f"repeated authentication parameter: {printable(name)}")
        params[name] = unquote(found.group(2))
        position = found.end()
    return params


def _usual_params(text: str) -> dict[str, str] | None:
    """What nearly everybody sends: no comma, escape or control character inside a value. ``None`` for all else."""
    if "\\" in text or not text.isprintable():
        return None
    params: dict[str, str] = {}
    pieces = text.split(",")
    for piece in pieces:
        name, _, value = piece.partition("=")
        name = name.strip(" ").lower()
        value = value.strip(" ")
        if not (name.isalnum() and name.isascii()):
            return None
        if value[:1] == '"':
            if value.count('"') != 2 or value[-1] != '"':
                return None
            value = value[1:-1]
        elif not value or '"' in value or " " in value:
            return None
        params[name] = value
    return params if len(params) == len(pieces) else None


def _split_scheme(text: str) -> tuple[str, str]:
    found = _scheme(text)
    if found is None:
        raise ParseError(f"bad authentication header: {printable(text)!r}")
    return found.group(1), text[found.end() :]


def _join(pairs: Iterable[tuple[str, str | None]]) -> str:
    return check_value(", ".join([f"{name}={value}" for name, value in pairs if value is not None]))


def _quoted(text: str) -> str | None:
    return quote(text) if text else None


@dataclass(frozen=True, slots=True)
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

    @classmethod
    def parse(cls, text: str) -> Challenge:
        """Parse one challenge; schemes other than Digest come back with all their parameters in ``extra``.

        Raises:
            ParseError: malformed, or a Digest challenge without realm or nonce.
        """
        scheme, rest = _split_scheme(text)
        if scheme.lower() != "digest":
            return cls("", "", scheme=scheme, extra=tuple(_lenient_params(rest).items()))
        params = _parse_params(rest)
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
            return f"{self.scheme} {_join((name, quote(value)) for name, value in self.extra)}"
        # Order and quoting as PJSIP and Asterisk send them; several phones look no further.
        return f"{self.scheme} " + _join(
            [
                ("realm", quote(self.realm)),
                ("nonce", quote(self.nonce)),
                ("domain", _quoted(self.domain)),
                ("opaque", _quoted(self.opaque)),
                ("stale", "true" if self.stale else None),
                ("algorithm", self.algorithm or None),
                ("qop", _quoted(",".join(self.qop))),
                *((name, quote(value)) for name, value in self.extra),
            ]
        ).replace(", ", ",")


def _lenient_params(text: str) -> dict[str, str]:
    try:
        return _parse_params(text)
    except ParseError:
        return {}


# Not frozen: a frozen dataclass takes three times as long to make, and every REGISTER brings one. Do not change it.
@dataclass(unsafe_hash=True, slots=True)
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

    _REQUIRED: ClassVar[tuple[str, ...]] = ("username", "realm", "nonce", "uri", "response")

    @classmethod
    def parse(cls, text: str) -> Credentials:
        """Parse credentials; of schemes other than Digest only ``scheme`` is filled in.

        Raises:
            ParseError: malformed, or a mandatory parameter is missing.
        """
        scheme, rest = _split_scheme(text)
        if scheme.lower() != "digest":
            return cls("", "", "", "", "", scheme=scheme, extra=tuple(_lenient_params(rest).items()))
        params = _parse_params(rest)
        for name in cls._REQUIRED:
            if name not in params:
                raise ParseError(f"credentials without {name}")
        nc = params.get("nc", "")
        if nc and not _hex8(nc):
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
            return f"{self.scheme} {_join((name, quote(value)) for name, value in self.extra)}"
        return f"{self.scheme} " + _join(
            [
                ("username", quote(self.username)),
                ("realm", quote(self.realm)),
                ("nonce", quote(self.nonce)),
                ("uri", quote(self.uri)),
                ("response", quote(self.response)),
                ("algorithm", self.algorithm or None),
                ("cnonce", _quoted(self.cnonce)),
                ("opaque", _quoted(self.opaque)),
                ("qop", self.qop or None),
                ("nc", self.nc or None),
                ("userhash", "true" if self.userhash else None),
                *((name, quote(value)) for name, value in self.extra),
            ]
        )


@dataclass(frozen=True, slots=True)
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
        params = _parse_params(text)
        return cls(*(params.get(name, "") for name in ("nextnonce", "qop", "rspauth", "cnonce", "nc")))

    def __str__(self) -> str:
        return _join(
            [
                ("nextnonce", _quoted(self.nextnonce)),
                ("qop", self.qop or None),
                ("rspauth", _quoted(self.rspauth)),
                ("cnonce", _quoted(self.cnonce)),
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


@dataclass(slots=True)
class ClientSession:
    """The client's side of one protection space: counts how often a nonce was used.

    Attributes:
        challenge: the challenge being answered.
        username: the user's name.
        secret: the A1 hash for the challenge's realm and algorithm (see :func:`ha1`).
        cnonce: the client's nonce: unpredictable text from the caller.
    """

    challenge: Challenge
    username: str
    secret: str
    cnonce: str
    count: int = field(default=0)

    def authorize(self, method: str, uri: str, body: bytes = b"") -> Credentials:
        """Credentials for the next request; each call counts ``nc`` up."""
        challenge = self.challenge
        qop = "auth" if "auth" in challenge.qop else "auth-int" if "auth-int" in challenge.qop else ""
        session = challenge.algorithm.lower().endswith("-sess")
        self.count += 1
        nc = f"{self.count:08x}" if qop else ""
        cnonce = self.cnonce if qop or session else ""
        response = compute_response(
            self.secret,
            method,
            uri,
            challenge.nonce,
            algorithm=challenge.algorithm or "MD5",
            qop=qop,
            nc=nc,
            cnonce=cnonce,
            body=body,
        )
        return Credentials(
            self.username,
            challenge.realm,
            challenge.nonce,
            uri,
            response,
            challenge.algorithm,
            qop,
            nc,
            cnonce,
            challenge.opaque,
        )

    def update(self, info: AuthenticationInfo) -> None:
        """Take a ``nextnonce``: the next request uses it, and the count starts again."""
        if info.nextnonce and info.nextnonce != self.challenge.nonce:
            self.challenge = replace(self.challenge, nonce=info.nextnonce)
            self.count = 0

    def check_server(self, info: AuthenticationInfo, sent: Credentials, body: bytes = b"") -> bool:
        """Whether ``rspauth`` proves that the server knows the secret (RFC 7616 3.5); true if it gave none."""
        if not info.rspauth:
            return True
        return hmac.compare_digest(response_auth(self.secret, sent, body).encode(), info.rspauth.lower().encode())


def response_auth(secret: str, sent: Credentials, body: bytes = b"") -> str:
    """The ``rspauth`` of a response to these credentials: as the response, with an empty method."""
    return compute_response(
        secret,
        "",
        sent.uri,
        sent.nonce,
        algorithm=sent.algorithm or "MD5",
        qop=sent.qop,
        nc=sent.nc,
        cnonce=sent.cnonce,
        body=body,
    )


class NonceState(Enum):
    """What :meth:`NonceFactory.check` finds."""

    VALID = "valid"
    STALE = "stale"
    """Ours, but too old: challenge again with ``stale=true``."""
    FOREIGN = "foreign"
    """Not made by this factory (or before a restart with another secret)."""


class NonceFactory:
    """Nonces that carry their own proof: time, randomness and a keyed BLAKE2s hash over both and the realm.

    Issuing keeps no state. Checking a nonce costs one hash and says whether it is ours and young enough; counting
    ``nc`` is the authenticator's affair.

    Args:
        secret: the key; a new one at every start makes old nonces foreign.
        random: gives that many random bytes (``os.urandom``); asked for those of several nonces at a time.
        lifetime: seconds for which a nonce is valid.
    """

    __slots__ = ("_key", "_pool", "_random", "lifetime")

    _TIME: ClassVar[int] = 6
    _RANDOM: ClassVar[int] = 6
    _MAC: ClassVar[int] = 12
    _POOL: ClassVar[int] = 40

    def __init__(self, secret: bytes, random: Callable[[int], bytes], lifetime: float = 32.0) -> None:
        self._key = hashlib.sha256(secret).digest()
        self._random = random
        self._pool = b""
        self.lifetime = lifetime

    def _sign(self, data: bytes, realm: str) -> bytes:
        # The data is of fixed length, so that it and the realm cannot be taken apart in two ways.
        data += realm.encode("utf-8", "surrogateescape")
        return hashlib.blake2s(data, digest_size=self._MAC, key=self._key).digest()

    def issue(self, now: float, realm: str = "") -> str:
        """A new nonce, valid from ``now`` (seconds of any clock that does not go back) for this realm."""
        pool = self._pool or self._random(self._RANDOM * self._POOL)
        self._pool = pool[self._RANDOM :]
        data = int(now * 1000).to_bytes(self._TIME, "big") + pool[: self._RANDOM]
        return urlsafe_b64encode(data + self._sign(data, realm)).decode("ascii")

    def check(self, nonce: str, now: float, realm: str = "") -> NonceState:
        """Whether the nonce is ours, made for this realm, and still valid."""
        issued = self.time_of(nonce, realm)
        if issued is None:
            return NonceState.FOREIGN
        return NonceState.VALID if issued - 1.0 <= now < issued + self.lifetime else NonceState.STALE

    def time_of(self, nonce: str, realm: str = "") -> float | None:
        """When a nonce was made, on the clock given to :meth:`issue`; ``None`` if it is not ours for this realm."""
        size = self._TIME + self._RANDOM
        if len(nonce) != (size + self._MAC) // 3 * 4 or not nonce.isascii():
            return None
        try:
            raw = urlsafe_b64decode(nonce)
        except ValueError:
            return None
        data = raw[:size]
        if not hmac.compare_digest(raw[size:], self._sign(data, realm)):
            return None
        return int.from_bytes(data[: self._TIME], "big") / 1000

    def issued_at(self, nonce: str) -> float:
        """When a nonce that was found to be ours was made, on the clock given to :meth:`issue`."""
        return int.from_bytes(urlsafe_b64decode(nonce)[: self._TIME], "big") / 1000


__all__ = [
    "ALGORITHMS",
    "AuthenticationInfo",
    "Challenge",
    "ClientSession",
    "Credentials",
    "NonceFactory",
    "NonceState",
    "challenges",
    "compute_response",
    "credentials",
    "ha1",
    "hash_hex",
    "normal_algorithm",
    "response_auth",
    "session_ha1",
]
