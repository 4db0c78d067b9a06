"""The table of faxes: numbers, limits, counts."""

from __future__ import annotations

from typing import Any

import pytest

from asterism.pbx.calls.fax import session
from asterism.pbx.calls.fax.session import AUDIO, FaxError, Faxes, Operation, SessionState


def channel(name: str = "PJSIP/a-1") -> Any:
    return type("Named", (), {"name": name})()


def test_a_session_from_its_beginning_to_its_end() -> None:
    faxes, mine = Faxes(), channel()
    one = faxes.begin(mine, Operation.SEND, ("a.tif",))
    assert (one.number, one.state, list(faxes), faxes.get(1), faxes.of(mine)) == (
        1, SessionState.INITIALIZED, [one], one, one,
    )  # fmt: skip
    faxes.end(one, True)
    faxes.end(one, True)  # once
    assert (len(faxes), faxes.counts.completed, faxes.counts.modes) == (0, 1, {(AUDIO, "success"): 1})
    two = faxes.begin(mine, Operation.RECEIVE)
    faxes.end(two, False)
    assert (two.number, faxes.counts.sent, faxes.counts.received, faxes.counts.failed) == (2, 1, 1, 1)


def test_one_of_a_channel_and_not_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "MOST_SESSIONS", 2)
    faxes, mine = Faxes(), channel()
    faxes.begin(mine, Operation.SEND)
    with pytest.raises(FaxError, match="has a fax already") as found:
        faxes.begin(mine, Operation.RECEIVE)
    assert found.value.code == "CHANNEL PROBLEMS"
    faxes.begin(channel(), Operation.SEND)
    with pytest.raises(FaxError) as found:
        faxes.begin(channel(), Operation.SEND)
    assert found.value.code == "MEMORY_ERROR"
