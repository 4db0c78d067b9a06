"""Peers of databases by their address: who is called by no name that is known may be a trunk, or a registered phone."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING

from asterism.chan_sip.identifier import ChanSipIdentifier
from asterism.chan_sip.realtime.module import ChanSipRealtime, SipRealtime, realtime_of
from asterism.core.errors import ModuleError
from asterism.core.module import Module
from asterism.sip.identification import Place
from asterism.sip.objects import Endpoint

if TYPE_CHECKING:
    from asterism.sip.core import SipCore
    from asterism.sip.rx import Rx
    from asterism.sip.server import SipServer

NAME = "chan_sip_realtime"


class AddressIdentifier:
    """Asked after the identifier that knows names and the addresses of peers in memory."""

    def __init__(self, core: SipCore, realtime: SipRealtime) -> None:
        self._core = core
        self._realtime = realtime
        self.subjects: dict[str, None] = {NAME: None} if realtime.active else {}
        """Something, where there are families."""

    def identify_endpoint(self, rx: Rx) -> Endpoint | Awaitable[Endpoint | None] | None:
        """Ask the database, once in a while for an address of nobody. A REGISTER is by its name alone."""
        if rx.request.method == "REGISTER":
            return None
        return None if self._realtime.is_absent(rx.flow.remote[0]) else self._at(rx)

    async def _at(self, rx: Rx) -> Endpoint | None:
        host, port = rx.flow.remote[:2]
        peer = await self._realtime.at(host, port, any_port=rx.flow.reliable)
        return None if peer is None else await self._core.data.retrieve(Endpoint, peer.id)


class ChanSipRealtimeIdentifier(Module):
    """Identifies peers of databases by their address."""

    name = "chan_sip_realtime_identifier"
    part_of = ("chan_sip",)
    requires = (ChanSipIdentifier.name, ChanSipRealtime.name)
    description = "Identification of peers in databases by their address"

    def load(self, server: SipServer) -> None:
        """Register the identifier, next to the one of peers in memory."""
        realtime = realtime_of(server)
        if realtime is None:
            raise ModuleError(f"the module '{ChanSipRealtime.name}' is not loaded")
        server.sip.register_endpoint_identifier(AddressIdentifier(server.sip, realtime), NAME, Place.FIRST)
