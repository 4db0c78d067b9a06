"""The client's side: answering challenges, and checking that the server knows the secret too."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field, replace

from asterism.stack.digest.hashing import compute_response, hash_user
from asterism.stack.digest.headers import AuthenticationInfo, Challenge, Credentials


@dataclass
class ClientSession:
    """The client's side of one protection space: counts how often a nonce was used.

    Attributes:
        challenge: the challenge being answered.
        username: the user's name; it is sent as a hash if the challenge asks for that (RFC 7616 3.4.4).
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
        # After all else: the response is made with the name itself.
        hashed = hash_user(self.username, challenge.realm, challenge.algorithm) if challenge.userhash else ""
        return Credentials(
            hashed or self.username,
            challenge.realm,
            challenge.nonce,
            uri,
            response,
            challenge.algorithm,
            qop,
            nc,
            cnonce,
            challenge.opaque,
            challenge.userhash,
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
        proof = info.rspauth.lower().encode("utf-8", "surrogateescape")
        return hmac.compare_digest(response_auth(self.secret, sent, body).encode(), proof)


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
