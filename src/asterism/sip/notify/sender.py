"""Sends a NOTIFY to an endpoint's contacts, to a URI, or in the dialog of a channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asterism.core.errors import AsterismError
from asterism.data.errors import DataUnavailableError
from asterism.sip.in_dialog import SendsInDialog
from asterism.sip.notify.content import Content, NotifyError
from asterism.sip.objects.endpoint import Endpoint
from asterism.stack.errors import ParseError, SipError
from asterism.stack.uri import Uri

if TYPE_CHECKING:
    from asterism.core.log import ServerLogger
    from asterism.pbx.assembly.pbx import Pbx
    from asterism.pbx.channels.channel import Channel
    from asterism.sip.contacts import Contact
    from asterism.sip.core import SipCore
    from asterism.stack.message import Request, Response

_LAST = ("Max-Forwards", "User-Agent")
_NOT_IN_TO = frozenset(("lr", "maddr", "method", "transport", "ttl"))
"""URI parameters that are not allowed in From and To (RFC 3261 19.1.1)."""


class Outcome:
    """Says in the log when a NOTIFY was refused or not answered."""

    def __init__(self, log: ServerLogger, where: str) -> None:
        self._log = log
        self._where = where

    def on_response(self, _transaction: Any, response: Response) -> None:
        """Tell a refusal."""
        if response.status >= 300:
            self._log.notice("a NOTIFY to %s was answered %d %s", self._where, response.status, response.reason)

    def on_timeout(self, _transaction: Any) -> None:
        """Tell it."""
        self._log.notice("a NOTIFY to %s was not answered", self._where)

    def on_transport_error(self, _transaction: Any) -> None:
        """Tell it."""
        self._log.notice("a NOTIFY to %s could not be sent", self._where)


class NotifySender:
    """Sends them for one server."""

    def __init__(self, core: SipCore, pbx: Pbx, log: ServerLogger) -> None:
        self._core = core
        self._log = log
        self._pbx = pbx

    async def to_endpoint(self, name: str, content: Content) -> None:
        """To every contact of an endpoint; without one it is logged only, as in Asterisk 22.

        Raises:
            NotifyError: there is no such endpoint.
        """
        endpoint = await self._endpoint(name)
        if endpoint is None:
            raise NotifyError(f"Unable to retrieve endpoint {name}")
        contacts = [contact for aor in endpoint.aors for contact in self._core.location.contacts(aor)]
        if not contacts:
            self._log.warning("endpoint '%s' has no contact to send a NOTIFY to", name)
        for contact in contacts:
            self._send(endpoint, contact, content)

    async def to_uri(self, text: str, content: Content) -> None:
        """To a URI, through ``default_outbound_endpoint``.

        Raises:
            NotifyError: there is no such endpoint, or it is no SIP URI.
        """
        name = self._core.state.default_outbound_endpoint
        endpoint = await self._endpoint(name)
        if endpoint is None:
            raise NotifyError(f"There is no endpoint '{name}' (default_outbound_endpoint) to send to URIs with")
        try:
            uri = Uri.parse(text.strip().removeprefix("<").removesuffix(">"))
        except ParseError as error:
            raise NotifyError(f"'{text}' is not a SIP URI: {error.message}") from error
        if not uri.is_sip or not uri.host:
            raise NotifyError(f"'{text}' is not a SIP URI")
        self._send(endpoint, uri, content)

    def to_channel(self, channel: Channel, content: Content) -> None:
        """In the dialog of a channel.

        Raises:
            NotifyError: it is no SIP channel, or has no dialog yet or any more.
        """
        driver: object = channel.driver
        if channel.dead or not isinstance(driver, SendsInDialog):
            raise NotifyError(f"'{channel.name}' is not a SIP channel")
        body = content.body.encode("utf-8", "surrogateescape")
        if not driver.send_in_dialog("NOTIFY", content.headers, body, content.type):
            raise NotifyError(f"'{channel.name}' has no SIP dialog now")

    def to_channel_named(self, name: str, content: Content) -> None:
        """The same, by the channel's name. Raises :class:`NotifyError`."""
        channel = self._pbx.channels.get(name)
        if channel is None:
            raise NotifyError(f"Unable to find channel {name}")
        self.to_channel(channel, content)

    async def _endpoint(self, name: str) -> Endpoint | None:
        try:
            return await self._core.data.retrieve(Endpoint, name) if name else None
        except DataUnavailableError as error:
            raise NotifyError(f"Endpoint {name} cannot be looked up: {error}") from error

    def _send(self, endpoint: Endpoint, target: Contact | Uri, content: Content) -> None:
        core = self._core
        where = str(target) if isinstance(target, Uri) else target.uri
        try:
            request = core.create_request("NOTIFY", target, endpoint)
            self._fill(request, endpoint, content)
        except (AsterismError, SipError, ValueError) as error:
            raise NotifyError(f"a NOTIFY to {where} cannot be made: {error}") from error
        core.send(request, Outcome(self._log, where), endpoint)

    def _fill(self, request: Request, endpoint: Endpoint, content: Content) -> None:
        user = endpoint.from_user or endpoint.id
        for name in ("From", "Contact"):
            _, _, rest = (request.get(name) or "").partition("@")
            request.set_header(name, f"<sip:{user}@{rest}")
        uri = request.uri
        kept = {name: value for name, value in uri.params.items() if name not in _NOT_IN_TO}
        request.set_header("To", f"<{uri.replace(port=None, params=kept, headers='', password=None)}>")
        last = [(name, value) for name, value in request.headers if name in _LAST]
        for name, _ in last:
            request.remove_header(name)
        for name, value in content.headers:
            request.add_header(name, value)
        for name, value in last:
            if not request.has(name):
                request.add_header(name, value)
        if content.body:
            request.set_body(content.body, content.type)
