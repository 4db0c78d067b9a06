"""Calls that are made: from the INVITE to the answer."""

from __future__ import annotations

import asyncio
from itertools import repeat
from typing import TYPE_CHECKING, Any

from asterism.applications.session.causes import (
    CONGESTION,
    NO_USER_RESPONSE,
    NORMAL_CLEARING,
    cause_of_status,
    reason_lines,
)
from asterism.applications.session.headers import ALLOW
from asterism.applications.session.identity import sip_uri
from asterism.applications.session.media import carry, description_of
from asterism.applications.session.session import Session
from asterism.applications.session.state import ANSWERED_STATES, SessionState
from asterism.core.errors import AsterismError
from asterism.core.identifiers import random_uuid
from asterism.pbx.controls import Control
from asterism.pbx.party import NOBODY, PartyId
from asterism.sip.phone_numbers import as_phone
from asterism.sip.resolving import Way
from asterism.stack.dialog import Dialog
from asterism.stack.errors import ParseError
from asterism.stack.headers import NameAddr
from asterism.stack.message import Request, reason_phrase
from asterism.stack.transactions.client_invite import InviteClientTransaction
from asterism.stack.uri import Uri

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from asterism.applications.session.identity import EndpointProfile
    from asterism.applications.session.registry import Sessions
    from asterism.sip.core import SipCore
    from asterism.sip.objects.endpoint import Endpoint
    from asterism.sip.sending import OutgoingRequest
    from asterism.sip.works import Work
    from asterism.stack.flow import Flow
    from asterism.stack.message import Response
    from asterism.stack.sdp import SessionDescription

MAX_REDIRECTS = 5


class OutgoingSession(Session):
    """A call to one contact or URI of the endpoint.

    ``target`` is the Request-URI, ``contact_name`` the AOR that it came from (empty for a URI that was
    dialled), ``added_headers`` what ``PJSIP_HEADER(add)`` put on.
    """

    __slots__ = (
        "_cancelled",
        "_early_tag",
        "_outgoing",
        "_redirects",
        "_to_tag",
        "_way",
        "added_headers",
        "aor",
        "caller",
        "final_response",
        "got_progress",
        "invite",
        "path",
        "target",
    )

    invite: Request
    """The INVITE that was answered last; with credentials, its CSeq is another."""

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
        self.caller: PartyId = NOBODY
        self.added_headers: list[tuple[str, str]] = []
        self.final_response: Response | None = None
        self.got_progress = False
        self._outgoing: OutgoingRequest | None = None
        self._cancelled = False
        self._early_tag = ""
        self._to_tag: str | None = None
        self._redirects = 0
        self._way: Way | None = None

    # The INVITE.

    def call(self, caller: PartyId) -> None:
        """Send the INVITE; what becomes of it comes to the channel."""
        self.caller = caller
        self.state = SessionState.CALLING
        self._find_way()

    def _find_way(self) -> None:
        """Find the flow to the next hop, then send; a name has to be looked up first."""
        hop = NameAddr.parse(self.path[0]).uri if self.path else self.target
        try:
            found = self.core.way_to(hop, self.endpoint)
        except (OSError, AsterismError, ParseError) as error:
            self._no_way(error)
            return
        if isinstance(found, Way):
            self._go(found)
        else:
            task = asyncio.get_running_loop().create_task(self._wait_for_way(found))
            self.registry.tasks.add(task)
            task.add_done_callback(self.registry.tasks.discard)

    async def _wait_for_way(self, waiting: Awaitable[Way]) -> None:
        try:
            way = await waiting
        except (OSError, AsterismError, ParseError) as error:
            self.work.push(self._no_way, error)
        else:
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
        self._way = way
        self.use_flow(way.flow)
        body = self.media.body or self.media.offer(self)
        if body is None:
            self._refused(488, reason_phrase(488), 58)
            return
        request = self._make_invite()
        for callback in self.profile.callbacks["on_outgoing_request", "INVITE"]:
            callback(self, request)
        request.headers.extend(self.added_headers)
        self.profile.finish_request(request)
        carry(request, body)
        self._outgoing = self.core.send(request, self, self.endpoint, self._way)

    def _make_invite(self) -> Request:
        profile, flow, target = self.profile, self.flow, self.target
        random = self.core.random
        phone = self.endpoint.user_eq_phone
        request = Request("INVITE", as_phone(target) if phone else target)
        request.headers = [
            ("From", f"{profile.from_header(self.caller, self.local_address)};tag={random_uuid(random)}"),
            ("To", f"<{sip_uri(target.user, target.host, phone)}>"),
            ("Contact", profile.uac_contact(self.caller, flow)),
            ("Call-ID", random_uuid(random)),
            ("CSeq", f"{int.from_bytes(random(4), 'big') % 32767 + 1} INVITE"),
            *zip(repeat("Route"), self.path),
            ("Allow", ALLOW),
            ("Supported", f"{self.profile.supported}, histinfo"),
        ]
        return request

    # What comes back (ClientUser).

    def on_response(self, transaction: Any, response: Response) -> None:
        """A response to the INVITE."""
        self.invite = transaction.request
        if not self.work.push(self._take_response, response):
            # The call is over; a branch that answers late must still be told (RFC 3261 13.2.2.4).
            self._take_response(response)

    def on_timeout(self, transaction: Any) -> None:
        """Nobody answered in time."""
        self.work.push(self._no_response, 408)

    def on_transport_error(self, transaction: Any) -> None:
        """The INVITE could not be delivered."""
        self.work.push(self._no_response, 503)

    def _no_response(self, status: int) -> None:
        if self.state is SessionState.ENDED:
            self._finish()
        elif self.state in (SessionState.CALLING, SessionState.EARLY):
            cause = NO_USER_RESPONSE if status == 408 else CONGESTION
            self._refused(status, reason_phrase(status), cause)

    def _take_response(self, response: Response) -> None:
        status = response.status
        if status == 100:
            return
        if 200 <= status < 300:
            self._success(response)
            return
        if self.state not in (SessionState.CALLING, SessionState.EARLY):
            if status >= 300 and self.state is SessionState.ENDED:
                self._finish()
            return
        for callback in self.profile.callbacks["on_incoming_response", "INVITE", status // 100]:
            callback(self, response)
        if status < 200:
            self._provisional(response)
        elif status < 400:
            self._redirected(response)
        else:
            cause = self.peer_cause if self.peer_cause is not None else cause_of_status(status)
            self.final_response = response
            self._refused(status, response.reason, cause)

    def _refused(self, status: int, reason: str, cause: int) -> None:
        channel = self.channel
        self.terminate()
        self._finish()
        if channel is not None:
            channel.queue_hangup(cause, f"SIP {status} {reason}", status)

    # Before the answer.

    def _provisional(self, response: Response) -> None:
        tag = response.to.tag
        self.state = SessionState.EARLY
        if tag and response.get("Contact") is not None:
            if tag != self._to_tag:
                self._open_dialog(response, tag)
            for callback in self.profile.callbacks["on_provisional", "INVITE"]:
                callback(self, response)
        try:
            description = description_of(response)
        except ParseError:
            description = None
        progress = description is not None and self._early_answer(description, tag or "")
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
                self.got_progress = progress
                channel.queue_control(Control.PROGRESS)
        else:
            channel.queue_control(Control.PROCEEDING)

    def _early_answer(self, description: SessionDescription, tag: str) -> bool:
        """Take the answer of a provisional response; whether there is early media of this branch."""
        endpoint, system = self.endpoint, self.profile.system
        if self._early_tag and tag != self._early_tag:
            if not (endpoint.follow_early_media_fork and system.follow_early_media_fork):
                return False
        elif self._is_repeated(tag):
            return True
        applied = self.media.apply(self, description)
        if applied:
            self._early_tag = tag
        return applied

    def _is_repeated(self, tag: str) -> bool:
        """Whether this branch has answered before, so that another answer of it is ignored (RFC 3261 13.2.1)."""
        more = self.endpoint.accept_multiple_sdp_answers and self.profile.system.accept_multiple_sdp_answers
        return bool(tag) and tag == self._early_tag and not more

    def _open_dialog(self, response: Response, tag: str) -> None:
        """Make the dialog of this branch of the call the session's own, instead of an earlier branch's."""
        if self.dialog is not None:
            self.core.dialogs.remove(self.dialog, self)
        self.dialog = Dialog.uac(self.invite, response)
        self._to_tag = tag
        self.core.dialogs.add(self.dialog, self, self.work, self.endpoint)

    # The answer.

    def _success(self, response: Response) -> None:
        tag = response.to.tag or ""
        if self.state in ANSWERED_STATES:
            if tag == self._to_tag:
                self.send_ack(self.invite)  # our ACK got lost
            else:
                self._decline(response)
            return
        if self.state is SessionState.ENDED:
            # The answer crossed our CANCEL (RFC 3261 13.2.2.4).
            self._decline(response)
            self._finish()
            return
        for callback in self.profile.callbacks["on_incoming_response", "INVITE", 2]:
            callback(self, response)
        self.final_response = response
        if tag != self._to_tag:
            self._open_dialog(response, tag)
        assert self.dialog is not None
        self.dialog.update_target(response)
        self.state = SessionState.CONFIRMED
        self.peer_allows_update = "UPDATE" in (response.get("Allow") or "")
        self.send_ack(self.invite)
        try:
            description = description_of(response)
            if description is None:
                usable = bool(self._early_tag)
            else:
                usable = self._is_repeated(tag) or self.media.apply(self, description)
        except ParseError:
            usable = False
        channel = self.channel
        if not usable:
            self.fail(58)
        elif channel is not None:
            channel.queue_control(Control.ANSWER)

    def _decline(self, response: Response) -> None:
        """Acknowledge a 2xx that is not wanted, and end what it set up: another branch of the call answered first."""
        try:
            dialog = Dialog.uac(self.invite, response)
        except ParseError:
            return
        mine, self.dialog = self.dialog, dialog
        try:
            self.send_ack(self.invite)
            self.send_request("BYE", headers=reason_lines(NORMAL_CLEARING))
        finally:
            self.dialog = mine

    # Redirection.

    def _redirected(self, response: Response) -> None:
        """3xx: to the dial plan, to Dial, or straight on, as ``redirect_method`` says."""
        channel = self.channel
        try:
            contacts = [one.uri for one in response.contacts if one.uri.is_sip]
        except ParseError:
            contacts = []
        if not contacts or channel is None:
            self._refused(response.status, response.reason, 0)
            return
        method = self.endpoint.redirect_method
        target = contacts[0]
        if method == "uri_pjsip" and self._redirects < MAX_REDIRECTS:
            self._redirects += 1
            self.target = target
            self.path = ()
            self.state = SessionState.CALLING
            self._find_way()
            return
        if method == "user":
            context = channel.context or self.endpoint.context
            where = f"Local/{target.user}@{context}"
        else:
            where = f"PJSIP/{self.endpoint.id}/{target}"
        self.terminate()
        channel.queue_control(Control.FORWARD, where)
        if channel.alive:
            # Nobody was there to forward it.
            channel.queue_hangup(0, f"SIP {response.status} {response.reason}", response.status)

    # The end.

    def give_up(self, cause: int) -> None:
        """Cancel the INVITE. The session's media end now, the transaction when its final response comes."""
        if self._outgoing is not None and self.state in (SessionState.CALLING, SessionState.EARLY):
            headers = () if self.endpoint.suppress_q850_reason_headers else reason_lines(cause)
            self._cancelled = self._cancel(self._outgoing, headers)
        self.terminate()

    def _cancel(self, outgoing: OutgoingRequest, headers: tuple[tuple[str, str], ...]) -> bool:
        """Send CANCEL, now or after the first provisional response; whether a final response will come of it."""
        transaction = outgoing.transaction
        if not isinstance(transaction, InviteClientTransaction):
            return False
        outgoing.cancelled = True
        return transaction.cancel((*headers, *self.profile.user_agent))

    def release(self) -> None:
        """Keep the work while a cancelled INVITE waits for its final response."""
        if not self._cancelled:
            self._finish()

    def _finish(self) -> None:
        """The final response is there, or none matters any more."""
        self._cancelled = False
        self.work.close()
        if self._outgoing is not None:
            self._outgoing.user = LateAnswers(self)

    def answered_late(self, invite: Request, response: Response) -> None:
        """Acknowledge a 2xx that came when the call was over, and end what it set up."""
        try:
            self.dialog = Dialog.uac(invite, response)
        except ParseError:
            self.terminate()
            return
        self.state = SessionState.CONFIRMED
        self.send_ack(invite)
        self.hang_up(NORMAL_CLEARING)


class LateAnswers:
    """The client user of an INVITE whose session is over: a branch that answers now is ended (RFC 3261 13.2.2.4).

    It takes the session's place, so that a session does not stay for as long as forks may answer.
    """

    __slots__ = ("_core", "_endpoint", "_flow", "_registry", "_target")

    def __init__(self, session: OutgoingSession) -> None:
        self._core = session.core
        self._registry = session.registry
        self._endpoint = session.endpoint
        self._target = session.target
        self._flow = session.flow

    def on_response(self, transaction: Any, response: Response) -> None:
        """Give the branch a session of its own, which ends at once."""
        if not 200 <= response.status < 300:
            return
        core, endpoint = self._core, self._endpoint
        work = core.create_work(f"session/{endpoint.id}")
        profile = self._registry.profiles.of(endpoint)
        branch = OutgoingSession(core, self._registry, endpoint, profile, work, self._target)
        branch.use_flow(self._flow)
        work.push(branch.answered_late, transaction.request, response)

    def on_timeout(self, transaction: Any) -> None:
        """Take no notice."""

    def on_transport_error(self, transaction: Any) -> None:
        """Take no notice."""
