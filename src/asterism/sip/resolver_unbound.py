"""``resolver_unbound.conf``: whom to ask for names."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path

from asterism.config.file import ConfigFile
from asterism.core.errors import ConfigError
from asterism.core.module import Module
from asterism.sip.server import SipServer

_WITHOUT_EFFECT = frozenset(("debug", "ta_file"))
_SYSTEM = "system"


@dataclass(slots=True)
class ResolverSettings:
    """All of ``resolver_unbound.conf``; every option is in its section ``[general]``."""

    nameservers: list[tuple[str, int]] = field(default_factory=list)
    """Addresses and ports; empty for the system's."""
    hosts: str | None = None
    """A file like ``/etc/hosts``; ``None`` for the system's where its name servers are used."""
    errors: list[ConfigError] = field(default_factory=list)


def read_settings(path: Path) -> ResolverSettings:
    """Read the file, if it is there; a wrong option is left out and reported.

    ``nameserver`` is ``address``, or ``address@port`` as Unbound writes it; it may be repeated. ``resolv`` is
    ``system`` or a file like ``/etc/resolv.conf``. ``hosts`` is ``system`` or a file like ``/etc/hosts``.
    """
    settings = ResolverSettings()
    try:
        config = ConfigFile.load(path, missing_ok=True)
    except ConfigError as error:
        settings.errors.append(error)
        return settings
    from_file: list[tuple[str, int]] = []
    for option in config.options("general"):
        name, value = option.name.lower(), option.value.strip()
        try:
            if name == "nameserver":
                settings.nameservers.append(_name_server(value))
            elif name == "resolv":
                from_file = [] if value == _SYSTEM else _read_resolv(path.parent / value)
            elif name == "hosts":
                settings.hosts = "/etc/hosts" if value == _SYSTEM else str(path.parent / value)
            elif name not in _WITHOUT_EFFECT:
                raise option.error("not an option of resolver_unbound.conf")
        except (OSError, ValueError) as error:
            settings.errors.append(option.error(str(error), "an address, or address@port"))
        except ConfigError as error:
            settings.errors.append(error)
    settings.nameservers += from_file
    return settings


def _name_server(text: str) -> tuple[str, int]:
    host, _, port = text.partition("@")
    number = int(port or 53)
    if not 0 < number < 65536:
        raise ValueError(f"{number} is not a port")
    return str(ipaddress.ip_address(host.strip())), number


def _read_resolv(path: Path) -> list[tuple[str, int]]:
    lines = (line.split() for line in path.read_text(encoding="utf-8", errors="replace").splitlines())
    return [_name_server(words[1]) for words in lines if len(words) > 1 and words[0] == "nameserver"]


class ResolverModule(Module):
    """Has names looked up where ``resolver_unbound.conf`` says."""

    name = "res_resolver_unbound"
    requires = ("res_pjsip",)
    description = "Name servers of SIP"

    server: SipServer

    def load(self, server: SipServer) -> None:
        """Remember the server; the transports are not there yet."""
        self.server = server

    def start(self) -> None:
        """Read the file."""
        settings = read_settings(self.server.paths.etc / "resolver_unbound.conf")
        for problem in settings.errors:
            self.server.log.error("%s", problem)
        self.server.name_servers[:] = settings.nameservers
        if self.server.sip.started:
            self.server.sip.transports.use_name_servers(settings.nameservers, hosts=settings.hosts)

    def reload(self) -> None:
        """Read the file again; what was looked up is forgotten."""
        self.start()

    def unload(self) -> None:
        """Go back to the system's name servers."""
        self.server.name_servers.clear()
        if self.server.sip.started:
            self.server.sip.transports.use_name_servers(())
