"""The events of a conference, whole and in the recorded order, of the recorded doings."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from conference_kit import ADM, USR, WAIT, Room, in_a_room, section
from fake_technology import FakeServer, settle

from asterism.media.formats import SLIN
from asterism.media.stream import Frame

LEFT_OUT = ("BridgeVideoSource", "BridgeVideoSourceMode", "AccountCode")
"""Fields that say what the recorded call had before."""


def shapes(events: list[list[tuple[str, str]]]) -> list[tuple[tuple[str, str], ...]]:
    """Events without what differs from call to call."""

    def plain(key: str, value: str) -> str:
        if key in ("BridgeUniqueid", "Uniqueid", "Linkedid"):
            return ""
        return re.sub(r"-[0-9a-f]{8}", "", value)

    return [tuple((key, plain(key, value)) for key, value in each if key not in LEFT_OUT) for each in events]


def recorded(title: str) -> list[list[tuple[str, str]]]:
    """The events of conferences in a section, each as its fields in order."""
    found = []
    for block in section(f"AMI events: {title}").split("\n\n"):
        fields = [(key, value.strip()) for key, _, value in (line.partition(":") for line in block.splitlines())]
        if fields and fields[0][0] == "Event" and fields[0][1].startswith("Confbridge"):
            found.append([fields[0], *[field for field in fields[1:] if field[0] != "Privilege"]])
    return found


def told(server: FakeServer) -> list[list[tuple[str, str]]]:
    found = []
    for kind, fields in server.recorded:
        if kind.name.startswith("Confbridge"):
            assert kind.privilege == "call"
            found.append([("Event", kind.name), *((key, str(value)) for key, value in fields)])
    server.recorded.clear()
    return found


def place(user: Any) -> None:
    """The recorded channels were at the second priority, and nothing was known of whom they talk to."""
    user.channel.priority = 2


async def both(room: Room) -> tuple[Any, Any]:
    alice = await room.enter("alice", USR)
    return alice, await room.enter("bob", ADM, exten="7201")


def test_two_come_and_one_talks() -> None:
    async def scenario(room: Room) -> None:
        server = room.server
        alice, _ = await both(room)
        wanted = shapes(recorded("ConfBridge room: alice (user) joins, bob (admin, marked) joins"))
        assert without_place(shapes(told(server))) == without_place(wanted)
        place(alice)
        loud, quiet = (
            Frame(SLIN, np.full(160, level, "<i2").tobytes()) for level in (3000, 0)
        )  # fmt: skip
        for frame in [loud] * 50 + [quiet] * 200:
            alice.ear.take(frame)
        assert shapes(told(server)) == shapes(recorded("talking: alice sends 1 s of tone, then silence"))

    in_a_room(scenario)


def without_place(events: list[Any]) -> list[Any]:
    return [tuple(field for field in event if field[0] != "Priority") for event in events]


def test_mute_of_one_of_the_participants_and_of_all() -> None:
    async def scenario(room: Room) -> None:
        alice, bob = await both(room)
        place(alice)
        place(bob)
        told(room.server)
        name = alice.channel.name
        for action, word in (("Mute", name), ("Unmute", name), ("Mute", "participants"), ("Unmute", "all")):
            room.action(f"Confbridge{action}", Conference="room", Channel=word)
        wanted = recorded("AMI ConfbridgeMute / Unmute of one channel and of participants, lock, unlock, record")
        assert shapes(told(room.server)) == shapes(wanted)

    in_a_room(scenario)


def test_recording(tmp_path: Path) -> None:
    async def scenario(room: Room) -> None:
        await both(room)
        told(room.server)
        variables = [event for event in room.server.recorded if event[0].name == "VarSet"]
        assert not variables
        for _ in range(2):
            room.conference().start_recording()
            room.conference().stop_recording()
        order = [kind.name for kind, _ in room.server.recorded if kind.name in ("VarSet", "ConfbridgeRecord",
                                                                               "ConfbridgeStopRecord")]  # fmt: skip
        assert order == ["VarSet", "VarSet", "ConfbridgeRecord", "ConfbridgeStopRecord", "VarSet", "VarSet"] * 2
        assert shapes(told(room.server)) == shapes(recorded("record  [12 events]"))

    in_a_room(scenario, tmp_path)


def test_one_is_kicked_and_the_last_leaves() -> None:
    async def scenario(room: Room) -> None:
        alice, bob = await both(room)
        carol = await room.enter("carol", USR)
        for user in (alice, bob, carol):
            place(user)
        told(room.server)
        room.action("ConfbridgeKick", Conference="room", Channel=carol.channel.name)
        await settle()
        wanted = [event for event in recorded("AMI ConfbridgeKick") if event[0][1] == "ConfbridgeLeave"]
        assert shapes(told(room.server)) == shapes(wanted)
        room.conference().dismiss(alice, "DTMF")
        await settle()
        await room.leave(bob)
        wanted = recorded("alice presses 3 (leave_conference), then bob hangs up: last leaves, ConfbridgeEnd")
        assert shapes(told(room.server)) == shapes(wanted)
        assert (alice.result, bob.result) == ("DTMF", "HANGUP")

    in_a_room(scenario)


def test_one_waits_for_a_marked_user_and_leaves_with_him() -> None:
    async def scenario(room: Room) -> None:
        alice = await room.enter("alice", WAIT, "wroom", "7211")
        bob = await room.enter("bob", ADM, "wroom", "7212")
        await room.leave(bob)
        wanted = shapes(recorded("wait_marked / end_marked: alice waits with music, bob marked joins, bob leaves"))
        assert Counter(without_place(shapes(told(room.server)))) == Counter(without_place(wanted))
        assert alice.result == "ENDMARKED"

    in_a_room(scenario)
