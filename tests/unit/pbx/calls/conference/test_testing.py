"""What testers are told of a conference, as recorded."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from conference_kit import USR, Room, in_a_room
from fake_technology import settle

RECORD = Path(__file__).resolve().parents[4] / "data" / "record" / "test_events.txt"


def recorded() -> list[tuple[str, list[tuple[str, str]]]]:
    """The states of a conference with one user in the record, with the headers that are the same in each run."""
    found = []
    for block in RECORD.read_text().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        state = fields.get("State", "")
        if state.startswith("CONF_") and (fields["Conference"] in ("9000", "default_bridge")):
            headers = [
                (key, plain(value)) for key, value in fields.items()
                if key not in ("Event", "Privilege", "Type", "State", "AppFile", "AppFunction", "AppLine")
            ]  # fmt: skip
            found.append((state, headers))
    return found


def plain(value: Any) -> str:
    return re.sub(r"-[0-9a-f]{8}", "", str(value)).replace("default_bridge", "brd").replace("9000", "room")


def test_as_recorded(tmp_path: Path) -> None:
    told: list[tuple[str, list[tuple[str, str]]]] = []

    def send(state: str, headers: Any, **_: Any) -> None:
        if state.startswith("CONF_"):
            told.append((state, [(key, plain(value)) for key, value in headers]))

    async def scenario(room: Room) -> None:
        room.server.pbx.test_events = SimpleNamespace(wanted=True, send=send)  # type: ignore[assignment]
        alice = await room.enter("alice", USR)
        conference = room.conference()
        for muted in (True, False):
            conference.mute(alice, muted)
        for locked in (True, False):
            conference.locked = locked
        conference.start_recording()
        conference.stop_recording()
        await room.leave(alice)
        await settle()

    in_a_room(scenario, tmp_path)
    assert told == recorded()
