"""A session: an INVITE dialog and its media, the far end of one channel (docs/development/architecture.md, "A call").

What both directions share is here: requests within the dialog, offers and answers, the end.
:mod:`.uas` and :mod:`.uac` add how a session begins when the peer calls, and when we do.

Everything runs in the packet's or the dial plan's own call: no task belongs to a session.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asterism.applications.session.causes import INTERWORKING, NORMAL_CLEARING
from asterism.applications.session.client_users import Refresh
from asterism.applications.session.headers import ACCEPT, ALLOW
from asterism.applications.session.identity import WILDCARDS, address_towards
from asterism.applications.session.media import SDP_TYPE, SessionMedia, carry, description_of, not_understood
from asterism.applications.session.state import ANSWERED_STATES, SessionState
from asterism.core.errors import AsterismError
from asterism.pbx.controls import Control
from asterism.sip.resolving import flow_to
from asterism.stack.errors import ParseError
from asterism.stack.flow import Flow
from asterism.stack.message import make_response
from asterism.stack.transactions.users import NOBODY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from asterism.applications.session.identity import EndpointProfile
    from asterism.applications.session.registry import Sessions
    from asterism.media.formats import Format
    from asterism.media.stream import AudioStream
    from asterism.pbx.channel import Channel
    from asterism.pbx.party import PartyId
    from asterism.sip.core import SipCore
    from asterism.sip.objects.endpoint import Endpoint
    from asterism.sip.rx import Rx
    from asterism.sip.works import Work
    from asterism.stack.dialog import Dialog
    from asterism.stack.message import Request, Response
    from asterism.stack.timers import Timer
    from asterism.stack.transactions.server import ServerTransaction


_NO_ANSWER = (("Warning", '390 SIP "No SDP answer"'), ("Accept", ACCEPT), ("Reason", "Q.850;cause=0"))
"""Headers of the 488 to an offer that nothing can be taken from, as Asterisk 22 sends them."""


class Session:
    """One call leg.

    Attributes:
        endpoint: whose call this is.
        channel: its channel; ``None`` before it is made and after it was hung up.
        contact: the Contact of our responses, once worked out.
        dialog: the dialog, once there is one.
        work: what in-dialog requests are pushed to.
        audio: the audio stream, once negotiated or offered.
        datastores: what supplements keep, by their names. What has a method ``close`` is closed with the session.
        cause: the Q.850 cause we end the session with, ``None`` before.
        peer_cause: the cause the peer told in a Reason header.
        held: the channel at the other side of the bridge put this one on hold.
        remote_hold: the peer put us on hold.
        offer_all: our offer is to name every codec of the endpoint, not only those agreed.
        told: number and name of the party that the peer was told of last.
    """

    __slots__ = (
        "_reinvite",
        "_waits_for_answer",
        "audio",
        "bye_pending",
        "cause",
        "channel",
        "contact",
        "core",
        "datastores",
        "dialog",
        "endpoint",
        "flow",
        "held",
        "local_address",
        "media",
        "offer_all",
        "offer_formats",
        "peer_allows_update",
        "peer_cause",
        "profile",
        "registry",
        "remote_hold",
        "state",
        "told",
        "work",
    )

    flow: Flow
    """Where the peer's messages come from and ours go; set before the first is sent."""
    local_address: str
    """The address of this host that the peer reaches; set with the flow."""

    def __init__(
        self, core: SipCore, registry: Sessions, endpoint: Endpoint, profile: EndpointProfile, work: Work
    ) -> None:
        self.core = core
        self.registry = registry
        self.endpoint = endpoint
        self.profile = profile
        self.work = work
        work.subject = self
        self.state = SessionState.NEW
        self.channel: Channel | None = None
        self.dialog: Dialog | None = None
        self.audio: AudioStream | None = None
        self.media = SessionMedia()
        self.datastores: dict[str, Any] = {}
        self.cause: int | None = None
        self.peer_cause: int | None = None
        self.held = False
        self.remote_hold = False
        self.peer_allows_update = False
        self.bye_pending = False
        self.offer_all = False
        self.told: tuple[str, str] | None = None
        self.offer_formats = profile.formats
        self.contact = ""
        self._reinvite: object | None = None
        self._waits_for_answer = False
        registry.live[self] = None

    def __repr__(self) -> str:
        return f"<Session {self.endpoint.id} {self.state.value}>"

    def log_fields(self) -> Mapping[str, str]:
        """What log records of this session carry (:class:`~asterism.core.log.LogSubject`)."""
        if self.channel is not None:
            return self.channel.log_fields()
        return {} if self.dialog is None else {"call_id": self.dialog.call_id}

    # What supplements and SDP handlers ask.

    @property
    def formats(self) -> Sequence[Format]:
        """The endpoint's codecs in its order."""
        return self.profile.formats

    @property
    def confirmed(self) -> bool:
        """Whether the call is answered and not over."""
        return self.state in ANSWERED_STATES

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
                found = transport.settings.media_host_for(self.flow.remote[0])
        return found or self.local_address

    def call_later(self, delay: float, function: Callable[..., object], *args: Any) -> Timer:
        """Run ``function(*args)`` in the session's work after ``delay`` seconds."""
        return self.core.layer.timers.call_later(delay, self._in_work, function, args)

    def _in_work(self, function: Callable[..., object], args: tuple[Any, ...]) -> None:
        self.work.push(function, *args)

    def on_rtp_digit_begin(self, digit: str) -> None:
        """A digit began as RFC 4733 events."""
        if self.channel is not None:
            self.channel.queue_digit_begin(digit, self.audio is not None and self.audio.relays_digits)

    def on_rtp_digit(self, digit: str, duration_ms: int) -> None:
        """A digit came as RFC 4733 events."""
        if self.channel is not None:
            self.channel.queue_digit(digit, duration_ms, self.audio is not None and self.audio.relays_digits)

    def set_remote_hold(self, hold: bool) -> None:
        """The peer's description says whether it holds us; told to the channel when that changes."""
        if hold == self.remote_hold:
            return
        self.remote_hold = hold
        if self.channel is not None and self.confirmed:
            self.channel.queue_control(Control.HOLD if hold else Control.UNHOLD)

    def media_changed(self) -> None:
        """Streams or codecs of an answered call are others now: the bridge looks for the cheapest way anew."""
        if self.channel is not None and self.channel.bridge is not None:
            self.channel.bridge.connect_media()

    # Requests within the dialog.

    def on_request(self, rx: Rx) -> bool:
        """Handle an in-dialog request (``DialogUsage``); ``False`` for methods a session has no part in."""
        method = rx.request.method
        for callback in self.profile.callbacks["on_incoming_request", method]:
            if callback(self, rx):
                return True
        handler = _HANDLERS.get(method)
        if handler is None:
            return False
        getattr(self, handler)(rx)
        return True

    def _on_bye(self, rx: Rx) -> None:
        self._respond(rx, 200)
        self.ended_by_peer(self.peer_cause if self.peer_cause is not None else NORMAL_CLEARING)

    def _on_reinvite(self, rx: Rx) -> None:
        if self._reinvite is not None:
            self._respond(rx, 491)
            return
        if self.state is not SessionState.CONFIRMED:
            # RFC 3261 14.2: an INVITE of the peer is not through yet (or its ACK is missing).
            self._respond(rx, 500, headers=(("Retry-After", "1"),))
            return
        self._take_offer(rx, is_invite=True)

    def _on_update(self, rx: Rx) -> None:
        if self._reinvite is not None and rx.request.body:
            self._respond(rx, 491)
            return
        self._take_offer(rx, is_invite=False)

    def _take_offer(self, rx: Rx, *, is_invite: bool) -> None:
        """Answer the offer of a re-INVITE or UPDATE; a re-INVITE without one gets ours."""
        request = rx.request
        try:
            description = description_of(request)
        except ParseError as error:
            self._respond(rx, error.status, not_understood(request) if error.status == 415 else ())
            return
        body: bytes | None = None
        if description is not None:
            body = self.media.answer(self, description)
        elif is_invite:
            self.offer_all = self.profile.settings.all_codecs_on_empty_reinvite
            body = self.media.offer(self)
            self.offer_all = False
            self._waits_for_answer = True
        if body is None and (description is not None or is_invite):
            self._respond(rx, 488, headers=_NO_ANSWER)
            return
        assert self.dialog is not None
        self.dialog.update_target(request)
        transaction = rx.transaction_for()
        transaction.user = self
        if is_invite:
            self.state = SessionState.CONNECTING
        rx.send(self.make_response(rx, 200, body))
        if description is not None:
            self.media_changed()

    def _on_options(self, rx: Rx) -> None:
        headers = (
            ("Accept", ACCEPT),
            ("Allow", ALLOW),
            ("Supported", self.profile.supported),
            ("Accept-Encoding", "identity"),
            ("Accept-Language", "en"),
        )
        self._respond(rx, 200, headers=headers)

    def _on_info(self, rx: Rx) -> None:
        # Nothing that a supplement takes (RFC 6086 4.2.2 asks for 469 only where packages are negotiated).
        self._respond(rx, 415, headers=(("Accept", "application/dtmf-relay, application/dtmf"),))

    def _respond(self, rx: Rx, status: int, headers: Sequence[tuple[str, str]] = ()) -> None:
        response = rx.make_response(status, headers=headers)
        for callback in self.profile.callbacks["on_outgoing_response", rx.request.method, status // 100]:
            callback(self, response)
        rx.send(response)

    # Responses of our own making.

    def make_response(
        self, rx: Rx, status: int, body: bytes | None = None, headers: Sequence[tuple[str, str]] = ()
    ) -> Response:
        """A response to an INVITE or UPDATE with what every one of ours carries, in Asterisk's order.

        Behind that come ``headers``, those of the supplements, and the description in ``body``.
        """
        dialog = self.dialog
        response = make_response(rx.request, status, "", dialog.local_tag if dialog is not None else "")
        lines = response.headers
        server = self.core.state.server_header
        if server:
            lines.append(("Server", server))
        if status < 300:
            if not self.contact:
                self.contact = self.profile.uas_contact(self.flow)
            lines.append(("Contact", self.contact))
            lines.append(("Allow", ALLOW))
            if status >= 200:
                lines.append(("Supported", self.profile.supported))
        for name, value in headers:
            response.add_header(name, value)
        for callback in self.profile.callbacks["on_outgoing_response", rx.request.method, status // 100]:
            callback(self, response)
        if body:
            carry(response, body)
        return response

    def on_ack(self, request: Request) -> None:
        """The ACK to a 2xx of ours (``DialogUsage``)."""
        if self.state is not SessionState.CONNECTING:
            return
        self.state = SessionState.CONFIRMED
        if self.bye_pending:
            self._send_bye()
            return
        if self._waits_for_answer:
            self._waits_for_answer = False
            try:
                description = description_of(request)
            except ParseError:
                description = None
            if description is None or not self.media.apply(self, description):
                self.fail(58)
            else:
                self.media_changed()
        if self.profile.told_identities:
            self.tell_connected()

    def on_cancel(self, transaction: ServerTransaction, request: Request) -> None:
        """A re-INVITE is cancelled; it was answered already, so nothing is left to stop."""

    def on_ack_timeout(self, transaction: ServerTransaction) -> None:
        """Nobody acknowledged our final response: the dialog is useless (RFC 3261 13.3.1.4)."""
        if self.state is not SessionState.CONNECTING:
            return
        self.state = SessionState.CONFIRMED
        self.core.log.info("no ACK came from %s; ending the call", self.endpoint.id)
        self.fail(INTERWORKING)

    def on_response_error(self, transaction: ServerTransaction) -> None:
        """Our response could not be sent."""
        if transaction.request.method == "INVITE" and self.state is not SessionState.ENDED:
            self.ended_by_peer(INTERWORKING)

    # Requests of our own in the dialog.

    def send_request(
        self, method: str, headers: Sequence[tuple[str, str]] = (), body: bytes = b"", content_type: str = "",
        user: Any = None,
    ) -> Any:  # fmt: skip
        """Send a request within the dialog; ``user`` is told of the outcome, ``None`` does not care."""
        dialog = self.dialog
        assert dialog is not None
        request = dialog.create_request(method)
        if method in ("INVITE", "UPDATE"):
            request.add_header("Allow", ALLOW)
            request.add_header("Supported", self.profile.supported)
        for callback in self.profile.callbacks["on_outgoing_request", method]:
            callback(self, request)
        for name, value in headers:
            request.add_header(name, value)
        self.profile.finish_request(request)
        if body:
            request.set_body(body, content_type)
        return self.core.send(request, user or NOBODY, self.endpoint, self._flow_to(dialog))

    def untold_party(self) -> PartyId | None:
        """Whom the peer is connected to, if it may know and does not yet."""
        endpoint, channel = self.endpoint, self.channel
        if channel is None or not endpoint.send_connected_line or not self.profile.told_identities:
            return None
        party = channel.connected
        if not party.number or (party.private and not endpoint.trust_id_outbound):
            return None
        return None if (party.number, party.name) == self.told else party

    def tell_connected(self) -> None:
        """Tell an answered peer that it is connected to another party now, as soon as it can be told."""
        party = self.untold_party()
        if party is not None and self.state is SessionState.CONFIRMED and self._reinvite is None:
            self.told = (party.number, party.name)
            self.refresh(update=self.endpoint.connected_line_method == "update")

    def refresh(self, body: bytes | None = None, *, update: bool = False) -> None:
        """Send a re-INVITE with our description as it stands, or an UPDATE to a peer that allows it (or ``update``)."""
        if self.state is not SessionState.CONFIRMED or self._reinvite is not None:
            return
        method = "UPDATE" if update or self.peer_allows_update else "INVITE"
        offer = body or self.media.offer(self)
        if offer is None:
            return
        refresh = Refresh(self, method)
        self._reinvite = refresh
        self.send_request(method, body=offer, content_type=SDP_TYPE, user=refresh)

    def refreshed(self, invite: Request, response: Response | None) -> None:
        """The outcome of :meth:`refresh`; ``None`` for no answer at all."""
        method = invite.method
        self._reinvite = None
        if self.state is SessionState.ENDED:
            return
        status = 408 if response is None else response.status
        if response is not None:
            for callback in self.profile.callbacks["on_incoming_response", method, status // 100]:
                callback(self, response)
            if status < 300:
                assert self.dialog is not None
                self.dialog.update_target(response)
                if method == "INVITE":
                    self.send_ack(invite)
                try:
                    description = description_of(response)
                except ParseError:
                    description = None
                if description is not None:
                    self.media.apply(self, description)
                    self.media_changed()
                self.tell_connected()
                return
        if status in (408, 481):
            # RFC 3261 12.2.1.2: the peer no longer knows the dialog.
            self.fail(INTERWORKING)

    def send_ack(self, invite: Request) -> None:
        """Acknowledge a 2xx to an INVITE of ours."""
        dialog = self.dialog
        assert dialog is not None
        ack = dialog.create_ack(invite)
        self.profile.finish_request(ack)
        self.core.state.layer.send_ack(ack, self._flow_to(dialog) or self.flow)

    def _flow_to(self, dialog: Dialog) -> Flow | None:
        """The flow at hand when it leads to the dialog's next hop, else ``None``: the way must be looked for."""
        flow = self.flow
        if flow.closed:
            return None
        hop = dialog.next_hop
        host, port = flow.remote
        if hop.host == host and (hop.port or (5061 if flow.secure else 5060)) == port:
            return flow
        if flow.reliable and not dialog.route_set:
            return flow
        try:
            found = flow_to(self.core.transports, hop, flow.name)
        except (OSError, AsterismError) as error:
            self.core.log.warning("no way to %s: %s", hop.host_port, error)
            return None
        return found if isinstance(found, Flow) else None

    def send_digit_info(self, digit: str, duration_ms: int) -> None:
        """Send a digit as INFO, for ``dtmf_mode=info``."""
        if self.confirmed:
            body = f"Signal={digit}\r\nDuration={duration_ms}\r\n".encode()
            self.send_request("INFO", body=body, content_type="application/dtmf-relay")

    # The end.

    def hang_up(self, cause: int) -> None:
        """End the session from our side, however far it got; the channel is gone already or going."""
        if self.state is SessionState.ENDED:
            return
        self.cause = cause
        if self.state is SessionState.CONFIRMED:
            self._send_bye()
        elif self.state is SessionState.CONNECTING:
            # RFC 3261 15: the called side must not send BYE before the ACK.
            self.bye_pending = True
            self.media.close()
        else:
            self.give_up(cause)

    def give_up(self, cause: int) -> None:
        """End an unanswered session; each direction has its own way."""
        self.terminate()

    def fail(self, cause: int) -> None:
        """End an answered session that cannot go on, telling both the peer and the channel."""
        channel = self.channel
        self.hang_up(cause or NORMAL_CLEARING)
        if channel is not None:
            channel.queue_hangup(cause)

    def ended_by_peer(self, cause: int, status: int = 0) -> None:
        """The session is over: free everything and tell the channel; ``status`` is of the final response."""
        channel = self.channel
        self.terminate()
        if channel is not None:
            channel.queue_hangup(cause, tech_cause=status)

    def _send_bye(self) -> None:
        self.send_request("BYE")
        self.terminate()

    def terminate(self) -> None:
        """Free the dialog, the media and the work; harmless when done before."""
        if self.state is SessionState.ENDED:
            return
        self.state = SessionState.ENDED
        for callback in self.profile.callbacks["on_end"]:
            callback(self)
        for kept in self.datastores.values():
            if hasattr(kept, "close"):
                kept.close()
        if self.dialog is not None:
            self.core.dialogs.remove(self.dialog, self)
        self.media.close()
        self.registry.live.pop(self, None)
        self.channel = None
        self.release()

    def release(self) -> None:
        """Free what outlives the media: the work."""
        self.work.close()


_HANDLERS = {
    "BYE": "_on_bye",
    "INVITE": "_on_reinvite",
    "UPDATE": "_on_update",
    "OPTIONS": "_on_options",
    "INFO": "_on_info",
}
"""The methods of a session that take a request which no supplement has taken."""
