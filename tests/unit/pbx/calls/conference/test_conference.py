"""Conferences: who is in them, whom they end for, what is told."""

from __future__ import annotations

import asyncio
import gc
import time
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from fake_technology import FakeServer, FakeStream, run, settle

from asterism.media.formats import ULAW
from asterism.pbx.calls.conference.conference import AT_A_TIME, RESULT, Conference, User
from asterism.pbx.calls.conference.profiles import BridgeProfile, UserProfile
from asterism.pbx.calls.conference.testing import Tester as StateTester
from asterism.pbx.channels.channel import Channel
from asterism.pbx.vocabulary.controls import Control
from asterism.pbx.vocabulary.errors import Goto
from asterism.pbx.vocabulary.events import BRIDGE_LEAVE


def alone(server: FakeServer, **options: Any) -> Conference:
    server.sip.stream = lambda: FakeStream(ULAW)
    return Conference(server.pbx, "room", BridgeProfile("default_bridge", **options))


async def attend(conference: Conference, phone: str, **flags: Any) -> User:
    server_pbx = conference.pbx
    technology: Any = server_pbx.technologies.get("PJSIP")
    channel: Channel = technology.incoming(phone, "1")
    user = User(channel, UserProfile("default_user", **flags))

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
        bob = await attend(conference, "bob", startmuted=True)
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
        bob = await attend(conference, "bob", startmuted=True)
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


def sink_of(user: User) -> Any:
    stream: Any = user.channel.stream
    return stream.sink


def told(server: FakeServer, *names: str) -> list[tuple[str, str]]:
    return [
        (kind.name.removeprefix("Confbridge"), dict(fields)["Channel"].split("-")[0])  # type: ignore[attr-defined]
        for kind, fields in server.recorded
        if kind.name.removeprefix("Confbridge") in names
    ]


def test_who_waits_for_a_marked_user_neither_hears_nor_is_heard() -> None:
    async def scenario(server: FakeServer) -> None:
        conference = alone(server)
        changes: list[tuple[bool, bool]] = []
        waiting = await attend(conference, "bob", wait_marked=True)
        waiting.on_change = lambda user: changes.append((user.waiting, user.alone))
        mixer: Any = conference.bridge._mixer
        port = mixer._ports[waiting.channel][1]
        assert (waiting.waiting, sink_of(waiting), port.deaf) == (True, None, True)
        leader = await attend(conference, "alice", marked=True)
        assert (waiting.waiting, sink_of(waiting) is port, port.deaf) == (False, True, False)
        leader.channel.queue_hangup()
        await settle()
        assert (waiting.waiting, sink_of(waiting), port.deaf) == (True, None, True)
        assert changes == [(False, False), (True, True)]
        assert waiting.channel.alive
        conference.end()
        await settle()

    run(scenario)


def test_it_ends_with_any_marked_user_for_those_who_want_it() -> None:
    async def scenario(server: FakeServer) -> None:
        conference = alone(server)
        first, _ = await attend(conference, "alice", marked=True), await attend(conference, "alice", marked=True)
        ends = await attend(conference, "bob", end_marked_any=True)
        stays = await attend(conference, "bob", end_marked=True)
        first.channel.queue_hangup()
        await settle()
        assert (ends.result, stays.result) == ("ENDMARKED", "")
        conference.end()
        await settle()

    run(scenario)


def test_one_all_or_the_participants_are_muted() -> None:
    async def scenario(server: FakeServer) -> None:
        conference = alone(server)
        alice, bob = await attend(conference, "alice", admin=True), await attend(conference, "bob")
        conference.mute(bob)
        assert (bob.muted, sink_of(bob), sink_of(alice) is None) == (True, None, False)
        conference.mute(bob, False)
        assert sink_of(bob) is not None
        conference.mute_all(True, conference.chosen("participants"))
        conference.mute_all(False)
        names = [("Mute", "PJSIP/bob"), ("Unmute", "PJSIP/bob"), ("Mute", "PJSIP/bob"), ("Unmute", "PJSIP/alice")]
        assert told(server, "Mute", "Unmute") == [*names, ("Unmute", "PJSIP/bob")]
        conference.participants_muted = True
        late = await attend(conference, "bob")
        assert (sink_of(bob), sink_of(late), sink_of(alice) is None) == (None, None, False)
        assert [event["Muted"] for event in server.fields("ConfbridgeJoin")] == ["No", "No", "Yes"]
        conference.participants_muted = False
        assert None not in (sink_of(bob), sink_of(late))
        conference.end()
        await settle()

    run(scenario)


def test_a_locked_or_full_one_takes_only_admins() -> None:
    async def scenario(server: FakeServer) -> None:
        conference = alone(server, max_members=2)
        await attend(conference, "alice")
        conference.locked = True
        assert (await attend(conference, "bob")).result == "FAILED"
        assert (await attend(conference, "bob", admin=True)).result == ""
        conference.locked = False
        assert conference.refusal(UserProfile()) == "full"
        assert (await attend(conference, "bob")).result == "FAILED"
        assert len(conference.users) == 2
        conference.end()
        await settle()

    run(scenario)


def test_the_last_one_is_kicked_unless_it_is_an_admin() -> None:
    async def scenario(server: FakeServer) -> None:
        conference = alone(server)
        await attend(conference, "alice")
        bob = await attend(conference, "bob")
        assert conference.kick_last() is bob
        await settle()
        assert bob.channel.variables[RESULT] == "KICKED"
        await attend(conference, "bob", admin=True)
        assert conference.kick_last() is None
        conference.kick_all(conference.chosen("participants"))
        await settle()
        assert [user.admin for user in conference.users.values()] == [True]
        conference.end()
        await settle()

    run(scenario)


def test_work_is_done_in_the_users_own_task_outside_of_the_mix() -> None:
    async def scenario(server: FakeServer) -> None:
        conference = alone(server)
        user = await attend(conference, "bob")
        seen: list[Any] = []
        go_on = asyncio.Event()

        async def work() -> None:
            seen.append((asyncio.current_task() is user.channel.task, user.channel.away, sink_of(user)))
            seen.append(await user.channel.read_digit())
            go_on.set()

        assert user.do(work)
        await settle()
        user.channel.queue_digit("5")
        await asyncio.wait_for(go_on.wait(), 5)
        await settle()
        assert seen == [(True, True, None), "5"]
        assert (user.channel.away, sink_of(user) is None) == (False, False)
        conference.kick(user)
        assert not user.do(work)
        await settle()
        assert seen == [(True, True, None), "5"]

    run(scenario)


def test_what_is_done_before_counts_as_being_there() -> None:
    async def scenario(server: FakeServer) -> None:
        conference = alone(server)
        channel = server.sip.incoming("bob", "1")
        user = User(channel)
        entered: list[bool] = []

        async def before() -> None:
            entered.append(user.inside)
            await channel.wait(60)

        async def body(_: Channel) -> None:
            await conference.attend(user, before=before)

        server.pbx.start(channel, body)
        await settle()
        assert (len(conference.users), entered, server.fields("ConfbridgeJoin")) == (1, [False], [])
        channel.queue_hangup()
        await settle()
        assert (conference.over, user.result, server.fields("ConfbridgeLeave")) == (True, "HANGUP", [])

    run(scenario)


def test_code_is_told_who_comes_until_it_is_over() -> None:
    async def scenario(server: FakeServer) -> None:
        conference = alone(server)
        assert server.pbx.conference("room") is conference
        came: list[str] = []

        async def watch() -> None:
            async for user in conference.joins():
                came.append(user.channel.device)
                conference.mute(user)

        task = asyncio.ensure_future(watch())
        await settle()
        bob = await attend(conference, "bob")
        assert bob.muted
        await attend(conference, "alice")
        conference.end()
        await settle()
        await asyncio.wait_for(task, 5)
        assert came == ["PJSIP/bob", "PJSIP/alice"]
        assert [user async for user in conference.joins()] == []
        assert server.pbx.conference("room") is not conference
        server.pbx.conference("room").end()
        await settle()

    run(scenario)


def test_code_brings_a_channel_in() -> None:
    async def scenario(server: FakeServer) -> None:
        conference = alone(server)
        channel = server.sip.incoming("bob", "1")
        results: list[str] = []

        async def body(one: Channel) -> None:
            results.append(await conference.join(one, admin=True, muted=True))

        server.pbx.start(channel, body)
        await settle()
        (user,) = conference.users.values()
        assert (user.admin, user.muted, channel.state.name) == (True, True, "UP")
        conference.kick(user)
        await settle()
        assert results == ["KICKED"]

    run(scenario)


def test_thousands_that_come_and_go_leave_nothing() -> None:
    async def scenario(server: FakeServer) -> None:
        server.recorded = Recorded()
        conference = alone(server)
        host = await attend(conference, "alice")
        before = 0
        for number in range(2000):
            user = await attend(conference, "bob", talk_detection_events=True)
            user.channel.queue_hangup()
            await settle(4)
            if number == 200:
                gc.collect()
                before = len(gc.get_objects())
        gc.collect()
        assert len(gc.get_objects()) - before < 500
        assert (len(conference.users), len(conference.attendance), len(conference.bridge.members)) == (1, 1, 2)
        host.channel.queue_hangup()
        await settle()

    run(scenario)


class Recorded(list[Any]):
    """Forgets what it is given."""

    def append(self, _: Any) -> None:
        """Nothing."""


def test_what_one_of_many_does_is_not_looked_at_for_all() -> None:
    """A prompt, a key or music of one of a thousand would cost as much as all of them, and all at once a second."""

    async def scenario(server: FakeServer) -> None:
        conference = alone(server)
        users = [await attend(conference, "bob") for _ in range(30)]
        mixer: Any = conference.bridge._mixer
        looked: list[Channel] = []
        connect = type(mixer)._connect

        class Counting(type(mixer)):  # type: ignore[misc]
            __slots__ = ()

            def _connect(self, channel: Channel, *args: Any) -> None:
                looked.append(channel)
                connect(self, channel, *args)

        mixer.__class__ = Counting
        conference.bridge.set_away(users[3].channel, True)
        conference.bridge.set_away(users[3].channel, False)
        assert sink_of(users[3]) is not None
        conference.mute(users[4])
        assert looked == [users[3].channel, users[3].channel, users[4].channel]
        conference.end()
        await settle(20)

    run(scenario)


def test_where_each_that_leaves_takes_long_few_are_let_go_of_in_a_turn() -> None:
    """With call records each ends a record for every other one."""

    async def scenario(server: FakeServer) -> None:
        conference = alone(server)
        for _ in range(12):
            await attend(conference, "bob")
        server.pbx.bus.subscribe(server.owner, BRIDGE_LEAVE, lambda *_: time.sleep(0.006))
        left = [len(conference.bridge.members)]
        conference.kick_all()
        while conference.users:
            left.append(len(conference.bridge.members))
            await asyncio.sleep(0)
        assert max(first - then for first, then in pairwise(left)) == 1
        await settle()

    run(scenario)


def test_what_a_users_work_raises_is_not_that_it_could_not_enter() -> None:
    async def scenario(server: FakeServer) -> None:
        conference = alone(server)
        alice = await attend(conference, "alice")
        user = await attend(conference, "bob")

        async def work() -> None:
            raise RuntimeError("wrong")

        user.do(work)
        await settle()
        assert user.result != "FAILED"
        assert list(conference.users) == [alice.channel]
        conference.end()
        await settle()

    run(scenario)


def test_what_is_told_of_a_coming_user_leaves_it_there_and_no_ghost(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(server: FakeServer) -> None:
        conference = alone(server)
        alice = await attend(conference, "alice")

        def fail(_: User) -> None:
            raise ValueError("not told")

        alice.on_change = fail
        bob = await attend(conference, "bob")
        assert bob.inside
        monkeypatch.setattr(StateTester, "state_changed", lambda _: monkeypatch.undo() or 1 / 0)  # once
        carol = await attend(conference, "bob")
        assert not carol.inside
        assert list(conference.users) == [alice.channel, bob.channel]
        assert list(conference.attendance) == [alice, bob]
        conference.end()
        await settle()
        assert not server.pbx.conferences

    run(scenario)


def test_a_user_that_is_sent_elsewhere_has_hung_up_as_the_result_says() -> None:
    async def scenario(server: FakeServer) -> None:
        conference = alone(server)
        bob = await attend(conference, "bob")

        async def work() -> None:
            raise Goto("default", "1", 1)

        bob.do(work)
        await settle()
        assert bob.channel.variables[RESULT] == "HANGUP"
        assert not server.pbx.conferences

    run(scenario)


def test_one_that_was_ended_takes_nobody_while_its_users_leave() -> None:
    async def scenario(server: FakeServer) -> None:
        conference = alone(server)
        for _ in range(3 * AT_A_TIME):
            await attend(conference, "bob")
        conference.end()
        assert not conference.over
        assert conference.refusal(UserProfile("default_user", admin=True)) == "over"
        late = await attend(conference, "alice")
        assert late.result == "FAILED"
        another = alone(server)  # it has the name now
        await settle(20)
        assert conference.over
        assert server.pbx.conferences == {"room": another}
        another.end()
        await settle()

    run(scenario)
