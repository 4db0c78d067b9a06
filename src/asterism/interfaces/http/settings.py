"""``http.conf``: where the HTTP listener is, and what it serves by itself."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path

from asterism.certificates import split_pair
from asterism.config.file import ConfigFile, Option
from asterism.config.values import is_true
from asterism.core.errors import ConfigError
from asterism.hostport import split_host_port

_FLAGS = frozenset(("enabled", "tlsenable", "enable_static", "enable_status"))
_NUMBERS = frozenset(("sessionlimit", "session_inactivity", "session_keep_alive"))
_TEXTS = frozenset(("tlscertfile", "tlsprivatekey", "tlscipher", "servername"))
_ALIASES = {"enablestatic": "enable_static", "sslenable": "tlsenable", "sslcert": "tlscertfile",
            "tlscafile": "", "tlscapath": "", "tlsdisablev1": "", "tlsdisablev11": "", "tlsdisablev12": "",
            "tlsservercipherorder": ""}  # fmt: skip
"""Other names that files use; an empty one is accepted and has no effect."""


@dataclass(slots=True)
class HttpSettings:
    """All of ``http.conf``; every option is in its section ``[general]``."""

    enabled: bool = False
    bindaddr: str = "0.0.0.0"
    bindport: int = 8088
    """0 takes a free port."""
    prefix: str = ""
    """Prefix of the path of every route, ``/pbx`` for example."""
    servername: str = ""
    """The Server header; empty for the program's own name and version."""
    tlsenable: bool = False
    tlsbindaddr: str = "0.0.0.0"
    tlsbindport: int = 8089
    tlscertfile: str = ""
    tlsprivatekey: str = ""
    tlscipher: str = ""
    tlssnicert: list[tuple[str, str]] = field(default_factory=list)
    """Further certificates and their keys, for clients that ask for a name in them."""
    sessionlimit: int = 100
    """Connections that are not WebSockets."""
    session_inactivity: int = 30_000
    """Milliseconds within which a connection must have sent a whole request."""
    session_keep_alive: int = 15_000
    """Milliseconds for which a connection is kept for the next request."""
    enable_static: bool = False
    enable_status: bool = False
    redirects: dict[str, str] = field(default_factory=dict)

    @property
    def listening(self) -> tuple[object, ...]:
        """The settings of the listening sockets: when one of them changes, the sockets are opened anew."""
        return (
            self.enabled, self.bindaddr, self.bindport, self.tlsenable, self.tlsbindaddr, self.tlsbindport,
            self.tlscipher, self.session_keep_alive,
        )  # fmt: skip


def read_settings(config: ConfigFile) -> tuple[HttpSettings, list[ConfigError]]:
    """The settings in ``config``, and what is wrong with it; a wrong option keeps its default."""
    settings, errors = HttpSettings(), []
    given: set[str] = set()
    for option in config.options("general"):
        given.add(option.name.lower())
        try:
            _take(settings, option)
        except ConfigError as error:
            errors.append(error)
    if "tlsbindaddr" not in given:
        settings.tlsbindaddr = settings.bindaddr
    return settings, errors


def certificates(settings: HttpSettings, folder: Path) -> list[tuple[str, str | None]]:
    """The files of the certificates and of their keys; names are looked up in ``folder``."""
    pairs = [(settings.tlscertfile, settings.tlsprivatekey), *settings.tlssnicert]
    return [(str(folder / cert), str(folder / key) if key else None) for cert, key in pairs]


def _take(settings: HttpSettings, option: Option) -> None:
    name, value = option.name.lower(), option.value.strip()
    name = _ALIASES.get(name, name)
    if name in _FLAGS:
        setattr(settings, name, is_true(value))
    elif name == "bindport":
        settings.bindport = option.integer(0, 65535)
    elif name in _NUMBERS:
        setattr(settings, name, option.integer(0 if name == "session_keep_alive" else 1))
    elif name in _TEXTS:
        setattr(settings, name, value)
    elif name == "tlssnicert":
        try:
            settings.tlssnicert.append(split_pair(value))
        except ValueError as error:
            raise option.error(str(error)) from error
    elif name == "bindaddr":
        settings.bindaddr = value  # a wrong one stays: nothing is opened then, where the default is open to all
        settings.bindaddr = _address(option, value)
    elif name == "tlsbindaddr":
        settings.tlsbindaddr = value
        try:
            host, port = split_host_port(value)
        except ValueError:
            raise option.error("its port is no port number") from None
        settings.tlsbindaddr = _address(option, host)
        settings.tlsbindport = settings.tlsbindport if port is None else port
    elif name == "prefix":
        settings.prefix = f"/{value.strip('/')}" if value.strip("/") else ""
    elif name == "redirect":
        source, _, target = value.partition(" ")
        if not source.startswith("/") or not target.strip():
            raise option.error("a redirect is a path, a space and where it leads")
        settings.redirects[source] = target.strip()
    elif name:
        raise option.error("not an option of http.conf")


def _address(option: Option, text: str) -> str:
    try:
        return str(ipaddress.ip_address(text.strip("[]"))) if text else "0.0.0.0"
    except ValueError:
        raise option.error("it is not an IP address") from None
