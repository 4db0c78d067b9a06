"""The states of a session: one way to move, and only where the table has a way."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

from call_steps import answered
from session_bench import Bench, on_bench

import asterism.applications.session
from asterism.applications.session.state import MOVES, SessionState


@on_bench
async def test_wrong_moves_are_refused_and_logged(bench: Bench) -> None:
    ok, _invite, alice, bob = await answered(bench)
    session = next(iter(bench.sessions.live))
    for state, to in itertools.product(SessionState, SessionState):
        session.state = state
        allowed = to is state or to in MOVES[state]
        assert session.move(to) is allowed
        assert session.state is (to if allowed else state)
    session.state = SessionState.CONFIRMED
    alice.in_dialog("BYE", ok, 2)
    bob.respond(await bob.next("BYE"), 200)


def test_every_session_ends_and_none_comes_back() -> None:
    assert set(MOVES) == set(SessionState)
    assert MOVES[SessionState.ENDED] == ()
    for state in SessionState:
        assert state is SessionState.ENDED or SessionState.ENDED in MOVES[state]
        assert SessionState.NEW not in MOVES[state]


def test_nothing_else_assigns_the_state() -> None:
    folder = Path(asterism.applications.session.__file__).parent
    found = [
        f"{path.name}: {line.strip()}"
        for path in sorted(folder.rglob("*.py"))
        for line in path.read_text().splitlines()
        if re.search(r"\b(session|self)\.state = ", line)
    ]
    assert found == ["session.py: self.state = SessionState.NEW", "session.py: self.state = to"]
