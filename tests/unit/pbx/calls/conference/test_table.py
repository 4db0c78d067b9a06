"""The table of conferences numbers their own channels."""

from __future__ import annotations

from asterism.pbx.calls.conference.table import Conferences


def test_announcers_and_recorders_are_numbered_apart() -> None:
    table = Conferences()
    assert [table.next_number(), table.next_number(), table.next_recording()] == [0, 1, 0]
    assert table.profiles.default_bridge.name == "default_bridge"
