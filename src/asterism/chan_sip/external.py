"""``externaddr`` and ``externhost`` as names: looked up at the start, and that of ``externhost`` again and again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from asterism.chan_sip.objects.general import SipGeneral, general_of
from asterism.chan_sip.translation.general_transports import external, remapped
from asterism.core.module import Module
from asterism.sip.lifecycle import tell_addresses
from asterism.sip.resolving import is_numeric
from asterism.stack.resolver import Question

if TYPE_CHECKING:
    from asterism.data.table import Change
    from asterism.sip.server import SipServer

SHORTEST = 1
"""Seconds between two look-ups, at least."""


class ExternalAddress(Module):
    """Looks up the name under which ``sip.conf`` says that the server is seen from outside.

    Until it is known the name itself is told. A look-up that fails leaves the last address in use.
    """

    name = "chan_sip_external"
    part_of = ("chan_sip",)
    requires = ("chan_sip",)
    description = "The server's address as sip.conf names it (externaddr, externhost)"

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None
        self._host = ""
        self._missed = False

    def load(self, server: SipServer) -> None:
        """Follow ``[general]``."""
        self._server = server
        server.owner.on_release(server.data.observe(SipGeneral, self._changed))

    def start(self) -> None:
        """Look the name up, if there is one."""
        general = general_of(self._server.data)
        if general is not None:
            self._follow(general)

    def unload(self) -> None:
        """Tell the name again, as whoever is not here cannot look it up."""
        self._stop()
        if self._server.sip.started:
            tell_addresses(self._server.sip)

    def _changed(self, change: Change[SipGeneral]) -> None:
        if not self._server.sip.started:
            return
        self._stop()
        if change.new is not None:
            self._follow(change.new)

    def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._server.sip.state.addresses.pop(self._host, None)
        self._host = ""

    def _follow(self, general: SipGeneral) -> None:
        host, _ = external(general)
        if not remapped(general) or is_numeric(host):
            return
        self._host = host
        interval = max(general.externrefresh, SHORTEST) if general.externhost else 0
        self._task = asyncio.get_running_loop().create_task(self._look_up(host, interval))

    async def _look_up(self, host: str, interval: float) -> None:
        while True:
            address = await self._address(host)
            if address:
                self._missed = False
                self._tell(host, address)
            elif not self._missed:
                # Once, not every ten seconds.
                self._missed = True
                self._server.log.warning("the external address %s has no address", host)
            if not interval:
                return
            await asyncio.sleep(interval)

    async def _address(self, host: str) -> str:
        resolver = self._server.sip.transports.resolver
        for kind in ("A", "AAAA"):
            records = await resolver.ask(Question(kind, host))
            if records:
                return str(records[0])
        return ""

    def _tell(self, host: str, address: str) -> None:
        addresses = self._server.sip.state.addresses
        if addresses.get(host) != address:
            if host in addresses:
                self._server.log.notice("the external address %s is %s now", host, address)
            addresses[host] = address
            tell_addresses(self._server.sip)
