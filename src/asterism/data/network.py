"""Option types for addresses: networks, access rules, socket addresses.

Rules follow ``acl.conf``: read from top to bottom the last match wins, no match allows, IPv4
rules say nothing about IPv6 sources and the reverse.
"""

# Overriding methods are documented, and their arguments named, by the base class.
# ruff: noqa: D102

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from asterism.data.kinds import Kind
from asterism.hostport import format_host_port, split_host_port

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


_LONGEST_ADDRESS = 64


@lru_cache(4096)
def parse_address(text: str) -> Address:
    """An IP address; an IPv4 address mapped into IPv6 comes out as IPv4. Raises ``ValueError``."""
    if len(text) > _LONGEST_ADDRESS:
        # A zone may be of any length, and what is good is remembered.
        raise ValueError("too long for an address")
    address = ipaddress.ip_address(text.strip("[]").partition("%")[0])
    return getattr(address, "ipv4_mapped", None) or address


def parse_network(text: str) -> Network:
    """``addr``, ``addr/len`` or ``addr/mask``; host bits are ignored. Raises ``ValueError``."""
    address, slash, mask = text.strip().partition("/")
    address = address.strip().strip("[]")
    try:
        return ipaddress.ip_network(f"{address}/{mask.strip()}" if slash else address, strict=False)
    except ValueError:
        raise ValueError(f"'{text}' is not an address or network") from None


def with_mask(network: Network) -> str:
    """``addr/mask`` for IPv4 and ``addr/len`` for IPv6."""
    return network.with_netmask if isinstance(network, ipaddress.IPv4Network) else network.with_prefixlen


@dataclass(frozen=True, slots=True)
class Rule:
    """One ``permit`` or ``deny``."""

    allow: bool
    network: Network

    def __str__(self) -> str:
        return f"{'permit' if self.allow else 'deny'}={with_mask(self.network)}"


class Rules(tuple[Rule, ...]):
    """Rules in file order."""

    __slots__ = ()

    def allows(self, address: str) -> bool:
        """Whether a peer at ``address`` may pass; text that is no IP address does not."""
        if not self:
            return True
        try:
            peer = parse_address(address)
        except ValueError:
            return False
        allowed = True
        for rule in self:
            if peer.version == rule.network.version and peer in rule.network:
                allowed = rule.allow
        return allowed


class AccessRule(Kind[Rules]):
    """``permit`` or ``deny`` lines, which add to one list of rules in file order."""

    accepted = "addresses or networks (addr, addr/len, addr/mask), comma separated; ! inverts"

    def __init__(self, allow: bool) -> None:
        self._allow = allow

    def parse(self, text: str, current: Rules) -> Rules:
        added = list(current)
        for part in text.split(","):
            item = part.strip()
            if item:
                inverted = item.startswith("!")
                added.append(Rule(self._allow is not inverted, parse_network(item[1:] if inverted else item)))
        return Rules(added)

    def format(self, value: Rules) -> str:
        return ",".join(str(rule) for rule in value)

    def from_column(self, value: Any, empty: Rules) -> Rules:
        result = empty
        for item in str(value or "").split(","):
            word, _, network = item.partition("=")
            if network:
                result = Rules((*result, Rule(word == "permit", parse_network(network))))
        return result


Networks = tuple[Network, ...]


class NetworkList(Kind[Networks]):
    """Networks, comma separated; every line adds to them."""

    accepted = "addr/len or addr/mask"

    def parse(self, text: str, current: Networks) -> Networks:
        return (*current, *(parse_network(part) for part in text.split(",") if part.strip()))

    def format(self, value: Networks) -> str:
        return ",".join(with_mask(network) for network in value)

    def lines(self, name: str, value: Networks) -> list[tuple[str, str]]:
        return [(name, with_mask(network)) for network in value] or [(name, "")]


@dataclass(frozen=True, slots=True)
class SocketAddress:
    """A numeric address and a port; port 0 means none was given, or with ``explicit`` one that the system chooses."""

    host: str
    port: int = 0
    explicit: bool = field(default=False, compare=False)

    @property
    def family(self) -> int:
        """4 or 6."""
        return 6 if ":" in self.host else 4

    def __str__(self) -> str:
        return format_host_port(self.host, self.port or None)


class SocketAddressKind(Kind[SocketAddress | None]):
    """``IPv4[:port]`` or ``[IPv6][:port]``; IPv6 without brackets is refused as in Asterisk."""

    accepted = "an IPv4 address or a bracketed IPv6 address, with an optional :port"

    def parse(self, text: str, current: SocketAddress | None) -> SocketAddress | None:
        try:
            host, port = split_host_port(text)
            address = ipaddress.ip_address(host)
        except ValueError:
            raise ValueError("it is not an address") from None
        if address.version != (6 if text.startswith("[") else 4):
            raise ValueError("it is not an address")
        return SocketAddress(str(address), port or 0, explicit=port is not None)

    def format(self, value: SocketAddress | None) -> str:
        return "" if value is None else str(value)


class HostKind(Kind[str]):
    """An address, IPv6 with or without brackets, or a host name; kept without brackets. No port."""

    accepted = "an IP address or a host name"

    def parse(self, text: str, current: str) -> str:
        host, port = split_host_port(text)
        if port is not None:
            raise ValueError("it has a port")
        return host


class HostPortKind(Kind[str]):
    """An address, IPv6 in brackets where a port follows, or a host name; with a port or without."""

    accepted = "an IP address or a host name, with an optional :port"

    def parse(self, text: str, current: str) -> str:
        host, port = split_host_port(text)
        return host if port is None else format_host_port(host, port)
