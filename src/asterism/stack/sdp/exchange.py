"""Offer and answer in a dialog: which message may carry a description, and what that description is (RFC 3264).

Descriptions travel in INVITE, its reliable responses and ACK (RFC 3261 13.2.1, 14), in PRACK (RFC 3262 5) and in UPDATE
(RFC 3311 5); RFC 6337 lists the six pairs. :class:`OfferAnswer` is one side of one dialog, a branch of a forked call
having its own. It is told of every message and says what to do about it; it never looks into a description.

:data:`TABLE` is all it knows. What is not in the table is not allowed, and :func:`not_allowed` says what becomes of it:
a request is refused, what a response or an ACK carries is dropped, and a message of ours has to wait.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class Side(IntEnum):
    """The sender of a message."""

    US = 0
    PEER = 1


class OfferState(IntEnum):
    """The state of offer and answer."""

    NONE = 0
    """Nothing was agreed on yet."""
    STABLE = 1
    """Both sides know what was agreed on; either may make an offer."""

    # Our offer is open; its answer is due in ...
    OFFERED_INVITE = 2
    """... a reliable response to our INVITE, the 2xx at the latest."""
    PREVIEWED = 3
    """... the same; an unreliable response has shown it already."""
    OFFERED_RELIABLE = 4
    """... the PRACK for our reliable provisional response."""
    OFFERED_2XX = 5
    """... the ACK for our 2xx."""
    OFFERED_PRACK = 6
    """... the 2xx to our PRACK."""
    OFFERED_UPDATE = 7
    """... the 2xx to our UPDATE."""
    OFFERED_EARLY = 8
    """No place yet: an unreliable response has shown the offer that our first reliable one makes."""

    # The peer's offer is open; our answer is due in ...
    RECEIVED_INVITE = 9
    """... a reliable response to its INVITE, the 2xx at the latest."""
    ANSWERED_EARLY = 10
    """... the same; an unreliable response of ours has shown it already."""
    RECEIVED_RELIABLE = 11
    """... our PRACK."""
    RECEIVED_2XX = 12
    """... our ACK."""
    RECEIVED_PRACK = 13
    """... our 2xx to its PRACK."""
    RECEIVED_UPDATE = 14
    """... our 2xx to its UPDATE."""

    OWED = 15
    """The peer's INVITE made no offer: our first reliable response makes one."""
    ASKED = 16
    """Ours made none: the peer's first reliable response makes one."""


class Message(IntEnum):
    """A message that may carry a description, or that ends what one was waiting for."""

    INVITE = 0
    EARLY = 1
    """A provisional response that is not reliable."""
    RELIABLE = 2
    """A reliable provisional response (RFC 3262)."""
    OK = 3
    """A 2xx to INVITE."""
    ACK = 4
    INVITE_REFUSED = 5
    """Any other final response to INVITE, or none at all; these three carry no description that counts."""
    PRACK = 6
    PRACK_OK = 7
    PRACK_REFUSED = 8
    UPDATE = 9
    UPDATE_OK = 10
    UPDATE_REFUSED = 11


class Action(IntEnum):
    """How to handle the description in a message of the peer's, or the description to put into one of ours."""

    NOTHING = 0
    """It carries no description, and need not."""
    TAKE_OFFER = 1
    """The peer's offer: work out the answer."""
    TAKE_ANSWER = 2
    """The peer's answer."""
    PREVIEW = 3
    """An answer that is not reliable: good for early media, and binding once the 2xx repeats it or carries none."""
    IGNORE = 4
    """The description has no place there: go on without it."""
    REFUSE_491 = 5
    """Refuse the request: our offer, or our INVITE, is open (RFC 3261 14.2, RFC 3311 5.2)."""
    REFUSE_500 = 6
    """Refuse the request with Retry-After: the peer's own offer, or its INVITE, is open (the same sections)."""
    UNANSWERED = 7
    """No answer came where it was due, and nothing was agreed on before: end the session."""
    ROLL_BACK = 8
    """Our offer came to nothing: what was agreed on before counts."""
    GIVE_OFFER = 9
    """Put our offer in."""
    GIVE_ANSWER = 10
    """Put our answer in."""
    REPEAT = 11
    """Put in the description that was sent last."""
    WAIT = 12
    """This message of ours must not be sent, or not with a description, before the open exchange is over."""


class Next(IntEnum):
    """A next state that depends on what was before; negative, so that no state equals one of these."""

    SAME = -1
    """The state stays."""
    BACK = -2
    """The exchange is over: the state that it began in."""


Key = tuple[OfferState, Side, Message, bool]
"""State, sender, message, and whether it carries a description; of ours: whether we want it to carry one."""
Row = tuple[Action, "OfferState | Next"]
"""The action, and the next state."""


def _table() -> dict[Key, Row]:
    s, m, a = OfferState, Message, Action
    us, peer = Side.US, Side.PEER
    same, back = Next.SAME, Next.BACK
    yes, no, any_ = (True,), (False,), (True, False)
    rows: list[tuple[tuple[OfferState, ...], Side, Message, tuple[bool, ...], Action, OfferState | Next]] = [
        # RFC 3261 13.2.1 and 14.1: the offer in INVITE, the answer in a reliable response; others may show it before.
        ((s.NONE, s.STABLE), us, m.INVITE, yes, a.GIVE_OFFER, s.OFFERED_INVITE),
        ((s.OFFERED_INVITE, s.PREVIEWED), peer, m.EARLY, yes, a.PREVIEW, s.PREVIEWED),
        ((s.OFFERED_INVITE, s.PREVIEWED), peer, m.RELIABLE, yes, a.TAKE_ANSWER, s.STABLE),
        ((s.OFFERED_INVITE, s.PREVIEWED), peer, m.OK, yes, a.TAKE_ANSWER, s.STABLE),
        ((s.OFFERED_INVITE,), peer, m.OK, no, a.UNANSWERED, back),
        ((s.PREVIEWED,), peer, m.OK, no, a.NOTHING, s.STABLE),
        ((s.OFFERED_INVITE, s.PREVIEWED), peer, m.INVITE_REFUSED, no, a.ROLL_BACK, back),
        # The same on the called side.
        ((s.NONE, s.STABLE), peer, m.INVITE, yes, a.TAKE_OFFER, s.RECEIVED_INVITE),
        ((s.RECEIVED_INVITE,), us, m.EARLY, yes, a.GIVE_ANSWER, s.ANSWERED_EARLY),
        ((s.RECEIVED_INVITE,), us, m.EARLY, no, a.NOTHING, same),
        ((s.ANSWERED_EARLY,), us, m.EARLY, any_, a.REPEAT, same),
        ((s.RECEIVED_INVITE,), us, m.RELIABLE, yes, a.GIVE_ANSWER, s.STABLE),
        ((s.RECEIVED_INVITE,), us, m.RELIABLE, no, a.NOTHING, same),
        ((s.ANSWERED_EARLY,), us, m.RELIABLE, any_, a.REPEAT, s.STABLE),
        ((s.RECEIVED_INVITE,), us, m.OK, yes, a.GIVE_ANSWER, s.STABLE),
        ((s.ANSWERED_EARLY,), us, m.OK, yes, a.REPEAT, s.STABLE),
        ((s.RECEIVED_INVITE, s.ANSWERED_EARLY), us, m.INVITE_REFUSED, no, a.NOTHING, back),
        # RFC 3261 13.2.1 and 14.1: an INVITE without offer. Our first reliable response makes one; the ACK answers that
        # of a 2xx, and PRACK any other (RFC 3262 5).
        ((s.NONE, s.STABLE), peer, m.INVITE, no, a.NOTHING, s.OWED),
        ((s.OWED,), us, m.EARLY, yes, a.GIVE_OFFER, s.OFFERED_EARLY),
        ((s.OWED,), us, m.EARLY, no, a.NOTHING, same),
        ((s.OFFERED_EARLY,), us, m.EARLY, any_, a.REPEAT, same),
        ((s.OWED,), us, m.RELIABLE, any_, a.GIVE_OFFER, s.OFFERED_RELIABLE),
        ((s.OFFERED_EARLY,), us, m.RELIABLE, any_, a.REPEAT, s.OFFERED_RELIABLE),
        ((s.OWED,), us, m.OK, yes, a.GIVE_OFFER, s.OFFERED_2XX),
        ((s.OFFERED_EARLY,), us, m.OK, yes, a.REPEAT, s.OFFERED_2XX),
        ((s.OFFERED_RELIABLE,), peer, m.PRACK, yes, a.TAKE_ANSWER, s.STABLE),
        ((s.OFFERED_RELIABLE,), peer, m.PRACK, no, a.UNANSWERED, back),
        ((s.OFFERED_2XX,), peer, m.ACK, yes, a.TAKE_ANSWER, s.STABLE),
        ((s.OFFERED_2XX,), peer, m.ACK, no, a.UNANSWERED, back),
        ((s.OWED, s.OFFERED_EARLY, s.OFFERED_RELIABLE), us, m.INVITE_REFUSED, no, a.ROLL_BACK, back),
        # The same on the calling side.
        ((s.NONE, s.STABLE), us, m.INVITE, no, a.NOTHING, s.ASKED),
        ((s.ASKED,), peer, m.RELIABLE, yes, a.TAKE_OFFER, s.RECEIVED_RELIABLE),
        ((s.ASKED,), peer, m.OK, yes, a.TAKE_OFFER, s.RECEIVED_2XX),
        ((s.ASKED,), peer, m.OK, no, a.UNANSWERED, back),
        ((s.ASKED, s.RECEIVED_RELIABLE), peer, m.INVITE_REFUSED, no, a.NOTHING, back),
        ((s.RECEIVED_RELIABLE,), us, m.PRACK, any_, a.GIVE_ANSWER, s.STABLE),
        ((s.RECEIVED_2XX,), us, m.ACK, any_, a.GIVE_ANSWER, s.STABLE),
        # Once agreed on in a provisional response, PRACK or UPDATE, what is left of the INVITE carries nothing.
        ((s.STABLE,), us, m.EARLY, any_, a.NOTHING, same),
        ((s.STABLE,), us, m.RELIABLE, any_, a.NOTHING, same),
        ((s.STABLE,), us, m.OK, any_, a.NOTHING, same),
        ((s.NONE, s.STABLE), us, m.ACK, any_, a.NOTHING, same),
        ((s.STABLE,), peer, m.RELIABLE, no, a.NOTHING, same),
        ((s.STABLE,), peer, m.OK, no, a.NOTHING, same),
        ((s.NONE, s.STABLE), peer, m.ACK, no, a.NOTHING, same),
        ((s.NONE, s.STABLE), us, m.INVITE_REFUSED, no, a.NOTHING, same),
        # RFC 3262 5: once there is an answer, PRACK may make an offer, and its 2xx answers it.
        ((s.STABLE,), us, m.PRACK, yes, a.GIVE_OFFER, s.OFFERED_PRACK),
        ((s.OFFERED_PRACK,), peer, m.PRACK_OK, yes, a.TAKE_ANSWER, back),
        ((s.OFFERED_PRACK,), peer, m.PRACK_OK, no, a.ROLL_BACK, back),
        ((s.OFFERED_PRACK,), peer, m.PRACK_REFUSED, no, a.ROLL_BACK, back),
        ((s.STABLE,), peer, m.PRACK, yes, a.TAKE_OFFER, s.RECEIVED_PRACK),
        ((s.RECEIVED_PRACK,), us, m.PRACK_OK, any_, a.GIVE_ANSWER, back),
        ((s.RECEIVED_PRACK,), us, m.PRACK_REFUSED, no, a.NOTHING, back),
        # RFC 3311 5.1 and 5.2: UPDATE may make an offer while none is open. An answer that only an unreliable response
        # has shown is good enough for the peer's, as phones (and Asterisk) have it.
        ((s.STABLE,), us, m.UPDATE, yes, a.GIVE_OFFER, s.OFFERED_UPDATE),
        ((s.OFFERED_UPDATE,), peer, m.UPDATE_OK, yes, a.TAKE_ANSWER, back),
        ((s.OFFERED_UPDATE,), peer, m.UPDATE_OK, no, a.ROLL_BACK, back),
        ((s.OFFERED_UPDATE,), peer, m.UPDATE_REFUSED, no, a.ROLL_BACK, back),
        ((s.STABLE, s.ANSWERED_EARLY, s.PREVIEWED), peer, m.UPDATE, yes, a.TAKE_OFFER, s.RECEIVED_UPDATE),
        ((s.RECEIVED_UPDATE,), us, m.UPDATE_OK, any_, a.GIVE_ANSWER, back),
        ((s.RECEIVED_UPDATE,), us, m.UPDATE_REFUSED, no, a.NOTHING, back),
    ]
    table: dict[Key, Row] = {}
    for states, side, message, described, action, after in rows:
        for state in states:
            for carries in described:
                table[state, side, message, carries] = (action, state if after is same else after)
    # A request within the dialog that makes no offer is never in the way of one, nor is the response to it.
    for state in s:
        for side in us, peer:
            for message in (m.PRACK, m.PRACK_OK, m.PRACK_REFUSED, m.UPDATE, m.UPDATE_OK, m.UPDATE_REFUSED):
                table.setdefault((state, side, message, False), (a.NOTHING, state))
    return table


TABLE: Final = _table()

_OURS: Final = frozenset(
    state for state in OfferState if OfferState.OFFERED_INVITE <= state <= OfferState.OFFERED_EARLY
)
_NEVER_WAIT: Final = frozenset((Message.ACK, Message.INVITE_REFUSED))
_REQUESTS: Final = frozenset((Message.INVITE, Message.PRACK, Message.UPDATE))
_NESTED: Final = frozenset(
    (OfferState.OFFERED_PRACK, OfferState.OFFERED_UPDATE, OfferState.RECEIVED_PRACK, OfferState.RECEIVED_UPDATE)
)
"""Exchanges that may happen while an INVITE is not through."""


def not_allowed(state: OfferState, side: Side, message: Message, described: bool, invite: Side | None = None) -> Action:
    """The action for a message that the table has no row for in ``state``.

    ``invite`` is whose INVITE is not through, its ACK included.
    """
    if side is Side.US:
        return Action.NOTHING if message in _NEVER_WAIT else Action.WAIT
    if message not in _REQUESTS:
        return Action.IGNORE if described else Action.NOTHING
    ours = invite is Side.US if message is Message.INVITE and invite is not None else state in _OURS
    return Action.REFUSE_491 if ours else Action.REFUSE_500


class OfferAnswer:
    """One side of the offers and answers of one dialog.

    Attributes:
        state: where they stand.
        invite: whose INVITE is not through: no final response yet, or no ACK to its 2xx; ``None`` if all are.
    """

    __slots__ = ("_before", "_before_invite", "invite", "state")

    def __init__(self) -> None:
        self.state = OfferState.NONE
        self.invite: Side | None = None
        self._before = self._before_invite = OfferState.NONE

    def __repr__(self) -> str:
        return f"<OfferAnswer {self.state.name}>"

    @property
    def open(self) -> bool:
        """Whether an offer is unanswered or owed, or an INVITE is not through."""
        return self.invite is not None or self.state > OfferState.STABLE

    def fork(self) -> OfferAnswer:
        """That of another branch of the same INVITE: as it was before any branch answered."""
        other = OfferAnswer()
        other.state, other.invite = OfferState.OFFERED_INVITE, self.invite
        return other

    def see(self, side: Side, message: Message, described: bool = False) -> Action:
        """A message came, or is about to be sent; what to do about it.

        Of ours ``described`` says whether we would have it carry a description; the action says what it must carry.
        What is refused or has to wait changes nothing, so that it can be asked again.
        """
        state = self.state
        if message is Message.INVITE and self.invite is not None:
            return not_allowed(state, side, message, described, self.invite)
        row = TABLE.get((state, side, message, described))
        # The side that asked acknowledges a 2xx; any other final response is the other side's.
        if self.invite is not None and (
            (message is Message.ACK and side is self.invite)
            or (message is Message.INVITE_REFUSED and side is not self.invite)
        ):
            self.invite = None
        if row is None:
            return not_allowed(state, side, message, described)
        action, after = row
        if message is Message.INVITE:
            self.invite = side
            self._before_invite = state
        if after is not state:
            if after is Next.BACK:
                after = self._before if state in _NESTED else self._before_invite
            elif after in _NESTED:
                self._before = state
            assert isinstance(after, OfferState)
            self.state = after
        return action
