"""The messages of a session: what is sent to the peer within its dialog, and by which flow."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from asterism.applications.session.descriptions import carry
from asterism.applications.session.identity import WILDCARDS, address_towards
from asterism.core.errors import AsterismError
from asterism.sip.resolving import Way, way_to
from asterism.sip.style import dress_request
from asterism.stack.errors import ParseError
from asterism.stack.message import make_response
from asterism.stack.transactions.users import NOBODY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asterism.applications.session.identity import EndpointProfile
    from asterism.applications.session.registry import Sessions
    from asterism.sip.core import SipCore
    from asterism.sip.objects.endpoint import Endpoint
    from asterism.sip.rx import Rx
    from asterism.stack.dialog import Dialog
    from asterism.stack.flow import Flow
    from asterism.stack.message import Request, Response
    from asterism.stack.uri import Uri


class SessionMessages:
    """One side of an INVITE dialog: its requests and responses, each with what the supplements put on.

    What they mean for the call is told in :class:`~asterism.applications.session.session.Session`, which has the
    attributes described there.
    """

    __slots__ = ("contact", "core", "dialog", "endpoint", "flow", "keeps_way", "local_address", "profile", "registry")

    core: SipCore
    registry: Sessions
    endpoint: Endpoint
    profile: EndpointProfile
    dialog: Dialog | None
    contact: str
    keeps_way: bool
    flow: Flow
    """Flow of the peer's messages and of ours; set before the first is sent."""
    local_address: str
    """The address of this host that the peer reaches; set with the flow."""

    def use_flow(self, flow: Flow) -> None:
        """Talk to the peer by this flow."""
        self.flow = flow
        host = flow.local[0]
        self.local_address = address_towards(*flow.remote[:2]) if host in WILDCARDS else host

    @property
    def media_address(self) -> str:
        """The address that our descriptions name; one outside of a NAT may change while the call lasts."""
        found = self.endpoint.media_address
        if not found:
            transport = self.core.state.transports.transports.get(self.flow.name)
            if transport is not None and transport.settings.external_media_host:
                found = transport.settings.media_host_for(self.flow.remote[0], self.local_address)
        return found or self.local_address

    def take_target(self, message: Request | Response) -> None:
        """Take the peer's new Contact; one that cannot be read leaves the old one in use."""
        try:
            if self.dialog is not None:
                self.dialog.update_target(message)
        except ParseError as error:
            self.core.log.info("the Contact of %s is left as it was: %s", self.endpoint.id, error.message)

    def respond(self, rx: Rx, status: int, reason: str = "", headers: Sequence[tuple[str, str]] = ()) -> None:
        """Answer a request within the dialog."""
        if headers and not self.endpoint.habits.reasons:
            headers = [line for line in headers if line[0] != "Reason"]
        response = rx.make_response(status, reason, headers)
        for callback in self.profile.callbacks["on_outgoing_response", rx.request.method, status // 100]:
            callback(self, response)
        rx.send(response)

    def make_response(
        self, rx: Rx, status: int, body: bytes | None = None, headers: Sequence[tuple[str, str]] = ()
    ) -> Response:
        """A response to an INVITE or UPDATE with what every one of ours carries, in Asterisk's order.

        Behind that come ``headers``, those of the supplements, and the description in ``body``.
        """
        dialog = self.dialog
        phrases = self.endpoint.habits.phrases
        phrase = phrases.get(status, "")
        response = make_response(rx.request, status, phrase, dialog.local_tag if dialog is not None else "")
        lines = response.headers
        server = self.core.state.server_header
        if server:
            lines.append(("Server", server))
        if status < 300:
            if not self.contact:
                own = self.endpoint.habits.own_number
                self.contact = dialog.contact if dialog is not None and own else self.profile.uas_contact(self.flow)
            lines.append(("Contact", self.contact))
            lines.append(("Allow", self.core.state.capabilities.allow))
            if status >= 200:
                lines.append(("Supported", self.profile.supported))
        for name, value in headers:
            response.add_header(name, value)
        for callback in self.profile.callbacks["on_outgoing_response", rx.request.method, status // 100]:
            callback(self, response)
        if body:
            carry(response, body)
        return response

    def send_request(
        self, method: str, headers: Sequence[tuple[str, str]] = (), body: bytes = b"", content_type: str = "",
        user: Any = None,
    ) -> Any:  # fmt: skip
        """Send a request within the dialog; ``user`` is told of the outcome, ``None`` does not care."""
        dialog = self.dialog
        assert dialog is not None
        request = dialog.create_request(method)
        if method in ("INVITE", "UPDATE"):
            request.add_header("Allow", self.core.state.capabilities.allow)
            request.add_header("Supported", self.profile.supported)
        for callback in self.profile.callbacks["on_outgoing_request", method]:
            callback(self, request)
        for name, value in headers:
            request.add_header(name, value)
        self.profile.finish_request(request)
        if body:
            request.set_body(body, content_type)
        return self.core.send(request, user or NOBODY, self.endpoint, self._flow_to(dialog))

    def send_ack(self, invite: Request) -> None:
        """Acknowledge a 2xx to an INVITE of ours."""
        dialog = self.dialog
        assert dialog is not None
        ack = dialog.create_ack(invite)
        for callback in self.profile.callbacks["on_outgoing_request", "ACK"]:
            callback(self, ack)
        self.profile.finish_request(ack)
        habits = self.endpoint.habits
        if habits.own_number and ack.get("Contact") is None:
            ack.add_header("Contact", dialog.contact)
        if habits.style is not None:
            dress_request(ack, habits.style)
        flow = self._flow_to(dialog)
        if flow is not None:
            self.core.state.layer.send_ack(ack, flow)
        else:
            self.registry.run(self._ack_later(ack, dialog.next_hop))

    async def _ack_later(self, ack: Request, hop: Uri) -> None:
        """Look the next hop up, and acknowledge; over the flow at hand where it cannot be found."""
        flow = self.flow
        try:
            found = way_to(self.core.transports, hop, flow.name, self.endpoint.habits.srv_lookup)
            flow = (found if isinstance(found, Way) else await found).flow
        except (OSError, AsterismError, ParseError) as error:
            self.core.log.warning("no way to %s: %s", hop.host_port, error)
        self.core.state.layer.send_ack(ack, flow)

    def _flow_to(self, dialog: Dialog) -> Flow | None:
        """The flow at hand when it leads to the dialog's next hop, else ``None``: the way must be looked for."""
        flow = self.flow
        if flow.closed:
            return None
        if self.keeps_way:
            return flow
        hop = dialog.next_hop
        host, port = flow.remote
        if hop.host == host and (hop.port or (5061 if flow.secure else 5060)) == port:
            return flow
        if flow.reliable and not dialog.route_set:
            return flow
        try:
            found = way_to(self.core.transports, hop, flow.name, self.endpoint.habits.srv_lookup)
        except (OSError, AsterismError) as error:
            self.core.log.warning("no way to %s: %s", hop.host_port, error)
            return None
        if isinstance(found, Way):
            return found.flow
        if isinstance(found, Coroutine):
            found.close()  # looked up later, by whoever sends
        return None
