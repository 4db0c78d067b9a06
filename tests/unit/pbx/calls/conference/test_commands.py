"""The console's commands of conferences, as recorded."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conference_kit import ADM, USR, WAIT, Room, in_a_room, shown
from fake_technology import settle

from asterism.core.errors import UsageError
from asterism.pbx.calls.conference.commands import ConferenceCommands


def rows(text: str) -> str:
    """A listing without the numbers of the channels."""
    return re.sub(r"-000000[0-9a-f]{2}", "-00000000", text)


def same(room: Room, line: str, state: str) -> None:
    names = {channel.device: channel.name for channel in room.server.pbx.channels}
    ours = re.sub(r"(PJSIP/\w+)-[0-9a-f]{8}", lambda found: names.get(found[1], found[0]), line)
    assert rows(room.command(ours)) == rows(shown(line, state)), line


def test_lists_as_recorded() -> None:
    async def scenario(room: Room) -> None:
        same(room, "confbridge list", "idle")
        same(room, "confbridge list room", "idle")
        alice = await room.enter("alice", USR)
        await room.enter("bob", ADM)
        same(room, "confbridge list", "alice and bob in room")
        same(room, "confbridge list room", "alice and bob in room")
        room.conference().mute(alice)
        same(room, "confbridge list room", "alice muted")
        room.conference().mute(alice, False)
        room.conference().locked = True
        same(room, "confbridge list", "locked")

    in_a_room(scenario)


def test_who_waits_is_listed_as_recorded() -> None:
    async def scenario(room: Room) -> None:
        await room.enter("alice", WAIT, "wroom")
        same(room, "confbridge list wroom", "alice waits")
        await room.enter("bob", ADM, "wroom")
        same(room, "confbridge list wroom", "both in")

    in_a_room(scenario)


def test_what_is_done_is_answered_as_recorded(tmp_path: Path) -> None:
    async def scenario(room: Room) -> None:
        await room.enter("alice", USR)
        await room.enter("bob", ADM)
        state = "alice, bob in room"
        for line in (
            "confbridge mute room PJSIP/alice-00000056", "confbridge unmute room PJSIP/alice-00000056",
            "confbridge mute room all", "confbridge unmute room all", "confbridge lock room", "confbridge unlock room",
            "confbridge mute nosuch all", "confbridge kick room none", "confbridge mute room none",
        ):  # fmt: skip
            same(room, line, state)
        same(room, "confbridge record start room", "console")
        assert room.command("confbridge record start room") == "Conference is already being recorded.\n"
        same(room, "confbridge record stop room", "console")
        assert room.command("confbridge record stop room") == "The conference is not being recorded.\n"
        assert "leads out of" in room.command("confbridge record start room ../x.wav")
        carol = await room.enter("carol", USR)
        same(room, "confbridge list room", "three members")
        same(room, "confbridge kick room PJSIP/carol-00000059", "three members")
        await settle()
        assert carol.result == "KICKED"

    in_a_room(scenario, tmp_path)


def test_names_are_completed() -> None:
    async def scenario(room: Room) -> None:
        commands = ConferenceCommands()
        commands._pbx = room.server.pbx
        alice = await room.enter("alice", USR)
        assert commands.complete_room(["r"]) == ["room"]
        assert commands.complete_room(["x"]) == commands.complete_room(["room", ""]) == []
        assert commands.complete_user([""]) == ["room"]
        assert commands.complete_user(["room", ""]) == ["all", "participants", alice.channel.name]
        assert commands.complete_user(["room", "PJ"]) == [alice.channel.name]
        assert commands.complete_user(["nosuch", ""]) == commands.complete_user(["room", "all", ""]) == []

    in_a_room(scenario)


@pytest.mark.parametrize("line", ["list a b", "kick a", "mute a", "lock", "unlock a b", "record start", "record stop"])
def test_usage(line: str) -> None:
    async def scenario(room: Room) -> None:
        with pytest.raises(UsageError):
            room.command(f"confbridge {line}")

    in_a_room(scenario)
