"""ConfBridge and ConfKick."""

from __future__ import annotations

import asyncio

import pytest
from confbridge_kit import World, conference
from fake_technology import settle

from asterism.pbx.vocabulary.controls import ChannelState


def test_the_first_hears_that_it_is_alone_and_all_hear_who_comes_and_goes() -> None:
    async def scenario(world: World) -> None:
        alice = await world.call("alice", "7202")
        assert alice.state is ChannelState.UP
        assert world.room("plain").users
        assert not world.room("plain").bridge.channels[1:]  # she hears that she is alone first
        await asyncio.sleep(1)
        bob = await world.call("bob", "7202")
        await asyncio.sleep(1)
        alice.queue_hangup(16)
        await asyncio.sleep(1)
        bob.queue_hangup(16)
        await settle(30)
        assert (world.result(alice), world.result(bob)) == ("HANGUP", "HANGUP")
        assert world.played == [
            "PJSIP/alice conf-onlyperson",
            "CBAnn/plain;1 confbridge-join",
            "CBAnn/plain;1 confbridge-join",
            "CBAnn/plain;1 confbridge-leave",
        ]

    conference(scenario)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("room,nosuch", "there is no bridge profile 'nosuch'"),
        ("room,,nosuch", "there is no user profile 'nosuch'"),
        ("room,,,nosuch", "there is no menu 'nosuch'"),
        ("", "needs the name of a conference"),
        ("x" * 81, "needs the name of a conference"),
    ],
)
def test_what_cannot_be_ends_the_call_unanswered(arguments: str, said: str) -> None:
    async def scenario(world: World) -> None:
        alice = await world.enter("alice", arguments)
        await settle(30)
        assert world.result(alice) == "FAILED"
        assert not alice.alive
        assert alice.state is ChannelState.RING
        assert any(said in line for line in world.warnings)
        assert not any("after" in line for line in world.warnings)

    conference(scenario)


def test_a_pin_has_three_attempts() -> None:
    async def scenario(world: World) -> None:
        alice = await world.enter("alice", "room,,pin")
        for _ in range(3):
            await world.press(alice, "99#")
            await asyncio.sleep(0.5)
        assert world.take_played() == ["PJSIP/alice conf-getpin", "PJSIP/alice conf-invalidpin"] * 3
        assert world.result(alice) == "FAILED"
        assert not alice.alive
        assert not world.pbx.conferences

    conference(scenario, "[pin]\ntype=user\npin=123\n")


@pytest.mark.parametrize("wrong", ["", "1", "1234"])
def test_the_right_pin_lets_in(wrong: str) -> None:
    async def scenario(world: World) -> None:
        alice = await world.enter("alice", "room,,pin")
        await world.press(alice, f"{wrong}#")
        await asyncio.sleep(0.6)
        assert world.take_played() == [
            "PJSIP/alice conf-getpin",
            "PJSIP/alice conf-invalidpin",
            "PJSIP/alice conf-getpin",
        ]
        await world.press(alice, "123#")
        await settle(20)
        assert alice in world.room().users

    conference(scenario, "[pin]\ntype=user\npin=123\nquiet=yes\n")


def test_a_pin_that_nobody_can_dial_lets_nobody_in() -> None:
    async def scenario(world: World) -> None:
        assert "nobody can dial this PIN" in world.problems[0]
        alice = await world.enter("alice", "room,,pin")
        for _ in range(3):
            await world.press(alice, "#")
            await asyncio.sleep(1)
        assert world.result(alice) == "FAILED"

    conference(scenario, "[pin]\ntype=user\npin=secret\n")


def test_a_locked_or_full_room_lets_admins_in_only() -> None:
    async def scenario(world: World) -> None:
        await world.enter("alice", "room,two,usr")
        world.room().locked = True
        bob = await world.enter("bob", "room,two,usr")
        assert world.take_played() == ["PJSIP/bob conf-locked"]
        assert bob.alive
        await asyncio.sleep(1)
        assert (world.result(bob), bob.alive) == ("FAILED", False)
        await world.enter("carol", "room,two,adm")
        world.room().locked = False
        dave = await world.enter("dave", "room,two,usr")
        await asyncio.sleep(1)
        assert world.result(dave) == "FAILED"
        assert len(world.room().users) == 2

    conference(scenario, "[two]\ntype=bridge\nmax_members=2\n")


def test_who_hangs_up_before_the_room_has_failed() -> None:
    async def scenario(world: World) -> None:
        for profile in ("pin", "named"):
            alice = await world.enter("alice", f"room,,{profile}")
            await asyncio.sleep(0.2)
            alice.queue_hangup(16)
            await settle(20)
            assert world.result(alice) == "FAILED"
            assert not world.pbx.conferences
        await world.enter("bob", "room,,usr")
        world.room().locked = True
        carol = await world.enter("carol", "room,,usr")
        carol.queue_hangup(16)
        await settle(20)
        assert world.result(carol) == "FAILED"

    conference(scenario, "[pin]\ntype=user\npin=1\n[named]\ntype=user\nannounce_join_leave=yes\n")


def test_who_is_put_out_is_told_and_goes_on() -> None:
    async def scenario(world: World) -> None:
        world.extension("8", ("ConfKick", "room,PJSIP/alice-00000000"), ("ConfKick", "room,nobody"), ("Wait", "50"))
        alice = await world.enter("alice", "room,,def")
        await asyncio.sleep(2)
        world.take_played()
        bob = await world.call("bob", "8")
        assert bob.variables["CONFKICKSTATUS"] == "FAILURE"
        assert world.result(alice) == "KICKED"
        assert "PJSIP/alice conf-kicked" in world.take_played()
        await asyncio.sleep(1)
        assert any('NoOp("PJSIP/alice-00000000", "after KICKED")' in line for line in world._log.lines)

    conference(scenario)


@pytest.mark.parametrize(
    ("arguments", "status", "left"),
    [("room", "SUCCESS", 0), ("room,all", "SUCCESS", 0), ("room,participants", "SUCCESS", 1),
     ("room,PJSIP/x", "FAILURE", 2), ("nosuch", "FAILURE", 2)],
)  # fmt: skip
def test_confkick(arguments: str, status: str, left: int) -> None:
    async def scenario(world: World) -> None:
        await world.enter("alice", "room,,usr")
        await world.enter("bob", "room,,adm")
        world.extension("8", ("ConfKick", arguments), ("Wait", "50"))
        carol = await world.call("carol", "8")
        await settle(20)
        assert carol.variables["CONFKICKSTATUS"] == status
        conferences = world.pbx.conferences
        assert sum(len(each.users) for each in conferences.values()) == left

    conference(scenario)


def test_a_channel_is_answered_unless_the_profile_says_otherwise() -> None:
    async def scenario(world: World) -> None:
        alice = await world.enter("alice", "room,,early")
        await settle(20)
        assert alice.state is ChannelState.RING
        assert alice in world.room().users

    conference(scenario, "[early]\ntype=user\nanswer_channel=no\nquiet=yes\n")


def test_a_visit_that_fails_leaves_no_empty_room(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(world: World) -> None:
        def fails(*_: object) -> None:
            raise OSError("no audio")

        monkeypatch.setattr("asterism.pbx.calls.conference.visit.buffer_input", fails)
        alice = await world.enter("alice", "room,,buffered")
        await settle(20)
        assert not alice.alive
        assert not world.pbx.conferences

    conference(scenario, "[buffered]\ntype=user\njitterbuffer=yes\n")


@pytest.mark.parametrize("arguments", ["room,,,nest", "other,,,nest"])
def test_who_is_in_a_conference_comes_into_no_other_by_its_menu(arguments: str) -> None:
    async def scenario(world: World) -> None:
        world.extension("7300", ("ConfBridge", arguments), ("Return", ""))
        alice = await world.enter("alice", "room,,,nest")
        bob = await world.enter("bob", "room,,,nest")
        await asyncio.sleep(5)
        await world.press(alice, "1")
        await asyncio.sleep(5)
        refused = f"{alice.name} does not come into conference {arguments.split(',')[0]}: it is in a bridge already"
        assert refused in world.warnings
        assert not [line for line in world.warnings if line.endswith("failed")]
        assert alice.dead
        assert list(world.pbx.conferences) == ["room"]
        assert list(world.room().users) == [bob]
        assert alice not in world.room().bridge.members

    conference(scenario, "[nest]\ntype=menu\n1=dialplan_exec(internal,7300,1)\n")
