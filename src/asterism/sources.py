"""Whom an address belongs to, for everything that is limited per source."""

from __future__ import annotations

import socket
from functools import lru_cache

_NETWORK = 8
"""Bytes of an IPv6 address that name the network: what a provider gives to one subscriber is a /64 (RFC 6177)."""


@lru_cache(maxsize=4096)
def source_of(host: str) -> str:
    """The source that a numeric address counts as: an IPv4 address itself, an IPv6 address its /64 network.

    An address in IPv6 clothes (``::ffff:192.0.2.1``) counts as the IPv4 address that it is.
    """
    if ":" not in host:
        return host
    try:
        packed = socket.inet_pton(socket.AF_INET6, host.partition("%")[0])
    except OSError:
        return host
    if packed[:12] == bytes(10) + b"\xff\xff":
        return socket.inet_ntop(socket.AF_INET, packed[12:])
    return socket.inet_ntop(socket.AF_INET6, packed[:_NETWORK] + bytes(16 - _NETWORK)) + "/64"
