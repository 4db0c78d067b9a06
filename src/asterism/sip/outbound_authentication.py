"""Answering digest challenges to our own requests (RFC 3261 section 22.2, RFC 8760)."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from asterism.sip.objects.auth import Auth
from asterism.stack import digest
from asterism.stack.errors import ParseError

if TYPE_CHECKING:
    from asterism.data.data import Data
    from asterism.stack.message import Request, Response


class NonceCounts:
    """Use counts of nonces of other servers: a server takes the same count again for a replay (RFC 7616 3.4).

    Of the nonces that came last only a hash is kept, so that a server cannot make this grow.
    """

    def __init__(self, limit: int = 10_000) -> None:
        self._counts: dict[bytes, int] = {}
        self._limit = limit

    def __len__(self) -> int:
        return len(self._counts)

    def used(self, challenge: digest.Challenge, username: str) -> int:
        """The number of uses of the challenge's nonce for this user, this one included."""
        text = f"{challenge.realm}\0{challenge.nonce}\0{username}".encode("utf-8", "surrogateescape")
        key = hashlib.blake2s(text, digest_size=16).digest()
        count = self._counts.pop(key, 0)
        self._counts[key] = count + 1
        if len(self._counts) > self._limit:
            del self._counts[next(iter(self._counts))]
        return count


class KnownAuths:
    """The auth objects of one who sends; those that are gone as they were last: what they began is taken back too."""

    def __init__(self, data: Data) -> None:
        self._data = data
        self._last: dict[str, Auth] = {}

    def get(self, names: Iterable[str]) -> list[Auth]:
        """Those of these names that there are, or were."""
        found: dict[str, Auth] = {}
        for name in names:
            auth: object = self._data.get(Auth, name)
            if not isinstance(auth, Auth):
                auth = self._last.get(name)
            if isinstance(auth, Auth):
                found[name] = auth
        self._last = found
        return list(found.values())


def authorize(
    request: Request,
    response: Response,
    auths: Sequence[Auth],
    algorithms: Sequence[str] = ("MD5",),
    counts: NonceCounts | None = None,
) -> Request | None:
    """``request`` again, with the next CSeq and credentials for the challenges in ``response``.

    A challenge is answered only with an auth object whose realm is the challenge's, or is empty or ``*``, and only
    once: a challenge again without ``stale`` means that the credentials are wrong. Returns ``None`` when no
    challenge can be answered.
    """
    proxy = response.status == 407
    challenge_name = "Proxy-Authenticate" if proxy else "WWW-Authenticate"
    header_name = "Proxy-Authorization" if proxy else "Authorization"
    tried = _tried(request, header_name)
    again = request.copy()
    again.remove_header("Via")
    again.remove_header(header_name)
    answered: set[str] = set()
    for value in response.get_all(challenge_name):
        try:
            challenge = digest.Challenge.parse(value)
        except ParseError:
            continue
        if challenge.realm in answered or (tried.get(challenge.realm) is not None and not challenge.stale):
            continue
        auth = _find(auths, challenge, algorithms) if challenge.supported else None
        if auth is None:
            continue
        count = 0 if counts is None else counts.used(challenge, auth.username)
        again.add_header(header_name, _credentials(again, challenge, auth, count))
        answered.add(challenge.realm)
    if not answered:
        return None
    cseq = request.cseq
    again.set_header("CSeq", f"{cseq.number + 1} {cseq.method}")
    return again


def _tried(request: Request, name: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for value in request.get_all(name):
        try:
            credentials = digest.Credentials.parse(value)
        except ParseError:
            continue
        found[credentials.realm] = credentials.nonce
    return found


def _find(auths: Sequence[Auth], challenge: digest.Challenge, algorithms: Sequence[str]) -> Auth | None:
    algorithm = (challenge.algorithm or "MD5").upper()
    exact = [auth for auth in auths if auth.realm == challenge.realm]
    for auth in exact or [auth for auth in auths if auth.realm in ("", "*")]:
        allowed = {str(item).upper() for item in auth.supported_algorithms_uac or algorithms}
        if algorithm.removesuffix("-SESS") in allowed:
            return auth
    return None


def _credentials(request: Request, challenge: digest.Challenge, auth: Auth, count: int) -> str:
    algorithm = challenge.algorithm or "MD5"
    secret = _secret(auth, challenge.realm, algorithm)
    session = digest.ClientSession(challenge, auth.username, secret, secrets.token_hex(16), count)
    return str(session.authorize(request.method, str(request.uri), request.body))


def _secret(auth: Auth, realm: str, algorithm: str) -> str:
    name = algorithm.upper().removesuffix("-SESS")
    for entry in auth.password_digest:
        kind, _, value = entry.partition(":")
        if kind == name:
            return value
    if auth.md5_cred and name == "MD5":
        return auth.md5_cred
    return digest.ha1(auth.username, realm, auth.password, name)
