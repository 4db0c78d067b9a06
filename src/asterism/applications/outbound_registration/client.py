"""One registration at another server: register, refresh, try again, take back.

At most one REGISTER is on its way at a time; what is asked for meanwhile is done when it is over.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Sequence
from enum import Enum
from typing import TYPE_CHECKING

from asterism.applications.outbound_registration.events import REGISTRY
from asterism.applications.outbound_registration.request import (
    Identity,
    granted,
    make_register,
    sender_of,
    service_route,
)
from asterism.sip.attempt import Attempt
from asterism.sip.delays import seconds_of
from asterism.sip.outbound_authentication import KnownAuths, authorize
from asterism.sip.scheduled import ScheduledTask
from asterism.sip.tags import new_call_id, new_tag
from asterism.stack.errors import ParseError

if TYPE_CHECKING:
    from asterism.sip.core import SipCore
    from asterism.sip.objects.registration import Registration
    from asterism.stack.flow import Flow
    from asterism.stack.message import Request, Response
    from asterism.stack.timers import Timer

TEMPORARY = frozenset({408, 430, 480, 500, 502, 503, 504, 580, 600, 603})
"""Answers after which the same request may well succeed (``retry_interval``); no answer at all counts as 408."""
_MAX_ROUNDS = 5
"""Largest number of further requests in one attempt after a challenge or a 423."""


class RegistrationStatus(Enum):
    """The state of a registration, as listings and events name it."""

    UNREGISTERED = "Unregistered"
    REGISTERED = "Registered"
    REJECTED = "Rejected"


class _Attempt(Attempt["RegistrationClient"]):
    """One REGISTER with its challenges; ``credentials``: whether one was answered."""

    __slots__ = ("credentials",)

    def __init__(self, client: RegistrationClient, expires: int) -> None:
        super().__init__(client, expires)
        self.credentials = False


class RegistrationClient:
    """Keeps one ``registration`` object registered.

    Attributes:
        config: the object.
        status: what came of the last attempt.
        when: on the clock of the timers: when the registration expires, when the next attempt is due, or when it was
            given up; ``None`` where there is nothing to tell.
        retries: failed attempts in a row.
        refused: status of the answer that the last attempt failed with, 0 where none came; ``None`` after a success.
        refresh_after: seconds from the last acceptance to the refresh, 0 if there was none.
        registered_at: when it was last accepted, in seconds since the epoch; ``None`` if never.
        watchers: called with this client when an attempt has an outcome.
    """

    def __init__(
        self, core: SipCore, config: Registration, watchers: Sequence[Callable[[RegistrationClient], None]] = ()
    ) -> None:
        self._core = core
        self.config = config
        self.identity = Identity(
            new_call_id(), secrets.randbelow(65535) + 1, secrets.token_hex(6) if config.line else ""
        )
        self.status = RegistrationStatus.UNREGISTERED
        self.when: float | None = None
        self.retries = 0
        self.refused: int | None = None
        self.refresh_after = 0
        self.registered_at: float | None = None
        self.watchers = watchers
        self._expiration = config.expiration
        self._verify: tuple[str, ...] = ()
        self._timer: Timer | None = None
        self._attempt: _Attempt | None = None
        self._auths = KnownAuths(core.data)
        self._then: Callable[[], None] | None = None
        self._flow: Flow | None = None
        self._closed = False
        self._made = self._clock()
        self._sent: float | None = None
        self._runs = 0
        self._over: list[Callable[[], None]] = []

    # What others ask for.

    @property
    def next_attempt(self) -> int:
        """Seconds until the registration is refreshed, 0 while there is none."""
        timer = self._timer
        if self.status is not RegistrationStatus.REGISTERED or timer is None or not timer.active:
            return 0
        return max(round(timer.when - self._clock()), 0)

    @property
    def given_up(self) -> bool:
        """Whether it was refused for good, so that nothing more is tried."""
        return self.status is RegistrationStatus.REJECTED and self._timer is None and self._attempt is None

    @property
    def sent(self) -> bool:
        """Whether a REGISTER that asks for time is on its way."""
        return self._attempt is not None and bool(self._attempt.expires)

    @property
    def challenged(self) -> bool:
        """Whether it has credentials: the first one was challenged."""
        return self.sent and self._attempt is not None and self._attempt.credentials

    @property
    def known(self) -> bool:
        """Whether the registrar has a binding of ours, or may have one from the REGISTER that is on its way."""
        return self.status is RegistrationStatus.REGISTERED or self._attempt is not None

    def remaining(self) -> int | None:
        """Seconds until :attr:`when`, negative after it."""
        return None if self.when is None else int(self.when - self._clock())

    def task(self) -> ScheduledTask | None:
        """The REGISTER that is due, if one is."""
        timer = self._timer
        if timer is None or not timer.active:
            return None
        interval = round(timer.when - self._sent) if self._sent is not None else 0
        return ScheduledTask(f"pjsip/outreg/{self.config.id}", interval, self._runs, self._sent, timer.when, self._made)

    def start(self, delay: float | None = None) -> None:
        """Register after ``delay`` seconds, by default a random time (``max_random_initial_delay``)."""
        self.retries = 0
        self._expiration = self.config.expiration
        if delay is None:
            delay = random.uniform(0, self.config.max_random_initial_delay)
        self._schedule(delay)

    def restart(self) -> None:
        """Take the registration back if there is one, then register again at once."""
        self._cancel_timer()
        if self._attempt is not None:
            self._then = self.restart
        elif self.status is RegistrationStatus.REGISTERED:
            self._send(0)
            self._then = lambda: self.start(0)
        else:
            self.start(0)

    def unregister(self, over: Callable[[], None] | None = None) -> None:
        """Take the registration back and stop; ``over()`` is called when the registrar has answered, or has not."""
        self._cancel_timer()
        if over is not None:
            self._over.append(over)
        if self._attempt is not None:
            self._then = self.unregister
        elif self.status is RegistrationStatus.REGISTERED:
            self._send(0)
        else:
            self._unregistered()

    def close(self) -> None:
        """Forget everything without a word to the registrar."""
        self._closed = True
        self._cancel_timer()
        self._leave_flow()
        self._routes(())
        self._then = None

    # Sending.

    def _clock(self) -> float:
        return self._core.layer.timers.clock()

    def _schedule(self, delay: float) -> None:
        self._cancel_timer()
        self._timer = self._core.layer.timers.call_later(delay, self._due)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _due(self) -> None:
        self._timer = None
        if self._attempt is None:
            self._send(self._expiration)

    def _send(self, expires: int) -> None:
        config, state = self.config, self._core.state
        self._leave_flow()
        attempt = self._attempt = _Attempt(self, expires)
        self._auths.get(config.outbound_auth)
        self._sent = self._clock()
        self._runs += 1
        self.identity.cseq += 1
        try:
            request = make_register(config, self.identity, new_tag(), expires, state.max_forwards, state.user_agent)
        except ParseError as error:
            self._attempt = None
            self._core.log.error("registration '%s' cannot be sent: %s", config.id, error.message)
            self._give_up()
            return
        self._transmit(attempt, request, None)

    def _transmit(self, attempt: _Attempt, request: Request, flow: Flow | None) -> None:
        request.remove_header("Security-Verify")
        for value in self._verify:
            request.add_header("Security-Verify", value)
        attempt.outgoing = self._core.send(request, attempt, sender_of(self.config), flow)

    # What comes back.

    def answered(self, attempt: _Attempt, request: Request, response: Response) -> None:
        """A final response."""
        if attempt is not self._attempt or self._closed:
            return
        self.identity.cseq = max(self.identity.cseq, request.cseq.number)
        status = response.status
        if self.config.security_negotiation == "mediasec" and response.has("Security-Server"):
            self._verify = tuple(response.get_all("Security-Server"))
        if attempt.rounds < _MAX_ROUNDS and self._again(attempt, request, response):
            return
        self._attempt = None
        if not attempt.expires:
            self._unregistered()
        elif status < 300:
            self._registered(attempt, request, response)
        else:
            self._rejected(response)
        self._go_on()

    def failed(self, attempt: _Attempt, why: str) -> None:
        """No answer, or no way."""
        if attempt is not self._attempt or self._closed:
            return
        self._attempt = None
        self.refused = 0
        if attempt.expires:
            self._retry(self.config.retry_interval, why)
        else:
            self._unregistered()
        self._go_on()

    def _again(self, attempt: _Attempt, request: Request, response: Response) -> bool:
        """Answer a challenge, ask for the longer lifetime of a 423, or agree to the mechanisms of a 494."""
        status = response.status
        outgoing = attempt.outgoing
        flow = outgoing.flow if outgoing is not None else None
        attempt.rounds += 1
        if status in (401, 407):
            auths = self._auths.get(self.config.outbound_auth)
            state = self._core.state
            answered = (
                authorize(request, response, auths, state.auth_algorithms_uac, state.nonce_counts) if auths else None
            )
            if answered is None:
                return False
            self.identity.cseq = answered.cseq.number
            attempt.credentials = True
            self._transmit(attempt, answered, flow)
            return True
        shortest = seconds_of(response, "Min-Expires")
        if status == 423 and attempt.expires and shortest > attempt.expires:
            attempt.expires = self._expiration = shortest
            again = self._next_request(request)
            again.set_header("Expires", str(shortest))
            self._transmit(attempt, again, flow)
            return True
        # RFC 3329 2.3.1: what the registrar listed is repeated; once, for the same list again would change nothing.
        if status == 494 and self._verify and tuple(request.get_all("Security-Verify")) != self._verify:
            self._transmit(attempt, self._next_request(request), flow)
            return True
        return False

    def _next_request(self, request: Request) -> Request:
        """The same REGISTER once more.

        Without the credentials, which were good for one use: a challenge is answered anew, and is no refusal of them.
        """
        again = request.copy()
        for name in ("Via", "Authorization", "Proxy-Authorization"):
            again.remove_header(name)
        self.identity.cseq += 1
        again.set_header("CSeq", f"{self.identity.cseq} REGISTER")
        return again

    def _registered(self, attempt: _Attempt, request: Request, response: Response) -> None:
        seconds = granted(response, request, attempt.expires)
        if not seconds:
            self.refused = response.status
            self._retry(self.config.retry_interval, "the registrar granted no time")
            return
        self.status = RegistrationStatus.REGISTERED
        self.retries = 0
        self.refused = None
        self.registered_at = self._core.location.wall_clock()
        now = self._clock()
        self.when = now + seconds
        flow = attempt.outgoing.flow if attempt.outgoing is not None else None
        if flow is not None and flow.reliable:
            self._flow = flow
            flow.kept_until = max(flow.kept_until, self.when)
            flow.on_error.append(self._flow_failed)
        self._routes(service_route(response))
        delay = max(seconds - self.config.habits.refresh_margin, seconds / 2)
        self.refresh_after = int(delay)
        self._schedule(delay)
        self._publish()

    def _rejected(self, response: Response) -> None:
        """Decide whether and when to try again after an error response."""
        config, status = self.config, response.status
        self.refused = status
        why = f"the answer was {status} {response.reason}"
        if status in TEMPORARY:
            self._retry(seconds_of(response, "Retry-After") or config.retry_interval, why)
        elif status in (401, 407):
            self._retry(0 if config.auth_rejection_permanent else config.retry_interval, "the credentials were refused")
        elif status == 403 and config.forbidden_retry_interval:
            self._retry(config.forbidden_retry_interval, why)
        else:
            self._retry(config.fatal_retry_interval, why)

    def _retry(self, interval: int, why: str) -> None:
        config = self.config
        log = self._core.log
        if not interval:
            log.warning("registration '%s' at %s failed: %s; given up", config.id, config.server_uri, why)
            self._give_up()
        elif self.retries >= config.max_retries:
            log.warning(
                "registration '%s' at %s failed: %s; given up after %d retries",
                config.id, config.server_uri, why, self.retries,
            )  # fmt: skip
            self._give_up()
        else:
            self.retries += 1
            log.warning(
                "registration '%s' at %s failed: %s; next attempt in %d s", config.id, config.server_uri, why, interval
            )
            self.status = RegistrationStatus.REJECTED
            self._schedule(interval)
            self.when = self._clock() + interval
            self._publish()

    def _give_up(self) -> None:
        self.status = RegistrationStatus.REJECTED
        self.when = self._clock()
        self._routes(())
        self._publish()

    def _unregistered(self) -> None:
        was = self.status
        self.status = RegistrationStatus.UNREGISTERED
        self.when = None
        self._leave_flow()
        self._routes(())
        if was is not RegistrationStatus.UNREGISTERED:
            self._publish()
        if self._then is None:
            callbacks, self._over = self._over, []
            for callback in callbacks:
                callback()

    def _go_on(self) -> None:
        """Do what was asked for while the request was on its way."""
        then, self._then = self._then, None
        if then is not None:
            self._cancel_timer()
            then()

    def _publish(self) -> None:
        config = self.config
        if config.habits.status_events:
            self._core.bus.publish(REGISTRY, config.client_uri, config.server_uri, self.status.value)
        for watcher in self.watchers:
            watcher(self)

    def _routes(self, routes: tuple[str, ...]) -> None:
        """Set the Service-Route of the endpoint that calls over this registration."""
        name = self.config.endpoint
        if name:
            if routes:
                self._core.state.service_routes[name] = routes
            else:
                self._core.state.service_routes.pop(name, None)

    # The connection that the registration lives on.

    def _leave_flow(self) -> None:
        flow, self._flow = self._flow, None
        if flow is not None and self._flow_failed in flow.on_error:
            flow.on_error.remove(self._flow_failed)

    def _flow_failed(self, flow: Flow, _error: Exception | None) -> None:
        """The connection is gone, and with it the way in for calls: register over a new one."""
        if flow.closed and flow is self._flow:
            self._leave_flow()
            if self.status is RegistrationStatus.REGISTERED and self._attempt is None and not self._closed:
                self._core.log.warning("the connection of registration '%s' was lost: registering anew", self.config.id)
                self._schedule(0)
