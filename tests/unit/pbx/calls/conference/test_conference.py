"""Conferences: who is in them, whom they end for, what is told."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from fake_technology import FakeServer, FakeStream, run, settle

from asterism.media.formats import ULAW
from asterism.pbx.calls.conference.conference import AT_A_TIME, RESULT, Conference, User
from asterism.pbx.channels.channel import Channel
from asterism.pbx.vocabulary.controls import Control


def alone(server: FakeServer) -> Conference:
    server.sip.stream = lambda: FakeStream(ULAW)
    return Conference(server.pbx, "room")


async def attend(conference: Conference, phone: str, **flags: Any) -> User:
    server_pbx = conference.pbx
    technology: Any = server_pbx.technologies.get("PJSIP")
    channel: Channel = technology.incoming(phone, "1")
    user = User(channel, **flags)

    async def body(one: Channel) -> None:
        await conference.attend(user)

    server_pbx.start(channel, body)
    await settle()
    return user


def test_it_ends_for_the_others_when_the_last_marked_user_leaves() -> None:
    async def scenario(server: FakeServer) -> None:
        conference = alone(server)
        leader = await attend(conference, "alice", marked=True, end_marked=True)
        bob = await attend(conference, "bob", end_marked=True)
        stays = await attend(conference, "bob")
        assert (len(conference.users), conference.marked) == (3, 1)
        leader.channel.queue_hangup()
        await settle()
        assert (leader.result, bob.result, stays.result) == ("HANGUP", "ENDMARKED", "")
        assert bob.channel.variables[RESULT] == "ENDMARKED"
        assert server.pbx.conferences == {"room": conference}
        conference.end()
        await settle()
        assert (stays.result, conference.over, server.pbx.conferences) == ("KICKED", True, {})
        assert not server.pbx.bridges
        assert [each.name for each in server.pbx.channels] == []
        late = await attend(conference, "bob")
        assert late.result == "FAILED"

    run(scenario)


def test_events_tell_how_many_there_were() -> None:
    async def scenario(server: FakeServer) -> None:
        conference = alone(server)
        alice = await attend(conference, "alice", admin=True)
        bob = await attend(conference, "bob", muted=True)
        bob.channel.queue_hangup()
        await settle()
        alice.channel.queue_hangup()
        await settle()
        told = [
            (name, [event["BridgeNumChannels"] for event in server.fields(name)])
            for name in ("ConfbridgeStart", "ConfbridgeJoin", "ConfbridgeLeave", "ConfbridgeEnd", "BridgeDestroy")
        ]
        assert told == [
            ("ConfbridgeStart", ["1"]), ("ConfbridgeJoin", ["2", "3"]), ("ConfbridgeLeave", ["3", "2"]),
            ("ConfbridgeEnd", ["1"]), ("BridgeDestroy", ["0"]),
        ]  # fmt: skip
        assert [(event["Admin"], event["Muted"]) for event in server.fields("ConfbridgeJoin")] == [
            ("Yes", "No"), ("No", "Yes"),
        ]  # fmt: skip

    run(scenario)


def test_a_muted_user_is_not_heard_also_after_the_rate_has_changed() -> None:
    async def scenario(server: FakeServer) -> None:
        conference = alone(server)
        bob = await attend(conference, "bob", muted=True)
        alice = await attend(conference, "alice")
        muted, heard = bob.channel.stream, alice.channel.stream
        assert muted is not None
        assert heard is not None
        assert (muted.sink is None, heard.sink is None) == (True, False)
        conference.bridge.connect_media()
        assert (muted.sink is None, heard.sink is None) == (True, False)
        technology: Any = conference.bridge._mixer
        technology._rate = 0
        technology._follow_rate()
        assert (muted.sink is None, heard.sink is None) == (True, False)
        conference.end()
        await settle()

    run(scenario)


def test_what_one_of_two_does_is_not_shown_to_the_announcer_nor_sent_on() -> None:
    async def scenario(server: FakeServer) -> None:
        conference = alone(server)
        bob = await attend(conference, "bob")
        alice = await attend(conference, "alice")
        bob.channel.queue_control(Control.HOLD)
        bob.channel.queue_digit("5")
        assert not alice.channel.on_hold
        driver: Any = alice.channel.driver
        assert ("digit", "5", 100) not in driver.log
        alice.channel.queue_hangup()
        await settle()
        assert bob.channel.alive
        assert conference.bridge.peer(bob.channel) is None
        conference.end()
        await settle()

    run(scenario)


def test_testers_are_told_its_state() -> None:
    async def scenario(server: FakeServer) -> None:
        told: list[str] = []

        def send(state: str, headers: Any, **_: Any) -> None:
            if state == "CONF_CHANGE_STATE":  # others are told of as well
                told.append(f"{state} {dict(headers)['OldState']} {dict(headers)['NewState']}")

        server.pbx.test_events = SimpleNamespace(wanted=True, send=send)  # type: ignore[assignment]
        conference = alone(server)
        bob = await attend(conference, "bob", end_marked=True)
        alice = await attend(conference, "alice", marked=True)
        alice.channel.queue_hangup()
        await settle()
        assert bob.result == "ENDMARKED"
        assert told == [
            "CONF_CHANGE_STATE EMPTY SINGLE", "CONF_CHANGE_STATE SINGLE MULTI_MARKED",
            "CONF_CHANGE_STATE MULTI_MARKED SINGLE", "CONF_CHANGE_STATE SINGLE EMPTY",
        ]  # fmt: skip

    run(scenario)


def test_a_conference_without_room_is_told() -> None:
    async def scenario(server: FakeServer) -> None:
        conference = alone(server)
        await attend(conference, "alice")
        server.pbx.bridges.technologies.suspended.add("softmix")
        bob = await attend(conference, "bob")
        assert bob.result == "FAILED"
        assert len(conference.users) == 1
        conference.end()
        await settle()

    run(scenario)


def test_nothing_is_left_when_its_announcer_was_hung_up() -> None:
    async def scenario(server: FakeServer) -> None:
        conference = alone(server)
        bob = await attend(conference, "bob")
        conference.announcer.member.soft_hangup()
        await asyncio.sleep(0)
        assert bob.channel.alive
        bob.channel.queue_hangup()
        await settle()
        assert not server.pbx.bridges

    run(scenario)


def test_a_large_one_names_ten_peers_and_lets_go_of_few_at_a_time() -> None:
    """Naming all to all, and hanging all up in one turn of the loop, would stop everything else for a second."""

    async def scenario(server: FakeServer) -> None:
        conference = alone(server)
        leader = await attend(conference, "alice", marked=True)
        users = [await attend(conference, "bob", end_marked=True) for _ in range(25)]
        named = [user.channel.variables["BRIDGEPEER"].split(",") for user in (leader, users[0], users[-1])]
        assert [len(names) for names in named] == [10, 10, 10]
        assert named[0][0] == named[2][0] == conference.announcer.member.name
        assert leader.channel.name not in named[0]
        before = len([event for event in server.fields("VarSet") if event["Variable"] == "BRIDGEPEER"])
        await attend(conference, "bob", end_marked=True)
        told = [event for event in server.fields("VarSet") if event["Variable"] == "BRIDGEPEER"][before:]
        assert len(told) < 14  # the first, and who came
        leader.channel.queue_hangup()
        left: list[int] = []
        while conference.users:
            await asyncio.sleep(0)
            left.append(len(conference.bridge.members))
        assert left[0] > 10
        assert max(first - then for first, then in zip([27, *left], left, strict=False)) <= AT_A_TIME
        await settle()
        assert {user.result for user in users} == {"ENDMARKED"}

    run(scenario)
