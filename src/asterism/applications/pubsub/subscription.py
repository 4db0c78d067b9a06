"""A subscription as RFC 6665 has it (figures of 4.1.2 and 4.2.1): both roles, without a clock and without sockets.

:class:`Machine` is one side of one subscription. It is told what happens and says what to do about it; the time comes
in with what happens. :data:`TABLE` is all it knows: what is not in the table changes nothing.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class Role(IntEnum):
    """Our role in a subscription."""

    NOTIFIER = 0
    SUBSCRIBER = 1


class State(IntEnum):
    """State of a subscription."""

    INIT = 0
    RESP_WAIT = 1
    """Notifier: a SUBSCRIBE came and is not answered yet."""
    NOTIFY_WAIT = 2
    """Subscriber: a SUBSCRIBE was sent, no NOTIFY came yet."""
    PENDING = 3
    """The subscription exists, but its subscriber may not yet be told the state."""
    ACTIVE = 4
    ENDING = 5
    """Subscriber: it was ended by us, the last NOTIFY is due."""
    TERMINATED = 6


class Event(IntEnum):
    """An event in the life of a subscription."""

    # To a notifier.
    SUBSCRIBE = 0
    """A SUBSCRIBE outside a dialog came."""
    ACCEPT = 1
    """The notifier takes it."""
    DEFER = 2
    """The notifier does not know yet whether it takes it."""
    REFUSE = 3
    """The notifier does not take it."""
    FETCH = 4
    """The notifier takes it, and ``Expires: 0`` asks for the present state only."""
    REFRESH = 5
    """A SUBSCRIBE within the dialog came."""
    UNSUBSCRIBE = 6
    """A SUBSCRIBE within the dialog with ``Expires: 0`` came."""
    CHANGE = 7
    """The watched resource has a new state."""
    NOTIFY_FAILED = 8
    """A NOTIFY was refused in a way that ends the subscription, or not answered at all."""

    # To either.
    EXPIRE = 9
    """Its time is over, and it was not renewed."""
    END = 10
    """We end it."""

    # To a subscriber.
    SEND = 11
    """Somebody wants to subscribe."""
    SUBSCRIBE_OK = 12
    """Our SUBSCRIBE was answered with a 2xx."""
    SUBSCRIBE_REFUSED = 13
    """Our SUBSCRIBE was refused in a way that ends the subscription (RFC 6665 4.1.2.2)."""
    SUBSCRIBE_FAILED = 14
    """Our SUBSCRIBE was refused otherwise: an existing subscription lasts until it expires."""
    RENEW = 15
    """The time to renew has come."""
    TOLD_PENDING = 16
    """A NOTIFY came that says ``pending``."""
    TOLD_ACTIVE = 17
    """... ``active``."""
    TOLD_TERMINATED = 18
    """... ``terminated``."""
    TIMER_N = 19
    """No NOTIFY came in 64 times T1 after a SUBSCRIBE."""


class Action(IntEnum):
    """The action that follows an event."""

    NOTHING = 0
    DECIDE = 1
    """Have the notifier decide."""
    ANSWER_AND_NOTIFY = 2
    """Answer 2xx, then send a NOTIFY with the state."""
    ANSWER_AND_END = 3
    """Answer 2xx, then send the last NOTIFY."""
    ANSWER_REFUSAL = 4
    """Answer with the notifier's status."""
    NOTIFY = 5
    NOTIFY_END = 6
    """Send the last NOTIFY."""
    FORGET = 7
    """Forget the subscription; no further SIP message is sent."""
    SUBSCRIBE = 8
    """Send a SUBSCRIBE, and wait for a NOTIFY as long as Timer N."""
    UNSUBSCRIBE = 9
    """Send a SUBSCRIBE with ``Expires: 0``, and wait for the last NOTIFY as long as Timer N."""
    TELL = 10
    """Tell the subscriber what the NOTIFY says."""
    TELL_END = 11
    """Tell the subscriber that it is over."""


Key = tuple[Role, State, Event]
Row = tuple[Action, State]


def _table() -> dict[Key, Row]:
    s, e, a = State, Event, Action
    notifier, subscriber = Role.NOTIFIER, Role.SUBSCRIBER
    there, waiting = (s.PENDING, s.ACTIVE), (s.NOTIFY_WAIT, s.PENDING, s.ACTIVE)
    same = None
    rows: list[tuple[Role, tuple[State, ...], Event, Action, State | None]] = [
        # RFC 6665 4.2.1: the notifier.
        (notifier, (s.INIT,), e.SUBSCRIBE, a.DECIDE, s.RESP_WAIT),
        (notifier, (s.RESP_WAIT,), e.ACCEPT, a.ANSWER_AND_NOTIFY, s.ACTIVE),
        (notifier, (s.RESP_WAIT,), e.DEFER, a.ANSWER_AND_NOTIFY, s.PENDING),
        (notifier, (s.RESP_WAIT,), e.FETCH, a.ANSWER_AND_END, s.TERMINATED),
        (notifier, (s.RESP_WAIT,), e.REFUSE, a.ANSWER_REFUSAL, s.TERMINATED),
        (notifier, (s.PENDING,), e.ACCEPT, a.NOTIFY, s.ACTIVE),
        (notifier, (s.PENDING,), e.REFUSE, a.NOTIFY_END, s.TERMINATED),
        (notifier, there, e.REFRESH, a.ANSWER_AND_NOTIFY, same),
        (notifier, there, e.UNSUBSCRIBE, a.ANSWER_AND_END, s.TERMINATED),
        (notifier, (s.ACTIVE,), e.CHANGE, a.NOTIFY, same),
        (notifier, there, e.NOTIFY_FAILED, a.FORGET, s.TERMINATED),
        (notifier, there, e.EXPIRE, a.NOTIFY_END, s.TERMINATED),
        (notifier, there, e.END, a.NOTIFY_END, s.TERMINATED),
        # 4.1.2: the subscriber.
        (subscriber, (s.INIT,), e.SEND, a.SUBSCRIBE, s.NOTIFY_WAIT),
        (subscriber, (s.NOTIFY_WAIT,), e.SUBSCRIBE_REFUSED, a.TELL_END, s.TERMINATED),
        (subscriber, (s.NOTIFY_WAIT,), e.SUBSCRIBE_FAILED, a.TELL_END, s.TERMINATED),
        (subscriber, (s.NOTIFY_WAIT,), e.TIMER_N, a.TELL_END, s.TERMINATED),
        (subscriber, waiting, e.TOLD_PENDING, a.TELL, s.PENDING),
        (subscriber, waiting, e.TOLD_ACTIVE, a.TELL, s.ACTIVE),
        (subscriber, waiting, e.TOLD_TERMINATED, a.TELL_END, s.TERMINATED),
        (subscriber, there, e.RENEW, a.SUBSCRIBE, same),
        (subscriber, there, e.SUBSCRIBE_REFUSED, a.TELL_END, s.TERMINATED),
        (subscriber, there, e.EXPIRE, a.TELL_END, s.TERMINATED),
        (subscriber, there, e.TIMER_N, a.TELL_END, s.TERMINATED),
        (subscriber, waiting, e.END, a.UNSUBSCRIBE, s.ENDING),
        (subscriber, (s.ENDING,), e.TOLD_TERMINATED, a.TELL_END, s.TERMINATED),
        (subscriber, (s.ENDING,), e.SUBSCRIBE_REFUSED, a.TELL_END, s.TERMINATED),
        (subscriber, (s.ENDING,), e.SUBSCRIBE_FAILED, a.TELL_END, s.TERMINATED),
        (subscriber, (s.ENDING,), e.TIMER_N, a.TELL_END, s.TERMINATED),
    ]  # fmt: skip
    return {
        (role, state, event): (action, state if after is None else after)
        for role, states, event, action, after in rows
        for state in states
    }


TABLE: Final = _table()
"""Action and next state, by role, state and event."""

ENDING_STATUSES: Final = frozenset((404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604))
"""Answers to a SUBSCRIBE or NOTIFY within the dialog that end the subscription (RFC 6665 4.1.2.2, RFC 5057 5.3)."""


class Machine:
    """One side of one subscription.

    Attributes:
        role: which side.
        state: where it stands.
        ends_at: when its time is over, on the caller's clock.
        seconds: how long its present time is as a whole.
        reason: why it ended, for Subscription-State (RFC 6665 4.1.3); ``""`` for no particular reason.
        retry_after: seconds after which the subscriber may try again; 0 says nothing of it.
        withheld: it was deferred and not taken since: its subscriber may be told nothing, nor with the last NOTIFY.
    """

    __slots__ = ("ends_at", "reason", "retry_after", "role", "seconds", "state", "withheld")

    def __init__(self, role: Role) -> None:
        self.role = role
        self.state = State.INIT
        self.ends_at = 0.0
        self.seconds = 0
        self.reason = ""
        self.retry_after = 0
        self.withheld = False

    def see(self, event: Event) -> Action:
        """Take an event and return the action. An event that is not in :data:`TABLE` changes nothing."""
        row = TABLE.get((self.role, self.state, event))
        if row is None:
            return Action.NOTHING
        self.state = row[1]
        if event is Event.DEFER:
            self.withheld = True
        elif event is Event.ACCEPT:
            self.withheld = False
        return row[0]

    def renew(self, now: float, seconds: int) -> None:
        """Set the end to ``seconds`` after ``now``."""
        self.ends_at = now + seconds
        self.seconds = seconds

    @property
    def over(self) -> bool:
        """Whether nothing more will happen."""
        return self.state is State.TERMINATED

    def header(self, now: float) -> str:
        """The value of Subscription-State in a NOTIFY that is sent ``now``."""
        state = self.state
        if state is State.TERMINATED:
            reason = f";reason={self.reason}" if self.reason else ""
            return f"terminated{reason};retry-after={self.retry_after}" if self.retry_after else f"terminated{reason}"
        left = max(round(self.ends_at - now), 0)
        return f"active;expires={left}" if state is State.ACTIVE else f"pending;expires={left}"
