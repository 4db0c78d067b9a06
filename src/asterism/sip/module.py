"""The module of the SIP core: ``res_pjsip`` in ``modules.conf``."""

from __future__ import annotations

from asterism.core.errors import ModuleError
from asterism.core.module import Module
from asterism.sip.caller_contact import CallerContactStep
from asterism.sip.extensions import ExtensionStep
from asterism.sip.objects import register_types
from asterism.sip.server import SipServer


class SipModule(Module):
    """Makes the SIP objects known, opens the transports, closes them."""

    name = "res_pjsip"
    description = "Basic SIP resource"

    server: SipServer

    def load(self, server: SipServer) -> None:
        """Register the types of ``pjsip.conf``."""
        self.server = server
        register_types(server.data)
        server.sip.register_step(CallerContactStep())
        server.sip.register_step(ExtensionStep(server.sip))
        server.register_marked(self)

    async def start(self) -> None:
        """Bind the transports.

        Raises:
            ModuleError: One cannot be bound; the others serve.
        """
        failures = await self.server.sip.start()
        if failures:
            raise ModuleError("; ".join(failures))

    async def reload(self) -> None:
        """Read every object again; what is in use keeps its old values."""
        self.server.data.reload()
        await self.server.sip.reload()

    async def unload(self) -> None:
        """Close the transports."""
        await self.server.sip.stop()
