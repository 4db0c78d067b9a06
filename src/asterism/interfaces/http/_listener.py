"""The HTTP server: aiohttp's, with limits on what a connection may cost.

aiohttp waits without end for a request's head; here a connection has a limited time for each, and there is a
limited number of connections altogether and per address, those that became WebSockets apart (they have limits of
their own).
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from asterism.certificates import choose_by_name
from asterism.interfaces.admission import TlsListener, WaitingRoom
from asterism.listening import open_listeners

if TYPE_CHECKING:
    from aiohttp.web_protocol import RequestHandler

    from asterism.interfaces.http.settings import HttpSettings

Certificates = Sequence[tuple[str, str | None]]
"""Certificate and key files; the first is the one for clients that ask for no name, or for another."""
Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

_MAX_OPEN = 20_000
"""Connections of every kind, WebSockets included."""


class _HttpLog(logging.Logger):
    """Where aiohttp logs to: the server's log. Input that is not HTTP is logged without a traceback."""

    def __init__(self, log: logging.Logger) -> None:
        super().__init__("asterism.http")
        self._log_of_server = log

    def handle(self, record: logging.LogRecord) -> None:
        """Pass a record on."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError):
            self._log_of_server.debug("HTTP: a request was refused: %s", error.message or type(error).__name__)
        else:
            self._log_of_server.log(record.levelno, "HTTP: %s", record.getMessage(), exc_info=record.exc_info)


class LimitedServer(web.Server):
    """aiohttp's low-level server, which closes connections that send no request in time."""

    def __init__(self, handler: Handler, settings: HttpSettings, log: logging.Logger) -> None:
        super().__init__(
            self._limited,
            access_log=None,
            keepalive_timeout=settings.session_keep_alive / 1000,
            logger=_HttpLog(log),
        )
        self.settings = settings
        self._handle = handler
        self._waiting: dict[RequestHandler, asyncio.TimerHandle] = {}
        self._upgraded: set[RequestHandler] = set()

    @property
    def sessions(self) -> int:
        """Connections that are not WebSockets."""
        return len(self._connections) - len(self._upgraded)

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        """Take a connection; when there are too many, one that has asked for nothing for the longest time goes."""
        super().connection_made(handler, transport)
        if self.sessions > self.settings.sessionlimit or len(self._connections) > _MAX_OPEN:
            idle = next(iter(self._waiting), None)
            if idle is None:
                transport.abort()
                return
            # Not the newcomer: whoever just holds connections open must not keep others out.
            self._stop_waiting(idle)
            if idle.transport is not None:
                idle.transport.abort()
        self._expect_request(handler)

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        """Forget a connection."""
        self._upgraded.discard(handler)
        self._stop_waiting(handler)
        super().connection_lost(handler, exc)

    def _expect_request(self, handler: RequestHandler) -> None:
        self._stop_waiting(handler)
        seconds = self.settings.session_inactivity / 1000
        self._waiting[handler] = asyncio.get_running_loop().call_later(seconds, self._too_slow, handler)

    def _stop_waiting(self, handler: RequestHandler) -> None:
        timer = self._waiting.pop(handler, None)
        if timer is not None:
            timer.cancel()

    def _too_slow(self, handler: RequestHandler) -> None:
        self._waiting.pop(handler, None)
        transport = handler.transport
        if transport is not None:
            transport.abort()

    async def _limited(self, request: web.BaseRequest) -> web.StreamResponse:
        handler = request.protocol
        self._stop_waiting(handler)
        if request.headers.get("Upgrade", "").lower() == "websocket":
            self._upgraded.add(handler)
        try:
            return await self._handle(request)
        finally:
            self._upgraded.discard(handler)
            if request.transport is not None:
                self._expect_request(handler)


class Listener:
    """One address that is listened on."""

    def __init__(self, server: LimitedServer, context: ssl.SSLContext | None) -> None:
        self.server = server
        self.context = context
        self.address: tuple[str, int] = ("", 0)
        self._handshakes = WaitingRoom(lambda: self.server.settings.sessionlimit)
        self._listening: list[asyncio.Server | TlsListener] = []

    async def start(self, host: str, port: int) -> None:
        """Bind and listen. Raises OSError."""
        sockets = await open_listeners(host, port)
        try:
            for sock in sockets:
                # Not by way of aiohttp's runners: they leave the TLS handshake a minute, and to as many as come.
                if self.context is not None:
                    self._listening.append(TlsListener(sock, self.context, self.server, self._handshakes))
                else:
                    loop = asyncio.get_running_loop()
                    self._listening.append(await loop.create_server(self.server, sock=sock, backlog=1024))
        except OSError:
            await self.close()
            for sock in sockets:
                sock.close()
            raise
        self.address = sockets[0].getsockname()[:2]

    async def close(self) -> None:
        """Stop listening and close every connection."""
        listening, self._listening = self._listening, []
        for each in listening:
            each.close()
        self.server.pre_shutdown()
        await self.server.shutdown(1.0)


def make_context(settings: HttpSettings, certificates: Certificates) -> ssl.SSLContext:
    """The TLS context of the listener. Raises OSError (``ssl.SSLError`` is one) or ValueError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if settings.tlscipher:
        context.set_ciphers(settings.tlscipher)
    load_certificates(context, certificates)
    return context


def load_certificates(context: ssl.SSLContext, certificates: Certificates) -> None:
    """Give a context its certificate, and those that clients may ask for by name. Raises OSError or ValueError."""
    others = []
    for cert, key in certificates[1:]:
        other = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        other.load_cert_chain(cert, key, password=lambda: b"")
        others.append((cert, other))
    cert, key = certificates[0]
    context.load_cert_chain(cert, key, password=lambda: b"")
    choose_by_name(context, cert, others)
