"""``manager.conf``: where the manager listens, and who may log in to do and see what."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from asterism.config.file import ConfigFile, Option, Section
from asterism.config.values import is_true
from asterism.core.errors import ConfigError, ModuleError
from asterism.interfaces.manager.filters import EventFilter, parse_filter
from asterism.listening import unbracketed

CLASSES = (
    "system", "call", "log", "verbose", "command", "agent", "user", "config", "dtmf", "reporting", "cdr",
    "dialplan", "originate", "agi", "cc", "aoc", "test", "security", "message",
)  # fmt: skip
"""Privilege classes, in the order in which listings show them."""

BY_NAME = frozenset({"test"})
"""Classes with events that ``all`` does not bring."""


def parse_classes(text: str) -> frozenset[str]:
    """The classes of ``read=`` or ``write=``; ``all`` is every one, an unknown word none.

    Of those that ``all`` may not be enough for (:data:`BY_NAME`) it also holds whether they were :func:`named`.
    """
    words = {word.strip().lower() for word in text.split(",")}
    by_name = {named(word) for word in words & BY_NAME}
    if "all" in words:
        return frozenset((*CLASSES, "all", *by_name))
    return frozenset(words & set(CLASSES) | by_name)


def named(word: str) -> str:
    """What stands in :func:`parse_classes` for a class that was named itself."""
    return f"{word} by name"


@dataclass(slots=True)
class AddressRules:
    """``permit`` and ``deny`` lines: read top to bottom, the last match wins, the default is to allow."""

    rules: list[tuple[bool, ipaddress.IPv4Network | ipaddress.IPv6Network]] = field(default_factory=list)

    def add(self, permit: bool, text: str) -> None:
        """Add one line (several networks separated by commas); raises ``ValueError`` for a bad one."""
        for item in text.split(","):
            invert = item.strip().startswith("!")
            network = ipaddress.ip_network(item.strip().removeprefix("!"), strict=False)
            self.rules.append((permit != invert, network))

    def allows(self, host: str) -> bool:
        """Whether a connection from ``host`` is let in."""
        try:
            address = ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            return not self.rules
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        allowed = True
        for permit, network in self.rules:
            if address.version == network.version and address in network:
                allowed = permit
        return allowed


@dataclass(slots=True)
class ManagerUser:
    """One section of ``manager.conf``: a user."""

    name: str
    secret: str = ""
    read: frozenset[str] = frozenset()
    write: frozenset[str] = frozenset()
    rules: AddressRules = field(default_factory=AddressRules)
    lists: list[AddressRules] = field(default_factory=list)
    """Named lists of ``acl.conf``: every one must allow."""
    filters: list[EventFilter] = field(default_factory=list)
    setvar: list[str] = field(default_factory=list)
    displayconnects: bool | None = None
    allowmultiplelogin: bool | None = None
    writetimeout: int = 0
    """Milliseconds that a client may read nothing before it is disconnected; 0 for the built-in 30 seconds."""

    def allows(self, host: str) -> bool:
        """Whether the user may come from ``host``."""
        return self.rules.allows(host) and all(each.allows(host) for each in self.lists)

    @property
    def restricted(self) -> bool:
        """Whether any rule says where the user may come from."""
        return bool(self.rules.rules or self.lists)


@dataclass(slots=True)
class ManagerSettings:
    """All of ``manager.conf``."""

    enabled: bool = False
    bindaddr: str = "0.0.0.0"
    port: int = 5038
    webenabled: bool = False
    tlsenable: bool = False
    tlsbindaddr: str = ""
    tlscertfile: str = "asterisk.pem"
    tlsprivatekey: str = ""
    tlscipher: str = ""
    allowmultiplelogin: bool = True
    displayconnects: bool = True
    timestampevents: bool = False
    authtimeout: int = 30
    authlimit: int = 50
    httptimeout: int = 60
    debug: bool = False
    brokeneventsaction: bool = False
    channelvars: list[str] = field(default_factory=list)
    disabledevents: frozenset[str] = frozenset()
    users: dict[str, ManagerUser] = field(default_factory=dict)


def split_address(text: str, default_host: str, default_port: int) -> tuple[str, int]:
    """Host and port of ``tlsbindaddr``: ``host``, ``host:port``, ``[IPv6]`` or ``[IPv6]:port``; what lacks is given."""
    if ":" in text.partition(":")[2] and not text.startswith("["):
        return text, default_port  # an IPv6 address alone
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        return unbracketed(text) or default_host, default_port
    return unbracketed(host) or default_host, int(port) if port.isdecimal() and len(port) < 6 else default_port


def make_context(settings: ManagerSettings, folder: Path) -> ssl.SSLContext:
    """The TLS context; the certificate's files are looked for in ``folder``. Raises :class:`ModuleError`."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(
            folder / settings.tlscertfile, folder / settings.tlsprivatekey if settings.tlsprivatekey else None,
            password=lambda: b"",
        )  # fmt: skip
        if settings.tlscipher:
            context.set_ciphers(settings.tlscipher)
    except (OSError, ValueError) as error:
        raise ModuleError(f"manager.conf: tlscertfile '{settings.tlscertfile}' cannot be used: {error}") from error
    return context


def read_access_lists(config: ConfigFile) -> dict[str, AddressRules]:
    """The named lists of ``acl.conf``; one with a line that is no address is left out (and so is who names it)."""
    found: dict[str, AddressRules] = {}
    for section in config.sections:
        rules = AddressRules()
        try:
            for option in section.options:
                if option.name.lower() in ("permit", "deny"):
                    rules.add(option.name.lower() == "permit", option.value)
        except ValueError:
            continue
        found[section.name] = rules
    return found


def read_settings(
    config: ConfigFile, lists: Mapping[str, AddressRules] | None = None
) -> tuple[ManagerSettings, list[ConfigError]]:
    """The settings in ``config``, and what is wrong with it; a wrong user is left out.

    ``lists`` are the named access lists that ``acl`` may refer to.
    """
    settings, errors = ManagerSettings(), []
    for section in config.sections:
        try:
            if section.name == "general":
                errors += _read_general(section, settings)
            else:
                settings.users[section.name] = _read_user(section, lists or {})
        except ConfigError as error:
            errors.append(error)
    return settings, errors


def _read_general(section: Section, settings: ManagerSettings) -> list[ConfigError]:
    """Read ``[general]``; a wrong option keeps its default and does not stop the others."""
    errors = []
    for option in section.options:
        try:
            _take(settings, option)
        except ConfigError as error:
            errors.append(error)
    return errors


def _take(settings: ManagerSettings, option: Option) -> None:
    name, value = option.name.lower(), option.value
    if name in ("port", "authtimeout", "authlimit", "httptimeout"):
        setattr(settings, name, option.integer(0, 65535 if name == "port" else None))
    elif name in ("bindaddr", "tlsbindaddr", "tlscertfile", "tlsprivatekey", "tlscipher"):
        # A wrong address stays: nothing is opened then, where the default would be open to all.
        setattr(settings, name, value.strip())
    elif name == "channelvars":
        settings.channelvars = [word.strip() for word in value.split(",") if word.strip()]
    elif name == "disabledevents":
        settings.disabledevents = frozenset(word.strip().lower() for word in value.split(",") if word.strip())
    elif name in (
        "enabled", "webenabled", "tlsenable", "allowmultiplelogin", "displayconnects", "timestampevents", "debug",
        "brokeneventsaction",
    ):  # fmt: skip
        setattr(settings, name, is_true(value))
    else:
        raise option.error("not an option of [general] in manager.conf")


def _read_user(section: Section, lists: Mapping[str, AddressRules]) -> ManagerUser:
    user = ManagerUser(section.name)
    for option in section.options:
        name, value = option.name.lower(), option.value
        try:
            if name == "secret":
                user.secret = value
            elif name in ("read", "write"):
                setattr(user, name, parse_classes(value))
            elif name in ("permit", "deny"):
                user.rules.add(name == "permit", value)
            elif name == "acl":
                for word in filter(None, (each.strip() for each in value.split(","))):
                    if word not in lists:
                        raise option.error(f"'{word}' is not a section of acl.conf", ", ".join(lists))
                    user.lists.append(lists[word])
            elif name.startswith("eventfilter"):
                user.filters.append(parse_filter(value, option.name))
            elif name == "setvar":
                user.setvar.append(value)
            elif name in ("displayconnects", "allowmultiplelogin"):
                setattr(user, name, is_true(value))
            elif name == "writetimeout":
                user.writetimeout = option.integer(1)
            else:
                raise option.error("not an option of a manager user")
        except ValueError as error:
            raise option.error(str(error)) from error
    return user
