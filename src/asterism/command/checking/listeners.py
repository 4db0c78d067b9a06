"""Checks of listeners: certificates, addresses and ports, of SIP, HTTP and the manager."""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from asterism.core.errors import ConfigError, ModuleError, Position
from asterism.listening import bind_listeners, is_every_address, unbracketed

if TYPE_CHECKING:
    from asterism.command.checking.problems import Problems
    from asterism.config.file import ConfigFile
    from asterism.data import Data
    from asterism.sip.objects.transport import TransportConfig


@dataclass(frozen=True, slots=True)
class Wanted:
    """An address that is to be listened on; ``what`` names it, ``position`` is where it is configured.

    ``host`` ``::`` is meant for both families, unless ``only_ipv6``: something else has IPv4's port.
    """

    what: str
    kind: socket.SocketKind
    host: str
    port: int
    position: Position | None
    option: str
    only_ipv6: bool = False


def check_certificates(data: Data) -> Iterator[ConfigError]:
    """TLS transports whose files are absent or do not fit."""
    from asterism.sip.lifecycle import settings_of
    from asterism.transport.errors import BindError
    from asterism.transport.tls import make_contexts

    for config in _transports(data):
        if config.protocol == "tls":
            try:
                make_contexts(settings_of(config, data))
            except BindError as error:
                option, _, reason = error.reason.partition(": ")
                text = f"transport '{config.id}': option '{option}' cannot be used: {reason}"
                yield ConfigError(text, config.position, option)


def check_http(file: ConfigFile, folder: Path, found: Problems) -> list[Wanted]:
    """Check ``http.conf`` with its certificates; return its addresses and ports."""
    from asterism.interfaces.http.settings import certificates, read_settings

    settings, errors = read_settings(file)
    found.add(errors)
    if not settings.enabled:
        return []
    place = _places(file)
    wanted = [Wanted("HTTP", socket.SOCK_STREAM, settings.bindaddr, settings.bindport, place("bindaddr"), "bindaddr")]
    if settings.tlsenable:
        from asterism.interfaces.http._listener import make_context

        where = place("tlscertfile")
        if not settings.tlscertfile:
            found.add([ConfigError("tlsenable needs tlscertfile", place("tlsenable"), "tlsenable")])
        else:
            try:
                make_context(settings, certificates(settings, folder))
            except (OSError, ValueError) as error:
                text = f"tlscertfile '{settings.tlscertfile}' or a tlssnicert cannot be used: {error}"
                found.add([ConfigError(text, where, "tlscertfile")])
        host, port = settings.tlsbindaddr, settings.tlsbindport
        wanted.append(Wanted("HTTP with TLS", socket.SOCK_STREAM, host, port, place("tlsbindaddr"), "tlsbindaddr"))
    return wanted


def check_browser_phone(file: ConfigFile, http: ConfigFile | None, found: Problems) -> None:
    """Check ``browser_phone.conf``, and that there is a listener for it."""
    from asterism.interfaces.http.settings import read_settings as read_http
    from asterism.interfaces.phone.settings import read_settings

    settings, errors = read_settings(file)
    found.add(errors)
    if settings.enabled and (http is None or not read_http(http)[0].enabled):
        text = "nobody can open the page: http.conf does not enable the listener"
        found.add([ConfigError(text, _places(file)("enabled"), "enabled")])


def check_manager(file: ConfigFile, lists: ConfigFile | None, folder: Path, found: Problems) -> list[Wanted]:
    """Check ``manager.conf`` with its certificate; return its addresses and ports."""
    from asterism.interfaces.manager.settings import make_context, read_access_lists, read_settings, split_address

    settings, errors = read_settings(file, read_access_lists(lists) if lists is not None else {})
    found.add(errors)
    if not settings.enabled:
        return []
    place = _places(file)
    wanted = [
        Wanted("the manager", socket.SOCK_STREAM, settings.bindaddr, settings.port, place("bindaddr"), "bindaddr")
    ]
    if settings.tlsenable:
        try:
            make_context(settings, folder)
        except ModuleError as error:
            text = str(error).removeprefix("manager.conf: ")
            found.add([ConfigError(text, place("tlscertfile"), "tlscertfile")])
        host, port = split_address(settings.tlsbindaddr, settings.bindaddr, 5039)
        name = "the manager with TLS"
        wanted.append(Wanted(name, socket.SOCK_STREAM, host, port, place("tlsbindaddr"), "tlsbindaddr"))
    return wanted


def sip_listeners(data: Data) -> list[Wanted]:
    """The addresses and ports of the SIP transports."""
    from asterism.sip.lifecycle import OWN_PROTOCOLS, settings_of

    wanted = []
    for config in _transports(data):
        if config.protocol in OWN_PROTOCOLS and config.bind is not None:
            kind = socket.SOCK_DGRAM if config.protocol == "udp" else socket.SOCK_STREAM
            host, port = config.bind.host, config.bind.port
            alone = not settings_of(config, data).dual_stack
            wanted.append(Wanted(f"transport '{config.id}'", kind, host, port, config.position, "bind", alone))
    return wanted


def try_to_bind(wanted: Iterable[Wanted], live: bool) -> Iterator[ConfigError]:
    """Errors of binding: an address not of this machine, a port in use, or one that two of ``wanted`` have in common.

    ``live``: the server runs on this configuration, so that its ports are taken.
    """
    with ExitStack() as opened:
        for one in wanted:
            if live and one.port:
                one = replace(one, port=0)
            try:
                for sock in _bind(one):
                    opened.enter_context(contextlib.closing(sock))
                    if one.kind == socket.SOCK_STREAM:
                        sock.listen(1)  # only then is the port taken for the next one that wants it
            except OSError as error:
                if error.errno in (errno.EACCES, errno.EPERM):
                    continue  # the user that the server runs as may be allowed to
                text = f"{one.what} cannot listen on {one.host} port {one.port}: {error.strerror or error}"
                yield ConfigError(text, one.position, one.option)


def _bind(wanted: Wanted) -> list[socket.socket]:
    host = unbracketed(wanted.host)
    if wanted.kind == socket.SOCK_STREAM and not (wanted.only_ipv6 and is_every_address(host)):
        return bind_listeners(host, wanted.port)
    hosts = (host, "0.0.0.0") if is_every_address(host) and not wanted.only_ipv6 else (host,)
    found: list[socket.socket] = []
    try:
        for each in hosts:
            sock = socket.socket(socket.AF_INET6 if ":" in each else socket.AF_INET, wanted.kind)
            found.append(sock)
            if wanted.kind == socket.SOCK_STREAM:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if sock.family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind((each, wanted.port))
    except OSError:
        for sock in found:
            sock.close()
        raise
    return found


def _transports(data: Data) -> Iterable[TransportConfig]:
    from asterism.sip.objects.transport import TransportConfig

    return data.all(TransportConfig)


class _places:  # noqa: N801 - called like a function
    """Where an option stands; without it, where its section does."""

    def __init__(self, file: ConfigFile) -> None:
        self._section = file.options("general")

    def __call__(self, name: str) -> Position:
        option = self._section.find(name)
        return self._section.position if option is None else option.position
