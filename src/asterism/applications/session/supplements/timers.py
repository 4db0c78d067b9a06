"""Session timers (RFC 4028): a call is refreshed at intervals, and ended when refreshes stop coming."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asterism.applications.session import timeouts
from asterism.applications.session.causes import INTERWORKING
from asterism.applications.session.registry import sessions
from asterism.applications.session.supplement import SessionSupplement
from asterism.core.module import Module

if TYPE_CHECKING:
    from asterism.applications.session.session import Session
    from asterism.sip.objects.endpoint import Endpoint
    from asterism.sip.rx import Rx
    from asterism.stack.message import Message, Request, Response
    from asterism.stack.timers import Timer

_METHODS = frozenset(("INVITE", "UPDATE"))
_MAX_INTERVAL = 86400 * 7
"""Seconds; a longer interval is taken for this one."""
_LAST_REFRESH = 16
"""Seconds before a session expires from which on no further refresh is begun."""


class TimerState:
    """The timer of one session.

    Attributes:
        interval: seconds that were agreed on, or are proposed.
        min_se: the shortest interval that the peer takes, as far as it has told; seconds.
        expires_at: when the session expires unless it is refreshed.
        refresher_is_us: this side refreshes.
        write: what Session-Expires of the next response says.
        timer: what runs.
    """

    __slots__ = ("expires_at", "interval", "min_se", "refresher_is_us", "timer", "write")

    def __init__(self, interval: int) -> None:
        self.interval = interval
        self.min_se = 0
        self.expires_at = 0.0
        self.refresher_is_us = False
        self.write = ""
        self.timer: Timer | None = None

    def close(self) -> None:
        """Stop the running timer; the session's end does, too."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


def parse_interval(value: str | None) -> tuple[int, str] | None:
    """Seconds and refresher (``uac``, ``uas`` or empty) of a Session-Expires or Min-SE value."""
    if not value:
        return None
    number, *params = value.split(";")
    number = number.strip()
    if not (number.isascii() and number.isdigit() and len(number) <= 9):
        return None
    refresher = ""
    for param in params:
        name, _, text = param.partition("=")
        if name.strip().lower() == "refresher":
            refresher = text.strip().lower()
    return min(int(number), _MAX_INTERVAL), refresher


def supports_timer(message: Message) -> bool:
    """Whether ``Supported`` or ``Require`` lists ``timer``."""
    return message.has_option("Supported", "timer") or message.has_option("Require", "timer")


class SessionTimers(SessionSupplement):
    """Negotiates and runs the session timer."""

    name = "timers"
    priority = 100
    methods = _METHODS
    responses = frozenset((2, 4))
    supported = ("timer",)

    def concerns(self, endpoint: Endpoint) -> bool:
        """All but those with ``timers=no``."""
        return endpoint.timers != "no"

    def on_incoming_request(self, session: Session, rx: Rx) -> bool:
        """Refuse an interval that is too small, and a peer without timers when they are required."""
        endpoint, request = session.endpoint, rx.request
        mode = endpoint.timers
        expires = request.get("Session-Expires")
        if mode == "yes" and not expires:
            return False
        supported = supports_timer(request)
        asked = parse_interval(expires)
        if supported and asked is not None and asked[0] < endpoint.timers_min_se:
            rx.respond(422, "Session Interval Too Small", headers=(("Min-SE", str(endpoint.timers_min_se)),))
            return True
        if mode == "required" and not supported and session.channel is None:
            rx.respond(421, "Extension Required", headers=(("Require", "timer"),))
            return True
        if asked is None and mode != "always":
            return False
        state = self._state(session)
        state.interval = max(asked[0], endpoint.timers_min_se) if asked else endpoint.timers_sess_expires
        refresher = asked[1] or endpoint.habits.refresher if asked else "uas"
        if not supported:
            refresher = "uas"
        state.refresher_is_us = refresher == "uas"
        state.write = f"{state.interval};refresher={refresher or 'uac'}"
        return False

    def on_outgoing_response(self, session: Session, response: Response) -> None:
        """Tell the interval in the 2xx and start counting."""
        state: TimerState | None = session.datastores.get(self.name)
        if state is None or not state.write:
            return
        response.add_header("Session-Expires", state.write)
        if state.write.endswith("uac"):
            response.add_header("Require", "timer")
        state.write = ""
        self._arm(session, state)

    def on_outgoing_request(self, session: Session, request: Request) -> None:
        """Propose an interval in INVITE and UPDATE."""
        endpoint = session.endpoint
        # Nothing is kept of a proposal: what is agreed on comes with the answer.
        state: TimerState | None = session.datastores.get(self.name)
        if state is None and endpoint.timers == "yes" and not endpoint.habits.proposes_timers:
            return
        interval, min_se = endpoint.timers_sess_expires, endpoint.timers_min_se
        refresher = ""
        if state is not None:
            min_se = max(min_se, state.min_se)
            interval = max(state.interval, min_se)
        if session.confirmed:
            refresher = ";refresher=uac" if state is not None and state.refresher_is_us else ";refresher=uas"
        request.add_lines((("Session-Expires", f"{interval}{refresher}"), ("Min-SE", str(min_se))))

    def on_incoming_response(self, session: Session, response: Response) -> None:
        """Start counting with the interval of a 2xx; have a 422 followed by the interval that it asks for (7.3)."""
        if response.status >= 300:
            if response.status == 422:
                self._raise(session, response)
            return
        expires = response.get("Session-Expires")
        asked = parse_interval(expires) if expires else None
        if asked is None and session.endpoint.timers == "required" and not session.confirmed:
            session.core.log.warning("%s has no session timer, which is required; ending the call", session.endpoint.id)
            session.work.push(session.fail, INTERWORKING)  # once the 2xx has been acknowledged
        if asked is None and session.endpoint.timers != "always":
            if self.name in session.datastores:
                session.datastores[self.name].close()
            return
        state = self._state(session)
        if asked is not None:
            state.interval = max(asked[0], session.endpoint.timers_min_se)
            state.refresher_is_us = asked[1] != "uas"
        else:
            state.refresher_is_us = True
        self._arm(session, state)

    def _raise(self, session: Session, response: Response) -> None:
        asked = parse_interval(response.get("Min-SE"))
        state = self._state(session)
        if state.min_se and not session.confirmed:
            return  # our INVITE has obeyed one already; a second 422 is a refusal, however much more it asks for
        if asked is not None and asked[0] > max(state.min_se, session.endpoint.timers_min_se):
            state.min_se = asked[0]
            session.send_again = True

    def _state(self, session: Session) -> TimerState:
        state: TimerState | None = session.datastores.get(self.name)
        if state is None:
            state = session.datastores[self.name] = TimerState(session.endpoint.timers_sess_expires)
        return state

    def _arm(self, session: Session, state: TimerState) -> None:
        state.close()
        state.expires_at = session.core.layer.timers.clock() + state.interval
        if state.refresher_is_us:
            state.timer = session.call_later(state.interval / 2, self._refresh, session, state)
        else:
            # RFC 4028 section 10: give up shortly before the session would expire.
            wait = state.interval - min(32, state.interval / 3)
            state.timer = session.call_later(wait, self._expired, session, state)

    def _refresh(self, session: Session, state: TimerState) -> None:
        # Armed again first: a refresh that is refused does not end the call, and is tried again while there is time.
        left = state.expires_at - session.core.layer.timers.clock()
        once_more = left > _LAST_REFRESH
        wait, then = (left / 2, self._refresh) if once_more else (left, self._expired)
        state.timer = session.call_later(wait, then, session, state)
        if session.refreshing is None:
            session.refresh()

    def _expired(self, session: Session, state: TimerState) -> None:
        state.timer = None
        session.core.log.info("session with %s expired; no refresh came", session.endpoint.id)
        timeouts.tell(session, timeouts.REFRESH)
        session.fail(0)


class SessionTimersModule(Module):
    """Registers :class:`SessionTimers`."""

    name = "session_timers"
    aliases = ("res_pjsip_session_timers",)
    requires = ("session",)
    description = "Session timers (RFC 4028)"

    def load(self, server: Any) -> None:
        """Register the supplement."""
        sessions(server).register_supplement(SessionTimers())
