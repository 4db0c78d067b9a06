"""``transport``: an address that the server listens on, and how."""

from __future__ import annotations

from asterism.data.kinds import BOOL, CAPITAL_YES_NO, MILLISECONDS, NAMES, SECONDS, TEXT, UINT, Choice, Integer
from asterism.data.network import HostKind, HostPortKind, NetworkList, SocketAddress, SocketAddressKind
from asterism.data.options import ConfiguredObject, InvalidOptionError, option
from asterism.sip.objects.kinds import CERTIFICATES, DSCP

_LIMIT = Integer(1, accepted="seconds, 1 or more")


class TransportConfig(ConfiguredObject, type="transport"):
    """A socket for SIP: protocol, address, TLS, and how it looks from outside a NAT."""

    REALTIME = "ps_transports"
    WITHOUT_EFFECT = {  # noqa: RUF012
        "the domain of a request says nothing about its transport": "domain",
        "clients that do not read are limited by what waits for them": "websocket_write_timeout",
    }

    protocol = option(Choice("udp", "tcp", "tls", "ws", "wss", "flow"), "udp", "Protocol.")
    bind = option(SocketAddressKind(), None, "Address to listen on; the port defaults to 5060, for TLS to 5061.")
    async_operations = option(UINT, 1, "Reads at a time.", no_effect="the event loop reads as fast as it can")
    domain = option(TEXT, "", "Domain of this transport.")
    external_media_address = option(
        HostKind(), "", "Address in SDP for peers outside local_net, unless media_address is set."
    )
    external_signaling_address = option(
        HostPortKind(), "", "Address in Via and Contact for peers outside local_net; its port goes before the next."
    )
    external_signaling_port = option(Integer(0, 65535), 0, "Port in Via and Contact for peers outside local_net.")
    local_net = option(NetworkList(), (), "Networks on this side of the NAT; may be repeated.")
    match_local_net = option(
        BOOL, False, "Tell outside addresses only where the server's own address is in local_net too.", listed=False
    )
    symmetric_transport = option(BOOL, False, "Reach a registered contact over the transport it registered on.")
    tos = option(DSCP, 0, "Traffic class of SIP packets.")
    cos = option(Integer(0, 7), 0, "Ethernet priority of SIP packets.")
    allow_reload = option(BOOL, False, "Let a reload open this transport anew when it changed.")
    cert_file = option(TEXT, "", "File with the TLS certificate.")
    priv_key_file = option(TEXT, "", "File with its key.")
    sni_cert = option(
        CERTIFICATES, (), "Another certificate and its key, for clients that ask for a name in it; may be repeated.",
        listed=False,
    )  # fmt: skip
    ca_list_file = option(TEXT, "", "Certificate authorities, one file.")
    ca_list_path = option(TEXT, "", "Certificate authorities, a folder.")
    password = option(TEXT, "", "Password of the key.", secret=True)
    cipher = option(NAMES, (), "Ciphers to allow for TLS.")
    method = option(
        Choice("default", "unspecified", "tlsv1", "tlsv1_1", "tlsv1_2", "tlsv1_3", "sslv2", "sslv3", "sslv23"),
        "unspecified", "TLS version; unspecified: the library's choice.",
    )  # fmt: skip
    verify_server = option(CAPITAL_YES_NO, False, "Check the certificates of servers.")
    verify_client = option(CAPITAL_YES_NO, False, "Check the certificates of clients.")
    require_client_cert = option(CAPITAL_YES_NO, False, "Refuse clients without a certificate.")
    allow_wildcard_certs = option(CAPITAL_YES_NO, False, "Accept *.domain in a server's certificate.")
    allowed_origins = option(
        NAMES, (),
        "Origins (https://host) of the pages that may connect over WebSocket; *: all. Empty: all, but none is "
        "identified by its address.",
        listed=False,
    )  # fmt: skip
    websocket_write_timeout = option(MILLISECONDS, 100, "How long a WebSocket write may stall.")
    tcp_keepalive_enable = option(BOOL, False, "Keep connections alive by TCP's own probes.")
    tcp_keepalive_idle_time = option(SECONDS, 30, "Silence before the first probe.")
    tcp_keepalive_interval_time = option(SECONDS, 1, "Time between probes.")
    tcp_keepalive_probe_count = option(UINT, 5, "Unanswered probes that end a connection.")
    max_connections = option(Integer(1), 20_000, "Connections of this transport at once.", listed=False)
    max_connections_per_address = option(Integer(1), 1_024, "Connections that one address may hold open.", listed=False)
    auth_timeout = option(
        SECONDS, 0, "Time within which a client must have authenticated on its connection; 0: any.", listed=False
    )
    auth_limit = option(
        UINT, 0, "Connections of clients that have not authenticated yet, at once; 0: no limit.", listed=False
    )
    idle_timeout = option(_LIMIT, 600, "Silence that ends a connection which no registration needs.", listed=False)
    message_timeout = option(_LIMIT, 10, "Time within which a message that has begun must be whole.", listed=False)
    handshake_timeout = option(_LIMIT, 5, "Time that a TLS handshake may take.", listed=False)
    connect_timeout = option(_LIMIT, 5, "Time that opening a connection may take.", listed=False)

    def validate(self, given: frozenset[str]) -> None:
        """A socket of its own needs an address; its port has a default."""
        if self.protocol in ("ws", "wss", "flow"):
            return
        if self.bind is None:
            raise InvalidOptionError("bind", f"a {self.protocol} transport must have it", "an address, [:port]")
        if "bind" in given and not self._has_port:
            self.bind = SocketAddress(self.bind.host, 5061 if self.protocol == "tls" else 5060)

    @property
    def _has_port(self) -> bool:
        return self.bind is not None and (self.bind.explicit or self.bind.port != 0)
