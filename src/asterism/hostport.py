"""Hosts with ports as text: ``host``, ``host:port``, ``[IPv6]``, ``[IPv6]:port``.

Nothing but the standard library: the stack, transports, options and listeners, which must not know each other, all use
it.
"""

from __future__ import annotations


def format_host_port(host: str, port: int | None = None) -> str:
    """``host:port``, IPv6 in brackets, the port only if there is one."""
    if ":" in host:
        host = f"[{host}]"
    return host if port is None else f"{host}:{port}"


def split_host_port(text: str) -> tuple[str, int | None]:
    """Host (IPv6 without brackets; may be empty, as in ``:5060``) and port, ``None`` where none is given.

    IPv6 without brackets has no port. Raises ``ValueError`` for a port that is none, or brackets that do not match.
    """
    text = text.strip()
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or ":" not in host or (rest and rest[0] != ":"):
            raise ValueError(f"'{text}' is not a host with a port")
        port = rest[1:] if rest else None
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    else:
        host, port = text, None
    if port is None:
        return host, None
    if not (port.isascii() and port.isdigit() and len(port) < 6 and int(port) <= 65535):
        raise ValueError(f"'{port}' is not a port")
    return host, int(port)
