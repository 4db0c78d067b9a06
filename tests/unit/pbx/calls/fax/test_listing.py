"""What is told of a session."""

from __future__ import annotations

from typing import Any

from asterism.media.fax.terminal import Transfer
from asterism.pbx.calls.fax.listing import entry_fields, session_fields, stats_fields
from asterism.pbx.calls.fax.session import Faxes, Operation


def test_fields_by_operation() -> None:
    channel: Any = type("Named", (), {"name": "PJSIP/a-1"})()
    faxes = Faxes()
    session = faxes.begin(channel, Operation.SEND, ("a.tif", "b.tif"))
    assert dict(entry_fields(session)) == {
        "Channel": "PJSIP/a-1", "Technology": "Spandsp", "SessionNumber": 0, "SessionType": "G.711",
        "Operation": "send", "State": "Initialized", "Files": "a.tif,b.tif",
    }  # fmt: skip
    assert [name for name, _ in session_fields(session)] == ["SessionNumber", "Operation", "State"]
    session.transfer = Transfer(14400, True, 2, 8031, 3850, 1728, 100, 0)
    assert dict(session_fields(session))["PagesTransmitted"] == 2
    session.operation = Operation.RECEIVE
    told = dict(session_fields(session))
    assert (told["PagesTransmitted"], told["PagesReceived"], told["ImageResolution"]) == (0, 2, "8031x3850")
    session.operation = Operation.GATEWAY
    assert [name for name, _ in session_fields(session)][3:] == ["ErrorCorrectionMode", "DataRate", "PageNumber"]
    assert dict(stats_fields(faxes))["CurrentSessions"] == 1
