"""The settings that a transport is bound with."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from asterism.stack.limits import DEFAULT_LIMITS, Limits


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """Certificates and rules of a TLS transport; paths of PEM files, ``""`` for none."""

    cert_file: str = ""
    """Certificate chain, ours first."""
    priv_key_file: str = ""
    """Private key; may be in ``cert_file``."""
    sni_certs: tuple[tuple[str, str], ...] = ()
    """Further certificates and their keys (``""``: in the certificate's file), for clients that ask for their names."""
    ca_list_file: str = ""
    """Certificates of the authorities we trust."""
    ca_list_path: str = ""
    """Folder of such certificates, by hash."""
    verify_server: bool = False
    """Check the certificate and the name of servers that we connect to."""
    verify_client: bool = False
    """Check the certificates of clients that present one."""
    require_client_cert: bool = False
    """Refuse clients without a valid certificate."""
    cipher: str = ""
    """Ciphers in OpenSSL's notation."""
    password: str = ""
    """Passphrase of the key."""
    allow_wildcards: bool = True
    """Whether ``*.example.org`` proves a server to be ``sip.example.org``."""
    method: str = ""
    """Oldest protocol accepted: ``tlsv1``, ``tlsv1_1``, ``tlsv1_2`` or ``tlsv1_3``; ``""`` for the library's choice."""


@dataclass(frozen=True, slots=True)
class TransportSettings:
    """One section of type ``transport``."""

    name: str
    """The section's id."""
    protocol: str = "udp"
    """``udp``, ``tcp``, ``tls``, ``ws`` or ``wss``."""
    host: str = "0.0.0.0"
    """Address to bind, numeric; ``0.0.0.0`` and ``::`` for all of a family."""
    port: int = 0
    """0 takes a free one; the transport says which."""
    tos: int = 0
    """The traffic class byte of outgoing packets: the DSCP times 4."""
    cos: int = 0
    """Priority on the link, 0 to 7."""
    external_host: str = ""
    """Our address as peers outside ``local_nets`` see it, for the Via."""
    external_port: int = 0
    """The port that goes with it; 0 for the bound one."""
    external_media_host: str = ""
    """Our address as those peers see it, for session descriptions."""
    local_nets: tuple[IPv4Network | IPv6Network, ...] = ()
    """Networks that see us as we are. Empty: if an external host is set, none do."""
    match_local_net: bool = False
    """Whether the external addresses are told only where our own is in ``local_nets``, too."""
    compact_headers: bool = False
    """Whether header names go out in their short form (RFC 3261 7.3.3)."""
    tls: TlsSettings | None = None
    """For ``tls``."""
    tcp_keepalive: tuple[int, int, int] | None = None
    """TCP's own probes: seconds of silence before the first, seconds between them, how many; ``None`` for none."""
    max_connections_per_address: int = 1024
    """Connections that one remote address may hold open; more are closed at once."""
    max_connections: int = 20_000
    """Connections altogether."""
    max_half_open: int = 1_024
    """Connections of peers that have sent no whole message yet; a quarter of them for one address."""
    auth_timeout: float = 0.0
    """Seconds within which a peer that has opened a connection must have authenticated; 0 for any time."""
    auth_limit: int = 0
    """Connections of peers that have not authenticated yet; more are closed at once. 0 for no limit."""
    idle_timeout: float = 600.0
    """Seconds without a byte after which a connection is closed, unless a registration keeps it."""
    message_timeout: float = 10.0
    """Seconds within which a message that has begun must be complete."""
    handshake_timeout: float = 5.0
    """Seconds that a TLS handshake may take."""
    connect_timeout: float = 5.0
    """Seconds that an outgoing connection may take."""
    limits: Limits = DEFAULT_LIMITS
    """Size limits of a message on a connection."""
    write_buffer: int = 1_048_576
    """Bytes that may wait for a slow reader before its connection is closed; for a peer that connected to us and has
    not registered a quarter of that."""
    dual_stack: bool = False
    """With ``host`` ``::``: serve IPv4 too, by the same socket."""

    @property
    def address(self) -> IPv4Address | IPv6Address:
        """The bind address. Raises ValueError if ``host`` is not numeric."""
        return ip_address(self.host)

    @property
    def versions(self) -> tuple[int, ...]:
        """The versions of IP that are served, in order of preference. Raises ValueError if ``host`` is not numeric."""
        return (4, 6) if self.dual_stack else (self.address.version,)

    def is_outside(self, host: str, own: str = "") -> bool:
        """Whether a peer at this numeric address sees the external address instead of ours, which is ``own``."""
        return bool(self.external_host) and self._is_remote(host) and self._may_be_told(own)

    def media_host_for(self, host: str, own: str = "") -> str:
        """The external address in session descriptions for a peer at this numeric address; empty to use our own."""
        told = self.external_media_host and self._is_remote(host) and self._may_be_told(own)
        return self.external_media_host if told else ""

    def _may_be_told(self, own: str) -> bool:
        return not self.match_local_net or not self._is_remote(own)

    def _is_remote(self, host: str) -> bool:
        try:
            address = ip_address(host.partition("%")[0])
        except ValueError:
            return True
        return not any(address in net for net in self.local_nets)
