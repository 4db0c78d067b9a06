"""The module ``chan_sip``: ``sip.conf`` is read, and its peers are endpoints among those of ``pjsip.conf``."""

from __future__ import annotations

from asterism.chan_sip.backend import SipConfSource, install
from asterism.chan_sip.dialstring import SECRET
from asterism.core.module import Module
from asterism.sip.server import SipServer


class ChanSip(Module):
    """Makes the objects of ``sip.conf``; what else belongs to it is in modules that are part of this one."""

    name = "chan_sip"
    requires = ("res_pjsip",)
    configured_by = "sip.conf"
    served_by = ("res_pjsip", "chan_pjsip")
    description = "Session Initiation Protocol (SIP), from sip.conf"
    support = "extended"

    source: SipConfSource

    def load(self, server: SipServer) -> None:
        """Make the types known; their objects are read with all others."""
        self._server = server
        self.source = install(server.data)
        server.register_marked(self)
        secrets = server.log.secrets
        secrets.append(SECRET)
        server.owner.on_release(lambda: secrets.remove(SECRET))

    async def reload(self) -> None:
        """Read every object again; what is in use keeps its old values."""
        self._server.data.reload()
        await self._server.sip.reload()
