"""The actions of menus: what each does, what is heard, who may."""

from __future__ import annotations

import asyncio

import pytest
from confbridge_kit import World, conference
from fake_technology import FakeDriver, settle

from asterism.media.taps import Direction
from asterism.pbx.channels.channel import Channel
from asterism.pbx.channels.volume import set_volume, volume_of
from asterism.pbx.dialplan.applications.bridging import BridgingApplications

MENU = """
[all]
type=menu
1=toggle_mute
2=decrease_listening_volume
3=increase_listening_volume
4=reset_listening_volume
5=increase_talking_volume
6=participant_count
7=dialplan_exec(internal,7999,1)
8=leave_conference
9=admin_kick_last
0=playback(hello&goodbye)
*=playback_and_continue(hello&goodbye)
*1=toggle_mute
*2=no_op,playback(hello)
A=admin_toggle_conference_lock
B=admin_toggle_mute_participants
C=decrease_talking_volume
D=reset_talking_volume
[other]
type=menu
1=dialplan_exec(internal,nosuch,1)
2=dialplan_exec(internal,end,1)
3=toggle_mute,leave_conference,playback(hello)
4=dialplan_exec(internal,fall,1)
5=dialplan_exec(internal,elsewhere,1)
7=dialplan_exec(internal,7999,1)
"""


def test_toggle_mute() -> None:
    async def scenario(world: World) -> None:
        alice = await world.enter("alice", "room,,usr,all")
        user = world.room().users[alice]
        world.take_played()
        await world.press(alice, "1")
        assert user.muted
        assert alice.away
        await asyncio.sleep(1)
        assert not alice.away
        await world.press(alice, "1")
        await asyncio.sleep(1)
        assert not user.muted
        assert world.take_played() == ["PJSIP/alice conf-muted", "PJSIP/alice conf-unmuted"]
        told = [name for name in world.server.names() if name.startswith("ConfbridgeM") or name == "ConfbridgeUnmute"]
        assert told == ["ConfbridgeMute", "ConfbridgeUnmute"]

    conference(scenario, MENU)


def test_who_is_silenced_with_the_participants_is_not_told_that_it_is_heard() -> None:
    async def scenario(world: World) -> None:
        alice = await world.enter("alice", "room,,usr,all")
        world.room().participants_muted = True
        world.take_played()
        world.server.recorded.clear()
        for _ in range(2):
            await world.press(alice, "1")
            await asyncio.sleep(1)
        assert not world.room().users[alice].muted
        assert world.take_played() == ["PJSIP/alice conf-muted"] * 2
        told = [name for name in world.server.names() if name in ("ConfbridgeMute", "ConfbridgeUnmute")]
        assert told == ["ConfbridgeMute"] * 2

    conference(scenario, MENU)


def test_digits_that_are_dialled_while_a_sound_plays() -> None:
    async def scenario(world: World) -> None:
        alice = await world.enter("alice", "room,,usr,all")
        world.take_played()
        await world.press(alice, "0")
        await world.press(alice, "1")  # dropped: it is said to the end
        await asyncio.sleep(2)
        assert world.take_played() == ["PJSIP/alice hello", "PJSIP/alice goodbye"]
        await world.press(alice, "*", 1.2)  # no further digit comes
        await world.press(alice, "1")
        await asyncio.sleep(1)
        assert world.take_played() == ["PJSIP/alice hello", "PJSIP/alice conf-muted"]
        await world.press(alice, "*", 1.2)
        await world.press(alice, "2")
        await asyncio.sleep(2)
        assert world.take_played() == ["PJSIP/alice hello", "PJSIP/alice hello"]
        await world.press(alice, "*", 1.2)
        await world.press(alice, "9")  # there is no *9
        await asyncio.sleep(2)
        assert world.take_played() == ["PJSIP/alice hello"]
        await world.press(alice, "*", 3)
        assert world.take_played() == ["PJSIP/alice hello", "PJSIP/alice goodbye"]
        await world.press(alice, "*1")
        await asyncio.sleep(1)
        assert world.take_played() == ["PJSIP/alice conf-unmuted"]

    conference(scenario, MENU)


def test_volume() -> None:
    def factors(channel: Channel) -> tuple[float, float]:
        taps = channel.data.get("volume")
        return tuple(  # type: ignore[return-value]
            taps.taps[direction].factor if taps is not None and direction in taps.taps else 1.0
            for direction in (Direction.OUT, Direction.IN)
        )

    async def scenario(world: World) -> None:
        alice = await world.enter("alice", "room,,usr,all")
        for digit, expected in (
            ("2", (0.5, 1)), ("2", (1 / 3, 1)), ("3", (0.5, 1)), ("3", (1, 1)), ("3", (2, 1)), ("3", (3, 1)),
            ("2", (2, 1)), ("2", (1, 1)), ("3", (2, 1)), ("4", (1, 1)), ("5", (1, 2)),
            ("C", (1, 1)), ("C", (1, 0.5)), ("D", (1, 1)),
        ):  # fmt: skip
            await world.press(alice, digit)
            assert factors(alice) == pytest.approx(expected), digit
        assert not alice.data["volume"].taps

    conference(scenario, MENU)


def test_volumes_are_as_before_when_the_user_has_left() -> None:
    async def scenario(world: World) -> None:
        alice = world.server.sip.incoming("alice", "loud")
        set_volume(alice, Direction.IN, 3.0)
        world.extension("loud", ("ConfBridge", "room,,usr,all"), ("Wait", "100"))
        world.pbx.start(alice)
        await settle(20)
        before = [volume_of(alice, direction) for direction in Direction]
        await world.press(alice, "35")
        assert all(volume_of(alice, direction) not in before for direction in (Direction.IN, Direction.OUT))
        await world.press(alice, "8")
        await settle(20)
        assert alice.application == "Wait"
        assert [volume_of(alice, direction) for direction in Direction] == before

    conference(scenario, MENU)


@pytest.mark.parametrize(
    ("others", "heard"),
    [
        (0, []),
        (1, ["conf-onlyone"]),
        (2, ["conf-thereare", "digits/2", "conf-otherinparty"]),
    ],
)
def test_participant_count(others: int, heard: list[str]) -> None:
    async def scenario(world: World) -> None:
        alice = await world.enter("alice", "room,,usr,all")
        for name in ("bob", "carol")[:others]:
            await world.enter(name, "room,,usr,all")
        world.take_played()
        await world.press(alice, "6", 3)
        assert world.take_played() == [f"PJSIP/alice {name}" for name in heard]

    conference(scenario, MENU)


def test_leaving() -> None:
    async def scenario(world: World) -> None:
        alice = await world.enter("alice", "room,,usr,all")
        bob = await world.enter("bob", "room,,usr,other")
        await world.press(alice, "8")
        await settle(20)
        assert (world.result(alice), alice.alive) == ("DTMF", True)
        await world.press(bob, "3")
        await asyncio.sleep(1)
        assert world.result(bob) == "DTMF"
        assert "PJSIP/bob hello" not in world.played

    conference(scenario, MENU)


def test_dialplan_runs_aside_and_the_user_is_back() -> None:
    async def scenario(world: World) -> None:
        world.extension("fall", ("NoOp", "falls"))
        alice = await world.enter("alice", "room,,usr,other")
        place = alice.context, alice.exten, alice.priority, alice.application, alice.appdata
        for digits in "741":
            await world.press(alice, digits)
            await settle(20)
            assert (alice.context, alice.exten, alice.priority, alice.application, alice.appdata) == place
            assert not alice.away
            assert alice in world.room().bridge.members
        said = [line for line in world.warnings if "is no" in line or "There is" in line]
        assert said == ["There is no extension at internal,nosuch,1"]
        assert world.server.variables(alice.name).count("GOSUB_RETVAL") == 0
        world.extension("end", ("Hangup", ""))
        await world.press(alice, "2")
        await settle(20)
        assert not alice.alive
        assert world.result(alice) == "HANGUP"

    conference(scenario, MENU)


@pytest.mark.parametrize("room", ["room", "another"])
def test_who_is_in_a_conference_does_not_come_into_one_from_its_menu(room: str) -> None:
    async def scenario(world: World) -> None:
        world.extension("elsewhere", ("ConfBridge", f"{room},,usr"))
        alice = await world.enter("alice", "room,,usr,other")
        bob = await world.enter("bob", "room,,usr,other")
        conference = world.room()
        world.take_played()
        await world.press(alice, "5")
        await settle(40)
        assert list(world.pbx.conferences) == ["room"]
        assert f"{alice.name} does not come into conference {room}: it is in a bridge already" in world.warnings
        assert not alice.alive  # as after any ConfBridge that lets nobody in
        assert list(conference.users) == [bob]
        assert [user.channel for user in conference.attendance] == [bob]
        assert [one for one in conference.bridge.channels if not one.name.startswith("CB")] == [bob]

    conference(scenario, MENU)


def test_who_is_in_a_conference_is_not_connected_with_another_from_its_menu() -> None:
    async def scenario(world: World) -> None:
        BridgingApplications().load(world.server)  # type: ignore[arg-type]
        carol = await world.enter("carol", "other,,usr")
        world.extension("elsewhere", ("Bridge", carol.name), ("Return", ""))
        alice = await world.enter("alice", "room,,usr,other")
        await world.press(alice, "5")
        await settle(40)
        assert any("do not meet" in line for line in world.warnings)
        assert alice.variables["BRIDGERESULT"] == "FAILURE"
        assert alice.bridge is world.room().bridge
        assert not alice.away
        assert carol.alive  # it goes on with its dialplan
        assert len(world.pbx.bridges) == 1

    conference(scenario, MENU)


def test_what_admins_may_and_others_may_not() -> None:
    async def scenario(world: World) -> None:
        alice = await world.enter("alice", "room,,usr,all")
        bob = await world.enter("bob", "room,,adm,all")
        room = world.room()
        for digit in "9AB":
            await world.press(alice, digit, 0.7)
        assert world.take_played() == ["PJSIP/alice conf-errormenu"] * 3
        assert (room.locked, room.participants_muted, len(room.users)) == (False, False, 2)
        await world.press(bob, "A", 0.7)
        assert room.locked
        await world.press(bob, "A", 0.7)
        assert not room.locked
        await world.press(bob, "B", 0.7)
        assert room.participants_muted
        assert room.is_muted(room.users[alice])
        assert not room.is_muted(room.users[bob])
        await world.press(bob, "B", 0.7)
        assert not room.is_muted(room.users[alice])
        assert world.take_played() == [
            "PJSIP/bob conf-lockednow", "PJSIP/bob conf-unlockednow", "CBAnn/room;1 conf-now-muted",
            "CBAnn/room;1 conf-now-unmuted",
        ]  # fmt: skip
        await world.press(bob, "9", 0.7)  # he came last, and is an admin
        assert world.take_played() == ["PJSIP/bob conf-errormenu"]
        carol = await world.enter("carol", "room,,usr,all")
        await world.press(bob, "9", 0.7)
        assert world.result(carol) == "KICKED"
        assert len(room.users) == 2

    conference(scenario, MENU)


def test_digits_reach_the_others_only_if_the_profile_says_so() -> None:
    async def scenario(world: World) -> None:
        alice = await world.enter("alice", "room,,pass,all")
        bob = await world.enter("bob", "room,,usr,few")
        await world.press(alice, "A", 1)  # which is an entry
        await world.press(alice, "#")
        await asyncio.sleep(2)
        driver = bob.driver
        assert isinstance(driver, FakeDriver)
        assert [entry[1] for entry in driver.log if entry[0] == "digit"] == ["#"]
        await world.press(bob, "5")
        driver = alice.driver
        assert isinstance(driver, FakeDriver)
        assert [entry for entry in driver.log if entry[0] == "digit"] == []

    conference(scenario, MENU + "[few]\ntype=menu\n1=no_op\n[pass]\ntype=user\nquiet=yes\ndtmf_passthrough=yes\n")


def test_who_is_put_out_hears_no_more_of_it() -> None:
    async def scenario(world: World) -> None:
        alice = await world.enter("alice", "room,,usr,all")
        await world.enter("bob", "room,,usr,all")
        world.take_played()
        await world.press(alice, "0")
        room = world.room()
        room.kick(room.users[alice])
        await settle(20)
        assert world.result(alice) == "KICKED"
        assert world.take_played() == ["PJSIP/alice hello"]

    conference(scenario, MENU)


def test_a_user_has_all_see_its_video_and_releases_it() -> None:
    async def scenario(world: World) -> None:
        alice = await world.enter("alice", "room,,usr,video")
        bob = await world.enter("bob", "room,,usr,video")
        room = world.room()
        await world.press(alice, "1", 0.7)
        assert (room.video.source, room.bridge.video_mode) == (alice, "single")
        await world.press(bob, "2", 0.7)
        assert room.video.source is alice, "only the source releases itself"
        await world.press(bob, "1", 0.7)
        assert room.video.source is bob
        await world.press(bob, "2", 0.7)
        assert room.video.source is None
        told = world.server.fields("BridgeVideoSourceUpdate")
        assert [one["BridgePreviousVideoSource"] for one in told] == ["", alice.uniqueid, bob.uniqueid]

    conference(scenario, "[video]\ntype=menu\n1=set_as_single_video_src\n2=release_as_single_video_src\n")
