"""Who takes part and who waits, and the state of the conference, after every coming and going."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass
from typing import Any

import pytest

from asterism.pbx.calls.conference.attendance import MOVES, Attendance, State


@dataclass(eq=False)
class Someone:
    """A user as the attendance sees it."""

    marked: bool = False
    wait_marked: bool = False
    end_marked: bool = False
    end_marked_any: bool = False
    waiting: bool = False


PLAIN: dict[str, Any] = {}
MARKED = {"marked": True}
WAITS = {"wait_marked": True}


def filled(*kinds: dict[str, Any]) -> tuple[Attendance, list[Any]]:
    attendance = Attendance()
    users: list[Any] = [Someone(**kind) for kind in kinds]
    for user in users:
        attendance.join(user)
    return attendance, users


@pytest.mark.parametrize(
    ("kinds", "state"),
    [
        ((), "EMPTY"), ((PLAIN,), "SINGLE"), ((MARKED,), "SINGLE_MARKED"), ((WAITS,), "INACTIVE"),
        ((WAITS, WAITS), "INACTIVE"), ((WAITS, PLAIN), "SINGLE"), ((PLAIN, WAITS), "SINGLE"), ((PLAIN, PLAIN), "MULTI"),
        ((PLAIN, PLAIN, WAITS), "MULTI"), ((WAITS, MARKED), "MULTI_MARKED"), ((MARKED, WAITS), "MULTI_MARKED"),
        ((PLAIN, MARKED), "MULTI_MARKED"), ((MARKED, MARKED), "MULTI_MARKED"),
    ],
)  # fmt: skip
def test_the_state_follows_from_who_is_there(kinds: tuple[dict[str, Any], ...], state: str) -> None:
    assert filled(*kinds)[0].state is State(state)


def test_who_waits_is_seated_behind_the_marked_user_and_waits_again_without_one() -> None:
    attendance, (waits,) = filled(WAITS)
    leader: Any = Someone(**MARKED)
    change = attendance.join(leader)
    assert (change.before, change.after, change.seated) == (State.INACTIVE, State.MULTI_MARKED, [waits])
    assert list(attendance) == [leader, waits]
    change = attendance.leave(leader)
    assert (change.after, change.waiting, change.ending, waits.waiting) == (State.INACTIVE, [waits], [], True)


def test_for_whom_it_is_over_stays_until_it_leaves() -> None:
    attendance, (leader, ends, both) = filled(MARKED, {"end_marked": True}, {"end_marked": True, "wait_marked": True})
    change = attendance.leave(leader)
    assert (change.ending, change.waiting, change.after) == ([ends, both], [], State.MULTI)
    assert attendance.leave(ends).after is State.SINGLE
    assert attendance.leave(both).after is State.EMPTY


def test_any_marked_user_ends_it_for_those_who_want_it() -> None:
    attendance, (one, _, ends, not_yet) = filled(MARKED, MARKED, {"end_marked_any": True}, {"end_marked": True})
    assert attendance.leave(one).ending == [ends]
    assert not_yet in attendance.active


def test_every_course_follows_the_diagram() -> None:
    seen: set[tuple[State, State]] = set()
    chance = random.Random(17)
    kinds = [dict(zip(("marked", "wait_marked", "end_marked"), each, strict=True))
             for each in itertools.product((False, True), repeat=3)]  # fmt: skip
    for _ in range(400):
        attendance = Attendance()
        there: list[Any] = []
        for _ in range(40):
            if there and chance.random() < 0.5:
                change = attendance.leave(there.pop(chance.randrange(len(there))))
            else:
                there.append(Someone(**chance.choice(kinds)))
                change = attendance.join(there[-1])
            if change.before is not change.after:
                seen.add((change.before, change.after))
            assert sorted(map(id, there)) == sorted(map(id, attendance))
            assert attendance.marked == sum(user.marked for user in there)
            assert all(user.waiting for user in attendance.waiting)
            assert not (attendance.marked and attendance.waiting)
            assert not any(user.waiting for user in attendance.active)
    assert seen == {(before, after) for before, others in MOVES.items() for after in others}
