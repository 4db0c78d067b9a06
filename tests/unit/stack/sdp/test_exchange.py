"""Offers and answers: the six pairs of RFC 6337 table 1, what is refused, and two sides that play each other."""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asterism.stack.sdp.exchange import (
    TABLE,
    Action,
    Message,
    Next,
    OfferAnswer,
    OfferState,
    Side,
    not_allowed,
)

US, PEER = Side.US, Side.PEER
A, M, S = Action, Message, OfferState

Step = tuple[Side, Message, bool, Action]


def play(*steps: Step) -> OfferAnswer:
    """A dialog in which these messages are sent and come, each with what is to be done about it."""
    machine = OfferAnswer()
    for side, message, described, action in steps:
        assert machine.see(side, message, described) is action, (side, message, described)
    return machine


OFFER_IN_INVITE = (US, M.INVITE, True, A.GIVE_OFFER)
OFFERED = (PEER, M.INVITE, True, A.TAKE_OFFER)
NO_OFFER = (PEER, M.INVITE, False, A.NOTHING)
ACK = (US, M.ACK, False, A.NOTHING)
ACKED = (PEER, M.ACK, False, A.NOTHING)
ANSWERED = (OFFERED, (US, M.OK, True, A.GIVE_ANSWER), ACKED)


@pytest.mark.parametrize(
    "steps",
    [
        (OFFER_IN_INVITE, (PEER, M.OK, True, A.TAKE_ANSWER), ACK),
        (OFFER_IN_INVITE, (PEER, M.RELIABLE, True, A.TAKE_ANSWER), (US, M.PRACK, False, A.NOTHING),
         (PEER, M.PRACK_OK, False, A.NOTHING), (PEER, M.OK, False, A.NOTHING), ACK),
        (OFFER_IN_INVITE, (PEER, M.EARLY, True, A.PREVIEW), (PEER, M.EARLY, True, A.PREVIEW),
         (PEER, M.OK, True, A.TAKE_ANSWER), ACK),
        (OFFER_IN_INVITE, (PEER, M.EARLY, True, A.PREVIEW), (PEER, M.OK, False, A.NOTHING), ACK),
        (OFFER_IN_INVITE, (PEER, M.EARLY, False, A.NOTHING), (PEER, M.EARLY, True, A.PREVIEW),
         (PEER, M.RELIABLE, True, A.TAKE_ANSWER), (US, M.PRACK, False, A.NOTHING), (PEER, M.OK, True, A.IGNORE), ACK),
        ((US, M.INVITE, False, A.NOTHING), (PEER, M.EARLY, True, A.IGNORE), (PEER, M.OK, True, A.TAKE_OFFER),
         (US, M.ACK, False, A.GIVE_ANSWER)),
        ((US, M.INVITE, False, A.NOTHING), (PEER, M.RELIABLE, True, A.TAKE_OFFER),
         (US, M.PRACK, False, A.GIVE_ANSWER), (PEER, M.PRACK_OK, False, A.NOTHING), (PEER, M.OK, False, A.NOTHING),
         ACK),
        ANSWERED,
        (OFFERED, (US, M.EARLY, False, A.NOTHING), (US, M.EARLY, True, A.GIVE_ANSWER), (US, M.EARLY, False, A.REPEAT),
         (US, M.OK, True, A.REPEAT), ACKED),
        (OFFERED, (US, M.RELIABLE, False, A.NOTHING), (PEER, M.PRACK, False, A.NOTHING),
         (US, M.RELIABLE, True, A.GIVE_ANSWER), (PEER, M.PRACK, False, A.NOTHING),
         (US, M.RELIABLE, True, A.NOTHING), (US, M.OK, True, A.NOTHING), ACKED),
        (NO_OFFER, (US, M.OK, True, A.GIVE_OFFER), (PEER, M.ACK, True, A.TAKE_ANSWER)),
        (NO_OFFER, (US, M.EARLY, False, A.NOTHING), (US, M.EARLY, True, A.GIVE_OFFER), (US, M.OK, True, A.REPEAT),
         (PEER, M.ACK, True, A.TAKE_ANSWER)),
        (NO_OFFER, (US, M.RELIABLE, False, A.GIVE_OFFER), (US, M.OK, True, A.WAIT),
         (PEER, M.PRACK, True, A.TAKE_ANSWER), (US, M.OK, True, A.NOTHING), ACKED),
        (OFFERED, (US, M.RELIABLE, True, A.GIVE_ANSWER), (PEER, M.PRACK, True, A.TAKE_OFFER),
         (US, M.OK, True, A.WAIT), (US, M.PRACK_OK, True, A.GIVE_ANSWER), (US, M.OK, True, A.NOTHING), ACKED),
        (*ANSWERED, (US, M.UPDATE, True, A.GIVE_OFFER), (PEER, M.UPDATE_OK, True, A.TAKE_ANSWER)),
        (*ANSWERED, (PEER, M.UPDATE, True, A.TAKE_OFFER), (US, M.UPDATE_OK, True, A.GIVE_ANSWER)),
        (*ANSWERED, (US, M.INVITE, True, A.GIVE_OFFER), (PEER, M.INVITE_REFUSED, False, A.ROLL_BACK)),
        (*ANSWERED, (US, M.UPDATE, True, A.GIVE_OFFER), (PEER, M.UPDATE_REFUSED, False, A.ROLL_BACK)),
    ],
)  # fmt: skip
def test_every_legal_pair_ends_with_both_sides_agreed(steps: tuple[Step, ...]) -> None:
    assert play(*steps).state is S.STABLE


@pytest.mark.parametrize(
    ("before", "step"),
    [
        # RFC 3311 5.2: before the answer there is no offer in UPDATE.
        ((OFFERED,), (PEER, M.UPDATE, True, A.REFUSE_500)),
        ((OFFERED, (US, M.EARLY, False, A.NOTHING)), (PEER, M.PRACK, True, A.REFUSE_500)),
        ((OFFER_IN_INVITE,), (PEER, M.UPDATE, True, A.REFUSE_491)),
        ((NO_OFFER,), (PEER, M.UPDATE, True, A.REFUSE_500)),
        ((NO_OFFER, (US, M.EARLY, True, A.GIVE_OFFER)), (PEER, M.UPDATE, True, A.REFUSE_491)),
        # RFC 3261 14.2: glare of INVITEs.
        ((*ANSWERED, OFFER_IN_INVITE), (PEER, M.INVITE, True, A.REFUSE_491)),
        ((*ANSWERED, OFFER_IN_INVITE), (PEER, M.INVITE, False, A.REFUSE_491)),
        ((*ANSWERED, OFFERED), (PEER, M.INVITE, True, A.REFUSE_500)),
        ((*ANSWERED, OFFERED, (US, M.OK, True, A.GIVE_ANSWER)), (PEER, M.INVITE, True, A.REFUSE_500)),
        ((*ANSWERED, (US, M.UPDATE, True, A.GIVE_OFFER)), (PEER, M.INVITE, False, A.REFUSE_491)),
        ((*ANSWERED, (US, M.UPDATE, True, A.GIVE_OFFER)), (PEER, M.UPDATE, True, A.REFUSE_491)),
        # What asks for nothing is never refused.
        ((*ANSWERED, OFFER_IN_INVITE), (PEER, M.UPDATE, False, A.NOTHING)),
        ((OFFERED,), (PEER, M.UPDATE, False, A.NOTHING)),
        # We keep to it, too.
        ((*ANSWERED, OFFERED), (US, M.UPDATE, True, A.WAIT)),
        ((*ANSWERED, OFFERED, (US, M.OK, True, A.GIVE_ANSWER)), (US, M.INVITE, True, A.WAIT)),
        ((*ANSWERED, OFFER_IN_INVITE), (US, M.INVITE, True, A.WAIT)),
        ((*ANSWERED, (US, M.UPDATE, True, A.GIVE_OFFER)), (US, M.INVITE, True, A.WAIT)),
        ((OFFERED,), (US, M.UPDATE, True, A.WAIT)),
        # Descriptions where none belongs are dropped.
        (ANSWERED, (PEER, M.ACK, True, A.IGNORE)),
        (ANSWERED, (PEER, M.UPDATE_OK, True, A.IGNORE)),
        (ANSWERED, (PEER, M.RELIABLE, True, A.IGNORE)),
        ((*ANSWERED, (US, M.INVITE, False, A.NOTHING)), (PEER, M.EARLY, True, A.IGNORE)),
        # No answer where it was due.
        ((OFFER_IN_INVITE,), (PEER, M.OK, False, A.UNANSWERED)),
        ((NO_OFFER, (US, M.OK, True, A.GIVE_OFFER)), (PEER, M.ACK, False, A.UNANSWERED)),
        ((NO_OFFER, (US, M.RELIABLE, True, A.GIVE_OFFER)), (PEER, M.PRACK, False, A.UNANSWERED)),
        (((US, M.INVITE, False, A.NOTHING),), (PEER, M.OK, False, A.UNANSWERED)),
        ((*ANSWERED, (US, M.UPDATE, True, A.GIVE_OFFER)), (PEER, M.UPDATE_OK, False, A.ROLL_BACK)),
    ],
)  # fmt: skip
def test_what_is_not_legal_is_refused_or_dropped_and_changes_nothing(before: tuple[Step, ...], step: Step) -> None:
    machine = play(*before)
    state, invite = machine.state, machine.invite
    side, message, described, action = step
    assert machine.see(side, message, described) is action
    if action in (A.REFUSE_491, A.REFUSE_500, A.WAIT, A.IGNORE):
        assert (machine.state, machine.invite) == (state, invite)


def test_an_exchange_without_answer_leaves_what_was_agreed_on_before() -> None:
    for before, rest in (((), S.NONE), (ANSWERED, S.STABLE)):
        machine = play(*before)
        machine.see(PEER, M.INVITE)
        machine.see(US, M.OK, True)
        assert machine.see(PEER, M.ACK) is A.UNANSWERED
        assert machine.state is rest
        assert not machine.open


def test_an_update_after_an_unreliable_answer_leaves_the_invites_answer_due() -> None:
    machine = play(OFFERED, (US, M.EARLY, True, A.GIVE_ANSWER))
    assert machine.see(PEER, M.UPDATE, True) is A.TAKE_OFFER
    assert machine.see(US, M.UPDATE_OK, True) is A.GIVE_ANSWER
    assert machine.state is S.ANSWERED_EARLY
    assert machine.see(US, M.OK, True) is A.REPEAT


def test_the_branches_of_a_call_do_not_share_their_state() -> None:
    first = play(OFFER_IN_INVITE, (PEER, M.RELIABLE, True, A.TAKE_ANSWER))
    second = first.fork()
    assert second.see(PEER, M.UPDATE, True) is A.REFUSE_491
    assert first.see(PEER, M.UPDATE, True) is A.TAKE_OFFER
    assert second.see(PEER, M.OK, False) is A.UNANSWERED
    assert second.see(PEER, M.INVITE, True) is A.REFUSE_491  # ours is not through before our ACK
    second.see(US, M.ACK)
    assert second.see(PEER, M.INVITE, True) is A.TAKE_OFFER


def test_the_ack_of_the_other_side_ends_no_invite() -> None:
    machine = play(*ANSWERED, OFFER_IN_INVITE)
    machine.see(PEER, M.ACK)
    assert machine.invite is US
    machine.see(US, M.INVITE_REFUSED)
    assert machine.invite is US
    machine.see(PEER, M.INVITE_REFUSED)
    assert machine.invite is None


def test_the_table_is_complete_and_names_no_state_that_is_no_state() -> None:
    for (state, side, message, described), (action, after) in TABLE.items():
        assert after is Next.BACK or after in S, (state, side, message, described)
        assert after is not Next.SAME
        ours = side is US
        assert not ours or action not in (A.TAKE_OFFER, A.TAKE_ANSWER, A.PREVIEW, A.IGNORE)
        assert ours or action not in (A.GIVE_OFFER, A.GIVE_ANSWER, A.REPEAT, A.WAIT)
        # What takes or gives a description has one to take, or is free to give one.
        assert described or action not in (A.TAKE_OFFER, A.TAKE_ANSWER, A.PREVIEW)
    for state, message, described in itertools.product(S, M, (False, True)):
        refusal = not_allowed(state, PEER, message, described)
        request = message in (M.INVITE, M.PRACK, M.UPDATE)
        assert (refusal in (A.REFUSE_491, A.REFUSE_500)) is request
        waits = message not in (M.ACK, M.INVITE_REFUSED)
        assert not_allowed(state, US, message, described) is (A.WAIT if waits else A.NOTHING)


def test_each_row_has_a_mirror() -> None:
    """What one side may send with a description, the other knows what to do with, from every pair of states."""
    seen: set[tuple[OfferState, OfferState]] = set()
    waiting = deque([(OfferAnswer(), OfferAnswer())])
    while waiting:
        pair = waiting.popleft()
        if (pair[0].state, pair[1].state) in seen:
            continue
        seen.add((pair[0].state, pair[1].state))
        for (turn, message), wanted in itertools.product(itertools.product((0, 1), M), (True, False)):
            mine, theirs = _copy(pair[turn]), _copy(pair[1 - turn])
            if (mine.state, US, message, wanted) not in TABLE:
                continue
            action = mine.see(US, message, wanted)
            if action is A.WAIT:
                continue
            carries = action in (A.GIVE_OFFER, A.GIVE_ANSWER, A.REPEAT)
            reaction = theirs.see(PEER, message, carries)
            if carries:
                assert reaction in (A.TAKE_OFFER, A.TAKE_ANSWER, A.PREVIEW, A.IGNORE), (pair, message)
                # Only an unreliable offer is not looked at (RFC 3261 13.2.1).
                assert reaction is not A.IGNORE or message is M.EARLY, (pair, message)
            after = (mine, theirs) if turn == 0 else (theirs, mine)
            waiting.append(after)
    assert {one for pair in seen for one in pair} == set(S)
    # In order and without loss, the two always know of each other where they stand.
    assert all((a > S.STABLE) == (b > S.STABLE) for a, b in seen)


def _copy(machine: OfferAnswer) -> OfferAnswer:
    other = OfferAnswer()
    for name in OfferAnswer.__slots__:
        setattr(other, name, getattr(machine, name))
    return other


@dataclass
class Agent:
    """A user agent whose descriptions are numbers: what it believes is agreed on, and the requests it waits for."""

    name: str
    machine: OfferAnswer = field(default_factory=OfferAnswer)
    agreed: tuple[str, str] | None = None
    open: tuple[str, str] | None = None
    count: int = 0
    sent: deque[tuple[Message, str, str]] = field(default_factory=deque)
    pending: set[Message] = field(default_factory=set)
    serving: Message | None = None
    answered: bool = False
    last: str = ""

    def new(self) -> str:
        self.count += 1
        self.last = f"{self.name}{self.count}"
        return self.last

    def send(self, message: Message, wanted: bool = False) -> bool:
        action = self.machine.see(US, message, wanted)
        if action is A.WAIT:
            return False
        text = ""
        if action is A.GIVE_OFFER:
            text = self.new()
            self.open = text, ""
        elif action is A.GIVE_ANSWER:
            text = self.new()
            assert self.open is not None
            self.open = self.open[0], text
            if message is not M.EARLY:
                self.agreed = self.open
        elif action is A.REPEAT:
            text = self.last
            if message is not M.EARLY and self.open is not None and self.open[1]:
                self.agreed = self.open
        self.sent.append((message, text, ""))
        return True

    def receive(self, message: Message, text: str) -> None:
        action = self.machine.see(PEER, message, bool(text))
        refusals = {M.INVITE: M.INVITE_REFUSED, M.PRACK: M.PRACK_REFUSED, M.UPDATE: M.UPDATE_REFUSED}
        if action in (A.REFUSE_491, A.REFUSE_500):
            self.sent.append((refusals[message], "", ""))
            return
        if action is A.TAKE_OFFER:
            self.open = text, ""
        elif action in (A.TAKE_ANSWER, A.PREVIEW) and self.open is not None:
            self.open = self.open[0], text
            if action is A.TAKE_ANSWER:
                self.agreed = self.open
        if message is M.INVITE:
            self.serving = M.INVITE
        elif message in (M.UPDATE, M.PRACK):
            assert self.send(M.UPDATE_OK if message is M.UPDATE else M.PRACK_OK, action is A.TAKE_OFFER)
        elif message is M.OK:
            if self.machine.state is S.STABLE and self.open is not None and self.open[1]:
                self.agreed = self.open
            self.pending.discard(M.INVITE)
            assert self.send(M.ACK)
        elif message is M.RELIABLE:
            assert self.send(M.PRACK)
        elif message is M.INVITE_REFUSED:
            self.pending.discard(M.INVITE)
        elif message in (M.UPDATE_OK, M.UPDATE_REFUSED):
            self.pending.discard(M.UPDATE)


MOVES = ("offer", "ask", "update", "early", "reliable", "answer", "refuse", "deliver", "deliver", "deliver")


@settings(max_examples=600, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.sampled_from(MOVES)), max_size=60))
def test_two_sides_agree_whatever_they_try(moves: list[tuple[bool, str]]) -> None:
    """Requests of both sides cross; the wire keeps its order, as transactions see to it within a dialog."""
    one, other = Agent("a"), Agent("b")

    def deliver(sender: Agent, receiver: Agent) -> None:
        if sender.sent:
            message, text, _ = sender.sent.popleft()
            receiver.receive(message, text)

    def act(agent: Agent, move: str) -> None:
        serving = agent.serving is M.INVITE
        if move in ("offer", "ask"):
            if M.INVITE not in agent.pending and agent.send(M.INVITE, move == "offer"):
                agent.pending.add(M.INVITE)
        elif move == "update" and M.UPDATE not in agent.pending and agent.agreed:
            if agent.send(M.UPDATE, True):
                agent.pending.add(M.UPDATE)
        elif serving and move in ("early", "reliable"):
            agent.send(M.EARLY if move == "early" else M.RELIABLE, True)
        elif serving and move == "answer":
            if agent.send(M.OK, True):
                agent.serving = None
        elif serving and move == "refuse" and agent.machine.state is not S.OFFERED_RELIABLE:
            # Refused before the PRACK with its answer comes, a first INVITE leaves nobody to agree (RFC 6141 3.1).
            assert agent.send(M.INVITE_REFUSED)
            agent.serving = None

    for turn, move in moves:
        agent, peer = (one, other) if turn else (other, one)
        if move == "deliver":
            deliver(agent, peer)
        else:
            act(agent, move)
    for _ in range(50):
        for agent, peer in ((one, other), (other, one)):
            while agent.sent:
                deliver(agent, peer)
            act(agent, "answer")
    assert not one.machine.open
    assert not other.machine.open
    assert one.agreed == other.agreed
    assert one.machine.state is other.machine.state
