"""Calls that arrive: from the INVITE to the final response."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.applications.session.causes import INTERWORKING, status_of_cause
from asterism.applications.session.session import Session
from asterism.applications.session.state import BEFORE_ANSWER_STATES, SessionState
from asterism.pbx.party import NOBODY, PartyId
from asterism.stack.errors import ParseError
from asterism.stack.headers import NameAddr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asterism.applications.session.identity import EndpointProfile
    from asterism.applications.session.registry import Sessions
    from asterism.media.formats import Format
    from asterism.sip.core import SipCore
    from asterism.sip.objects.endpoint import Endpoint
    from asterism.sip.rx import Rx
    from asterism.sip.works import Work
    from asterism.stack.message import Request
    from asterism.stack.sdp import SessionDescription
    from asterism.stack.transactions.reliable import ReliableResponder
    from asterism.stack.transactions.server import ServerTransaction


class IncomingSession(Session):
    """A call from the endpoint.

    ``caller`` is who calls, as far as the endpoint is believed.
    ``reliable`` sends provisional responses reliably where that was agreed.
    ``final_status`` is a status that ``PJSIPHangup`` asked for, 0 for the one that the cause stands for.
    """

    __slots__ = ("_answered_offer", "_offer", "_shown", "caller", "final_status", "reliable", "rx")

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
        self.final_status = 0
        self.state = SessionState.INCOMING
        self._offer = offer
        self._answered_offer: bytes | None = None
        self._shown = 0
        self.caller: PartyId = NOBODY
        self.reliable: ReliableResponder | None = None

    @property
    def agreed(self) -> Sequence[Format]:
        """The formats that the caller's offer comes to, before it is answered; nothing without an offer."""
        offer = self._offer
        if offer is None:
            return ()
        for media in offer.media:
            for handler in self.registry.handlers.get(media.media, ()):
                found = handler.agreed(self.profile, offer, media)
                if found:
                    return found
        return ()

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
            self._provisional(180, None)

    def progress(self) -> None:
        """Send 183 with our description: early media."""
        body = self.prepare_media()
        if body is None and self._offer is not None:
            return
        self._provisional(183, body)

    def tell_connected(self) -> None:
        """Before the answer: with the next response, or with the last one once more (``rpid_immediate``)."""
        if self.answered:
            super().tell_connected()
        elif self.endpoint.rpid_immediate and self._shown and self.untold_party() is not None:
            self._provisional(self._shown, self._answered_offer if self._shown == 183 else None)

    def proceed(self, status: int = 100) -> None:
        """Send 100 once more, or 181."""
        if status == 100:
            if not self.answered:
                self.rx.send(self.rx.make_response(100))
        else:
            self._provisional(status, None)

    def _provisional(self, status: int, body: bytes | None) -> None:
        if self.state not in BEFORE_ANSWER_STATES:
            return
        self.state = SessionState.EARLY
        if status in (180, 183):
            self._shown = status
        response = self.make_response(self.rx, status, body)
        if self.reliable is not None:
            self.reliable.send(response)
        else:
            self.rx.send(response)

    def answer(self) -> bool:
        """Send 200 with our description; ``False`` when no media could be set up and the call was refused."""
        if self.state not in BEFORE_ANSWER_STATES:
            return True
        body = self.prepare_media()
        if body is None:
            self.refuse(488, 58)
            return False
        self.state = SessionState.CONNECTING
        if self.reliable is not None:
            self.reliable.close()
        if self._offer is None:
            self._waits_for_answer = True
        self.rx.send(self.make_response(self.rx, 200, body))
        self._offer = None
        self.remote_hold = False
        return True

    def prepare_media(self) -> bytes | None:
        """Our answer to the INVITE's offer (or our offer, when it had none); written once."""
        if self._answered_offer is None:
            offer = self._offer
            self._answered_offer = self.media.offer(self) if offer is None else self.media.answer(self, offer)
        return self._answered_offer

    def give_up(self, cause: int) -> None:
        """Refuse the call with what the cause stands for."""
        self.refuse(self.final_status or status_of_cause(cause), cause)

    def refuse(self, status: int, cause: int | None) -> None:
        """Send a final error response and end the session."""
        if self.answered:
            return
        self.cause = cause
        self.rx.send(self.make_response(self.rx, status))
        self.ended_by_peer(cause or 0)

    def release(self) -> None:
        """Stop repeating responses; let the transaction go as well, as it and its user must not hold each other."""
        if self.reliable is not None:
            self.reliable.close()
            self.reliable = None
        if self.rx.transaction is not None:
            self.rx.transaction.user = None
        super().release()

    def redirect(self, contact: str) -> bool:
        """Send 302 with that SIP URI as Contact; ``False`` for what is no URI."""
        try:
            target = NameAddr.parse(contact)
        except ParseError:
            return False
        if not target.uri.is_sip:
            return False
        self.rx.send(self.make_response(self.rx, 302, headers=(("Contact", f"<{target.uri}>"),)))
        self.ended_by_peer(0)
        return True

    def on_cancel(self, transaction: ServerTransaction, request: Request) -> None:
        """The caller gave up: 487 to the INVITE."""
        if transaction is not self.rx.transaction or self.answered:
            return
        for callback in self.profile.callbacks["on_incoming_cancel"]:
            callback(self, request)
        told = self.peer_cause
        self.cause = told or 0
        self.rx.send(self.make_response(self.rx, 487))
        self.ended_by_peer(INTERWORKING if told is None else told, 487)

    def _on_bye(self, rx: Rx) -> None:
        # RFC 3261 15.1.2: a BYE in an early dialog ends the INVITE as well.
        if self.state in BEFORE_ANSWER_STATES:
            self.cause = self.peer_cause or 0
            self.rx.send(self.make_response(self.rx, 487))
        super()._on_bye(rx)
