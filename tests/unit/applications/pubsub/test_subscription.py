"""The states of a subscription: every arc, both roles, in virtual time."""

from __future__ import annotations

import pytest

from asterism.applications.pubsub.subscription import TABLE, Action, Event, Machine, Role, State

PATHS = {
    (Role.NOTIFIER, State.INIT): (),
    (Role.NOTIFIER, State.RESP_WAIT): (Event.SUBSCRIBE,),
    (Role.NOTIFIER, State.PENDING): (Event.SUBSCRIBE, Event.DEFER),
    (Role.NOTIFIER, State.ACTIVE): (Event.SUBSCRIBE, Event.ACCEPT),
    (Role.NOTIFIER, State.TERMINATED): (Event.SUBSCRIBE, Event.REFUSE),
    (Role.SUBSCRIBER, State.INIT): (),
    (Role.SUBSCRIBER, State.NOTIFY_WAIT): (Event.SEND,),
    (Role.SUBSCRIBER, State.PENDING): (Event.SEND, Event.SUBSCRIBE_OK, Event.TOLD_PENDING),
    (Role.SUBSCRIBER, State.ACTIVE): (Event.SEND, Event.TOLD_ACTIVE),
    (Role.SUBSCRIBER, State.ENDING): (Event.SEND, Event.TOLD_ACTIVE, Event.END),
    (Role.SUBSCRIBER, State.TERMINATED): (Event.SEND, Event.SUBSCRIBE_REFUSED),
}
"""How each state is reached."""


def reach(role: Role, state: State) -> Machine:
    machine = Machine(role)
    for event in PATHS[role, state]:
        machine.see(event)
    assert machine.state is state
    return machine


@pytest.mark.parametrize(("role", "state"), PATHS)
@pytest.mark.parametrize("event", Event)
def test_every_event_in_every_state(role: Role, state: State, event: Event) -> None:
    machine = reach(role, state)
    action = machine.see(event)
    row = TABLE.get((role, state, event))
    if row is None:
        assert (action, machine.state) == (Action.NOTHING, state)
    else:
        assert (action, machine.state) == row


def test_every_row_can_be_reached() -> None:
    assert {key[:2] for key in TABLE} <= set(PATHS)


def test_what_is_over_stays_over() -> None:
    for role in Role:
        assert not [key for key in TABLE if key[:2] == (role, State.TERMINATED)]


def test_every_state_but_the_last_has_a_way_out_and_nobody_is_told_twice() -> None:
    last = (Action.ANSWER_AND_END, Action.NOTIFY_END, Action.FORGET, Action.TELL_END, Action.ANSWER_REFUSAL)
    for action, after in TABLE.values():
        assert (action in last) == (after is State.TERMINATED)
    for role, state in PATHS:
        if state is not State.TERMINATED:
            assert any(key[:2] == (role, state) for key in TABLE)


def test_a_life_in_virtual_time() -> None:
    machine = Machine(Role.NOTIFIER)
    now = 1000.0
    machine.see(Event.SUBSCRIBE)
    machine.see(Event.DEFER)
    machine.renew(now, 600)
    assert machine.header(now) == "pending;expires=600"
    assert machine.see(Event.CHANGE) is Action.NOTHING
    assert machine.see(Event.ACCEPT) is Action.NOTIFY
    assert machine.header(now + 599.6) == "active;expires=0"
    machine.renew(now + 599, 300)
    assert machine.header(now + 600) == "active;expires=299"
    assert machine.see(Event.EXPIRE) is Action.NOTIFY_END
    assert machine.header(now + 900) == "terminated"
    assert machine.over


@pytest.mark.parametrize(
    ("reason", "retry_after", "value"),
    [
        ("", 0, "terminated"),
        ("noresource", 0, "terminated;reason=noresource"),
        ("probation", 30, "terminated;reason=probation;retry-after=30"),
    ],
)
def test_the_end_says_why_and_when_to_come_again(reason: str, retry_after: int, value: str) -> None:
    machine = reach(Role.NOTIFIER, State.ACTIVE)
    machine.see(Event.END)
    machine.reason, machine.retry_after = reason, retry_after
    assert machine.header(0.0) == value
