"""ICE candidates: where a transport can be reached, as lines of SDP and as addresses (RFC 8445 5.1, RFC 8839 5.1)."""

from __future__ import annotations

import ipaddress
import zlib
from typing import NamedTuple, Protocol

from asterism.hostport import format_host_port

Address = tuple[str, int]

_PREFERENCE = {"host": 126, "prflx": 110, "srflx": 100, "relay": 0}
"""Type preferences (RFC 8445 5.1.2.2)."""
_LETTER = {"host": "H", "srflx": "S", "relay": "R"}
_LONGEST_LINE = 512
MOST = 32
"""Candidates of one description that are used."""


def priority(kind: str, component: int, local_preference: int = 65535) -> int:
    """How much a candidate is liked (RFC 8445 5.1.2.1)."""
    return (_PREFERENCE[kind] << 24) + (local_preference << 8) + 256 - component


def foundation(kind: str, base: str) -> str:
    """What candidates of one kind and one base have in common (RFC 8445 5.1.1.3): its letter and the address."""
    packed = ipaddress.ip_address(base).packed
    number = int.from_bytes(packed, "big") if len(packed) == 4 else zlib.crc32(packed)
    return f"{_LETTER[kind]}{number:x}"


class Base(Protocol):
    """What checks and media are sent from: a socket of the transport, or an allocation at a TURN server."""

    @property
    def component(self) -> int:
        """1: RTP; 2: RTCP on a port of its own."""

    @property
    def kind(self) -> str:
        """``host``, ``srflx``, ``prflx`` or ``relay``."""

    @property
    def address(self) -> Address:
        """Where it is bound, or the address that the relay has given."""

    @property
    def foundation(self) -> str:
        """The same for those that are reached alike (RFC 8445 5.1.1.3)."""

    @property
    def priority(self) -> int:
        """The larger, the sooner it is tried (RFC 8445 5.1.2)."""

    def send(self, data: bytes, address: Address) -> None:
        """Send a packet to a peer; what cannot be sent is lost."""


class LocalCandidate(NamedTuple):
    """Where we can be reached, as a description says it."""

    component: int
    kind: str
    address: Address
    foundation: str
    priority: int
    related: Address | None = None
    """The address behind it, of one that a server has given."""

    def __str__(self) -> str:
        host, port = self.address
        related = f" raddr {self.related[0]} rport {self.related[1]}" if self.related else ""
        return f"{self.foundation} {self.component} UDP {self.priority} {host} {port} typ {self.kind}{related}"


class RemoteCandidate(NamedTuple):
    """Where the peer may be reached."""

    component: int
    kind: str
    host: str
    """A numeric address; a name that ends with ``.local`` where that must be asked for (mDNS)."""
    port: int
    foundation: str
    priority: int

    @property
    def address(self) -> Address:
        """Host and port."""
        return self.host, self.port

    def __str__(self) -> str:
        return f"{format_host_port(self.host, self.port)} ({self.kind})"


def read_candidate(line: str, *, loopback: bool = False) -> RemoteCandidate | None:
    """The candidate of one ``a=candidate`` line.

    ``None``: it is of no use to us (TCP, another name than one of mDNS, an address that is nobody's, or of the loopback
    interface unless ``loopback``), or it is no candidate at all.
    """
    parts = line[:_LONGEST_LINE].split()
    if len(parts) < 8 or parts[2].lower() != "udp" or parts[6].lower() != "typ":
        return None
    kind = parts[7].lower()
    numbers = parts[1], parts[3], parts[5]
    if kind not in _PREFERENCE or not all(text.isascii() and text.isdigit() and len(text) < 11 for text in numbers):
        return None
    component, liked, port = map(int, numbers)
    host = parts[4].lower()
    if component not in (1, 2) or not 0 < port < 65536 or not 0 < liked < 1 << 32:
        return None
    if not host.endswith(".local"):
        try:
            host = str(usable(host, loopback=loopback))
        except ValueError:
            return None
    elif kind != "host":
        return None
    return RemoteCandidate(component, kind, host, port, parts[0][:32], liked)


def usable(host: str, *, loopback: bool) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address in ``host``, if something may be sent there.

    Raises:
        ValueError: it is no address, or nobody's: unspecified, of a group, of a link that it does not name; or it is of
            the loopback interface and that is not allowed.
    """
    address = ipaddress.ip_address(host)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        raise ValueError(f"'{host}' is an IPv4 address in other clothes")
    if (
        address.is_unspecified
        or address.is_multicast
        or (address.version == 6 and address.is_link_local)
        or address == ipaddress.IPv4Address("255.255.255.255")
        or (address.is_loopback and not loopback)
    ):
        raise ValueError(f"nothing is sent to '{host}'")
    return address


def plausible(address: Address, *, loopback: bool) -> bool:
    """Whether something may be sent to what a server says is ours, so that it can be told as a candidate."""
    try:
        usable(address[0], loopback=loopback)
    except ValueError:
        return False
    return address[1] > 0
