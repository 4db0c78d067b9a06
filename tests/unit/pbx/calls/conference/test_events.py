"""The events of a conference have the recorded fields in the recorded order."""

from __future__ import annotations

import pytest
from fake_technology import FakeServer, run, settle
from local_kit import CALL_APPLICATIONS, recorded

from asterism.core.documentation import Documentation
from asterism.core.events import EventType
from asterism.pbx.calls.conference import events
from asterism.pbx.calls.conference.conference import Conference, User


@pytest.mark.parametrize("kind", events.ALL, ids=lambda kind: kind.name)
def test_fields_as_recorded(kind: EventType) -> None:
    async def scenario(server: FakeServer) -> None:
        conference = Conference(server.pbx, "room")
        user = User(server.sip.incoming("alice", "1"))
        wanted = [
            lines for name, lines in recorded("Page(PJSIP/bob&PJSIP/carol,,5)", CALL_APPLICATIONS) if name == kind.name
        ]
        with_user = kind not in (
            events.CONFBRIDGE_START, events.CONFBRIDGE_END, events.CONFBRIDGE_RECORD, events.CONFBRIDGE_STOP_RECORD,
        )  # fmt: skip
        talks = (True,) if kind is events.CONFBRIDGE_TALKING else ()
        args = (conference, user, *talks, 2) if with_user else (conference, 2)
        found = [key for key, _ in kind.render(*args)]
        if wanted:
            assert found == [line.partition(":")[0] for line in wanted[0] if not line.startswith("Privilege")]
        assert isinstance(kind.documentation, Documentation)
        assert found[:2] == ["Conference", "BridgeUniqueid"]
        conference.end()
        await settle()

    run(scenario)
