"""Digest authentication for SIP, both sides (RFC 3261 22.4, RFC 7616, RFC 8760).

:func:`compute_response` is the arithmetic; :class:`Challenge`, :class:`Credentials` and
:class:`AuthenticationInfo` are the headers; :class:`NonceFactory` makes nonces that a server can check
without having kept them.
"""

from __future__ import annotations

from asterism.stack.digest.client import ClientSession, response_auth
from asterism.stack.digest.hashing import (
    ALGORITHMS,
    compute_response,
    ha1,
    hash_hex,
    hash_user,
    normal_algorithm,
    session_ha1,
)
from asterism.stack.digest.headers import AuthenticationInfo, Challenge, Credentials, challenges, credentials
from asterism.stack.digest.nonces import NonceFactory, NonceState

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
    "hash_user",
    "normal_algorithm",
    "response_auth",
    "session_ha1",
]
