"""The module ``messaging``: MESSAGE outside calls, both ways (``res_pjsip_messaging``)."""

from __future__ import annotations

from typing import Protocol

from asterism.applications.messaging.sender import Sender
from asterism.applications.messaging.service import PREFIX, MessageService
from asterism.core.documentation import Documentation
from asterism.core.module import Module
from asterism.pbx.assembly.server import PbxServer
from asterism.sip.server import SipServer


class MessagingServer(SipServer, PbxServer, Protocol):
    """A server that runs dialplan for SIP requests."""


class MessagingModule(Module):
    """Registers the service and the technology."""

    name = "messaging"
    aliases = ("res_pjsip_messaging",)
    requires = ("sip_authentication", "message")
    description = "SIP MESSAGE outside calls"

    def load(self, server: MessagingServer) -> None:
        """Register both."""
        server.sip.register_service(MessageService(server.sip, server.pbx))
        server.pbx.register_message_technology(
            PREFIX, Sender(server.sip), Documentation("Messages by SIP MESSAGE", f"{PREFIX}:destination")
        )
