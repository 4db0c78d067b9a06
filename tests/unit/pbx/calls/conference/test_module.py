"""``confbridge list``; the recorded one is compared in the test of Page."""

from __future__ import annotations

import pytest
from fake_technology import FakeServer, run, settle

from asterism.core.commands import CommandCall
from asterism.core.errors import UsageError
from asterism.pbx.calls.conference.conference import Conference
from asterism.pbx.calls.conference.module import ConferenceModule


def test_conferences_are_listed() -> None:
    async def scenario(server: FakeServer) -> None:
        server.register_marked = lambda holder: None  # type: ignore[attr-defined]
        module = ConferenceModule()
        module.load(server)  # type: ignore[arg-type]
        assert len(module.show(CommandCall([], lambda _: None)).splitlines()) == 2
        conference = Conference(server.pbx, "room")
        assert module.show(CommandCall([], lambda _: None)).splitlines()[2].split() == ["room", "0", "0", "No", "No"]
        with pytest.raises(UsageError):
            module.show(CommandCall(["room"], lambda _: None))
        conference.end()
        await settle()

    run(scenario)
