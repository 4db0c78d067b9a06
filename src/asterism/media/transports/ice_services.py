"""What the ICE agents of one server share: its addresses, names that were looked up, its settings."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import os
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import ifaddr

from asterism.media.sockets import is_address
from asterism.media.transports.candidates import Address, usable
from asterism.media.transports.ice_settings import IceSettings
from asterism.media.transports.mdns import NameResolver

_ADDRESSES_KEPT = 10.0
"""Seconds until the addresses of the machine are asked for again."""
_NAME_KEPT = 60.0
"""Seconds until the name of a server is looked up again; meanwhile calls do not wait for DNS."""
_ANSWER_WAIT = 2.0
"""Seconds that DNS is waited for."""


class IceServices:
    """Shared by the agents of one server.

    Attributes:
        loop: the loop of all media.
        log: the server's log.
        random: gives so many bytes.
        names: resolves names of mDNS.
    """

    def __init__(
        self,
        settings: Callable[[], IceSettings],
        loop: asyncio.AbstractEventLoop,
        log: logging.Logger,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._settings = settings
        self.loop = loop
        self.log = log
        self.random = random
        self.names = NameResolver(loop, log)
        self._hosts: tuple[str, ...] = ()
        self._hosts_until = 0.0
        self._found: dict[tuple[str, int, int], tuple[float, Address]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def settings(self) -> IceSettings:
        """The options in force."""
        return self._settings()

    def run(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something that outlives who asked for it, such as the end of an allocation."""
        task = self.loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.log.debug("ICE: %s", error)

    def close(self) -> None:
        """Let go of what is open."""
        self.names.close()
        for task in self._tasks:
            task.cancel()

    def hosts(self, bound: str) -> tuple[str, ...]:
        """The local addresses that a socket bound to ``bound`` has and that may be candidates, the usual one first."""
        address = ipaddress.ip_address(bound)
        settings = self.settings
        known = self._all_hosts() if address.is_unspecified else (str(address),)
        return tuple(
            host
            for host in known
            if (":" in host) == (address.version == 6)
            and _is_usable(host, settings.loopback)
            and settings.host_rules.allows(host)
        )

    def hides(self, host: str) -> bool:
        """Whether a host is an address of this machine that peers are not to be told: by ``ice_deny`` or a mapping."""
        settings = self.settings
        instead = settings.advertised.get(host)
        if instead is not None:
            return not instead.with_local
        return not settings.host_rules.allows(host) and host in self._all_hosts()

    def source(self, bound: str, server: Address) -> str:
        """The local address from which a socket bound to ``bound`` sends to a server; ``bound`` where there is none."""
        if not ipaddress.ip_address(bound).is_unspecified:
            return bound
        with socket.socket(socket.AF_INET6 if ":" in bound else socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect(server)  # which sends nothing
            except OSError:
                return bound
            return str(probe.getsockname()[0])

    def _all_hosts(self) -> tuple[str, ...]:
        now = self.loop.time()
        if now >= self._hosts_until:
            self._hosts_until = now + _ADDRESSES_KEPT
            found = (ip.ip if isinstance(ip.ip, str) else ip.ip[0] for card in ifaddr.get_adapters() for ip in card.ips)
            # Those of the loopback interface come last, where they are candidates at all.
            self._hosts = tuple(sorted(dict.fromkeys(found), key=_is_loopback))
        return self._hosts

    async def address_of(self, host: str, port: int, family: int) -> Address | None:
        """Address of a server that is named in the settings; ``None``: it has none of this family, or none is known."""
        if is_address(host):
            return (host, port) if (":" in host) == (family == socket.AF_INET6) else None
        key = host, port, family
        kept = self._found.get(key)
        if kept is not None and self.loop.time() < kept[0]:
            return kept[1]
        try:
            async with asyncio.timeout(_ANSWER_WAIT):
                found = await self.loop.getaddrinfo(host, port, family=family, type=socket.SOCK_DGRAM)
        except (OSError, TimeoutError, UnicodeError) as error:
            self.log.warning("rtp.conf: '%s' is not found: %s", host, error or "no answer in time")
            return kept[1] if kept is not None else None
        address: Address = (str(found[0][4][0]), port)
        if len(self._found) > 16:
            self._found.clear()
        self._found[key] = self.loop.time() + _NAME_KEPT, address
        return address


def _is_usable(host: str, loopback: bool) -> bool:
    try:
        usable(host, loopback=loopback)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    return ipaddress.ip_address(host).is_loopback
