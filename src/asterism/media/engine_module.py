"""What the modules of the media engines have in common: a file with their settings, and a log of packets."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Protocol

from asterism.config import ConfigErrors
from asterism.core.errors import ConfigError
from asterism.core.module import Module
from asterism.media.server import MediaServer


class Engine(Protocol):
    """What sends and receives packets by the settings of one file."""

    def configure(self, path: str | Path) -> None:
        """Read the settings; what is open goes on as it is. Raises ConfigError, ConfigErrors."""

    def set_debug(self, on: bool, host: str = "") -> None:
        """Log every packet, or only those of one address."""


class EngineModule(Module):
    """Reads the ``file`` of an engine, where the defaults hold when it is wrong, and registers its commands."""

    file: ClassVar[str]
    _server: MediaServer

    def engine(self) -> Engine:
        """The engine of the server."""
        raise NotImplementedError

    def load(self, server: MediaServer) -> None:
        """Read the settings and register the commands."""
        self._server = server
        self.reload()
        server.register_marked(self)

    def reload(self) -> None:
        """Read the settings again; what is in progress keeps its ports."""
        server = self._server
        try:
            self.engine().configure(server.paths.etc / self.file)
        except (ConfigError, ConfigErrors) as error:
            server.log.error("%s is not used: %s", self.file, error)

    def unload(self) -> None:
        """Stop logging packets."""
        self.engine().set_debug(False)
