"""The table of states: each arc, and that there are no others."""

from __future__ import annotations

import pytest

from asterism.pbx.calls.completion.machine import ARCS, ASKED, FINAL, Event, State

PATH = (
    (State.AVAILABLE, Event.OFFER, State.OFFERED),
    (State.OFFERED, Event.REQUEST, State.REQUESTED),
    (State.REQUESTED, Event.ACKNOWLEDGE, State.ACTIVE),
    (State.ACTIVE, Event.CALLEE_FREE, State.CALLEE_READY),
    (State.ACTIVE, Event.CALLER_BUSY, State.CALLER_BUSY),
    (State.CALLEE_READY, Event.CALLEE_BUSY, State.ACTIVE),
    (State.CALLEE_READY, Event.CALLER_BUSY, State.CALLER_BUSY),
    (State.CALLEE_READY, Event.RECALL, State.RECALLING),
    (State.CALLER_BUSY, Event.CALLER_FREE, State.ACTIVE),
    (State.RECALLING, Event.COMPLETE, State.COMPLETE),
)


@pytest.mark.parametrize("arc", PATH, ids=lambda arc: f"{arc[0].value}-{arc[1].value}")
def test_each_arc(arc):
    assert ARCS[arc[0], arc[1]] is arc[2]


def test_everything_that_is_not_over_may_fail():
    assert {state for state, event in ARCS if event is Event.FAIL} == set(State) - FINAL


def test_there_are_no_other_arcs():
    assert len(ARCS) == len(PATH) + len(State) - len(FINAL)
    assert not any(state in FINAL for state, _ in ARCS)


def test_every_state_can_be_reached_and_left():
    reached = {State.AVAILABLE}
    for _ in State:
        reached |= {to for (state, _), to in ARCS.items() if state in reached}
    assert reached == set(State)
    assert ASKED.isdisjoint(FINAL)
