"""``identify``: recognise an endpoint by where a request comes from or by what it says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from asterism.data.kinds import BOOL, NAME, Kind
from asterism.data.network import Network, parse_network, with_mask
from asterism.data.options import ConfiguredObject, option
from asterism.hostport import format_host_port, split_host_port
from asterism.sip.objects.kinds import HeaderMatches, UriMatch

_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_.])?", re.ASCII)


@dataclass(frozen=True, slots=True)
class SourceMatch:
    """One source: a ``network``, or a ``host`` name to be resolved; ``port`` 0 is any."""

    network: Network | None
    host: str = ""
    port: int = 0

    def __str__(self) -> str:
        if self.network is None:
            return format_host_port(self.host, self.port or None)
        text = with_mask(self.network)
        if not self.port:
            return text
        address, _, mask = text.partition("/")
        return f"{format_host_port(address, self.port)}/{mask}"


Sources = tuple[SourceMatch, ...]


class Matches(Kind[Sources]):
    """Sources, comma separated; every line adds to them. ``!`` is refused, as in Asterisk."""

    accepted = "IP, IP/len, IP/mask, IP:port, IP:port/mask, host or host:port, comma separated"

    def parse(self, text: str, current: Sources) -> Sources:
        """Add the sources of one line."""
        return (*current, *(self._source(part.strip()) for part in text.split(",") if part.strip()))

    def _source(self, text: str) -> SourceMatch:
        try:
            return SourceMatch(parse_network(text))
        except ValueError:
            pass
        source, slash, mask = text.partition("/")
        host, port = split_host_port(source)
        if port == 0:
            raise ValueError("'0' is not a port")
        number = port or 0
        try:
            return SourceMatch(parse_network(f"{host}{slash}{mask}"), "", number)
        except ValueError:
            if slash or not _HOST.fullmatch(host) or host.replace(".", "").isdigit():
                raise ValueError(f"'{text}' is neither an address nor a host name") from None
            return SourceMatch(None, host.lower(), number)

    def format(self, value: Sources) -> str:
        """The sources as one line."""
        return ",".join(map(str, value))

    def lines(self, name: str, value: Sources) -> list[tuple[str, str]]:
        """One row per source."""
        return [(name, str(item)) for item in value] or [(name, "")]

    def from_column(self, value: Any, empty: Sources) -> Sources:
        """The sources of a stored line."""
        return self.parse(str(value), ()) if value else empty


class Identify(ConfiguredObject, type="identify"):
    """Names the endpoint of requests from certain addresses, or with certain headers or URIs."""

    SOURCES = ("config,pjsip.conf,criteria=type=identify", "pjsip_wizard,pjsip_wizard.conf")
    REALTIME = "ps_endpoint_id_ips"
    INDEXES = ("endpoint",)

    endpoint = option(NAME, "", "The endpoint that such a request is from.")
    match = option(Matches(), (), "Source addresses; may be repeated.")
    srv_lookups = option(BOOL, True, "Look up SRV records of host names.")
    match_header = option(HeaderMatches(), (), "A header with this value; may be repeated, all must fit.")
    match_request_uri = option(UriMatch(), "", "The Request-URI.")
    transport = option(NAME, "", "Only requests that came over this transport; empty: over any.", listed=False)
