"""The arithmetic of digest authentication (RFC 7616 3.4, RFC 8760)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

from asterism.stack.grammar import printable

_HASHES: Final[Mapping[str, str]] = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}

ALGORITHMS: Final = tuple(f"{name}{suffix}" for name in _HASHES for suffix in ("", "-sess"))
"""The algorithms this module computes, in RFC spelling."""


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


def hash_user(username: str, realm: str, algorithm: str = "MD5") -> str:
    """The hash that replaces the user name in credentials with ``userhash`` (RFC 7616 3.4.4).

    Raises:
        ValueError: unknown algorithm.
    """
    return hash_hex(algorithm, f"{username}:{realm}")


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
