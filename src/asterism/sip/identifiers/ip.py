"""Identification by the rules of ``identify`` objects: source address, header, request URI."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from asterism.core.module import Module
from asterism.core.regex import Regex, RegexError, compile_regex
from asterism.data.data import Missing
from asterism.data.network import Network, parse_address
from asterism.sip.identifiers.names import NamedRule, addresses_of
from asterism.sip.objects.endpoint import Endpoint
from asterism.sip.objects.identify import Identify

if TYPE_CHECKING:
    from asterism.sip.core import SipCore
    from asterism.sip.rx import Rx
    from asterism.sip.server import SipServer
    from asterism.stack.message import Request

Pattern = Regex

_MAX_SOURCES = 4096
"""Sources whose outcome is remembered."""


class BySource(dict[tuple[str, int, str], str | None]):
    """The endpoint of each source (host, port and transport), as far as it was asked for lately."""

    __slots__ = ("_search",)

    def __init__(self, search: Callable[[str, int, str], str | None]) -> None:
        super().__init__()
        self._search = search

    def __missing__(self, source: tuple[str, int, str]) -> str | None:
        found = self._search(*source)
        if len(self) >= _MAX_SOURCES:
            self.clear()
        self[source] = found
        return found


class IdentifyRules:
    """All ``identify`` objects, indexed: a source address costs one look-up per prefix length in use.

    ``by_source[host, port, transport]`` is the endpoint whose rule matches a source, the longest prefix first.
    """

    def __init__(self, core: SipCore) -> None:
        self._core = core
        self.networks: dict[tuple[int, int], dict[tuple[int, int, str], str]] = {}
        self.headers: list[tuple[list[tuple[str, str, Pattern | None]], str, str]] = []
        self.uris: list[tuple[str, Pattern | None, str, str]] = []
        self._ordered: list[tuple[int, int, dict[tuple[int, int, str], str]]] = []
        self.by_source = BySource(self._search)
        self.names: list[NamedRule] = []
        """Rules with host names, which are looked up beside."""
        self._addresses: dict[NamedRule, list[Network]] = {}
        self.stale = True

    def changed(self, _change: object) -> None:
        """An object changed: index again at the next use."""
        self.stale = True

    def build(self) -> None:
        """Index the objects in memory."""
        self.stale = False
        self.networks.clear()
        self._ordered = []
        self.by_source.clear()
        self.headers.clear()
        self.uris.clear()
        self.names.clear()
        for item in self._core.data.all(Identify):
            for match in item.match:
                if match.network is not None:
                    self.add_network(match.network, match.port, item.endpoint, item.transport)
                else:
                    rule = NamedRule(match.host, match.port, item.endpoint, item.srv_lookups, item.transport)
                    self.names.append(rule)
                    # Until they are looked up again, the addresses of before count.
                    for network in self._addresses.get(rule, ()):
                        self.add_network(network, rule.port, rule.endpoint, rule.transport)
            if item.match_header:
                rules = []
                for header in item.match_header:
                    name, _, value = header.partition(":")
                    rules.append((name.strip(), value.strip(), _pattern(value.strip())))
                self.headers.append((rules, item.endpoint, item.transport))
            if item.match_request_uri:
                pattern = _pattern(item.match_request_uri)
                self.uris.append((item.match_request_uri, pattern, item.endpoint, item.transport))

    def add_network(self, network: Any, port: int, endpoint: str, transport: str = "") -> None:
        """Match a network and, unless 0, a source port, and, unless empty, the transport that it came over."""
        self.by_source.clear()
        shift = network.max_prefixlen - network.prefixlen
        table = self.networks.setdefault((network.version, shift), {})
        self._ordered = sorted(
            ((version, bits, found) for (version, bits), found in self.networks.items()), key=lambda entry: entry[1]
        )
        table.setdefault((int(network.network_address) >> shift, port, transport), endpoint)

    async def resolve(self) -> None:
        """Look up the host names among the rules; one that fails is logged and matches nothing."""
        if self.stale:
            self.build()
        names = list(self.names)
        for rule, found in zip(
            names, await asyncio.gather(*(addresses_of(self._core, rule) for rule in names)), strict=True
        ):
            if found:
                self._addresses[rule] = found
            else:
                self._core.log.warning(
                    "identify rule '%s' of endpoint '%s' cannot be resolved", rule.host, rule.endpoint
                )
        for rule in self._addresses.keys() - set(names):
            del self._addresses[rule]
        self.build()

    def _search(self, host: str, port: int, transport: str) -> str | None:
        address = parse_address(host)
        number, version = int(address), address.version
        for wanted, shift, table in self._ordered:
            if wanted == version:
                number_here = number >> shift
                for name in (transport, ""):
                    found = table.get((number_here, port, name)) or table.get((number_here, 0, name))
                    if found is not None:
                        return found
        return None


def _pattern(text: str) -> Pattern | None:
    if len(text) > 1 and text.startswith("/") and text.endswith("/"):
        try:
            return compile_regex(text[1:-1])
        except RegexError:
            return None
    return None


def _header_fits(request: Request, name: str, value: str, pattern: Pattern | None) -> bool:
    found = request.get_all(name)
    if pattern is not None:
        return any(pattern.search(text) for text in found)
    return value in found


class _RuleIdentifier:
    """An ``identify`` object names its endpoint by itself: ``identify_by`` of the endpoint is not asked."""

    def __init__(self, core: SipCore, rules: IdentifyRules) -> None:
        self._core = core
        self._rules = rules

    def _endpoint(self, name: str) -> Endpoint | Awaitable[Endpoint | None] | None:
        found = self._core.data.get(Endpoint, name)
        if found is Missing.NOT_LOADED:
            return self._core.data.retrieve(Endpoint, name)
        return found if isinstance(found, Endpoint) else None


class IpIdentifier(_RuleIdentifier):
    """``ip``: by source address and port."""

    def identify_endpoint(self, rx: Rx) -> Endpoint | Awaitable[Endpoint | None] | None:
        """Look the source up in the index."""
        rules = self._rules
        if rules.stale:
            rules.build()
        flow = rx.flow
        if not rules.networks or (flow.reliable and flow.foreign):
            return None
        name = rules.by_source[(*flow.remote, flow.name)]
        return None if name is None else self._endpoint(name)


class HeaderIdentifier(_RuleIdentifier):
    """``header``: by a header's value, exactly or by a regular expression."""

    def identify_endpoint(self, rx: Rx) -> Endpoint | Awaitable[Endpoint | None] | None:
        """Try each rule in order."""
        if self._rules.stale:
            self._rules.build()
        request = rx.request
        for rules, endpoint, transport in self._rules.headers:
            if transport not in ("", rx.flow.name):
                continue
            if all(_header_fits(request, name, value, pattern) for name, value, pattern in rules):
                return self._endpoint(endpoint)
        return None


class RequestUriIdentifier(_RuleIdentifier):
    """``request_uri``: by the request URI, exactly or by a regular expression."""

    def identify_endpoint(self, rx: Rx) -> Endpoint | Awaitable[Endpoint | None] | None:
        """Try each rule in order."""
        if self._rules.stale:
            self._rules.build()
        if not self._rules.uris:
            return None
        uri = str(rx.request.uri)
        for value, pattern, endpoint, transport in self._rules.uris:
            if transport not in ("", rx.flow.name):
                continue
            if pattern.search(uri) if pattern is not None else uri == value:
                return self._endpoint(endpoint)
        return None


class EndpointIdentifierIp(Module):
    """Identifies endpoints by ``identify`` objects."""

    name = "endpoint_identifier_ip"
    aliases = ("res_pjsip_endpoint_identifier_ip", "res_sip_endpoint_identifier_ip")
    requires = ("res_pjsip",)
    description = "Endpoint identification by address, header and request URI"

    _rules: IdentifyRules
    _server: SipServer

    def load(self, server: SipServer) -> None:
        """Index the rules and register the identifiers."""
        self._server = server
        self._rules = rules = IdentifyRules(server.sip)
        server.data.observe(Identify, rules.changed)
        server.sip.register_endpoint_identifier(IpIdentifier(server.sip, rules), "ip")
        server.sip.register_endpoint_identifier(HeaderIdentifier(server.sip, rules), "header")
        server.sip.register_endpoint_identifier(RequestUriIdentifier(server.sip, rules), "request_uri")

    def start(self) -> None:
        """Look up host names among the rules, without holding up the start."""
        self._server.spawn(self._rules.resolve(), "names in identify rules")

    async def reload(self) -> None:
        """Look up host names again."""
        await self._rules.resolve()
