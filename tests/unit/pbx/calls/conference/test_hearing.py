"""What one user is told."""

from __future__ import annotations

import asyncio

from confbridge_kit import World, conference
from fake_technology import settle

from asterism.pbx.calls.conference.hearing import count_sounds, hear, hear_as
from asterism.pbx.calls.conference.profiles import BridgeProfile
from asterism.pbx.channels.playing import start_play


def test_how_many_others_there_are() -> None:
    profile = BridgeProfile(sounds={"sound_there_are": "a", "sound_other_in_party": "b"})
    assert [count_sounds(profile, count, "en") for count in (0, 1, 2, 3, 22)] == [
        (), (), ("conf-onlyone",), ("a", "digits/2", "b"), ("a", "digits/20", "digits/1", "b"),
    ]  # fmt: skip


def test_a_sound_that_there_is_not_is_told_and_the_next_one_is_played() -> None:
    async def scenario(world: World) -> None:
        heard: list[str] = []

        async def body(channel: object) -> None:
            heard.append(await hear(channel, "nosuch", "hello", "goodbye", interrupt="1"))  # type: ignore[arg-type]

        channel = world.server.sip.incoming("alice", "1")
        world.pbx.start(channel, body)
        await asyncio.sleep(0.7)
        await world.press(channel, "21")
        assert world.played == ["PJSIP/alice hello", "PJSIP/alice goodbye"]
        assert any("there is no sound 'nosuch'" in line for line in world.warnings)
        assert heard == ["1"]

    conference(scenario)


def test_a_sound_is_left_out_while_something_else_speaks() -> None:
    async def scenario(world: World) -> None:
        alice = await world.enter("alice", "room,,usr")
        speaking = start_play(alice, "hello")
        user = world.room().users[alice]

        async def work() -> None:
            await hear_as(user, ("goodbye",))

        user.do(work)
        await settle()
        assert any("'goodbye' is not played" in line for line in world.warnings)
        assert alice in world.room().bridge.members
        assert speaking.active

    conference(scenario)
