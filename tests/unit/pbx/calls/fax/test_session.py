"""The table of faxes: numbers, limits, counts."""

from __future__ import annotations

from typing import Any

import pytest

from asterism.pbx.calls.fax import session
from asterism.pbx.calls.fax.session import AUDIO, FaxError, Faxes, Operation, SessionState, outcome_of


def channel(name: str = "PJSIP/a-1") -> Any:
    return type("Named", (), {"name": name})()


def test_a_session_from_its_beginning_to_its_end() -> None:
    faxes, mine = Faxes(), channel()
    one = faxes.begin(mine, Operation.SEND, ("a.tif",))
    assert (one.number, one.state, list(faxes), faxes.get(0), faxes.of(mine)) == (
        0, SessionState.INITIALIZED, [one], one, one,
    )  # fmt: skip
    faxes.end(one, True)
    faxes.end(one, True)  # once
    assert (len(faxes), faxes.counts.completed, faxes.counts.outcomes) == (0, 1, {(AUDIO, "Success"): 1})
    two = faxes.begin(mine, Operation.RECEIVE)
    two.outcome = outcome_of(49)
    faxes.end(two, False)
    assert faxes.counts.outcomes[AUDIO, "Call Dropped"] == 1
    assert (two.number, faxes.counts.sent, faxes.counts.received, faxes.counts.failed) == (1, 1, 1, 1)


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


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (0, "Success"), (3, "No FAX"), (6, "Train Failure"), (8, "Negotiation Failed"), (13, "Protocol Error"),
        (20, "TX Protocol Error"), (36, "RX Protocol Error"), (41, "File Error"), (47, "Memory Error"),
        (48, "Retries Exceeded"), (49, "Call Dropped"), (55, "Unknown Error"), (None, "Call Dropped"),
    ],
)  # fmt: skip
def test_what_completion_codes_are(code: int | None, outcome: str) -> None:
    assert outcome_of(code) == outcome
