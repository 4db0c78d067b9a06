"""Calls that are made: from the INVITE to the answer."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from asterism.applications.session.branches import LateAnswers, dialog_of
from asterism.applications.session.causes import (
    ANSWERED_ELSEWHERE,
    BEARER_NOT_AVAILABLE,
    COMPLETED_ELSEWHERE,
    CONGESTION,
    INTERWORKING,
    NO_USER_RESPONSE,
    NORMAL_CLEARING,
    reason_lines,
    refused_as,
)
from asterism.applications.session.descriptions import carry, description_of
from asterism.applications.session.forking import ForkedSession
from asterism.applications.session.inherited_headers import add_inherited
from asterism.applications.session.invite import REFERRED_BY, add_referred_by, make_invite
from asterism.applications.session.redirecting import extension_of, targets_of, told_redirecting
from asterism.applications.session.state import ANSWERED_STATES, UNANSWERED_CALL_STATES, SessionState
from asterism.applications.session.testing_aids import tell_end, tell_late_answer
from asterism.core.errors import AsterismError
from asterism.pbx.calls.local import destination
from asterism.pbx.vocabulary.controls import Control
from asterism.pbx.vocabulary.party import NOBODY, PartyId, Redirecting
from asterism.sip.resolving import Way
from asterism.stack.errors import ParseError
from asterism.stack.headers import NameAddr
from asterism.stack.message import Request, reason_phrase
from asterism.stack.sdp.exchange import Message, Side
from asterism.stack.transactions.client_invite import InviteClientTransaction
from asterism.stack.transactions.reliable import requires_100rel

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from asterism.applications.session.identity import EndpointProfile
    from asterism.applications.session.registry import Sessions
    from asterism.applications.session.technology import SessionTechnology
    from asterism.sip.core import SipCore
    from asterism.sip.objects.endpoint import Endpoint
    from asterism.sip.sending import OutgoingRequest
    from asterism.sip.works import Work
    from asterism.stack.flow import Flow
    from asterism.stack.message import Response
    from asterism.stack.uri import Uri

_SHOWN = {"busy": Control.BUSY, "congestion": Control.CONGESTION}
_NOT_ACCEPTABLE = frozenset((488, 606))
"""Status codes of a peer that cannot have what it was offered (RFC 3261 21.4.26, 21.6.4)."""
MAX_REDIRECTS = 5
"""Largest number of times that an INVITE follows a 3xx by itself (``redirect_method=uri_pjsip``)."""


class OutgoingSession(ForkedSession):
    """A call to one contact or URI of the endpoint.

    ``target`` is the Request-URI, ``contact_name`` the AOR that it came from (empty for a URI that was
    dialled), ``added_headers`` what ``PJSIP_HEADER(add)`` put on. ``call_id`` and ``max_forwards`` are what the INVITE
    is to have, empty and ``None``: the usual; so are ``to_uri``, the URI of To, and ``from_user``. ``hop`` is the next
    hop where it is not the first of the path, or the target. With ``secure`` it goes only where nobody can
    listen (TLS).
    """

    __slots__ = (
        "_outgoing",
        "_tried",
        "_way",
        "added_headers",
        "aor",
        "call_id",
        "caller",
        "final_response",
        "from_params",
        "from_user",
        "hop",
        "max_forwards",
        "path",
        "secure",
        "target",
        "to_uri",
    )

    def __init__(
        self,
        core: SipCore,
        registry: Sessions,
        endpoint: Endpoint,
        profile: EndpointProfile,
        work: Work,
        target: Uri,
        path: Sequence[str] = (),
        aor: str = "",
    ) -> None:
        super().__init__(core, registry, endpoint, profile, work)
        self.target = target
        self.path = path
        self.aor = aor
        self.to_uri = ""
        self.hop: Uri | None = None
        self.from_user = ""
        self.caller: PartyId = NOBODY
        self.added_headers: list[tuple[str, str]] = []
        self.from_params: Sequence[tuple[str, str, str]] = ()
        """Parameters of From that ``PJSIP_HEADER_PARAM`` put on: ``header`` or ``uri``, name and value."""
        self.call_id = ""
        self.max_forwards: int | None = None
        self.secure = False
        self.final_response: Response | None = None
        self._outgoing: OutgoingRequest | None = None
        self._cancelled = False
        self._branches = {}
        self.sequences = {}
        self._heard = None
        self._tried: tuple[str, ...] = ()
        """Targets of redirections so far."""
        self._way: Way | None = None

    # The INVITE.

    @property
    def sent(self) -> Request | None:
        """The INVITE as it went out last; ``None`` before."""
        return None if self._outgoing is None else self._outgoing.request

    def call(self, caller: PartyId) -> None:
        """Send the INVITE; what becomes of it comes to the channel."""
        self.caller = caller
        self.move(SessionState.CALLING)
        for callback in self.profile.callbacks["on_outgoing_call"]:
            callback(self)
        self._find_way()

    def _find_way(self) -> None:
        """Find the flow to the next hop, then send; a name has to be looked up first."""
        hop = self.hop or (NameAddr.parse(self.path[0]).uri if self.path else self.target)
        try:
            found = self.core.way_to(hop, self.endpoint)
        except (OSError, AsterismError, ParseError) as error:
            self._no_way(error)
            return
        if isinstance(found, Way):
            self._go(found)
        else:
            self.registry.run(self._wait_for_way(found))

    async def _wait_for_way(self, waiting: Awaitable[Way]) -> None:
        try:
            way = await waiting
        except (OSError, AsterismError, ParseError) as error:
            self.work.push(self._no_way, error)
        else:
            self.work.push(self._go, way)

    async def _wait_for_candidates(self, waiting: Awaitable[None], way: Way) -> None:
        await waiting
        self.work.push(self._go, way)

    def _no_way(self, error: Exception) -> None:
        self.core.log.warning("no way to %s: %s", self.target.host_port, error)
        self._go(None)

    def on_flow_changed(self, flow: Flow, request: Request) -> None:
        """The INVITE goes to another target of the same name, as the first did not answer."""
        self.use_flow(flow)
        request.set_header("Contact", self.profile.uac_contact(self.caller, flow))

    def _go(self, way: Way | None) -> None:
        """Send the INVITE along ``way``."""
        if self.state is not SessionState.CALLING:
            return
        if way is None:
            self._refused(503, reason_phrase(503), CONGESTION)
            return
        if self.secure and not way.flow.secure:
            self.core.log.warning("%s is not called: secure signalling is demanded", self.endpoint.id)
            self._refused(488, reason_phrase(488), BEARER_NOT_AVAILABLE)
            return
        self._way = way
        self.use_flow(way.flow)
        for one in self.registry.gathering:
            if one.context.gathers and not self.media.body and (waiting := one.before(self)) is not None:
                self.registry.run(self._wait_for_candidates(waiting, way))
                return
        body = self.media.body or self.media.offer(self)
        if body is None:
            self._refused(488, reason_phrase(488), 58)
            return
        self.offers.see(Side.US, Message.INVITE, True)
        request = make_invite(self, None if self._outgoing is None else self.invite)
        for callback in self.profile.callbacks["on_outgoing_request", "INVITE"]:
            callback(self, request)
        channel = self.channel
        if channel is not None and channel.inheritance is not None:
            if REFERRED_BY in channel.inheritance:
                add_referred_by(request, channel)
            add_inherited(request, channel)
        request.headers.extend(self.added_headers)
        self.profile.finish_request(request, None if channel is None else channel.hops, self.max_forwards)
        carry(request, body)
        self._outgoing = self.core.send(request, self, self.endpoint, self._way)

    def _send_again(self, way: Way | None = None) -> None:
        """Send the refused INVITE once more, the same way or to another target; what branches there were are over."""
        self._leave_dialogs()
        self.dialog = self._heard = None
        self.move(SessionState.CALLING)
        if way is not None:
            self._go(way)
        else:
            self._find_way()

    # What comes back (ClientUser).

    def on_response(self, transaction: Any, response: Response) -> None:
        """A response to the INVITE."""
        self.invite = transaction.request
        if not self.work.push(self._take_response, response):
            # The call is over; a branch that answers late must still be told (RFC 3261 13.2.2.4).
            self._take_response(response)

    def on_timeout(self, transaction: Any) -> None:
        """No answer came in time."""
        self.work.push(self._no_response, 408)

    def on_transport_error(self, transaction: Any) -> None:
        """The INVITE could not be delivered."""
        self.work.push(self._no_response, 503)

    def _no_response(self, status: int) -> None:
        if self.state is SessionState.ENDED:
            self._finish()
        elif self.state in UNANSWERED_CALL_STATES:
            cause = NO_USER_RESPONSE if status == 408 else CONGESTION
            self._refused(status, reason_phrase(status), cause)

    def _take_response(self, response: Response) -> None:
        status = response.status
        if status == 100:
            return
        if 200 <= status < 300:
            self._success(response)
            return
        if self.state not in UNANSWERED_CALL_STATES:
            if status >= 300 and self.state is SessionState.ENDED:
                self._finish()
            return
        self.send_again = False
        for callback in self.profile.callbacks["on_incoming_response", "INVITE", status // 100]:
            callback(self, response)
        if status < 200:
            self._provisional(response)
            return
        self.offers.see(Side.PEER, Message.INVITE_REFUSED)
        if status < 400:
            self._redirected(response)
        elif self.send_again or (status in _NOT_ACCEPTABLE and self.media.offer_in_clear(self)):
            self._send_again(self._way)
        else:
            cause, shown = refused_as(status, self.endpoint.habits)
            self.final_response = response
            self._refused(status, response.reason, cause if self.peer_cause is None else self.peer_cause, shown)

    def _refused(self, status: int, reason: str, cause: int, shown: str = "") -> None:
        channel = self.channel
        self.terminate()
        self._finish()
        if channel is not None:
            if shown:
                channel.refuse(_SHOWN[shown], cause, f"SIP {status} {reason}", status)
            channel.queue_hangup(cause, f"SIP {status} {reason}", status)

    # Before the answer.

    def _provisional(self, response: Response) -> None:
        self.move(SessionState.EARLY)
        message = Message.EARLY
        try:
            branch = self._branch_of(response)
            if branch is not None and response.get("RSeq") is not None and self._acknowledges(response):
                rack = branch.receive_reliable(response)
                if rack is None:
                    return  # repeated, or one before it got lost and will be repeated (RFC 3262 4)
                message = Message.RELIABLE
                self.offers.see(Side.US, Message.PRACK)
                self.send_request("PRACK", headers=(("RAck", str(rack)),))
            description = description_of(response) if response.body else None
        except ParseError:
            description = branch = None
        if branch is not None:
            for callback in self.profile.callbacks["on_provisional", "INVITE"]:
                callback(self, response)
        progress = description is not None and self._early_answer(branch, message, description)
        channel = self.channel
        if channel is None:
            return
        status = response.status
        if status == 180:
            channel.queue_control(Control.RINGING)
            if progress:
                channel.queue_control(Control.PROGRESS)
        elif status == 183:
            if progress or not self.endpoint.ignore_183_without_sdp:
                channel.queue_control(Control.PROGRESS)
        elif status == 181:
            channel.queue_control(Control.REDIRECTING, told_redirecting(response))
        else:
            channel.queue_control(Control.PROCEEDING)

    def _acknowledges(self, response: Response) -> bool:
        """Whether a provisional response is reliable and that was agreed on."""
        return requires_100rel(response) and self.endpoint.rel100 != "no" and "100rel" in self.profile.supported

    # The answer.

    def _success(self, response: Response) -> None:
        try:
            tag = response.to.tag or ""
        except ParseError:
            tag = ""
        if self.state in ANSWERED_STATES:
            if self.dialog is not None and tag == self.dialog.remote_tag:
                self.send_ack(self.invite)  # our ACK got lost
            else:
                self._decline(response)
            return
        if self.state is SessionState.ENDED:
            # The answer crossed our CANCEL (RFC 3261 13.2.2.4).
            if self.core.test_events.wanted:
                tell_late_answer(self.core.test_events, self.endpoint.id, response)
            self._decline(response)
            self._finish()
            return
        branch, readable = self._answering_branch(tag, response)
        if branch.dialog is not self.dialog:
            self._use(branch)
        if readable:
            for callback in self.profile.callbacks["on_incoming_response", "INVITE", 2]:
                callback(self, response)
        self.move(SessionState.CONFIRMED)
        self.final_response = response
        self.peer_allows_update = "UPDATE" in (response.get("Allow") or "") and not self.refuses("UPDATE")
        self.send_ack(self.invite)
        if not readable:
            self.core.log.warning("the answer of %s cannot be read; ending the call", self.endpoint.id)
            self.fail(INTERWORKING)
            return
        if self.media.opened_legs is not None:
            self.media.opened_legs.answered(self.media.streams)
        if self._agrees(branch, response) and self.channel is not None:
            self.channel.queue_control(Control.ANSWER)
            if self.profile.told_identities and self.refreshing is None:
                self.tell_connected()  # another one may be calling by now: nothing could tell that before

    # Redirection.

    def _redirected(self, response: Response) -> None:
        """3xx: to the dial plan, to Dial, or straight on, as ``redirect_method`` says."""
        channel = self.channel
        targets = targets_of(response, numbers=self.endpoint.redirect_method == "user")
        if not targets or channel is None:
            self._refused(response.status, response.reason, 0)
            return
        method = self.endpoint.redirect_method
        target = targets[0]
        if method == "uri_pjsip":
            self._tried = (*self._tried, str(self.target))
            fresh = next((one for one in targets if str(one) not in self._tried), None)
            if fresh is None or len(self._tried) > MAX_REDIRECTS:
                self._refused(response.status, response.reason, 0)
                return
            self.target = fresh
            self.path = ()
            self._send_again()
            return
        if method == "user":
            context = channel.get_variable("FORWARD_CONTEXT") or channel.context or self.endpoint.context
            # A target that is forwarded to names an extension and nothing more, in whatever form it is written.
            where = destination(extension_of(target), context)
        else:
            technology: SessionTechnology = channel.technology  # type: ignore[assignment]
            where = technology.forwarded(self.endpoint, target)
        told = told_redirecting(response) or Redirecting()
        channel.data["diversion"] = replace(told, to=PartyId(extension_of(target)))
        self.terminate()
        channel.queue_control(Control.FORWARD, where)
        if channel.alive:
            # The forwarding was not taken up.
            channel.queue_hangup(0, f"SIP {response.status} {response.reason}", response.status)

    # The end.

    def give_up(self, cause: int) -> None:
        """Cancel the INVITE. The session's media end now, the transaction when its final response comes."""
        if self._outgoing is not None and self.state in UNANSWERED_CALL_STATES:
            headers: tuple[tuple[str, str], ...] = ()
            if not self.endpoint.habits.reasons:
                headers = (("Reason", COMPLETED_ELSEWHERE),) if cause == ANSWERED_ELSEWHERE else ()
            elif not self.endpoint.suppress_q850_reason_headers:
                headers = reason_lines(cause)
            self._cancelled = self._cancel(self._outgoing, headers)
        self.terminate()

    def _cancel(self, outgoing: OutgoingRequest, headers: tuple[tuple[str, str], ...]) -> bool:
        """Send CANCEL, now or after the first provisional response; whether a final response will come of it."""
        transaction = outgoing.transaction
        if not isinstance(transaction, InviteClientTransaction):
            return False
        outgoing.cancelled = True
        for callback in self.profile.callbacks["on_outgoing_request", "CANCEL"]:
            cancel = Request("CANCEL", outgoing.request.uri)
            cancel.headers = list(headers)
            callback(self, cancel)
            headers = tuple(cancel.headers)
        return transaction.cancel((*headers, *self.profile.user_agent))

    def release(self) -> None:
        """Keep the work while a cancelled INVITE waits for its final response."""
        if not self._cancelled:
            self._finish()

    def test_end(self) -> None:
        """Tell tests that the session has ended, and where it led to."""
        found = self.core.location.find(f"{self.aor}/{self.target}") if self.aor else None
        tell_end(self.core.test_events, self.endpoint.id, self.aor, "" if found is None else found.id)

    def _finish(self) -> None:
        """The final response is there, or none matters any more."""
        self._cancelled = False
        self._branches.clear()
        self.work.close()
        if self._outgoing is not None:
            make = partial(_late_session, self.core, self.registry, self.endpoint, self.target, self.sequences)
            self._outgoing.user = LateAnswers(self.flow, make)

    def answered_late(self, invite: Request, response: Response) -> None:
        """Acknowledge a 2xx that came when the call was over, and end what it set up."""
        self.dialog = dialog = dialog_of(invite, response)[0]
        self.move(SessionState.CONFIRMED)
        self.send_ack(invite)
        self._count_on(dialog)
        self.hang_up(NORMAL_CLEARING)


def _late_session(
    core: SipCore, registry: Sessions, endpoint: Endpoint, target: Uri, sequences: dict[str, int | None]
) -> OutgoingSession:
    """A session for a branch that answers when its call is over."""
    work = core.create_work(f"session/{endpoint.id}")
    session = OutgoingSession(core, registry, endpoint, registry.profiles.of(endpoint), work, target)
    session.sequences = sequences
    return session
