"""Our REFER within a call (RFC 3515): the phone is asked to call somebody else, and tells what becomes of it.

The phone's NOTIFYs of the subscription that a REFER makes come in the call's own dialog: an :class:`OutgoingRefer` is
a usage of it beside the session (RFC 5057).
"""

from __future__ import annotations

from enum import Enum, auto
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from asterism.applications.session.causes import INTERWORKING
from asterism.applications.session.state import SessionState
from asterism.stack.headers import Event, SubscriptionState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asterism.applications.session.session import Session
    from asterism.pbx.channels.transfer import TransferOrder
    from asterism.sip.rx import Rx
    from asterism.stack.message import Request, Response
    from asterism.stack.timers import Timer

NAME = "outgoing_refer"
"""The datastore of a session that has a REFER out."""
EXPIRES = 600
"""Seconds that the subscription may last at most (``Expires`` of the REFER)."""
FIRST_NOTIFY = 32.0
"""Seconds within which the first NOTIFY must come (64*T1, RFC 6665 timer N)."""
MAX_BODY = 16_384
"""Bytes of a NOTIFY's body that are read; only the first line counts."""
_SIPFRAG = "message/sipfrag"
_ACCEPT = (("Accept", f"{_SIPFRAG};version=2.0"),)


class ReferState(Enum):
    """How far a REFER of ours got."""

    WAITING = auto()
    """Our 2xx has no ACK yet: nothing is sent before."""
    SENT = auto()
    EARLY = auto()
    """A NOTIFY came before the response."""
    ACCEPTED = auto()
    TOLD = auto()
    """The outcome is known, and more NOTIFYs may come."""
    OVER = auto()


class ReferEvent(Enum):
    """What happens to it."""

    ACKNOWLEDGED = auto()
    """The ACK that was waited for."""
    ACCEPTED = auto()
    ALONE = auto()
    """A 2xx with ``Refer-Sub: false``: no NOTIFY will come (RFC 4488)."""
    REFUSED = auto()
    """Another final response, or none."""
    PROGRESS = auto()
    """A NOTIFY with a provisional response, or with nothing."""
    OUTCOME = auto()
    """A NOTIFY with a final response."""
    LAST_OUTCOME = auto()
    """The same, and it ends the subscription."""
    LAST = auto()
    """A NOTIFY that ends the subscription without an outcome."""
    SILENCE = auto()
    """The time for a NOTIFY is over."""
    GONE = auto()
    """The call is over."""


class ReferAction(Enum):
    """What is done then."""

    NOTHING = auto()
    SEND = auto()
    WAIT = auto()
    """Wait for a NOTIFY."""
    TELL = auto()
    """Tell the progress, and wait on."""
    END = auto()
    """Tell the outcome: the code of the response or of the NOTIFY."""
    LEFT = auto()
    """Tell a success: the phone accepted, and left."""
    UNKNOWN = auto()
    """Tell a failure: the phone accepted, and never told the outcome."""


_S, _E, _A = ReferState, ReferEvent, ReferAction
_BEFORE_OUTCOME: Mapping[ReferEvent, tuple[ReferState, ReferAction]] = {
    _E.OUTCOME: (_S.TOLD, _A.END),
    _E.LAST_OUTCOME: (_S.OVER, _A.END),
    _E.LAST: (_S.OVER, _A.UNKNOWN),
}
_ARCS: dict[ReferState, Mapping[ReferEvent, tuple[ReferState, ReferAction]]] = {
    _S.WAITING: {_E.ACKNOWLEDGED: (_S.SENT, _A.SEND), _E.GONE: (_S.OVER, _A.UNKNOWN)},
    _S.SENT: {
        **_BEFORE_OUTCOME,
        _E.ACCEPTED: (_S.ACCEPTED, _A.WAIT),
        _E.ALONE: (_S.OVER, _A.END),
        _E.REFUSED: (_S.OVER, _A.END),
        _E.PROGRESS: (_S.EARLY, _A.TELL),
        _E.GONE: (_S.OVER, _A.UNKNOWN),
    },
    _S.EARLY: {
        **_BEFORE_OUTCOME,
        _E.ACCEPTED: (_S.ACCEPTED, _A.WAIT),
        _E.ALONE: (_S.ACCEPTED, _A.WAIT),  # there is a subscription, whatever it says
        _E.REFUSED: (_S.OVER, _A.END),
        _E.PROGRESS: (_S.EARLY, _A.TELL),
        _E.SILENCE: (_S.OVER, _A.UNKNOWN),
        _E.GONE: (_S.OVER, _A.LEFT),
    },
    _S.ACCEPTED: {
        **_BEFORE_OUTCOME,
        _E.PROGRESS: (_S.ACCEPTED, _A.TELL),
        _E.SILENCE: (_S.OVER, _A.UNKNOWN),
        _E.GONE: (_S.OVER, _A.LEFT),
    },
    _S.TOLD: {
        _E.ACCEPTED: (_S.TOLD, _A.WAIT),
        _E.ALONE: (_S.OVER, _A.NOTHING),
        _E.REFUSED: (_S.OVER, _A.NOTHING),
        _E.PROGRESS: (_S.TOLD, _A.NOTHING),
        _E.OUTCOME: (_S.TOLD, _A.NOTHING),
        _E.LAST_OUTCOME: (_S.OVER, _A.NOTHING),
        _E.LAST: (_S.OVER, _A.NOTHING),
        _E.SILENCE: (_S.OVER, _A.NOTHING),
        _E.GONE: (_S.OVER, _A.NOTHING),
    },
    _S.OVER: {},
}
ARCS: Mapping[ReferState, Mapping[ReferEvent, tuple[ReferState, ReferAction]]] = MappingProxyType(_ARCS)
"""What leads where; an event without an arc changes nothing."""

_TRIED = (ReferEvent.OUTCOME, ReferEvent.LAST_OUTCOME, ReferEvent.LAST)
"""Ways to fail at one destination that say nothing of another."""
SILENT = 408
"""The code of an outcome that was waited for in vain."""
LEFT = 202
"""The code of a phone that accepted and left."""


class OutgoingRefer:
    """One REFER of ours, from the request to the end of its subscription; the client user of the request.

    Args:
        session: an answered call.
        order: who is told.
        targets: values of Refer-To; each further one is tried when the one before it has failed.
    """

    __slots__ = ("_numbers", "_order", "_targets", "_timer", "session", "stage")

    def __init__(self, session: Session, order: TransferOrder, targets: list[str]) -> None:
        self.session = session
        self.stage = ReferState.WAITING
        self._order = order
        self._targets = targets
        self._numbers: tuple[int, ...] = ()
        """CSeq numbers of the requests: what ``Event: refer;id=`` may name (RFC 3515 2.4.6)."""
        self._timer: Timer | None = None

    def start(self) -> None:
        """Send it; a call whose ACK is still to come waits for that."""
        session = self.session
        session.datastores[NAME] = self
        if session.state is SessionState.CONFIRMED:
            self.acknowledged()

    def acknowledged(self) -> None:
        """The ACK has come."""
        self.see(ReferEvent.ACKNOWLEDGED)

    def see(self, event: ReferEvent, code: int = 0) -> None:
        """Take what happened; ``code`` is the one that came with it."""
        arc = ARCS[self.stage].get(event)
        if arc is None:
            return
        self.stage, action = arc
        order = self._order
        if action is ReferAction.SEND:
            self._send()
        elif action is ReferAction.WAIT:
            if self._timer is None:
                self._wait(FIRST_NOTIFY)
        elif action is ReferAction.TELL:
            if code:
                order.progress(code)
        elif action is ReferAction.LEFT:
            order.done(LEFT)
        elif action in (ReferAction.END, ReferAction.UNKNOWN):
            known = action is ReferAction.END
            if event in _TRIED and not 200 <= code < 400 and len(self._targets) > 1:
                self._try_next()
                return
            order.done(code if known else (SILENT if event is ReferEvent.SILENCE else 0))
        if self.stage is ReferState.OVER:
            self._leave()

    def _try_next(self) -> None:
        """The destination cannot be reached: the next one."""
        self._leave()
        session = self.session
        if session.state is not SessionState.CONFIRMED:
            self._order.done(0)
            return
        OutgoingRefer(session, self._order, self._targets[1:]).start()

    def _send(self) -> None:
        session = self.session
        dialog, events = session.dialog, session.core.state.capabilities.events
        assert dialog is not None
        session.core.dialogs.add(dialog, self, session.work, session.endpoint)
        headers: list[tuple[str, str]] = []
        if not session.endpoint.habits.refer_bare:
            headers += (
                ("Event", "refer"),
                ("Expires", str(EXPIRES)),
                ("Supported", session.profile.supported),
                ("Accept", f"{_SIPFRAG};version=2.0"),
            )
            if events:
                headers.append(("Allow-Events", events))
        headers += (("Refer-To", self._targets[0]), ("Referred-By", f"<{dialog.local.uri}>"))
        session.send_request("REFER", headers, user=self)
        self._numbers = (dialog.local_seq or 0,)

    def _wait(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.session.call_later(seconds, self.see, ReferEvent.SILENCE)

    def _leave(self) -> None:
        """Take no more NOTIFYs: another one is answered 481, which ends the subscription at the phone."""
        session = self.session
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        # Session and REFER must not hold each other, or only the collector frees them. The session may just be going
        # through its datastores, so they are made anew.
        session.datastores = {name: kept for name, kept in session.datastores.items() if kept is not self}
        if session.dialog is not None:
            session.core.dialogs.remove(session.dialog, self)

    def close(self) -> None:
        """The call is over (datastore of the session)."""
        self.see(ReferEvent.GONE)

    # The response to the REFER (ClientUser).

    def on_response(self, transaction: Any, response: Response) -> None:
        """The phone's answer."""
        if response.status >= 200:
            self.session.work.push(self._answered, transaction.request, response)

    def on_timeout(self, transaction: Any) -> None:
        """None came."""
        self.session.work.push(self.see, ReferEvent.REFUSED, 408)

    def on_transport_error(self, transaction: Any) -> None:
        """It could not be sent."""
        self.session.work.push(self.see, ReferEvent.REFUSED, 503)

    def _answered(self, request: Request, response: Response) -> None:
        status = response.status
        if status < 300:
            self._numbers = (*self._numbers, request.cseq.number)
            alone = (response.get("Refer-Sub") or "").partition(";")[0].strip().lower() == "false"
            self.see(ReferEvent.ALONE if alone else ReferEvent.ACCEPTED, status)
            return
        # A redirection is no transfer: the phone does not do what it was asked.
        self.see(ReferEvent.REFUSED, status if status >= 400 else 480)
        if status == 481 and self.session.state is SessionState.CONFIRMED:
            self.session.fail(INTERWORKING)  # RFC 3261 12.2.1.2: the phone knows the call no longer

    # The dialog's usage: NOTIFYs.

    def on_ack(self, request: Request) -> None:
        """The session's."""

    def on_request(self, rx: Rx) -> bool:
        """A NOTIFY of the subscription; ``False`` for what is none of it."""
        request = rx.request
        if request.method != "NOTIFY" or self.stage in (ReferState.WAITING, ReferState.OVER):
            return False
        event = Event.parse(request.get("Event") or "")  # a missing one is answered 400
        if event.package != "refer" or not self._is_ours(event.id):
            return False
        told = SubscriptionState.parse(request.get("Subscription-State") or "")
        status, code, headers = _read(request)
        rx.respond(status, headers=headers)
        if status != 200:
            return True
        last = told.state == "terminated"
        if code >= 200:
            self.see(ReferEvent.LAST_OUTCOME if last else ReferEvent.OUTCOME, code)
        else:
            self.see(ReferEvent.LAST if last else ReferEvent.PROGRESS, code)
        if self._lasts:
            expires = told.expires
            self._wait(EXPIRES if expires is None else min(max(expires, 1), EXPIRES))
        return True

    @property
    def _lasts(self) -> bool:
        """Whether more NOTIFYs are waited for."""
        return self.stage is not ReferState.OVER

    def _is_ours(self, number: str | None) -> bool:
        """Whether the ``id`` of an Event names this REFER, or there is none."""
        if number is None:
            return True
        return number.isascii() and number.isdigit() and len(number) <= 10 and int(number) in self._numbers


def _read(request: Request) -> tuple[int, int, tuple[tuple[str, str], ...]]:
    """What a NOTIFY is answered, the status that its body tells (0: it has none), and headers of the answer."""
    body = request.body
    if not body:
        return 200, 0, ()
    if (request.get("Content-Type") or "").partition(";")[0].strip().lower() != _SIPFRAG:
        return 415, 0, _ACCEPT
    if len(body) > MAX_BODY:
        return 413, 0, ()
    code = _status_line(body)
    return (200, code, ()) if code else (400, 0, ())


def _status_line(body: bytes) -> int:
    """The status of a ``message/sipfrag`` that begins with a response's first line (RFC 3420); 0: it does not."""
    words = body.lstrip(b"\r\n")[:64].partition(b"\n")[0].rstrip(b"\r").split(b" ", 2)
    if len(words) < 2 or words[0].upper() != b"SIP/2.0" or len(words[1]) != 3 or not words[1].isdigit():
        return 0
    code = int(words[1])
    return code if 100 <= code <= 699 else 0
