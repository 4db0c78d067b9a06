"""Who takes part in a conference and who waits, and the state that follows from it.

::

                    +--------------- EMPTY <---------------+
                    |    joins: wait_marked                |  unmarked joins        marked joins
                    v                                      +------------> SINGLE    +----------> SINGLE_MARKED
                INACTIVE ---- unmarked joins ------------> SINGLE <----> MULTI                        ^
                    |                                        |             |                          |
                    +--- marked joins ---+   marked joins ---+-------------+                          v
                                         +---------------------------------+-----------------> MULTI_MARKED

With a marked user in it (``..._MARKED``) nobody waits. When the last one has left those who wait for marked users wait
again, and for those with ``end_marked`` it is over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from asterism.pbx.calls.conference.user import User


class State(Enum):
    """The state of a conference."""

    EMPTY = "EMPTY"
    """Nobody is in it."""
    INACTIVE = "INACTIVE"
    """All who are in it wait for a marked user."""
    SINGLE = "SINGLE"
    """One unmarked user; others may wait."""
    SINGLE_MARKED = "SINGLE_MARKED"
    """One marked user."""
    MULTI = "MULTI"
    """Several users, none of them marked; others may wait."""
    MULTI_MARKED = "MULTI_MARKED"
    """Several users, at least one of them marked."""


MOVES: Mapping[State, frozenset[State]] = MappingProxyType(
    {
        State.EMPTY: frozenset({State.INACTIVE, State.SINGLE, State.SINGLE_MARKED}),
        State.INACTIVE: frozenset({State.EMPTY, State.SINGLE, State.MULTI_MARKED}),
        State.SINGLE: frozenset({State.EMPTY, State.INACTIVE, State.MULTI, State.MULTI_MARKED}),
        State.SINGLE_MARKED: frozenset({State.EMPTY, State.MULTI_MARKED}),
        State.MULTI: frozenset({State.SINGLE, State.MULTI_MARKED}),
        State.MULTI_MARKED: frozenset({State.SINGLE_MARKED, State.SINGLE, State.MULTI, State.INACTIVE}),
    }
)
"""The states that may follow each."""


class Change(NamedTuple):
    """What a coming or leaving has changed for others."""

    before: State
    after: State
    seated: list[User]
    """Those who waited until now."""
    waiting: list[User]
    """Those who wait from now on."""
    ending: list[User]
    """Those for whom it is over, who are in it until they leave."""


class Attendance:
    """Users of a conference, those who take part and those who wait, each in the order in which they came to do so."""

    __slots__ = ("active", "marked", "state", "waiting")

    def __init__(self) -> None:
        self.active: dict[User, None] = {}
        self.waiting: dict[User, None] = {}
        self.marked = 0
        """Number of marked users."""
        self.state = State.EMPTY

    def __len__(self) -> int:
        return len(self.active) + len(self.waiting)

    def __iter__(self) -> Iterator[User]:
        return iter((*self.active, *self.waiting))

    @property
    def sole(self) -> User | None:
        """The only one who takes part, if it is one."""
        return next(iter(self.active)) if len(self.active) == 1 else None

    def join(self, user: User) -> Change:
        """One more has come; it takes part, or waits."""
        if user.marked:
            self.marked += 1
        user.waiting = user.wait_marked and not self.marked
        (self.waiting if user.waiting else self.active)[user] = None
        seated = list(self.waiting) if user.marked else []
        for each in seated:
            each.waiting = False
            self.active[each] = None
            del self.waiting[each]
        return self._change(seated, [], [])

    def leave(self, user: User) -> Change:
        """One has left."""
        (self.waiting if user.waiting else self.active).pop(user, None)
        ending: list[User] = []
        waiting: list[User] = []
        if user.marked:
            self.marked -= 1
            last = not self.marked
            ending = [each for each in self.active if each.end_marked_any or (last and each.end_marked)]
            if last:
                over = set(ending)
                waiting = [each for each in self.active if each.wait_marked and each not in over]
            for each in waiting:
                each.waiting = True
                self.waiting[each] = None
                del self.active[each]
        return self._change([], waiting, ending)

    def _change(self, seated: list[User], waiting: list[User], ending: list[User]) -> Change:
        before, after = self.state, self._follow()
        if after is not before and after not in MOVES[before]:
            raise RuntimeError(f"a conference does not become {after.value} from {before.value}")
        self.state = after
        return Change(before, after, seated, waiting, ending)

    def _follow(self) -> State:
        count = len(self.active)
        if not count:
            return State.INACTIVE if self.waiting else State.EMPTY
        if self.marked:
            return State.MULTI_MARKED if count > 1 else State.SINGLE_MARKED
        return State.MULTI if count > 1 else State.SINGLE
