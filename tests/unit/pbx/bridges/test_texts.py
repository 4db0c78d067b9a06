"""Texts of a member: who gets them."""

from __future__ import annotations

from confbridge_kit import World, conference

from asterism.pbx.bridges.texts import pass_text
from asterism.pbx.channels.channel import Channel


def texts(channel: Channel) -> list[str]:
    return [entry[1] for entry in channel.driver.log if entry[0] == "text"]  # type: ignore[attr-defined]


def test_all_others_get_a_text_but_those_who_want_none() -> None:
    async def scenario(world: World) -> None:
        alice = await world.enter("alice", "room,,usr")
        assert not pass_text(alice, "nobody")
        bob = await world.enter("bob", "room,,usr")
        carol = await world.enter("carol", "room,,none")
        assert pass_text(alice, "hello")
        assert (texts(alice), texts(bob), texts(carol)) == ([], ["hello"], [])
        assert pass_text(carol, "I too")
        assert (texts(alice), texts(bob)) == (["I too"], ["hello", "I too"])

    conference(scenario, "[none]\ntype=user\nquiet=yes\ntext_messaging=no\n")


def test_who_is_in_no_bridge_tells_nobody() -> None:
    async def scenario(world: World) -> None:
        channel = world.server.sip.incoming("alice", "1")
        assert not pass_text(channel, "hello")
        channel.hang_up()

    conference(scenario)
