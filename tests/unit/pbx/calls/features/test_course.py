"""The table of an attended transfer by key."""

from __future__ import annotations

from asterism.pbx.calls.features.consultation import Consultation
from asterism.pbx.calls.features.course import COURSE, ENDS, Event, State


def test_every_state_that_is_no_end_has_a_row_and_every_step_a_method() -> None:
    assert set(COURSE) == set(State) - ENDS
    for row in COURSE.values():
        for step in row.values():
            assert callable(getattr(Consultation, f"_{step.do}"))


def test_every_state_can_be_reached_and_leads_to_an_end() -> None:
    reached, ends = {State.CALLING}, set(ENDS)
    for _ in State:
        reached |= {step.then for state in reached if state in COURSE for step in COURSE[state].values()}
        ends |= {state for state, row in COURSE.items() if ends & {step.then for step in row.values()}}
    assert reached == ends == set(State)


def test_whoever_goes_is_noticed_in_every_state() -> None:
    """A transferee that is gone, and a transferer as long as it takes part."""
    for state, row in COURSE.items():
        assert Event.TRANSFEREE_GONE in row
        if state not in (State.BLOND, State.RECALLING, State.PAUSING):
            assert {Event.TRANSFERER_GONE, Event.TARGET_GONE, Event.ABORT} <= set(row)
