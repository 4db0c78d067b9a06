"""The module of the browser phone: serves the page at ``/phone/`` when ``browser_phone.conf`` says so."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from asterism.config.file import ConfigFile
from asterism.core.documentation import Documentation
from asterism.core.errors import ConfigError
from asterism.core.module import CoreServer, Module
from asterism.core.routes import Route
from asterism.hostport import format_host_port
from asterism.interfaces.phone.pages import Page, answer, load_pages, make_page
from asterism.interfaces.phone.settings import PhoneSettings, read_settings

if TYPE_CHECKING:
    from aiohttp.web import BaseRequest, StreamResponse

_EVERY_ADDRESS = ("0.0.0.0", "::")
FILE = "browser_phone.conf"
PATH = "/phone"
_HTTP_MODULE = "http"


class BrowserPhoneModule(Module):
    """A phone in the browser; off unless ``enabled``."""

    name = "browser_phone"
    part_of = ("core",)
    requires = (_HTTP_MODULE,)
    description = "Browser phone"

    server: CoreServer

    def __init__(self) -> None:
        self.settings = PhoneSettings()
        self._pages: dict[str, Page] = {}
        self._remove: Callable[[], None] | None = None

    def load(self, server: CoreServer) -> None:
        """Read ``browser_phone.conf``."""
        self.server = server
        self._read()

    def start(self) -> None:
        """Serve the page, when ``enabled``, and say where."""
        self._serve_or_not()

    def reload(self) -> None:
        """Read ``browser_phone.conf`` again; who has the page open keeps it."""
        self._read()
        self._serve_or_not()

    def _read(self) -> None:
        try:
            config = ConfigFile.load(self.server.paths.etc / FILE, missing_ok=True)
        except ConfigError as error:
            self.server.log.error("%s", error)
            return
        self.settings, errors = read_settings(config)
        for problem in errors:
            self.server.log.error("%s", problem)

    def _serve_or_not(self) -> None:
        served = self._remove is not None
        if self.settings.enabled and self._remove is None:
            self._pages = load_pages()
            documentation = Documentation("A phone in the browser; off unless browser_phone.conf enables it.")
            route = Route(f"{PATH}/...", self._serve, "Browser phone")
            self._remove = self.server.routes.add(self.server.owner, route.path, route, documentation)
        elif not self.settings.enabled and self._remove is not None:
            self._remove()
            self._remove = None
            self._pages = {}
        if not self.settings.enabled:
            return
        if not served:
            self._announce()

    def _announce(self) -> None:
        """Say where the page is. Browsers allow a microphone with TLS, or on the machine itself."""
        urls = self.urls()
        if urls:
            self.server.log.notice("Browser phone: %s", " or ".join(urls))
        else:
            self.server.log.warning("%s: nobody can open the page, as http.conf does not enable the listener", FILE)

    def urls(self) -> list[str]:
        """Where the page can be opened with a microphone; none while nothing listens."""
        listener = self._listener()
        prefix = listener.settings.prefix
        found = []
        if listener.tls_address is not None:
            host, port = listener.tls_address
            host = socket.gethostname() if host in _EVERY_ADDRESS else host
            found.append(f"https://{format_host_port(host, port)}{prefix}{PATH}/")
        if listener.address is not None:
            host, port = listener.address
            if host in (*_EVERY_ADDRESS, "127.0.0.1", "::1"):
                found.append(f"http://localhost:{port}{prefix}{PATH}/")
        return found

    def _listener(self) -> Any:
        """The HTTP listener's module, for its addresses."""
        found = self.server.modules.find(_HTTP_MODULE)  # type: ignore[attr-defined]  # the loader is the server's own
        return found.instance

    def _told(self) -> str:
        """What the page asks the server for when it is opened, and before each call."""
        settings, listener = self.settings, self._listener()
        return json.dumps(
            {
                "domain": settings.domain,
                "httpsPort": listener.tls_address[1] if listener.tls_address is not None else None,
                "iceServers": [each.told(time.time()) for each in settings.ice_servers],
            }
        )

    async def _serve(self, request: BaseRequest) -> StreamResponse:
        path = request.path[len(self._listener().settings.prefix) + len(PATH) :]
        if not path:
            # Relative addresses of the page count from its folder.
            from aiohttp import web

            return web.Response(status=308, headers={"Location": f"{request.path}/"})
        if path == "/settings.json":
            return answer(request, make_page(self._told().encode(), "application/json"))
        return answer(request, self._pages.get(path[1:] or "index.html"))
