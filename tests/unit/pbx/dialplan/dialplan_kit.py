"""A call of a small dialplan, from its beginning to its end."""

import asyncio

from dialplan_world import World

from asterism.pbx.channels.channel import Channel


def run(text: str, exten: str = "100", **kwargs: str) -> tuple[World, Channel]:
    async def play() -> tuple[World, Channel]:
        world = World()
        assert not world.say(text).problems
        return world, await world.call(exten, **kwargs)

    return asyncio.run(play())


def hung_up(channel: Channel) -> int:
    assert channel.driver is not None
    found: list[int] = [entry[1] for entry in channel.driver.log if entry[0] == "hangup"]  # type: ignore[attr-defined]
    assert len(found) == 1
    return found[0]
