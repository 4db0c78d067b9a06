"""Calls that arrive: from the INVITE to the final response."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from asterism.applications.session.causes import INTERWORKING, answer_of
from asterism.applications.session.dialog_requests import NO_ANSWER, read_description, refused
from asterism.applications.session.redirecting import diversion_value
from asterism.applications.session.session import Session
from asterism.applications.session.state import BEFORE_ANSWER_STATES, SessionState
from asterism.core.containment import attempt
from asterism.pbx.vocabulary.causes import EXCHANGE_ROUTING_ERROR
from asterism.pbx.vocabulary.party import NOBODY, PartyId, Redirecting
from asterism.sip.nat_detection import behind_nat
from asterism.stack.sdp.exchange import Action, Message, OfferState, Side
from asterism.stack.transactions.reliable import Acknowledged

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from asterism.applications.session.identity import EndpointProfile
    from asterism.applications.session.registry import Sessions
    from asterism.applications.session.sdp_handler import SdpHandler
    from asterism.media.stream import Agreed, Offered
    from asterism.sip.core import SipCore
    from asterism.sip.objects.endpoint import Endpoint
    from asterism.sip.rx import Rx
    from asterism.sip.works import Work
    from asterism.stack.message import Request, Response
    from asterism.stack.sdp import SessionDescription
    from asterism.stack.transactions.reliable import ReliableResponder
    from asterism.stack.transactions.server import ServerTransaction
    from asterism.stack.uri import Uri

_OFFERED_ELSEWHERE = (OfferState.RECEIVED_PRACK, OfferState.RECEIVED_UPDATE)
"""An offer of the peer's is open that the response to its INVITE does not answer."""


class IncomingSession(Session):
    """A call from the endpoint.

    ``caller`` is who calls, as far as the endpoint is believed.
    ``reliable`` sends provisional responses reliably where that was agreed.
    ``final_status`` is a status that ``PJSIPHangup`` asked for, 0 for the one that the cause stands for.
    """

    __slots__ = (
        "_answer_waits",
        "_diversion",
        "_first_offer",
        "_offer",
        "_shown",
        "caller",
        "final_status",
        "reliable",
        "rx",
    )

    def __init__(
        self,
        core: SipCore,
        registry: Sessions,
        endpoint: Endpoint,
        profile: EndpointProfile,
        rx: Rx,
        work: Work,
        offer: SessionDescription | None,
    ) -> None:
        super().__init__(core, registry, endpoint, profile, work)
        self.use_flow(rx.flow)
        self.rx = rx
        if endpoint.detect_nat and "media" in endpoint.detect_nat:
            self.symmetric = self.symmetric and behind_nat(rx.request)
        self.final_status = 0
        self.move(SessionState.INCOMING)
        self.offers.see(Side.PEER, Message.INVITE, offer is not None)
        self._offer = self._first_offer = offer
        self._answer_waits = False
        self._shown = 0
        self._diversion: tuple[tuple[str, str], ...] = ()
        self.caller: PartyId = NOBODY
        self.reliable: ReliableResponder | None = None

    def offered_streams(self, first: bool = False) -> Offered:
        """The streams agreed, or those that an offer which waits for its answer comes to.

        Args:
            first: those that the offer in the INVITE comes to, whatever has become of them.
        """
        offer = self._first_offer if first else self._offer
        if offer is None or (self.media.streams and not first):
            return () if first else super().offered
        log, profile, endpoint = self.core.log, self.profile, self.endpoint
        streams: list[tuple[str, Agreed]] = []
        counts: dict[SdpHandler, int] = {}
        for media in offer.media:
            kind = media.media.lower()
            for handler in self.registry.handlers.get(kind, ()):
                count = counts.get(handler, 0)
                if handler.limit and count >= getattr(endpoint, handler.limit):
                    continue
                name = f"agreed of SDP handler '{handler.name}'"
                found: Agreed = attempt(log, name, (), handler.agreed, profile, offer, media)
                if found:
                    streams.append((kind, found))
                    counts[handler] = count + 1
                    break
        return streams

    # Not by a function of its own: each call asks for it.
    offered = property(offered_streams, doc="Also before the offer is answered: the streams that it comes to.")

    @property
    def request(self) -> Request:
        """The INVITE."""
        return self.rx.request

    @property
    def answered(self) -> bool:
        """Whether the 2xx is out."""
        return self.state not in BEFORE_ANSWER_STATES

    def ring(self) -> None:
        """Send 180; after a 183 only with ``allow_sending_180_after_183``."""
        if self._shown != 183 or self.profile.settings.allow_sending_180_after_183:
            self._provisional(180, False)

    def progress(self) -> None:
        """Send 183 with our description: early media."""
        self._provisional(183, True)

    def tell_connected(self) -> None:
        """Before the answer: with the next response, or with the last one once more (``rpid_immediate``)."""
        if self.answered:
            super().tell_connected()
        elif self.endpoint.rpid_immediate and self._shown and self.untold_party() is not None:
            self._provisional(self._shown, self._shown == 183)

    def proceed(self) -> None:
        """Send 100 once more."""
        if not self.answered:
            self.rx.send(self.rx.make_response(100))

    def divert(self, redirecting: Redirecting | None) -> None:
        """Send 181; it and all further responses tell where the call goes now, or else who sent it there."""
        party = NOBODY if redirecting is None else redirecting.to or redirecting.from_
        if redirecting is not None and party.number and self.endpoint.send_diversion:
            host = self.from_domain or self.local_address
            hidden = party.private and not self.endpoint.trust_id_outbound
            self._diversion = (("Diversion", diversion_value(party, redirecting.reason, host, hidden=hidden)),)
        self._provisional(181, False)

    def _provisional(self, status: int, described: bool) -> None:
        """Send a provisional response; ``described``: with our description, where it may carry one."""
        if self.state not in BEFORE_ANSWER_STATES:
            return
        self.move(SessionState.EARLY)
        if status in (180, 183):
            self._shown = status
        if self.reliable is not None:
            self.reliable.send(partial(self._make_provisional, status, described, Message.RELIABLE), described)
            return
        response = self._make_provisional(status, described, Message.EARLY)
        if response is not None:
            self.rx.send(response)

    def _make_provisional(self, status: int, described: bool, message: Message) -> Response | None:
        """A provisional response as it is to be now; ``None`` when it needs a description and there is none."""
        action = self.offers.see(Side.US, message, described)
        body = b"" if action is Action.NOTHING else self._describe(action)
        if body is None:
            return None
        headers = (("Supported", "histinfo"), *self._diversion) if self._diversion else ()
        return self.make_response(self.rx, status, body, headers)

    def _describe(self, action: Action) -> bytes | None:
        """The description that a response to the INVITE carries, ``None``: there is none to be had."""
        if action is Action.REPEAT:
            return self.media.body
        for callback in self.profile.callbacks["on_describing"]:
            callback(self)
        if action is Action.GIVE_OFFER:
            return self.media.offer(self)
        if action is Action.GIVE_ANSWER and self._offer is not None:
            return self.media.answer(self, self._offer)
        return b""

    def answer(self) -> bool:
        """Send 200 with our description, once reliable responses with one are acknowledged (RFC 3262 3).

        Returns:
            ``False`` when no media could be set up and the call was refused.
        """
        if self.state not in BEFORE_ANSWER_STATES:
            return True
        reliable = self.reliable
        if (reliable is not None and reliable.holds_answer) or self.offers.state in _OFFERED_ELSEWHERE:
            self._answer_waits = True
            return True
        if self.media.opened_legs is not None:
            self.media.opened_legs.answered(self.media.streams)
        action = self.offers.see(Side.US, Message.OK, True)
        body = b"" if action is Action.NOTHING else self._describe(action)
        if body is None:
            self.refuse(488, 58)
            return False
        self.move(SessionState.CONNECTING)
        if reliable is not None:
            reliable.close()
        self.unacknowledged = self.rx.request.cseq.number
        self.rx.send(self.make_response(self.rx, 200, body, self._diversion))
        self._offer = None
        self.remote_hold = False
        return True

    def on_prack(self, rx: Rx) -> None:
        """A PRACK: what it acknowledges, and the offer or answer that it may carry (RFC 3262 3, 5)."""
        reliable = self.reliable
        found = Acknowledged.NOTHING if reliable is None else reliable.receive_prack(rx.request)
        if reliable is None or found is Acknowledged.NOTHING:
            self.respond(rx, 481)
            return
        if found is not Acknowledged.NEW:
            self.respond(rx, 200)
        elif self._take_prack(rx):
            return
        self.offer_settled()

    def offer_settled(self) -> None:
        """Say what waited for a PRACK, or for the answer to another offer of the peer's."""
        if self.state in BEFORE_ANSWER_STATES:
            if self.reliable is not None:
                self.reliable.send_next()
            if self._answer_waits:
                self._answer_waits = False
                self.answer()

    def _take_prack(self, rx: Rx) -> bool:
        """Take what a PRACK carries; whether its offer is answered later."""
        description, readable = read_description(self, rx)
        if not readable:
            return False
        action = self.offers.see(Side.PEER, Message.PRACK, description is not None)
        if refused(self, rx, action):
            return False
        if action is Action.TAKE_OFFER and description is not None:
            waiting = self.registry.candidates(self, description)
            if waiting is not None:
                self.work.push(self._answer_prack_later, waiting, rx, description)
                return True
            self._answer_prack(rx, description)
            return False
        self.respond(rx, 200)
        if action is Action.UNANSWERED or (
            action is Action.TAKE_ANSWER and description is not None and not self.media.apply(self, description)
        ):
            if self.answered:
                self.fail(58)
            else:
                self.refuse(488, 58)
        return False

    async def _answer_prack_later(self, waiting: Awaitable[None], rx: Rx, description: SessionDescription) -> None:
        """Answer its offer when our candidates are known."""
        await waiting
        if self.state is SessionState.ENDED:
            self.respond(rx, 481)
            return
        self._answer_prack(rx, description)
        self.offer_settled()

    def _answer_prack(self, rx: Rx, description: SessionDescription) -> None:
        body = self.media.answer(self, description)
        if body is None:
            self.offers.see(Side.US, Message.PRACK_REFUSED)
            self.respond(rx, 488, headers=NO_ANSWER)
            return
        self.offers.see(Side.US, Message.PRACK_OK, True)
        rx.send(self.make_response(rx, 200, body))
        self.offered_by_peer()

    def give_up(self, cause: int) -> None:
        """Refuse the call with what the cause stands for."""
        if self.final_status:
            self.refuse(self.final_status, cause)
        else:
            status, phrase = answer_of(cause, self.endpoint.habits)
            self.refuse(status, cause, phrase)

    def refuse(self, status: int, cause: int | None, phrase: str = "") -> None:
        """Send a final error response, with this reason phrase or the usual one, and end the session."""
        if self.answered:
            return
        if self.channel is not None and self.channel.out_of_hops and (status == 503 or cause == EXCHANGE_ROUTING_ERROR):
            status, phrase = 483, ""
        self.cause = cause
        response = self.make_response(self.rx, status)
        if phrase:
            response.reason = phrase
        self.rx.send(response)
        self.ended_by_peer(cause or 0)

    def release(self) -> None:
        """Stop repeating responses; let the transaction go as well, as it and its user must not hold each other."""
        if self.reliable is not None:
            self.reliable.close()
            self.reliable = None
        if self.rx.transaction is not None:
            self.rx.transaction.user = None
        super().release()

    def redirect(self, targets: Sequence[Uri]) -> None:
        """Send 302 with these Contacts, the one to be tried first in front, and end the session."""
        self.cause = 0
        name = self.endpoint.habits.redirect_name
        contacts = [f"{name} <{uri}>" if name else f"<{uri}>" for uri in targets]
        if len(contacts) > 1:
            contacts = [f"{one};q={1 - position / 10:.1f}" for position, one in enumerate(contacts)]
        response = self.make_response(self.rx, 302, headers=[("Contact", one) for one in contacts])
        response.add_header("Supported", "histinfo")
        redirecting = None if self.channel is None else self.channel.redirecting
        if redirecting is not None and redirecting.from_.number and self.endpoint.send_diversion:
            host = self.from_domain or self.local_address
            hidden = redirecting.from_.private and not self.endpoint.trust_id_outbound
            value = diversion_value(redirecting.from_, redirecting.reason, host, redirecting.times, hidden)
            response.add_header("Diversion", value)
        self.rx.send(response)
        channel = self.channel
        if channel is None or not self.endpoint.habits.redirect_goes_on:
            self.ended_by_peer(0)
            return
        self.terminate()
        channel.pbx.loop.call_soon(channel.queue_hangup, 0)

    def on_cancel(self, transaction: ServerTransaction, request: Request) -> None:
        """The caller gave up: 487 to the INVITE."""
        if transaction is not self.rx.transaction or self.answered:
            super().on_cancel(transaction, request)
            return
        for callback in self.profile.callbacks["on_incoming_cancel"]:
            callback(self, request)
        told = self.peer_cause
        self.cause = told or 0
        self.rx.send(self.make_response(self.rx, 487))
        self.ended_by_peer(INTERWORKING if told is None else told, 487)

    def bye_received(self) -> None:
        """RFC 3261 15.1.2: a BYE in an early dialog ends the INVITE as well."""
        if self.state in BEFORE_ANSWER_STATES:
            self.cause = self.peer_cause or 0
            self.rx.send(self.make_response(self.rx, 487))
        super().bye_received()
