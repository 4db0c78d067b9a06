"""Sockets to listen on: what an address in a configuration means, for TCP listeners of every kind."""

from __future__ import annotations

import asyncio
import ipaddress
import socket

_TRIES = 20
"""How many free ports are tried until one is free in both families."""


def is_every_address(host: str) -> bool:
    """Whether ``host`` is IPv6's wildcard, which stands for every address of both families."""
    return unbracketed(host) == "::"


def unbracketed(host: str) -> str:
    """An address without the brackets that set it off from a port."""
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host


async def open_listeners(host: str, port: int) -> list[socket.socket]:
    """As :func:`bind_listeners`; a name is looked up without holding up the loop."""
    try:
        ipaddress.ip_address(unbracketed(host) or "0.0.0.0")
    except ValueError:
        return await asyncio.to_thread(bind_listeners, host, port)
    return bind_listeners(host, port)


def bind_listeners(host: str, port: int) -> list[socket.socket]:
    """TCP sockets bound to ``host`` and ``port``, ready to listen; ``port`` 0 takes a free one.

    ``host`` is an IP address, or a name that stands for one; empty it is ``0.0.0.0``. ``::`` serves both families: by
    two sockets, so that an IPv4 peer is seen by its IPv4 address and matches access lists that are written with such.
    Both have the same port.

    Raises:
        OSError: The address is not here, or the port is taken; nothing is left open.
    """
    host = unbracketed(host)
    if not is_every_address(host):
        family, _, _, _, address = socket.getaddrinfo(host or "0.0.0.0", port, type=socket.SOCK_STREAM)[0]
        return [_bind(family, str(address[0]), port)]
    for last in (*(False,) * (_TRIES - 1), True):
        first = _bind(socket.AF_INET6, "::", port)
        try:
            return [first, _bind(socket.AF_INET, "0.0.0.0", first.getsockname()[1])]
        except OSError:
            first.close()
            if port or last:
                raise
    raise AssertionError("the last try returns or raises")


def _bind(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((host, port))
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock
