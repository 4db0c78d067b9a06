"""``browser_phone.conf``: whether the page is served, and what it is told."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from asterism.config.file import ConfigFile, Option
from asterism.config.values import is_true
from asterism.core.errors import ConfigError

_DOMAIN = re.compile(r"[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]")
_ICE_URL = re.compile(r"(stun|turn|turns):[^\s,;/?]+(\?transport=(udp|tcp))?")


@dataclass(frozen=True, slots=True)
class IceServer:
    """A server that a browser asks for addresses (STUN) or has relay its media (TURN)."""

    url: str
    user: str = ""
    password: str = ""


@dataclass(slots=True)
class PhoneSettings:
    """All of ``browser_phone.conf``; every option is in its section ``[general]``."""

    enabled: bool = False
    domain: str = ""
    """Domain of the accounts; empty for the host name of the page's address."""
    ice_servers: list[IceServer] = field(default_factory=list)


def read_settings(config: ConfigFile) -> tuple[PhoneSettings, list[ConfigError]]:
    """The settings in ``config``, and what is wrong with it; a wrong option keeps its default."""
    settings, errors = PhoneSettings(), []
    for option in config.options("general"):
        try:
            _take(settings, option)
        except ConfigError as error:
            errors.append(error)
    return settings, errors


def _take(settings: PhoneSettings, option: Option) -> None:
    name, value = option.name.lower(), option.value.strip()
    if name == "enabled":
        settings.enabled = is_true(value)
    elif name == "domain":
        if value and not _DOMAIN.fullmatch(value):
            raise option.error("it is not a domain or an address")
        settings.domain = value
    elif name == "ice_server":
        settings.ice_servers.append(_ice_server(option, value))
    else:
        raise option.error("not an option of browser_phone.conf", "enabled, domain, ice_server")


def _ice_server(option: Option, value: str) -> IceServer:
    url, *credentials = (part.strip() for part in value.split(","))
    if not _ICE_URL.fullmatch(url):
        raise option.error("it does not begin with the address of a server", "stun:HOST[:PORT], turn:HOST[:PORT]")
    if url.startswith("turn"):
        if len(credentials) != 2 or not all(credentials):
            raise option.error("browsers take a TURN server only with user and password", "turn:HOST, USER, PASSWORD")
        return IceServer(url, *credentials)
    if credentials:
        raise option.error("a STUN server takes no user and password", "stun:HOST[:PORT]")
    return IceServer(url)
