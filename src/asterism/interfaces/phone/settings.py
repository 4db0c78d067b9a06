"""``browser_phone.conf``: whether the page is served, and what it is told."""

from __future__ import annotations

import base64
import hmac
import re
from dataclasses import dataclass, field

from asterism.config.file import ConfigFile, Option
from asterism.config.values import is_true
from asterism.core.errors import ConfigError

_DOMAIN = re.compile(r"[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]")
_ICE_URL = re.compile(r"(stun|turn|turns):[^\s,;/?]+(\?transport=(udp|tcp))?")
_TURN = "turn:HOST[:PORT], SECRET (coturn: use-auth-secret, static-auth-secret)"


CREDENTIALS_SECONDS = 12 * 3600
"""How long a TURN server takes the credentials of a page: the page asks for others before each call."""


@dataclass(frozen=True, slots=True)
class IceServer:
    """A server that a browser asks for addresses (STUN) or has relay its media (TURN)."""

    url: str
    secret: str = ""
    """What is shared with a TURN server (coturn: ``static-auth-secret``); never told to a page."""

    def told(self, now: float) -> dict[str, str]:
        """The server as a page is told of it, an ``RTCIceServer``.

        With a secret there are credentials that expire by themselves, as ``use-auth-secret`` of coturn wants them
        (draft-uberti-behave-turn-rest): the user name is when, the password proves that we know the secret.

        Args:
            now: the time, in seconds since the epoch.
        """
        if not self.secret:
            return {"urls": self.url}
        user = str(int(now) + CREDENTIALS_SECONDS)
        proof = hmac.digest(self.secret.encode(), user.encode(), "sha1")
        return {"urls": self.url, "username": user, "credential": base64.b64encode(proof).decode()}


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
    url, *more = (part.strip() for part in value.split(","))
    if not _ICE_URL.fullmatch(url):
        raise option.error("it does not begin with the address of a server", "stun:HOST[:PORT], turn:HOST[:PORT]")
    if url.startswith("stun"):
        if more:
            raise option.error("a STUN server takes no secret", "stun:HOST[:PORT]")
    elif len(more) == 2:
        # Whoever opens the page could read and keep them.
        raise option.error("a page is given no lasting user and password", _TURN)
    elif len(more) != 1 or not more[0]:
        raise option.error("a TURN server needs the secret that it makes passwords of", _TURN)
    return IceServer(url, *more)
