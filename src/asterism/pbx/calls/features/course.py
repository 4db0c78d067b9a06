"""The course of an attended transfer by key, as a table: what each thing that happens makes of it.

Somebody (the *transferer*) talks to the *transferee*, dials the code and a number, and talks to the *target*::

                                     no answer, refused, abort
             +--------------------------------------------------------------> back with the transferee
             |                            abort, target gone                    ^        ^
             |                  +-----------------------------------------------+        |
             |                  |                                                        |
     CALLING ------ answer ---> CONSULTING <------- swap --------> SWAPPED ---- abort ---+
        |  ^                    |     |                            |     |
        |  +-- swap --> ASIDE --|-----|--------- answer ---------->+     |
        |                |      |     |                                  |
        |                |      |     +--- three-way --------------------+--> all three talk
        |                |      |                                        |
        | complete,      |      +--- complete, transferer gone ----------+--> the two talk
        | gone           v                                                    ^
        +------------> BLOND -------- answer ---------------------------------+
                         |
                         +-- no answer, refused --> RECALLING ---- answer --> the transferer talks to the transferee
                                                     |    ^
                                         no answer   v    | after a pause
                                                    PAUSING ---- no attempt left ---> the call ends

In ``ASIDE`` and ``SWAPPED`` the transferer talks to the transferee while the target rings, or waits. When the
transferee goes, the transferer talks on with the target.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from types import MappingProxyType
from typing import NamedTuple


class State(Enum):
    """Where a consultation is; those after ``PAUSING`` are how it ended."""

    CALLING = auto()
    """The transferer hears the target ring, the transferee waits."""
    ASIDE = auto()
    """The target rings, the transferer is with the transferee."""
    CONSULTING = auto()
    """The transferer talks to the target, the transferee waits."""
    SWAPPED = auto()
    """The transferer talks to the transferee, the target waits."""
    BLOND = auto()
    """The transferer has left, the transferee hears the target ring."""
    RECALLING = auto()
    """The target did not answer: the transferer is called back."""
    PAUSING = auto()
    """The transferer did not answer either: there is a pause before the next attempt."""

    COMPLETED = auto()
    """The transferee talks to the target."""
    THREEWAY = auto()
    """All three talk."""
    RETURNED = auto()
    """The transferer is back with the transferee."""
    KEPT = auto()
    """The transferee is gone, the transferer goes on with the target."""
    DROPPED = auto()
    """Nobody is left who could talk to another."""

    __hash__ = object.__hash__


ENDS = frozenset({State.COMPLETED, State.THREEWAY, State.RETURNED, State.KEPT, State.DROPPED})


class Event(Enum):
    """What happens to a consultation."""

    ANSWER = auto()
    """The target has answered."""
    TARGET_GONE = auto()
    """The target refused, hung up or cannot be reached."""
    RECALL_ANSWER = auto()
    """The transferer who was called back has answered."""
    RECALL_FAILED = auto()
    NO_ANSWER = auto()
    """Time is up."""
    TRANSFEREE_GONE = auto()
    TRANSFERER_GONE = auto()
    ABORT = auto()
    COMPLETE = auto()
    THREEWAY = auto()
    SWAP = auto()

    __hash__ = object.__hash__


class Step(NamedTuple):
    """What to do (a method of the consultation), and the state after it."""

    do: str
    then: State


_S, _E = State, Event
COURSE: Mapping[State, Mapping[Event, Step]] = MappingProxyType({
    _S.CALLING: {
        _E.ANSWER: Step("talk", _S.CONSULTING),
        _E.SWAP: Step("to_transferee", _S.ASIDE),
        _E.ABORT: Step("go_back", _S.RETURNED),
        _E.TARGET_GONE: Step("go_back", _S.RETURNED),
        _E.NO_ANSWER: Step("go_back", _S.RETURNED),
        _E.COMPLETE: Step("connect", _S.BLOND),
        _E.TRANSFERER_GONE: Step("connect", _S.BLOND),
        _E.THREEWAY: Step("join_all", _S.THREEWAY),
        _E.TRANSFEREE_GONE: Step("stay", _S.KEPT),
    },
    _S.ASIDE: {
        _E.ANSWER: Step("hold_target", _S.SWAPPED),
        _E.SWAP: Step("to_target", _S.CALLING),
        _E.ABORT: Step("drop_target", _S.RETURNED),
        _E.TARGET_GONE: Step("drop_target", _S.RETURNED),
        _E.NO_ANSWER: Step("drop_target", _S.RETURNED),
        _E.COMPLETE: Step("connect", _S.BLOND),
        _E.TRANSFERER_GONE: Step("connect", _S.BLOND),
        _E.THREEWAY: Step("join_all", _S.THREEWAY),
        _E.TRANSFEREE_GONE: Step("stay", _S.KEPT),
    },
    _S.CONSULTING: {
        _E.SWAP: Step("to_transferee", _S.SWAPPED),
        _E.ABORT: Step("go_back", _S.RETURNED),
        _E.TARGET_GONE: Step("go_back", _S.RETURNED),
        _E.COMPLETE: Step("connect", _S.COMPLETED),
        _E.TRANSFERER_GONE: Step("connect", _S.COMPLETED),
        _E.THREEWAY: Step("join_all", _S.THREEWAY),
        _E.TRANSFEREE_GONE: Step("stay", _S.KEPT),
    },
    _S.SWAPPED: {
        _E.SWAP: Step("to_target", _S.CONSULTING),
        _E.ABORT: Step("drop_target", _S.RETURNED),
        _E.TARGET_GONE: Step("drop_target", _S.RETURNED),
        _E.COMPLETE: Step("connect", _S.COMPLETED),
        _E.TRANSFERER_GONE: Step("connect", _S.COMPLETED),
        _E.THREEWAY: Step("join_all", _S.THREEWAY),
        _E.TRANSFEREE_GONE: Step("stay", _S.KEPT),
    },
    _S.BLOND: {
        _E.ANSWER: Step("be_answered", _S.COMPLETED),
        _E.TARGET_GONE: Step("recall", _S.RECALLING),
        _E.NO_ANSWER: Step("recall", _S.RECALLING),
        _E.TRANSFEREE_GONE: Step("drop_all", _S.DROPPED),
    },
    _S.RECALLING: {
        _E.RECALL_ANSWER: Step("have_back", _S.RETURNED),
        _E.RECALL_FAILED: Step("pause", _S.PAUSING),
        _E.NO_ANSWER: Step("pause", _S.PAUSING),
        _E.TRANSFEREE_GONE: Step("drop_all", _S.DROPPED),
    },
    _S.PAUSING: {
        _E.NO_ANSWER: Step("call_back", _S.RECALLING),
        _E.TRANSFEREE_GONE: Step("drop_all", _S.DROPPED),
    },
})  # fmt: skip
"""For each state what may happen there; anything else is ignored. A step may end the consultation otherwise."""
