"""SIP over WebSocket: the route ``/ws`` of the HTTP listener (RFC 7118).

The HTTP listener upgrades the connection; from then on each WebSocket message is a SIP message on a flow of
transport ``WS``, or ``WSS`` when the listener's connection is TLS. Sections of ``pjsip.conf`` with ``protocol=ws`` or
``wss`` name these flows and give their options; they bind nothing.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from asterism.core.documentation import Documentation
from asterism.core.module import Module
from asterism.core.routes import Route
from asterism.sip.lifecycle import external_address, with_limits
from asterism.sip.objects.transport import TransportConfig
from asterism.transport.settings import TransportSettings
from asterism.transport.websocket import CLOSE, MaskCheck, WebSocketFlow, WebSocketTransport, frame

if TYPE_CHECKING:
    from aiohttp.web import BaseRequest, StreamResponse

    from asterism.sip.server import SipServer

SUBPROTOCOL = "sip"
_HEARTBEAT = 45.0
"""Seconds between pings; a client that answers none for half of it is gone."""
_LARGEST_MESSAGE = 65_535
_HTTP_MODULE = "http"
_PROTOCOL_ERROR = (1002).to_bytes(2, "big")


class MaskedOnly(asyncio.Protocol):
    """Stands before the protocol of an upgraded connection, and ends it with 1002 at a frame without a mask."""

    def __init__(self, wire: asyncio.Transport, inner: asyncio.Protocol) -> None:
        self._wire = wire
        self._inner = inner
        self._check = MaskCheck()
        self._refused = False

    def data_received(self, data: bytes) -> None:
        """Pass on what is masked."""
        if self._refused:
            return
        if self._check.feed(data):
            self._inner.data_received(data)
            return
        self._refused = True
        self._wire.write(frame(CLOSE, _PROTOCOL_ERROR))
        self._wire.close()

    def eof_received(self) -> bool | None:
        """Pass it on."""
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        """Pass it on."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on."""
        self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass it on."""
        self._inner.connection_lost(exc)


class WebSocketModule(Module):
    """Serves SIP on ``/ws``."""

    name = "websocket"
    aliases = ("res_pjsip_transport_websocket", "res_sip_transport_websocket", "res_http_websocket")
    requires = ("res_pjsip", _HTTP_MODULE)
    description = "SIP over WebSocket"

    server: SipServer

    def __init__(self) -> None:
        self._transports: dict[str, WebSocketTransport] = {}

    def load(self, server: SipServer) -> None:
        """Register the route."""
        self.server = server
        server.register_route(
            Route("/ws", self._serve, "Asterisk HTTP WebSocket"),
            Documentation("SIP over WebSocket (RFC 7118), subprotocol sip.", "GET /ws with Upgrade: websocket"),
        )

    def start(self) -> None:
        """Make the transports, so that they are listed and can be named by endpoints."""
        listener = self._listener()
        for protocol, address in (("ws", listener.address), ("wss", listener.tls_address)):
            if address is not None and protocol not in self._transports:
                self._open(protocol, address)

    def reload(self) -> None:
        """Take the options of ``pjsip.conf`` again; connections go on."""
        for protocol, transport in self._transports.items():
            transport.update(self._settings(protocol, (transport.host, transport.port)))
        self.start()

    def unload(self) -> None:
        """Close every connection."""
        transports, self._transports = self._transports, {}
        for transport in transports.values():
            self.server.sip.transports.unbind(transport.name)

    def use_count(self) -> int:
        """Number of open connections."""
        return sum(transport.connections for transport in self._transports.values())

    def _listener(self) -> Any:
        """The HTTP listener's module, for its addresses."""
        found = self.server.modules.find(_HTTP_MODULE)  # type: ignore[attr-defined]  # the loader is the server's own
        return found.instance

    def _open(self, protocol: str, address: tuple[str, int]) -> WebSocketTransport:
        manager = self.server.sip.transports
        transport = WebSocketTransport(
            self._settings(protocol, address), manager.layer.receive, manager.timers, self.server.log
        )
        manager.add(transport)
        self._transports[protocol] = transport
        return transport

    def _settings(self, protocol: str, address: tuple[str, int]) -> TransportSettings:
        """The first section of this protocol, else defaults under the protocol's name."""
        for config in self.server.data.all(TransportConfig):
            if config.protocol == protocol:
                host, port = external_address(config)
                settings = TransportSettings(
                    config.id,
                    protocol,
                    *address,
                    dual_stack=address[0] == "::",
                    external_host=host,
                    external_port=port,
                    local_nets=config.local_net,
                    compact_headers=self.server.sip.state.compact_headers,
                )
                return with_limits(settings, config)
        short = self.server.sip.state.compact_headers
        return TransportSettings(protocol, protocol, *address, dual_stack=address[0] == "::", compact_headers=short)

    async def _serve(self, request: BaseRequest) -> StreamResponse:
        # Imported here: a server without HTTP never needs it.
        from aiohttp import WSMsgType, web

        response = web.WebSocketResponse(
            protocols=(SUBPROTOCOL,), heartbeat=_HEARTBEAT, compress=False, max_msg_size=_LARGEST_MESSAGE, timeout=2.0
        )
        check = response.can_prepare(request)
        if not check.ok:
            return web.Response(status=426, headers={"Upgrade": "websocket"}, text="Upgrade Required\n")
        if check.protocol != SUBPROTOCOL:
            # Sent by the handshake otherwise, and then the client would not know why nothing works.
            return web.Response(status=400, text="The WebSocket subprotocol must be sip\n")
        if not self.server.sip.started:
            return web.Response(status=503, text="Not ready\n")
        wire = request.transport
        origin, allowed = request.headers.get("Origin", ""), self._allowed_origins(request)
        if wire is None or (origin and allowed and not allowed & {origin.lower(), "*"}):
            return web.Response(status=403, text="Pages of this origin may not connect (allowed_origins)\n")
        # The client may send nothing before the answer, so no frame has come yet.
        wire.set_protocol(MaskedOnly(wire, request.protocol))
        await response.prepare(request)
        flow = self._flow(request)
        if flow is None:
            await response.close(code=1013)
            return response
        # A page acts from the browser's address, maybe behind the back of whoever sits there. Its Host says nothing:
        # a site can have its own name lead to us (DNS rebinding).
        flow.foreign = bool(origin) and not allowed
        try:
            async for message in response:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    flow.take(message.data)
                if flow.closed:
                    break
        finally:
            flow.close()
        return response

    def _allowed_origins(self, request: BaseRequest) -> frozenset[str]:
        protocol = _protocol(request)
        for config in self.server.data.all(TransportConfig):
            if config.protocol == protocol:
                return frozenset(origin.lower() for origin in config.allowed_origins)
        return frozenset()

    def _flow(self, request: BaseRequest) -> WebSocketFlow | None:
        wire = request.transport
        if wire is None:
            return None
        protocol = _protocol(request)
        local, remote = wire.get_extra_info("sockname")[:2], wire.get_extra_info("peername")[:2]
        transport = self._transports.get(protocol) or self._open(protocol, local)
        return transport.open(wire, tuple(local), tuple(remote))


def _protocol(request: BaseRequest) -> str:
    wire = request.transport
    return "wss" if wire is not None and wire.get_extra_info("sslcontext") is not None else "ws"
