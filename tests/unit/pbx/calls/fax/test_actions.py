"""The manager's actions of faxes."""

from __future__ import annotations

from pathlib import Path

import pytest
from faxing_kit import World, faxing

from asterism.pbx.calls.fax.session import Operation


def test_sessions_one_and_stats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(world: World) -> None:
        session = world.pbx.faxes.begin(world.alice, Operation.SEND, ("a.tif",))
        listed = world.act("FAXSessions")
        assert [name for name, _ in listed.items] == ["FAXSessionsEntry", "FAXSessionsComplete"]
        assert listed.items[0][1]["Channel"] == world.alice.name
        assert listed.items[1][1]["Total"] == "1"
        one = world.act("FAXSession", SessionNumber=str(session.number))
        ((name, fields),) = one.items
        assert (name, fields["Operation"], fields["State"]) == ("FAXSession", "send", "Initialized")
        world.pbx.faxes.end(session, True)
        ((name, fields),) = world.act("FAXStats").items
        assert (name, fields["TransmitAttempts"], fields["CompletedFAXes"]) == ("FAXStats", "1", "1")
        for number in ("", "1", "x"):
            answer = world.act("FAXSession", SessionNumber=number).answer
            assert answer is not None
            assert answer[0] == "Error"

    faxing(tmp_path, scenario, monkeypatch)
