"""Functions and device states of conferences."""

from __future__ import annotations

import pytest
from conference_kit import ADM, USR, WAIT, Room, in_a_room
from fake_technology import settle

from asterism.pbx.vocabulary.flow import FunctionError


def test_functions_tell_of_a_conference() -> None:
    async def scenario(room: Room) -> None:
        info, channels = room.module.info, room.module.channels
        assert (info(None, "parties,room"), channels(None, "parties,room")) == ("0", "")
        alice, carol = await room.enter("alice", USR), await room.enter("carol", WAIT)
        names = [alice.channel.name, carol.channel.name]
        assert channels(None, "parties,room") == ",".join(names)
        assert [channels(None, f"{kind},room") for kind in ("active", "waiting")] == names
        bob = await room.enter("bob", ADM)
        room.conference().locked = True
        kinds = ("parties", "admins", "marked", "locked", "muted")
        assert [info(None, f"{kind}, room") for kind in kinds] == ["3", "1", "1", "1", "0"]
        assert channels(None, "ADMINS,room") == channels(None, "marked,room") == bob.channel.name
        room.conference().participants_muted = True
        assert info(None, "muted,room") == "1"
        for args in ("nosuch,room", "parties", "parties,"):
            for function in (info, channels):
                with pytest.raises(FunctionError):
                    function(None, args)

    in_a_room(scenario)


def test_a_hint_follows_it_however_it_is_written() -> None:
    async def scenario(room: Room) -> None:
        states = room.server.pbx.device_states
        told: list[tuple[str, str]] = []
        for device in ("Confbridge:room", "confbridge:room"):
            states.watch(device, lambda name, state: told.append((name, state.name)))
        room.server.pbx.hints.followed_devices = {"Confbridge:room"}  # type: ignore[assignment]
        assert states.get("confbridge:room").name == "NOT_INUSE"
        conference = room.conference()
        await settle()
        assert told == []
        alice = await room.enter("alice", USR)
        assert states.get("ConfBridge:room").name == "INUSE"
        await room.leave(alice)
        assert told == [
            ("confbridge:room", "INUSE"), ("Confbridge:room", "INUSE"),
            ("confbridge:room", "NOT_INUSE"), ("Confbridge:room", "NOT_INUSE"),
        ]  # fmt: skip
        assert conference.over

    server = in_a_room(scenario)
    told = [(event["Device"], event["State"]) for event in server.fields("DeviceStateChange")]
    assert [state for device, state in told if device == "confbridge:room"] == ["INUSE", "NOT_INUSE"]
