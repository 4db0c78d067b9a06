"""``regcontext``: an extension as long as the conference is there."""

from __future__ import annotations

from confbridge_kit import World, conference
from fake_technology import settle

from asterism.pbx.calls.conference.registering import ConferenceExtensions

CONFIG = "[reg]\ntype=bridge\nregcontext=rooms\n"


def test_the_extension_is_there_as_long_as_the_conference() -> None:
    async def scenario(world: World) -> None:
        extensions = ConferenceExtensions(world.server)  # type: ignore[arg-type]
        dialplan = world.pbx.dialplan
        alice = await world.enter("alice", "42,reg,usr")
        await world.enter("bob", "42,reg,usr")
        assert dialplan.exists("rooms", "42")
        alice.queue_hangup(16)
        await settle(20)
        assert dialplan.exists("rooms", "42")
        world.room("42").kick_all()
        await settle(20)
        assert not dialplan.exists("rooms", "42")
        assert "rooms" not in dialplan.table.contexts
        await world.enter("alice", "other,,usr")
        assert "rooms" not in dialplan.table.contexts
        await world.enter("carol", "43,reg,usr")
        extensions.remove_all()
        assert "rooms" not in dialplan.table.contexts

    conference(scenario, CONFIG)


def test_a_name_is_no_pattern_and_takes_nobody_elses_place() -> None:
    async def scenario(world: World) -> None:
        ConferenceExtensions(world.server)  # type: ignore[arg-type]
        dialplan = world.pbx.dialplan
        await world.enter("alice", "_X.,reg,usr")
        assert "rooms" not in dialplan.table.contexts
        dialplan.add_extension(world.server.owner, "rooms", "44", 1, "NoOp", "mine")
        await world.enter("bob", "44,reg,usr")
        world.room("44").kick_all()
        await settle(20)
        line = dialplan.find("rooms", "44")
        assert line is not None
        assert line.data == "mine"
        assert any("has a priority 1 already" in said for said in world.warnings)

    conference(scenario, CONFIG)
