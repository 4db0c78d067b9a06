"""The manager's actions of conferences, as recorded."""

from __future__ import annotations

from pathlib import Path

import pytest
from conference_kit import ADM, USR, WAIT, Room, answered, in_a_room, sections
from fake_technology import settle

ACTIONS = (
    "ConfbridgeList", "ConfbridgeListRooms", "ConfbridgeKick", "ConfbridgeMute", "ConfbridgeUnmute", "ConfbridgeLock",
    "ConfbridgeUnlock", "ConfbridgeStartRecord", "ConfbridgeStopRecord",
)  # fmt: skip


def fields(lines: list[str]) -> list[str]:
    """Lines of a recorded list, without what differs from call to call."""
    return [line for line in lines if not line.startswith(("Uniqueid", "Linkedid", "Channel:", "AnsweredTime"))]


def listed(items: list[tuple[str, dict[str, str]]]) -> list[str]:
    lines = []
    for name, values in items:
        lines += [f"Event: {name}", *(f"{key}: {value}" for key, value in values.items())]
    return lines


def test_idle() -> None:
    async def scenario(room: Room) -> None:
        for name in ACTIONS:
            call = room.action(name, Conference="room", Channel="x")
            assert call.answer == ("Error", "No active conferences.")
        assert room.action("ConfbridgeList").answer == ("Error", "No Conference name provided.")
        assert answered("AMI action ConfbridgeMute idle")[0] == "No active conferences."

    in_a_room(scenario)


def test_lists_as_recorded() -> None:
    async def scenario(room: Room) -> None:
        alice = await room.enter("alice", USR)
        alice.channel.accountcode = "acc1"
        bob = await room.enter("bob", ADM, exten="7201")
        for user in (alice, bob):  # the recorded channels were at the second priority
            user.channel.priority = 2
        bob.channel.accountcode = ""
        for name, given in (("ConfbridgeListRooms", {}), ("ConfbridgeList", {"Conference": "room"})):
            message, wanted = answered(f"AMI action {name}")
            call = room.action(name, **given)
            assert call.answer == ("Success", message)
            found = fields(listed(call.items))
            assert found == [line for line in fields(wanted) if not line.startswith(("EventList", "ListItems"))]

    in_a_room(scenario)


def test_what_is_done_is_answered_as_recorded(tmp_path: Path) -> None:
    async def scenario(room: Room) -> None:
        alice = await room.enter("alice", USR)
        await room.enter("bob", ADM)
        name = alice.channel.name
        conference = room.conference()
        for action, given, title in (
            ("ConfbridgeMute", {"Channel": name}, "ConfbridgeMute"),
            ("ConfbridgeUnmute", {"Channel": name}, "ConfbridgeUnmute"),
            ("ConfbridgeMute", {"Channel": "participants"}, "ConfbridgeMute participants"),
            ("ConfbridgeUnmute", {"Channel": "all"}, "ConfbridgeUnmute all"),
            ("ConfbridgeMute", {"Channel": "none"}, "ConfbridgeMute unknown"),
            ("ConfbridgeLock", {}, "ConfbridgeLock"),
            ("ConfbridgeUnlock", {}, "ConfbridgeUnlock"),
            ("ConfbridgeStartRecord", {"RecordFile": "conf.wav"}, "ConfbridgeStartRecord"),
            ("ConfbridgeStartRecord", {}, "ConfbridgeStartRecord again"),
            ("ConfbridgeStopRecord", {}, "ConfbridgeStopRecord"),
            ("ConfbridgeStopRecord", {}, "ConfbridgeStopRecord again"),
            ("ConfbridgeKick", {"Channel": "none"}, "ConfbridgeKick unknown"),
            ("ConfbridgeKick", {"Channel": name}, "ConfbridgeKick"),
        ):
            text = exactly(f"AMI action {title}")
            wanted = tuple(
                line.split(": ")[1] for line in text.splitlines() if line.startswith(("Response", "Message"))
            )
            assert room.action(action, Conference="room", **given).answer == wanted, title
            if action == "ConfbridgeLock":
                assert conference.locked
        await settle()
        assert (alice.result, conference.locked) == ("KICKED", False)

    in_a_room(scenario, tmp_path)


def exactly(title: str) -> str:
    return next(text for heading, text in sections() if heading == title)


def test_names_that_are_missing_or_unknown(tmp_path: Path) -> None:
    async def scenario(room: Room) -> None:
        await room.enter("alice", USR)
        assert room.action("ConfbridgeMute", Conference="room").answer == ("Error", "No channel name provided.")
        for action in ACTIONS:
            if action != "ConfbridgeListRooms":
                call = room.action(action, Conference="other", Channel="x")
                assert call.answer == ("Error", "No Conference by that name found.")
        call = room.action("ConfbridgeStartRecord", Conference="room", RecordFile="../../x.wav")
        assert call.answer == ("Error", "Internal error starting conference recording.")

    in_a_room(scenario, tmp_path)


@pytest.mark.parametrize(("word", "left"), [("all", 0), ("participants", 1)])
def test_several_are_kicked(word: str, left: int) -> None:
    async def scenario(room: Room) -> None:
        for phone, profile in (("alice", USR), ("bob", ADM), ("carol", WAIT)):
            await room.enter(phone, profile)
        conference = room.conference()
        assert room.action("ConfbridgeKick", Conference="room", Channel=word).answer == ("Success", "User kicked")
        await settle(40)
        assert len(conference.users) == left

    in_a_room(scenario)
