"""Local channels between real phones, by what they hear: chains that stay or leave, bridges that become one."""

from __future__ import annotations

import pytest
from call_kit import RELAYED, World, two_phones

from asterism import Channel
from asterism.media.memory import MemoryStream
from asterism.media.rtp import RtpSession
from asterism.pbx.bridges.bridge import Bridge
from asterism.pbx.calls import local_events
from asterism.pbx.vocabulary import events
from asterism.testing import until

CHAIN = "\n".join(f"exten => 30{number},1,Dial(Local/30{number + 1}@phones,30)" for number in range(4))
EXTENSIONS = f"""
[phones]
exten => 102,1,Dial(PJSIP/102,30)
exten => 200,1,Dial(Local/201@phones/n,30)
exten => 201,1,Dial(Local/102@phones/n,30)
{CHAIN}
exten => 304,1,Dial(Local/102@phones,30)
exten => 400,1,Dial(Local/400@phones,30)
exten => 401,1,Dial(Local/401@phones/n,30)
"""
FILES = {"extensions.conf": EXTENSIONS, **RELAYED}


def streams(world: World) -> tuple[RtpSession, RtpSession]:
    """Those of Ann's and Bob's phone."""
    found = [
        next(one.stream for one in world.server.pbx.channels if one.name.startswith(f"PJSIP/{user}"))
        for user in ("101", "102")
    ]
    assert isinstance(found[0], RtpSession)
    assert isinstance(found[1], RtpSession)
    return found[0], found[1]


async def test_a_chain_that_stays_costs_one_hop(monkeypatch: pytest.MonkeyPatch) -> None:
    """No frame is made of a packet: each goes quickly from the one phone's socket to the other's."""
    async with two_phones(FILES) as world:
        call, incoming = await world.connect("200")
        assert len(world.server.pbx.channels) == 6
        call.play(440)
        incoming.play(660)
        await incoming.hears(440)
        await call.hears(660)
        ann, bob = streams(world)
        frames: list[str] = []
        monkeypatch.setattr(MemoryStream, "write", lambda *_: frames.append("pair"))
        monkeypatch.setattr(RtpSession, "write", lambda *_: frames.append("frame"))
        monkeypatch.setattr(RtpSession, "receive", lambda *_: frames.append("slow"))
        start = incoming.audio.received, call.audio.received
        await until(lambda: incoming.audio.received > start[0] + 30 and call.audio.received > start[1] + 30)
        assert frames == []
        assert ann.relay is not None
        assert bob.relay is not None
        assert (ann.relay.target, bob.relay.target) == (bob, ann)
        monkeypatch.undo()
        assert incoming.audio.level(440) > 0.8
        assert call.audio.level(660) > 0.8
        await call.hangup()
        await incoming.ended()


async def test_a_chain_of_five_becomes_one_bridge() -> None:
    async with two_phones(FILES) as world:
        call, incoming = await world.connect("300")
        call.play(440)
        incoming.play(660)
        await until(lambda: len(world.server.pbx.channels) == 2 and len(world.server.pbx.bridges) == 1)
        await incoming.hears(440)
        await call.hears(660)
        ann, bob = streams(world)
        assert ann.relay is not None
        assert ann.relay.target is bob
        assert len(incoming.audio.ssrcs) == 1  # one stream from beginning to end
        await incoming.hangup()
        await call.ended()


@pytest.mark.parametrize("number", ["400", "401"])
async def test_a_local_channel_to_itself_ends_with_one_line(number: str, capsys: pytest.CaptureFixture[str]) -> None:
    async with two_phones(FILES) as world:
        call = await world.ann.dial(number)
        await call.refused()
        assert call.status == 503
    lines = [line for line in capsys.readouterr().out.splitlines() if "too many hops" in line]
    assert [line.split(": ", 1)[1].split()[0] for line in lines] == ["pbx.py", "dialing.py"], (
        "why, and whose call it was"
    )


@pytest.mark.parametrize("kept", ["neither", "the first", "the second"])
async def test_two_bridges_of_several_become_one(kept: str) -> None:
    async with two_phones(FILES) as world:
        pbx = world.server.pbx
        rooms = [Bridge(pbx, dissolve=False, permanent=kept == name) for name in ("the first", "the second")]
        told: list[tuple[str, dict[str, object]]] = []
        for kind in (
            local_events.LOCAL_OPTIMIZATION_BEGIN, local_events.LOCAL_OPTIMIZATION_END, events.BRIDGE_MERGE,
        ):  # fmt: skip
            world.server.subscribe(kind, lambda kind, args: told.append((kind.name, dict(kind.render(*args)))))

        @pbx.extension("phones", "_50X")
        async def enter(channel: Channel) -> None:
            await channel.join(rooms[int(channel.exten[-1])])

        calls = [await phone.dial(f"50{room}") for room in (0, 1) for phone in (world.ann, world.bob)]
        for call in calls:
            await call.answered()
        await until(lambda: all(len(room.members) == 2 for room in rooms))

        async def first(channel: Channel) -> None:
            await channel.join(rooms[0])

        await world.server.originate("Local/501@phones", first)
        await until(lambda: len(pbx.channels) == 4 and len(pbx.bridges) == 1)
        (left,) = pbx.bridges.values()
        assert left is rooms[1 if kept == "the second" else 0]
        assert left.technology == "softmix"
        names = [name for name, _ in told]
        assert names == ["LocalOptimizationBegin", "BridgeMerge", "LocalOptimizationEnd"]
        assert told[2][1]["Success"] == "Yes"
        assert told[1][1]["ToBridgeUniqueid"] == left.uniqueid
        calls[0].play(440)
        for call in calls[1:]:
            await call.hears(440)
        calls[3].play(660)
        await calls[0].hears(660)
        await calls[1].hears(440, 660)
        for call in calls:
            await call.hangup()
        await until(lambda: not left.members)
        left.dismiss()


async def test_two_bridges_that_stay_when_empty_are_left_as_they_are() -> None:
    """Each belongs to a program, which goes on to use it."""
    async with two_phones(FILES) as world:
        pbx = world.server.pbx
        rooms = [pbx.create_bridge("one"), pbx.create_bridge("two")]

        @pbx.extension("phones", "_50X")
        async def enter(channel: Channel) -> None:
            await channel.join(rooms[int(channel.exten[-1])])

        async def first(channel: Channel) -> None:
            await channel.join(rooms[0])

        calls = [await phone.dial(f"50{room}") for room in (0, 1) for phone in (world.ann, world.bob)]
        for call in calls:
            await call.answered()
        await until(lambda: all(len(room.members) == 2 for room in rooms))
        await world.server.originate("Local/501@phones", first)
        await until(lambda: all(len(room.members) == 3 for room in rooms))
        calls[0].play(440)
        for call in calls[1:]:
            await call.hears(440)
        assert len(pbx.bridges) == 2
        for call in calls:
            await call.hangup()
        for room in rooms:
            room.dismiss()
