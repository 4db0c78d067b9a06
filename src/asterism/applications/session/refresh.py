"""Our re-INVITE or UPDATE within a call: sent again as often as there is a reason to, and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asterism.applications.session.causes import INTERWORKING
from asterism.applications.session.descriptions import SDP_TYPE, description_of
from asterism.applications.session.state import SessionState
from asterism.stack.errors import ParseError
from asterism.stack.sdp.exchange import Action, Message, OfferState, Side

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

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
"""Status codes of a peer that does not support UPDATE."""


class Refresh:
    """One change or refresh of a session, until it is through; also the client user of its requests.

    Args:
        session: an answered session.
        method: ``"INVITE"`` or ``"UPDATE"``; empty: an UPDATE to a peer that allows it, else an INVITE.
        needed: whether there is still a reason to, asked before each attempt but the first; ``None``: there is.
        bare: an UPDATE needs no description: it only tells who the other party is.
    """

    __slots__ = (
        "_again", "_attempts", "_bare", "_method", "_needed", "_patience", "_sent", "_slow", "_timer", "session",
    )  # fmt: skip

    def __init__(
        self, session: Session, method: str, needed: Callable[[], bool] | None = None, bare: bool = False
    ) -> None:
        self.session = session
        self._bare = bare
        self._method = method
        self._needed = needed
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
        self._needed = None
        if self._sent:
            self._again = method
            return
        self._bare = False
        if method:
            self._method = method

    @property
    def under_way(self) -> bool:
        """Whether a request is out and not answered."""
        return bool(self._sent)

    def send(self) -> None:
        """Send the request with our description as it is now, or wait until no other exchange is open."""
        session = self.session
        if self._attempts and self._needed is not None and not self._needed():
            session.refreshed()
            return
        method = self._method or ("UPDATE" if session.peer_allows_update else "INVITE")
        asks, _, refused = _MESSAGES[method]
        self._attempts += 1
        self._bare = self._bare and method == "UPDATE"
        if self._bare:
            self._sent = method
            session.send_request(method, user=self)
            return
        waiting = session.registry.candidates(session)
        if waiting is not None:
            session.registry.run(self._send_later(waiting))
            return
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

    async def _send_later(self, waiting: Awaitable[None]) -> None:
        await waiting
        self.session.work.push(self._send_now)

    def _send_now(self) -> None:
        if self.session.refreshing is self and self.session.state is SessionState.CONFIRMED:
            self._attempts -= 1
            self.send()

    def _later(self) -> None:
        """Try again after a while that differs between the two sides, so that they do not meet again (14.1)."""
        session = self.session
        if self._attempts >= MAX_ATTEMPTS:
            if session.direct is not None and session.direct.untold:
                session.direct.refused("491 again and again")
            else:
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
        session = self.session
        if session.refreshing is not self or session.state is not SessionState.CONFIRMED:
            return
        method, self._sent = self._sent, ""
        if method and not self._bare and session.direct is not None and session.direct.going_away:
            session.offers.see(Side.PEER, _MESSAGES[method][2])
            self._refused("no answer")
        else:
            session.fail(INTERWORKING)

    def _refused(self, reason: str) -> None:
        """The offer came to nothing, and that is the end of it."""
        session = self.session
        direct = session.direct
        moving = direct is not None and direct.moving
        switch = session.media.switch
        refused = switch is not None and switch.offered
        session.media.roll_back(session)
        if refused:
            session.media.switch = None  # it is not offered again with what else is due
        if direct is not None and moving:
            direct.refused(reason)
        self._done()

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
            if not self._bare and not self._answered(response, ok):
                return
            self._done()
            return
        if not self._bare:
            session.offers.see(Side.PEER, refused)
        if status == 481 or (status == 408 and not (session.direct is not None and session.direct.going_away)):
            # RFC 3261 12.2.1.2: the peer no longer knows the dialog.
            session.media.roll_back(session)
            session.fail(INTERWORKING)
        elif status == 491:
            session.media.roll_back(session)
            self._later()
        elif session.send_again and self._attempts < MAX_ATTEMPTS:
            session.media.roll_back(session)
            self.send()
        elif method == "UPDATE" and status in _NO_UPDATE and not self._method:
            session.media.roll_back(session)
            session.peer_allows_update = False
            self.send()
        else:
            self._refused(str(status))

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
                if session.media.switch is None:
                    session.fail(58)
                    return False
                # It answers with something else than the stream that it was to change to: back to those of before.
                session.media.roll_back(session)
                session.media.forget_target()
                self._again = "INVITE"
                return True
            session.media_changed()
        elif session.offers.state is not OfferState.NONE:
            session.media.roll_back(session)
        return True

    def _done(self) -> None:
        self.session.refreshed(self._again)
