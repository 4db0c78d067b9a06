"""The module of the HTTP listener: ``http.conf``, dispatch to the registered routes, ``http show status``."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from asterism.config.file import ConfigFile
from asterism.core.commands import CommandCall, command
from asterism.core.containment import FAILURES, task_ends
from asterism.core.documentation import Documentation
from asterism.core.errors import ConfigError, ModuleError
from asterism.core.module import CoreServer, Module
from asterism.core.routes import Route, find_route
from asterism.hostport import format_host_port
from asterism.interfaces.http.settings import HttpSettings, certificates, read_settings

if TYPE_CHECKING:
    import ssl

    from aiohttp.web import BaseRequest, StreamResponse

    from asterism.interfaces.http._listener import Listener


class HttpModule(Module):
    """Serves the routes that modules registered, on the addresses of ``http.conf``."""

    name = "http"
    part_of = ("core",)
    description = "HTTP listener"
    aliases = ("res_http",)

    server: CoreServer

    def __init__(self) -> None:
        self.settings = HttpSettings()
        self.address: tuple[str, int] | None = None
        """Where it listens without TLS; the real port."""
        self.tls_address: tuple[str, int] | None = None
        """Where it listens with TLS."""
        self._listeners: list[Listener] = []
        self._failed: list[str] = []

    # -- life -----------------------------------------------------------------------------------------

    def load(self, server: CoreServer) -> None:
        """Read ``http.conf`` and register the listener's own routes and command."""
        self.server = server
        self._read()
        server.register_marked(self)
        server.register_route(
            Route("/httpstatus", self._serve_status, "HTTP Server Status"),
            Documentation("What the HTTP listener serves, as a page; off unless enable_status=yes."),
        )
        server.register_route(
            Route("/static/...", self._serve_static, "HTTP Static Delivery"),
            Documentation("Files of the folder static-http in the data folder; off unless enable_static=yes."),
        )

    async def start(self) -> None:
        """Listen, when ``enabled``.

        Raises:
            ModuleError: A listener could not be opened; the other one serves all the same.
        """
        settings = self.settings
        self._failed.clear()
        if not settings.enabled:
            return
        self.address = await self._try(settings.bindaddr, settings.bindport, tls=False)
        if settings.tlsenable:
            self.tls_address = await self._try(settings.tlsbindaddr, settings.tlsbindport, tls=True)
        if self._failed:
            raise ModuleError("; ".join(self._failed))

    async def _try(self, host: str, port: int, *, tls: bool) -> tuple[str, int] | None:
        try:
            return await self._listen(host, port, tls=tls)
        except ModuleError as error:
            self._failed.append(str(error))
            return None

    async def reload(self) -> None:
        """Read ``http.conf`` again. Certificates are taken anew without closing a connection.

        The sockets are opened anew only when an address changed, or when one could not be opened before.
        """
        before = self.settings.listening
        self._read()
        if self.settings.listening != before or self._failed:
            await self._close()
            await self.start()
            return
        for listener in self._listeners:
            listener.server.settings = self.settings
            if listener.context is not None:
                try:
                    # A context of its own first: one that fails halfway must not spoil the one in use.
                    self._context()
                    self._load(listener.context)
                except (OSError, ValueError, ModuleError) as error:
                    self.server.log.error("http.conf: the old certificate stays in use: %s", error)

    async def unload(self) -> None:
        """Stop listening."""
        await self._close()

    async def _close(self) -> None:
        listeners, self._listeners = self._listeners, []
        self.address = self.tls_address = None
        for listener in listeners:
            await listener.close()

    async def _listen(self, host: str, port: int, *, tls: bool) -> tuple[str, int]:
        # Imported here: a server without HTTP never needs it.
        from asterism.interfaces.http._listener import LimitedServer, Listener

        listener = Listener(
            LimitedServer(self._serve, self.settings, self.server.log), self._context() if tls else None
        )
        try:
            await listener.start(host, port)
        except OSError as error:
            option = "tlsbindaddr" if tls else "bindaddr"
            raise ModuleError(
                f"http.conf: cannot listen on {host} port {port} ({option}): {error.strerror or error}"
            ) from error
        self._listeners.append(listener)
        return listener.address

    def _load(self, context: ssl.SSLContext) -> None:
        from asterism.interfaces.http._listener import load_certificates

        load_certificates(context, certificates(self.settings, self.server.paths.etc))

    def _context(self) -> ssl.SSLContext:
        from asterism.interfaces.http._listener import make_context

        if not self.settings.tlscertfile:
            raise ModuleError("http.conf: tlsenable needs tlscertfile")
        try:
            return make_context(self.settings, certificates(self.settings, self.server.paths.etc))
        except (OSError, ValueError) as error:
            raise ModuleError(
                f"http.conf: tlscertfile '{self.settings.tlscertfile}' or a tlssnicert cannot be used: {error}"
            ) from error

    def _read(self) -> None:
        try:
            config = ConfigFile.load(self.server.paths.etc / "http.conf", missing_ok=True)
        except ConfigError as error:
            self.server.log.error("%s", error)
            return
        self.settings, errors = read_settings(config)
        for problem in errors:
            self.server.log.error("%s", problem)

    # -- serving --------------------------------------------------------------------------------------

    async def _serve(self, request: BaseRequest) -> StreamResponse:
        """Find the route of a request and run it."""
        from aiohttp import web

        settings = self.settings
        path = request.path
        target = settings.redirects.get(path)
        response: StreamResponse
        if target is not None:
            response = web.Response(status=302, headers={"Location": target})
        else:
            route = None
            if not settings.prefix or path == settings.prefix or path.startswith(f"{settings.prefix}/"):
                route = self._find(path[len(settings.prefix) :])
            if route is None:
                response = web.Response(status=404, text="Not Found\n")
            else:
                try:
                    response = await route.run(request)
                except web.HTTPException as answer:
                    response = answer
                except FAILURES as error:
                    if task_ends(error) or isinstance(error, ConnectionError):
                        raise
                    # aiohttp logs it, and answers 500 if nothing was sent yet.
                    raise RuntimeError(f"HTTP route '{route.path}' failed") from error
        if not response.prepared:
            response.headers["Server"] = self.server_name
        return response

    def _find(self, path: str) -> Route | None:
        route = find_route(self.server.routes, path)
        return route if route is not None and self._serves(route) else None

    def _serves(self, route: Route) -> bool:
        """Whether a route is switched on."""
        if route.path == "/httpstatus":
            return self.settings.enable_status
        return self.settings.enable_static if route.path == "/static/..." else True

    @property
    def server_name(self) -> str:
        """The Server header."""
        return self.settings.servername or f"Asterism/{self.server.version}"

    async def _serve_status(self, request: BaseRequest) -> StreamResponse:
        from aiohttp import web

        page = f"<html><title>HTTP status</title><body><pre>{html.escape(self.status())}</pre></body></html>\n"
        return web.Response(text=page, content_type="text/html")

    async def _serve_static(self, request: BaseRequest) -> StreamResponse:
        from aiohttp import web

        folder = (self.server.paths.data / "static-http").resolve()
        wanted = request.path[len(self.settings.prefix) :].removeprefix("/static").lstrip("/")
        try:
            path = (folder / wanted).resolve()
            if request.method not in ("GET", "HEAD") or not path.is_relative_to(folder) or not path.is_file():
                return web.Response(status=404, text="Not Found\n")
        except (OSError, ValueError):
            return web.Response(status=404, text="Not Found\n")
        return web.FileResponse(path)

    # -- showing --------------------------------------------------------------------------------------

    @command(
        "http show status", Documentation("Show where the HTTP listener is and what it serves.", "http show status")
    )
    def _show_status(self, _call: CommandCall) -> str:
        return self.status()

    def status(self) -> str:
        """The text of ``http show status``."""
        settings = self.settings
        lines = ["HTTP Server Status:", f"Prefix: {settings.prefix}", f"Server: {self.server_name}"]
        if self.address is None:
            lines += ["Server Disabled", ""]
        else:
            lines += [f"Server Enabled and Bound to {format_host_port(*self.address)}", ""]
            if self.tls_address is not None:
                lines += [f"HTTPS Server Enabled and Bound to {format_host_port(*self.tls_address)}", ""]
        routes = [entry.item for entry in self.server.routes if self._serves(entry.item)]
        lines.append("Enabled URI's:")
        lines += [f"{settings.prefix}{route.path} => {route.title}" for route in routes] or ["None."]
        lines += ["", "Enabled Redirects:"]
        lines += [f"  {source} => {target}" for source, target in settings.redirects.items()] or ["  None."]
        lines += ["", "Path Restrictions:", "  None.", ""]
        return "\n".join(lines)
