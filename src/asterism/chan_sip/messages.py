"""Messages outside of calls to peers of ``sip.conf``: ``MessageSend(sip:...)``."""

from __future__ import annotations

from typing import Protocol

from asterism.applications.messaging.addresses import is_uri
from asterism.applications.messaging.destination import Destination, find_destination
from asterism.applications.messaging.sender import Outcome, Sender
from asterism.chan_sip.translation.names import GUEST
from asterism.core.documentation import Documentation
from asterism.core.module import Module
from asterism.pbx.assembly.server import PbxServer
from asterism.pbx.messaging.message import Message, MessageError, SendStatus
from asterism.sip.objects import Endpoint
from asterism.sip.server import SipServer
from asterism.stack.errors import ParseError
from asterism.stack.uri import Uri

PREFIX = "sip"


class SipSender(Sender):
    """The message technology ``sip``: a peer, ``user@peer``, or an address anywhere."""

    async def send(self, destination: str, message: Message) -> None:
        """Send a message. Raises :class:`MessageError` when there is no way to its destination."""
        found = await self._find(destination)
        request = self._request(found, message)
        await self.transmit(request, found.endpoint, Outcome(self, found.endpoint, request))

    async def _find(self, text: str) -> Destination:
        user, at, host = text.partition(":")[2].rpartition("@") if is_uri(text) else text.rpartition("@")
        peer = await self._core.data.retrieve(Endpoint, host)
        if peer is not None and peer.habits.message_prefix == PREFIX:
            found = await find_destination(self._core, host)
            return found._replace(uri=found.uri.replace(user=user)) if user else found
        guest = self._core.data.get(Endpoint, GUEST)
        if not at or not isinstance(guest, Endpoint):
            raise MessageError(f"there is no peer '{host}'")
        try:
            return Destination(guest, Uri.parse(f"sip:{user}@{host}"), None)
        except ParseError as error:
            raise MessageError(f"bad URI: {error.message}", SendStatus.INVALID_URI) from error


class MessagingServer(SipServer, PbxServer, Protocol):
    """A server that runs dialplan for SIP requests."""


class ChanSipMessages(Module):
    """Registers the technology."""

    name = "chan_sip_messages"
    part_of = ("chan_sip",)
    requires = ("chan_sip", "message")
    description = "Messages to peers of sip.conf"

    def load(self, server: MessagingServer) -> None:
        """Register it."""
        server.pbx.register_message_technology(
            PREFIX, SipSender(server.sip), Documentation("Messages to peers of sip.conf", f"{PREFIX}:destination")
        )
