"""Our re-INVITE or UPDATE within a call: sent again as often as there is a reason to, and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asterism.applications.session.causes import INTERWORKING
from asterism.applications.session.media import SDP_TYPE, description_of
from asterism.applications.session.state import SessionState
from asterism.stack.errors import ParseError
from asterism.stack.sdp.exchange import Action, Message, OfferState, Side

if TYPE_CHECKING:
    from asterism.applications.session.session import Session
    from asterism.stack.message import Request, Response
    from asterism.stack.timers import Timer

MAX_ATTEMPTS = 6
"""The first, and at most five more after 491, 422 or another exchange that was open."""
PATIENCE = 180.0
"""Seconds after a provisional response within which the final one must come: no timer of the transaction runs then."""
_MESSAGES = {
    "INVITE": (Message.INVITE, Message.OK, Message.INVITE_REFUSED),
    "UPDATE": (Message.UPDATE, Message.UPDATE_OK, Message.UPDATE_REFUSED),
}
_NO_UPDATE = frozenset((405, 501))
"""What a peer without UPDATE answers."""


class Refresh:
    """One change or refresh of a session, until it is through; also the client user of its requests.

    Args:
        session: an answered session.
        method: ``"INVITE"`` or ``"UPDATE"``; empty: an UPDATE to a peer that allows it, else an INVITE.
    """

    __slots__ = ("_again", "_attempts", "_method", "_patience", "_sent", "_slow", "_timer", "session")

    def __init__(self, session: Session, method: str) -> None:
        self.session = session
        self._method = method
        self._attempts = 0
        self._again: str | None = None
        self._sent = ""
        """The method of the request that is on its way, empty between two."""
        self._timer: Timer | None = None
        self._slow: Any = None
        """The transaction of our INVITE, once it has a provisional response."""
        self._patience: Timer | None = None

    def repeat(self, method: str) -> None:
        """Something else has changed: what is not sent yet will tell it, else another request."""
        if self._sent:
            self._again = method
        elif method:
            self._method = method

    def send(self) -> None:
        """Send the request with our description as it is now, or wait until no other exchange is open."""
        session = self.session
        method = self._method or ("UPDATE" if session.peer_allows_update else "INVITE")
        asks, _, refused = _MESSAGES[method]
        self._attempts += 1
        if session.offers.see(Side.US, asks, True) is Action.WAIT:
            self._later()
            return
        body = session.media.offer(session)
        if body is None:
            session.offers.see(Side.PEER, refused)
            session.refreshed()
            return
        self._sent = method
        session.send_request(method, body=body, content_type=SDP_TYPE, user=self)

    def _later(self) -> None:
        """Try again after a while that differs between the two sides, so that they do not meet again (14.1)."""
        session = self.session
        if self._attempts >= MAX_ATTEMPTS:
            session.core.log.info("a change of the session with %s is given up", session.endpoint.id)
            session.refreshed()
            return
        assert session.dialog is not None
        part = int.from_bytes(session.core.random(2), "big")
        # In steps of 10 ms: 2.1 to 4 s for the side that chose the Call-ID, 0 to 2 s for the other.
        delay = 2.1 + part % 191 / 100 if session.dialog.initiator else part % 201 / 100
        self._timer = session.call_later(delay, self.go_on)

    def go_on(self) -> None:
        """The time has come, or the exchange that was in the way is over."""
        if self._timer is not None:
            self.close()
            self.send()

    def close(self) -> None:
        """Stop waiting: the session is over."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._slow is not None:
            self._slow.cancel()
            self._hurry()

    # ClientUser

    def on_response(self, transaction: Any, response: Response) -> None:
        """The final response ends the attempt; repeated 2xx are acknowledged again, also after the end."""
        request = transaction.request
        session = self.session
        if response.status < 200:
            if request.method == "INVITE":
                self._wait_longer(transaction)
            return
        first = session.refreshing is self and self._sent == request.method
        if first and session.work.push(self._take, request, response):
            return
        if response.status < 300 and request.method == "INVITE":
            session.send_ack(request)

    def _wait_longer(self, transaction: Any) -> None:
        """The peer has the INVITE and thinks: for a while, and not when the session is over."""
        if self.session.state is SessionState.ENDED:
            transaction.cancel()
        elif self._slow is not transaction:
            self._hurry()
            self._slow = transaction
            self._patience = self.session.call_later(PATIENCE, transaction.cancel)

    def _hurry(self) -> None:
        self._slow = None
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def on_timeout(self, transaction: Any) -> None:
        """No answer: the peer is gone (RFC 3261 14.1)."""
        self.session.work.push(self._lost)

    def on_transport_error(self, transaction: Any) -> None:
        """The request could not be sent."""
        self.session.work.push(self._lost)

    def _lost(self) -> None:
        if self.session.refreshing is self and self.session.state is SessionState.CONFIRMED:
            self.session.fail(INTERWORKING)

    def _take(self, request: Request, response: Response) -> None:
        session, method, status = self.session, request.method, response.status
        _, ok, refused = _MESSAGES[method]
        self._sent = ""
        self._hurry()
        if status < 300 and method == "INVITE":
            session.take_target(response)
            session.send_ack(request)
        if session.state is SessionState.ENDED:
            return
        session.send_again = False
        for callback in session.profile.callbacks["on_incoming_response", method, status // 100]:
            callback(session, response)
        if status < 300:
            if method == "UPDATE":
                session.take_target(response)
            if not self._answered(response, ok):
                return
            self._done()
            return
        session.offers.see(Side.PEER, refused)
        session.media.roll_back(session)
        if status in (408, 481):
            # RFC 3261 12.2.1.2: the peer no longer knows the dialog.
            session.fail(INTERWORKING)
        elif status == 491:
            self._later()
        elif session.send_again and self._attempts < MAX_ATTEMPTS:
            self.send()
        elif method == "UPDATE" and status in _NO_UPDATE and not self._method:
            session.peer_allows_update = False
            self.send()
        else:
            self._done()

    def _answered(self, response: Response, ok: Message) -> bool:
        """Take the answer of a 2xx; ``False``: the call cannot go on with it."""
        session = self.session
        try:
            description = description_of(response)
        except ParseError:
            description = None
        action = session.offers.see(Side.PEER, ok, description is not None)
        if ok is Message.OK:
            session.offers.see(Side.US, Message.ACK)
        if action is Action.TAKE_ANSWER and description is not None:
            if not session.media.apply(session, description):
                session.fail(58)
                return False
            session.media_changed()
        elif session.offers.state is not OfferState.NONE:
            session.media.roll_back(session)
        return True

    def _done(self) -> None:
        session, again = self.session, self._again
        session.refreshed()
        if again is not None:
            session.refresh(again)
