"""One publication at another server: begun with the first state, kept alive, taken back in the end (RFC 3903 4).

At most one PUBLISH is on its way at a time. What is to be published meanwhile waits, and of each part the newest only.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from asterism.sip.attempt import Attempt
from asterism.sip.delays import seconds_of
from asterism.sip.objects.endpoint import Endpoint
from asterism.sip.outbound_authentication import KnownAuths, authorize
from asterism.sip.tags import new_call_id, new_tag
from asterism.stack.errors import ParseError
from asterism.stack.message import Request, Response
from asterism.stack.uri import Uri

if TYPE_CHECKING:
    from asterism.applications.pubsub.outbound.publish_object import OutboundPublish
    from asterism.sip.core import SipCore
    from asterism.stack.timers import Timer

REFRESH_MARGIN = 5.0
"""Seconds before the expiry at which a publication is refreshed; half its lifetime where that is shorter."""
MAX_WAITING = 10_000
"""Parts that wait to be published; with more the oldest is given up."""
_MAX_ROUNDS = 20
"""Largest number of times that one state is sent again after a challenge, a 412 or a 423."""
_LATER = frozenset({408, 480, 500, 502, 503, 504})
"""Answers after which the same request may well succeed."""


class ClientState(Enum):
    """State of a publication, as listings name it."""

    IDLE = "Idle"
    """Nothing was published yet."""
    PUBLISHED = "Published"
    WAITING = "Waiting"
    """The server could not be reached, or did not want it now."""
    REFUSED = "Refused"
    """The credentials were not accepted; nothing more is sent until a reload."""
    ENDED = "Ended"


class Body(NamedTuple):
    """A state on its way: ``key`` says of which part, ``text`` is empty for a refresh."""

    key: str
    content_type: str
    text: str | bytes


_REFRESH = Body("", "", "")


class _Attempt(Attempt["PublishClient"]):
    """One PUBLISH with its challenges."""

    __slots__ = ("body", "challenges")

    def __init__(self, client: PublishClient, body: Body, expires: int) -> None:
        super().__init__(client, expires)
        self.body = body
        self.challenges = 0


class PublishClient:
    """Keeps one publication.

    Attributes:
        config: the object that it is of.
        user: the user part of all URIs with ``multi_user``, else ``""``.
        status: how it stands.
        tag: its entity tag at the server.
        ends_at: when it ends there, on the clock of the timers.
    """

    def __init__(
        self, core: SipCore, config: OutboundPublish, user: str, lost: Callable[[PublishClient, str | None], None]
    ) -> None:
        """``lost(client, key)`` is called when the server has forgotten it; ``key`` is what is sent again, if any."""
        self._core = core
        self.config = config
        self.user = user
        self._lost = lost
        self.status = ClientState.IDLE
        self.tag = ""
        self.ends_at = 0.0
        self._expiration = config.expiration
        self._waiting: dict[str, Body] = {}
        self._attempt: _Attempt | None = None
        self._auths = KnownAuths(core.data)
        self._timer: Timer | None = None
        self._hold: Timer | None = None
        self._closed = False
        self._over: Callable[[PublishClient], None] | None = None
        self._sender = Endpoint(f"outbound-publish/{config.id}")
        self._sender.transport = config.transport
        self._renew_identity()

    def _renew_identity(self) -> None:
        self._call_id = new_call_id()
        self._cseq = secrets.randbelow(32767) + 1

    @property
    def remaining(self) -> int:
        """Seconds until it ends at the server; 0 while there is none."""
        return max(round(self.ends_at - self._clock()), 0) if self.tag else 0

    @property
    def waiting(self) -> int:
        """Number of parts that wait to be sent."""
        return len(self._waiting)

    # What others ask for.

    def publish(self, body: Body) -> None:
        """Publish a state, in its turn."""
        if self._closed or self.status is ClientState.REFUSED:
            return
        waiting = self._waiting
        if body.key not in waiting and len(waiting) >= MAX_WAITING:
            key = next(iter(waiting))
            del waiting[key]
            self._log("'%s' is given up: too much waits to be published", key)
        waiting[body.key] = body
        self._go_on()

    def close(self, over: Callable[[PublishClient], None]) -> None:
        """Remove the publication at the server, once what is on its way was answered; nothing is published any more.

        ``over(client)`` is called when it is removed there, or cannot be; at once where there is none.
        """
        self._closed = True
        self._over = over
        self._waiting.clear()
        self._cancel()
        self._go_on()

    # Sending.

    def _clock(self) -> float:
        return self._core.layer.timers.clock()

    def _go_on(self) -> None:
        if self._attempt is not None:
            return
        if self._closed:
            if self.tag and self.status is not ClientState.REFUSED:
                self._send(_REFRESH, 0)
            else:
                self._end()
        elif self._waiting and self._hold is None:
            self._send(self._waiting.pop(next(iter(self._waiting))), self._expiration)

    def _end(self) -> None:
        self.status = ClientState.ENDED
        over, self._over = self._over, None
        if over is not None:
            over(self)

    def _send(self, body: Body, expires: int) -> None:
        attempt = self._attempt = _Attempt(self, body, expires)
        self._transmit(attempt)

    def _transmit(self, attempt: _Attempt) -> None:
        self._cseq += 1
        self._auths.get(self.config.outbound_auth)
        try:
            request = self._request(attempt)
        except ParseError as error:
            self._attempt = None
            self._log("it cannot be sent: %s", error.message)
            if self._closed:
                self._end()
            return
        attempt.outgoing = self._core.send(request, attempt, self._sender)

    def _request(self, attempt: _Attempt) -> Request:
        """The lines in Asterisk's order. Raises ``ParseError`` for a URI that is none."""
        config, state, body = self.config, self._core.state, attempt.body
        request = Request("PUBLISH", self.uri(config.server_uri))
        add = request.add_header
        if config.outbound_proxy:
            add("Route", f"<{config.outbound_proxy.strip('<>')}>")
        add("From", f"<{_address(self.uri(config.to_uri))}>;tag={new_tag()}")
        add("To", f"<{_address(self.uri(config.from_uri))}>")
        add("Call-ID", self._call_id)
        add("CSeq", f"{self._cseq} PUBLISH")
        add("Event", config.event)
        if self.tag:
            add("SIP-If-Match", self.tag)
        add("Expires", str(attempt.expires))
        add("Max-Forwards", str(state.max_forwards))
        if state.user_agent:
            add("User-Agent", state.user_agent)
        if body.text:
            request.set_body(body.text, body.content_type)
        return request

    def uri(self, text: str) -> Uri:
        """A URI of the object (``server_uri`` where it is empty), with our user. Raises ``ParseError``."""
        uri = Uri.parse(text or self.config.server_uri)
        return uri.replace(user=self.user) if self.user else uri

    # What comes back.

    def answered(self, attempt: _Attempt, request: Request, response: Response) -> None:
        """A final response."""
        if attempt is not self._attempt:
            return
        attempt.rounds += 1
        self._cseq = max(self._cseq, request.cseq.number)
        if attempt.rounds <= _MAX_ROUNDS and self._again(attempt, request, response):
            return
        self._attempt = None
        status = response.status
        if self._closed:
            # Whether it was removed or not: it is not ours any more.
            self.tag = response.get("SIP-ETag") or "" if attempt.expires and status < 300 else ""
        elif status < 300:
            self._published(attempt, response)
        elif status in (401, 407):
            self._refused()
        else:
            self._failed_with(attempt, response)
        self._go_on()

    def failed(self, attempt: _Attempt, why: str) -> None:
        """No answer, or no way."""
        if attempt is not self._attempt:
            return
        self._attempt = None
        if self._closed:
            self.tag = ""
        else:
            self._later(attempt.body, self.config.retry_interval, why)
        self._go_on()

    def _again(self, attempt: _Attempt, request: Request, response: Response) -> bool:
        """Answer a challenge, begin anew after 412, ask for the longer lifetime of a 423."""
        status = response.status
        if status in (401, 407):
            attempt.challenges += 1
            return attempt.challenges <= self.config.max_auth_attempts and self._authorize(attempt, request, response)
        if not attempt.expires:
            return False
        if status == 412 and self.tag:
            self._forgotten(attempt.body.key if attempt.body.text else None)
            if not attempt.body.text:
                return False
            self._transmit(attempt)
            return True
        shortest = seconds_of(response, "Min-Expires")
        if status == 423 and shortest not in (0, attempt.expires):
            attempt.expires = self._expiration = shortest
            self._transmit(attempt)
            return True
        return False

    def _authorize(self, attempt: _Attempt, request: Request, response: Response) -> bool:
        auths = self._auths.get(self.config.outbound_auth)
        if not auths:
            return False
        state = self._core.state
        again = authorize(request, response, auths, state.auth_algorithms_uac, state.nonce_counts)
        if again is None:
            return False
        self._cseq = again.cseq.number
        flow = attempt.outgoing.flow if attempt.outgoing is not None else None
        attempt.outgoing = self._core.send(again, attempt, self._sender, flow)
        return True

    def _published(self, attempt: _Attempt, response: Response) -> None:
        self.tag = (response.get("SIP-ETag") or "").strip()
        try:
            expires = response.expires
        except ParseError:
            expires = None
        seconds = attempt.expires if expires is None else expires
        if not self.tag or not seconds:
            self._log("the server's answer names no entity tag, or no time")
            self.tag = ""
            return
        self.status = ClientState.PUBLISHED
        self.ends_at = self._clock() + seconds
        self._schedule(max(seconds - REFRESH_MARGIN, seconds / 2))

    def _schedule(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._core.layer.timers.call_later(seconds, self._due)

    def _due(self) -> None:
        """The time to refresh has come, or that to see that it was not refreshed."""
        self._timer = None
        if self._closed or not self.tag:
            return
        if self.ends_at <= self._clock():
            self._forgotten(None)
        elif self._attempt is not None or self._hold is not None:
            # What is on its way refreshes as well; if it fails, there is still some time.
            self._schedule(max(min(1.0, self.ends_at - self._clock()), 0.1))
        elif self._waiting:
            self._go_on()
        else:
            self._send(_REFRESH, self._expiration)

    def _forgotten(self, sent: str | None) -> None:
        """The server has it no more: what comes next begins a new one."""
        self.tag = ""
        self.status = ClientState.IDLE
        self._renew_identity()
        self._lost(self, sent)

    def _refused(self) -> None:
        self.status = ClientState.REFUSED
        self._waiting.clear()
        self._cancel()
        self.tag = ""
        self._log("the credentials are not accepted; nothing more is published until a reload")

    def _failed_with(self, attempt: _Attempt, response: Response) -> None:
        """An answer that is none of those: the state is dropped (as in Asterisk 22), unless it says when to try."""
        why = f"the answer was {response.status} {response.reason}"
        after = seconds_of(response, "Retry-After") if response.status in _LATER else 0
        if after:
            self._later(attempt.body, after, why)
            return
        self._log("%s; the next change tries again", why)
        if not attempt.body.text and response.status != 412:
            self._retry_refresh()

    def _later(self, body: Body, seconds: int, why: str) -> None:
        """Send a state again, after a while; a newer one takes its place."""
        if not seconds:
            self._log("%s; the next change tries again", why)
            return
        self._log("%s; the next attempt is in %d s", why, seconds)
        self.status = ClientState.WAITING
        if body.text:
            self._waiting = {body.key: body, **self._waiting}
        self._hold = self._core.layer.timers.call_later(seconds, self._held)
        if not body.text:
            self._retry_refresh()

    def _held(self) -> None:
        self._hold = None
        self._go_on()

    def _retry_refresh(self) -> None:
        """A refresh came to nothing: try once more in the time that is left, then begin anew."""
        left = self.ends_at - self._clock()
        self._schedule(max(left / 2, 0.0) if left > 2 else max(left, 0.0))

    def _cancel(self) -> None:
        for timer in (self._timer, self._hold):
            if timer is not None:
                timer.cancel()
        self._timer = self._hold = None

    def _log(self, text: str, *args: object) -> None:
        whose = f"'{self.config.id}'" + (f" ({self.user})" if self.user else "")
        said = text % args if args else text
        self._core.log.warning("outbound-publish %s at %s: %s", whose, self.config.server_uri, said)


def _address(uri: Uri) -> Uri:
    """The URI as From and To carry it: without port (as Asterisk 22 does)."""
    return uri.replace(port=None, params={}, headers="", password=None)
